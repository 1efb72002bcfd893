package postgres

import (
	"context"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
)

// Each organisation has a share of the connections, and of scans: statements that may
// look at all that it has. Look-ups by key go beside, by connections that nothing else
// takes, for they are short however many there are (lookup.go).

const (
	// reserved is what part of the connections no share is of: a fourth.
	reserved = 4

	// How many of an organisation wait for a connection, and for a scan. More clients
	// than these are not served faster by waiting.
	mostWaiting  = 256
	scansWaiting = 32

	// longestWait is how long they wait: no longer than clients do.
	longestWait = 10 * time.Second
)

// shares divide the connections of a pool.
type shares struct {
	pool        pool
	connections *fairshare.Gate[int64] // by organisation
	scans       *fairshare.Gate[int64]
	scanned     func(ctx context.Context, took time.Duration) // may be nil
}

func newShares(pool pool, scanned func(ctx context.Context, took time.Duration)) *shares {
	all := int(pool.Config().MaxConns)
	slots, scans := all-all/reserved, max(2, runtime.GOMAXPROCS(0))
	return &shares{
		pool:        pool,
		scanned:     scanned,
		connections: fairshare.New[int64](fairshare.Options{Slots: slots, Share: slots / 2, Queue: mostWaiting, MaxWait: longestWait}),
		scans:       fairshare.New[int64](fairshare.Options{Slots: scans, Share: scans / 2, Queue: scansWaiting, MaxWait: longestWait}),
	}
}

// own is for look-ups by key, and for the server's own work: for no organisation, or to note
// what became of work that was begun.
func (s *Store) own() pool { return s.pool }

// of gives what an organisation may take.
func (s *Store) of(o org.ID) share { return share{shares: s.shares, org: int64(o)} }

// share gives the connections of the view; to a scan, to what may look at all that the
// organisation has, a share of scans too.
func (v view) share(scan bool) share {
	db := v.db
	db.scan = scan
	return db
}

// share is a pool of the connections of one organisation.
type share struct {
	*shares
	org  int64
	scan bool // of scans too
}

var _ querier = share{}

// visit is a time with a connection.
type visit struct {
	share
	ctx   context.Context
	since time.Time // of a scan
}

// enter waits for a connection.
func (s share) enter(ctx context.Context) (visit, error) {
	v := visit{share: s, ctx: ctx}
	if s.scan {
		if err := s.scans.Enter(ctx, s.org); err != nil {
			return v, directory.Refused(err, "scans", longestWait)
		}
	}
	if err := s.connections.Enter(ctx, s.org); err != nil {
		if s.scan {
			s.scans.Leave(s.org)
		}
		return v, directory.Refused(err, "connections to the database", longestWait)
	}
	if s.scan {
		v.since = time.Now()
	}
	return v, nil
}

func (v visit) leave() {
	v.connections.Leave(v.org)
	if v.scan {
		v.scans.Leave(v.org)
		if v.scanned != nil {
			v.scanned(v.ctx, time.Since(v.since))
		}
	}
}

// Query implements querier.
func (s share) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	v, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.Query(ctx, sql, args...)
	if err != nil {
		v.leave()
		return rows, err
	}
	return &sharedRows{Rows: rows, visit: v}, nil
}

// QueryRow gives the first row of a query.
func (s share) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	v, err := s.enter(ctx)
	return sharedRow{s.shares.pool, v, err, sql, args}
}

// Exec implements querier.
func (s share) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	v, err := s.enter(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer v.leave()
	return s.pool.Exec(ctx, sql, args...)
}

// write and writeAll are those of the pool.
func (s share) write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	v, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return s.pool.write(ctx, read, sql, args...)
}

func (s share) writeAll(ctx context.Context, b *pgx.Batch) error {
	v, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return s.pool.writeAll(ctx, b)
}

// SendBatch implements querier.
func (s share) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	v, err := s.enter(ctx)
	if err != nil {
		return noResults{err}
	}
	return &sharedResults{BatchResults: s.pool.SendBatch(ctx, b), visit: v}
}

// inTx is that of the Store, by a connection of the share.
func (s share) inTx(ctx context.Context, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	v, err := s.enter(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return inTx(ctx, s.pool, begin, work)
}

// inTx is for the server's own work.
func (s *Store) inTx(ctx context.Context, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	return inTx(ctx, s.pool, begin, work)
}

// inRetriedTx runs work in a transaction, again where retry says so.
func (s share) inRetriedTx(ctx context.Context, work func(tx pgx.Tx) error) error {
	return retry(ctx, func() error { return s.inTx(ctx, nothing, work) })
}

// sharedRows give their connection back when they are closed, or read to the end.
type sharedRows struct {
	pgx.Rows
	visit
	left bool
}

func (r *sharedRows) Close() {
	r.Rows.Close()
	if !r.left {
		r.left = true
		r.leave()
	}
}

func (r *sharedRows) Next() bool {
	more := r.Rows.Next()
	if !more {
		r.Close()
	}
	return more
}

// sharedRow is a query that is made when its row is asked for.
type sharedRow struct {
	pool pool
	visit
	err  error
	sql  string
	args []any
}

func (r sharedRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.leave()
	return r.pool.QueryRow(r.ctx, r.sql, r.args...).Scan(dest...)
}

// sharedResults give their connection back when they are closed.
type sharedResults struct {
	pgx.BatchResults
	visit
	left bool
}

func (r *sharedResults) Close() error {
	err := r.BatchResults.Close()
	if !r.left {
		r.left = true
		r.leave()
	}
	return err
}

// noResults are those of a batch that was not sent.
type noResults struct{ err error }

func (n noResults) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, n.err }
func (n noResults) Query() (pgx.Rows, error)         { return nil, n.err }
func (n noResults) QueryRow() pgx.Row                { return sharedRow{err: n.err} }
func (n noResults) Close() error                     { return n.err }
func (n noResults) Tx() pgx.Tx                       { return nil }

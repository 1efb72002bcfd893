package pool

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// Each organisation has a share of the connections, and of scans: statements that may
// look at all that it has. Look-ups by key go beside, by connections that nothing else
// takes, for they are short however many there are.

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

// newGates divide so many connections, and scans.
func newGates(conns int) (connections, scans *fairshare.Gate[int64]) {
	gate := func(slots, queue int) *fairshare.Gate[int64] {
		return fairshare.New[int64](fairshare.Options{Slots: slots, Share: slots / 2, Queue: queue, MaxWait: longestWait})
	}
	return gate(conns-conns/reserved, mostWaiting), gate(max(2, runtime.GOMAXPROCS(0)), scansWaiting)
}

// Share is a pool of the connections of one organisation.
type Share struct {
	pool  *Pool
	org   int64
	scan  bool  // of scans too
	after Place // of a standby, what it must have replayed
}

// ForScan is the share for a scan, if it is one: for what may look at all that the
// organisation has.
func (s Share) ForScan(scan bool) Share {
	s.scan = scan
	return s
}

var _ Querier = Share{}

// visit is a time with a connection.
type visit struct {
	Share
	ctx   context.Context
	since time.Time // of a scan
}

// enter waits for a connection.
func (s Share) enter(ctx context.Context) (visit, error) {
	v := visit{Share: s, ctx: ctx}
	if s.scan {
		if err := s.pool.scans.Enter(ctx, s.org); err != nil {
			return v, directory.Refused(err, "scans", longestWait)
		}
	}
	if err := s.pool.connections.Enter(ctx, s.org); err != nil {
		if s.scan {
			s.pool.scans.Leave(s.org)
		}
		return v, directory.Refused(err, "connections to the database", longestWait)
	}
	if s.scan {
		v.since = time.Now()
	}
	return v, nil
}

// errStandby is the answer to what only a primary does.
var errStandby = errors.New("a standby stores nothing and has no transactions of ours")

// enterPrimary is enter for what is not done behind a place.
func (s Share) enterPrimary(ctx context.Context) (visit, error) {
	if !s.after.IsZero() {
		return visit{}, errStandby
	}
	return s.enter(ctx)
}

func (v visit) leave() {
	v.pool.connections.Leave(v.org)
	if v.scan {
		v.pool.scans.Leave(v.org)
		if v.pool.scanned != nil {
			v.pool.scanned(v.ctx, time.Since(v.since))
		}
	}
}

// Query implements Querier.
func (s Share) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if tx := jointOf(ctx); tx != nil {
		return tx.Query(ctx, sql, args...)
	}
	v, err := s.enter(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := s.pool.conns.query(ctx, s.after, sql, args...)
	if err != nil {
		v.leave()
		return rows, err
	}
	return &sharedRows{Rows: rows, visit: v}, nil
}

// LookUp runs a statement that finds little by an index, with others that come at once.
func (s Share) LookUp(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	if tx := jointOf(ctx); tx != nil {
		return Through(tx)(ctx, read, sql, args...)
	}
	return s.pool.lookUps.query(ctx, &request{after: s.after, sql: sql, args: args, read: read})
}

// QueryRow gives the first row of a query.
func (s Share) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if tx := jointOf(ctx); tx != nil {
		return tx.QueryRow(ctx, sql, args...)
	}
	v, err := s.enterPrimary(ctx)
	return sharedRow{v, err, sql, args}
}

// Exec implements Querier.
func (s Share) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if tx := jointOf(ctx); tx != nil {
		return joined{tx}.Exec(ctx, sql, args...)
	}
	v, err := s.enterPrimary(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer v.leave()
	return s.pool.conns.Exec(ctx, sql, args...)
}

// Write is that of the connections.
func (s Share) Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	if tx := jointOf(ctx); tx != nil {
		return joined{tx}.Write(ctx, read, sql, args...)
	}
	v, err := s.enterPrimary(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return s.pool.conns.Write(ctx, read, sql, args...)
}

// WriteAll is that of the connections.
func (s Share) WriteAll(ctx context.Context, b *pgx.Batch) error {
	if tx := jointOf(ctx); tx != nil {
		return joined{tx}.WriteAll(ctx, b)
	}
	v, err := s.enterPrimary(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return s.pool.conns.WriteAll(ctx, b)
}

// SendBatch implements Querier.
func (s Share) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if tx := jointOf(ctx); tx != nil {
		return tx.SendBatch(ctx, b)
	}
	v, err := s.enter(ctx)
	if err != nil {
		return noResults{err}
	}
	return &sharedResults{BatchResults: s.pool.conns.send(ctx, s.after, b), visit: v}
}

// InTx is that of the connections, by one of the share; in a joint transaction a part of it.
func (s Share) InTx(ctx context.Context, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	if tx := jointOf(ctx); tx != nil {
		return inSavepoint(ctx, tx, begin, work)
	}
	v, err := s.enterPrimary(ctx)
	if err != nil {
		return err
	}
	defer v.leave()
	return s.pool.conns.InTx(ctx, begin, work)
}

// InRetriedTx runs work in a transaction, again where retry says so.
func (s Share) InRetriedTx(ctx context.Context, work func(tx pgx.Tx) error) error {
	return pgerr.Retry(ctx, func() error { return s.InTx(ctx, Nothing, work) })
}

// Planned runs a statement with db.PlanForValues, as a scan: for what is more than a
// look-up, which index is best, or none, depends on the values.
func (s Share) Planned(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	b := new(pgx.Batch)
	b.Queue(db.PlanForValues)
	b.Queue(sql, args...).Query(read)
	return s.ForScan(true).SendBatch(ctx, b).Close()
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
	return r.pool.conns.QueryRow(r.ctx, r.sql, r.args...).Scan(dest...)
}

// sharedResults give their connection back when they are closed.
type sharedResults struct {
	pgx.BatchResults
	visit
	left bool
}

func (r *sharedResults) Close() error {
	if !r.left {
		r.left = true
		defer r.leave() // even if what reads the rows panics
	}
	return r.BatchResults.Close()
}

// noResults are those of a batch that was not sent.
type noResults struct{ err error }

func (n noResults) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, n.err }
func (n noResults) Query() (pgx.Rows, error)         { return nil, n.err }
func (n noResults) QueryRow() pgx.Row                { return sharedRow{err: n.err} }
func (n noResults) Close() error                     { return n.err }
func (n noResults) Tx() pgx.Tx                       { return nil }

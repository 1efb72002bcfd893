// Package postgres keeps everything in PostgreSQL: the stores that directory and
// oauth ask for, and all SQL of the project but the migrations.
//
// A resource is kept as the document that is answered, rendered; columns and key
// rows beside it are what filters search, and rows relate users and groups. What
// a document may hold is left to schema and directory; which filter becomes which
// condition is in where.go.
//
// Rules for every statement, which a test checks: each of its parts says
// org_id = $1; there are no triggers, no MERGE and no volatile functions; ids come
// from Go, and so do times, which are PostgreSQL's; see clock.go.
package postgres

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/lru"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/seal"
)

const (
	defaultStatementTimeout = 30 * time.Second

	// lockTimeout is how long a statement waits for a row that another has locked. Then
	// it gives its connection back, and waits for its turn to be tried again; see retry.
	lockTimeout = 3 * time.Second

	// Commits are flushed together: with more connections than cores, the
	// waiting ones share a flush.
	connectionsPerCore = 4
	minConnections     = 16

	// readBuffer, in bytes for each connection, takes a page of a list in a few reads.
	readBuffer = 64 << 10
)

// Options are what a Store may be told.
type Options struct {
	// MaxConns bounds the connections. 0 takes pool_max_conns of the URL, or else
	// four a core, at least 16.
	MaxConns int32
	// StatementTimeout ends statements that run longer: a safety net, not a
	// limit that requests are meant to meet. 0 is 30 seconds.
	StatementTimeout time.Duration
	// Keys seal signing keys, the key of cursors and the credentials of streams; nil
	// leaves them in the clear.
	Keys *seal.Keys
	// Log is told what the background work cannot return; nil is silent.
	Log *slog.Logger
	// Correlation names the request that a context belongs to, for the events of
	// what it changes; empty is no request, as is nil.
	Correlation func(ctx context.Context) string
	// Scanned is told how long a request's scan took; nil is nobody.
	Scanned func(ctx context.Context, took time.Duration)
	// Clock is that of the machine; nil is time.Now.
	Clock func() time.Time
}

func (o Options) timeout() time.Duration { return cmp.Or(o.StatementTimeout, defaultStatementTimeout) }

// Store is a database. It is safe for concurrent use.
type Store struct {
	pool    pool // for shares and look-ups alone; see share.go
	shares  *shares
	marks   *bookmarks
	few     int // see listFew
	atOnce  int // resources of a page, see pieces.go
	queues  *memberQueues
	lookUps *lane
	commits *commits
	recent  *lru.Map[userOf, directory.Record]
	log     *slog.Logger
	sockets *sockets
	keys    *seal.Keys
	clock   *clock

	streams     *streamCache
	correlation func(ctx context.Context) string
}

var _ directory.Store = (*Store)(nil)

// Open connects to the database of the URL, which must be migrated. A pooler in
// front of it must keep prepared statements and let settings at start-up through.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	opened := &sockets{open: make(map[*socket]bool)}
	config, err := configure(url, o)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	config.ConnConfig.DialFunc = opened.dial
	config.ShouldPing = opened.suspects
	connections, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	pool := pool{connections}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	correlation := o.Correlation
	if correlation == nil {
		correlation = func(context.Context) string { return "" }
	}
	shares := newShares(pool, o.Scanned)
	s := &Store{
		pool: pool, shares: shares, few: few, atOnce: directory.PieceSize, marks: newBookmarks(), queues: newMemberQueues(),
		lookUps: newLookUps(pool, lookUpTime), commits: &commits{shares: shares, timeout: commitTime},
		recent: lru.New[userOf, directory.Record](recentUsers), log: log, keys: o.Keys, sockets: opened,
		streams: new(streamCache), correlation: correlation, clock: newClock(o.Clock),
	}
	if err := s.measure(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

// Close waits for the statements that run and closes the connections; those of statements
// that hang are closed after five seconds, too.
func (s *Store) Close() {
	if !closePool(s.pool.Pool, s.sockets, closeGrace) {
		s.log.Warn("the database did not answer; its connections were broken off")
	}
}

// Stat tells of the connections. Whatever a Store is asked acquires one, unless it can
// answer from memory.
func (s *Store) Stat() *pgxpool.Stat { return s.pool.Stat() }

// Org gives the data of one organisation. Whether it exists is not checked: one
// that does not has no data.
func (s *Store) Org(id org.ID) directory.View { return s.view(id) }

// view is the data of one organisation: its id is $1 of each statement.
type view struct {
	*Store
	db   share
	org  int64
	told *recorder // of the changes, in a write that is to be told or is a step
}

func (s *Store) view(id org.ID) view { return view{Store: s, db: s.of(id), org: int64(id)} }

func configure(url string, o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	switch config.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		// Rows are read in the binary format, which these modes do not give.
		return nil, errors.New("default_query_exec_mode must be one that prepares or describes statements")
	}
	switch {
	case o.MaxConns > 0:
		config.MaxConns = o.MaxConns
	case !strings.Contains(url, "pool_max_conns"):
		config.MaxConns = int32(max(minConnections, connectionsPerCore*runtime.NumCPU()))
	}
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, connectTimeout)
	config.PingTimeout = cmp.Or(config.PingTimeout, pingTimeout)
	config.ConnConfig.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, readBuffer), w)
	}
	timeout := o.timeout()
	settings := map[string]string{
		"application_name":  "purescim",
		"statement_timeout": strconv.FormatInt(timeout.Milliseconds(), 10),
		"lock_timeout":      strconv.FormatInt(lockTimeout.Milliseconds(), 10),
		"jit":               "off", // compiling costs more than any statement here
		"random_page_cost":  "1.1", // solid-state disks: a look-up by index costs little more than reading on
		// A server that dies inside a transaction must not hold its locks for ever.
		"idle_in_transaction_session_timeout": strconv.FormatInt((2 * timeout).Milliseconds(), 10),
	}
	// What the URL says wins.
	maps.Copy(settings, config.ConnConfig.RuntimeParams)
	config.ConnConfig.RuntimeParams = settings
	return config, nil
}

// querier is a pool of connections or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// inTx runs work in a transaction. The statements that begin adds go with BEGIN,
// in one round trip; their results have been read when work starts.
func inTx(ctx context.Context, pool pool, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{})
	begin(b)
	results := pool.SendBatch(ctx, b)
	tx := results.Tx()
	defer tx.Rollback(ctx) // does nothing after the commit
	if err := results.Close(); err != nil {
		return err
	}
	if err := work(tx); err != nil {
		return err
	}
	return committed(ctx, tx.Commit(ctx))
}

// nothing adds no statement to the beginning of a transaction.
func nothing(*pgx.Batch) {}

// Package pool manages the connections to a database: how they are opened and closed, how
// many an organisation may use, and which statements share a round trip.
//
// It knows no table. What the statements say is left to the stores.
package pool

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
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/clock"
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

	// preparedStatements is how many a connection keeps, those that were used lately: all
	// that requests of one kind need, and few enough that PostgreSQL does not hold 85 MB
	// for each connection when clients send filters of hundreds of shapes.
	preparedStatements = 128

	// readBuffer, in bytes for each connection, takes a page of a list in a few reads.
	readBuffer = 64 << 10
)

// Options are what a Pool may be told.
type Options struct {
	// MaxConns bounds the connections. 0 takes pool_max_conns of the URL, or else
	// four a core, at least 16.
	MaxConns int32
	// StatementTimeout ends statements that run longer; 0 is 30 seconds.
	StatementTimeout time.Duration
	// Log is told what nobody waits for; nil is silent.
	Log *slog.Logger
	// Scanned is told how long a request's scan took; nil is nobody.
	Scanned func(ctx context.Context, took time.Duration)
	// Clock is that of the machine; nil is time.Now.
	Clock func() time.Time
	// Tracer is told of each statement; nil is nobody.
	Tracer pgx.QueryTracer
	// Standby tells that the URL is that of a standby, which is read behind a [Place] alone.
	Standby bool
}

func (o Options) timeout() time.Duration {
	return cmp.Or(o.StatementTimeout, defaultStatementTimeout)
}

func (o Options) connectTimeout() time.Duration {
	if o.Standby {
		return standbyConnectTimeout
	}
	return connectTimeout
}

// Pool is the connections to a database. It is safe for concurrent use.
type Pool struct {
	Log   *slog.Logger
	Clock *clock.Clock

	conns       conns
	sockets     *sockets
	connections *fairshare.Gate[int64] // by organisation
	scans       *fairshare.Gate[int64]
	scanned     func(ctx context.Context, took time.Duration) // may be nil
	lookUps     *batched
	commits     sync.Map // of *groupCommit, by organisation
}

// Open connects to the database of the URL, and asks it for the time. A pooler in front of it
// is noticed; see Pooling.
func Open(ctx context.Context, url string, o Options) (*Pool, error) {
	opened := &sockets{open: make(map[*socket]bool)}
	config, err := Configure(url, o)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	config.ConnConfig.DialFunc = opened.dial
	config.ConnConfig.Tracer = o.Tracer
	config.ShouldPing = opened.suspects
	connections, pooling, err := connect(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	p := &Pool{Log: o.Log, Clock: clock.New(o.Clock), conns: conns{connections}, sockets: opened, scanned: o.Scanned}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	p.connections, p.scans = newGates(int(config.MaxConns))
	p.lookUps = newLookUps(p.conns, lookUpTime)
	if o.Standby {
		p.lookUps = newStandbyLookUps(p.conns)
	}
	if err := p.begin(ctx, pooling, config.ConnConfig.RuntimeParams); err != nil {
		connections.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return p, nil
}

// begin asks what must be known before the first request. settings are those that each
// session should have.
func (p *Pool) begin(ctx context.Context, pooling Pooling, settings map[string]string) error {
	if pooling != Direct {
		p.Log.InfoContext(ctx, "a pooler stands in front of the database", "mode", pooling.String())
	}
	if pooling == Transactions {
		if err := p.adviseSettings(ctx, settings); err != nil {
			return err
		}
	}
	return p.measure(ctx)
}

// Close waits for the statements that run and closes the connections; those of statements
// that hang are closed after five seconds, too.
func (p *Pool) Close() {
	if !closePool(p.conns.Pool, p.sockets, closeGrace) {
		p.Log.Warn("the database did not answer; its connections were broken off")
	}
}

// Stat tells of the connections. Whatever is asked acquires one.
func (p *Pool) Stat() *pgxpool.Stat { return p.conns.Stat() }

// Waiting tells how many requests wait for their organisation's share of the connections,
// and of scans.
func (p *Pool) Waiting() (connections, scans int) {
	return p.connections.Waiting(), p.scans.Waiting()
}

// LookUps tells how many batches of look-ups are on their way, and how many look-ups wait
// to go with the next.
func (p *Pool) LookUps() (inFlight, waiting int) { return p.lookUps.batcher.Load() }

// Own is for look-ups by key, and for the server's own work: for no organisation, or to note
// what became of work that was begun. A test names who uses it, and why.
func (p *Pool) Own() conns { return p.conns }

// Of gives what an organisation may take.
func (p *Pool) Of(o org.ID) Share { return Share{pool: p, org: int64(o)} }

// OfNone gives what those may take together who are of no organisation, and those of whom it is
// not known yet: operators, and strangers who sign in.
func (p *Pool) OfNone() Share { return p.Of(0) }

// Configure gives the configuration of connections to the database of a URL.
func Configure(url string, o Options) (*pgxpool.Config, error) {
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
		config.MaxConns = int32(max(minConnections, connectionsPerCore*runtime.GOMAXPROCS(0)))
	}
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, o.connectTimeout())
	config.AfterConnect = tellUTC
	config.PingTimeout = cmp.Or(config.PingTimeout, pingTimeout)
	config.ConnConfig.BuildFrontend = func(r io.Reader, w io.Writer) *pgproto3.Frontend {
		return pgproto3.NewFrontend(bufio.NewReaderSize(r, readBuffer), w)
	}
	if o.Standby {
		preferStandby(&config.ConnConfig.Config)
	} else {
		preferPrimary(&config.ConnConfig.Config, url)
	}
	settings := defaultSettings(o)
	// What the URL says wins.
	maps.Copy(settings, config.ConnConfig.RuntimeParams)
	config.ConnConfig.RuntimeParams = settings
	if !strings.Contains(url, "statement_cache_capacity") {
		config.ConnConfig.StatementCacheCapacity = preparedStatements
	}
	return config, nil
}

// tellUTC has times read as UTC, and not as those of the machine's place.
func tellUTC(_ context.Context, c *pgx.Conn) error {
	c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
	return nil
}

// defaultSettings are those that each session has.
func defaultSettings(o Options) map[string]string {
	settings := map[string]string{
		"application_name":  "purescim",
		"statement_timeout": strconv.FormatInt(o.timeout().Milliseconds(), 10),
		"lock_timeout":      strconv.FormatInt(lockTimeout.Milliseconds(), 10),
		"jit":               "off", // compiling costs more than any statement here
		"random_page_cost":  "1.1", // solid-state disks: a look-up by index costs little more than reading on
		// A server that dies inside a transaction must not hold its locks for ever.
		"idle_in_transaction_session_timeout": strconv.FormatInt((2 * o.timeout()).Milliseconds(), 10),
	}
	if o.Standby {
		// Each statement sees what was replayed before it, not before the first.
		settings["default_transaction_isolation"] = "read committed"
		settings["default_transaction_read_only"] = "on" // also when it is promoted
	}
	return settings
}

// preferPrimary has the one of several hosts be taken that takes changes: of a primary and
// its standbys, whichever comes first, unless the URL says what is wanted.
func preferPrimary(c *pgconn.Config, url string) {
	several := slices.ContainsFunc(c.Fallbacks, func(f *pgconn.FallbackConfig) bool { return f.Host != c.Host || f.Port != c.Port })
	if several && c.ValidateConnect == nil && !strings.Contains(url, "target_session_attrs") {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
}

// preferStandby leaves out a host that is no standby, or is none any more.
func preferStandby(c *pgconn.Config) {
	if c.ValidateConnect == nil {
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsStandby
	}
}

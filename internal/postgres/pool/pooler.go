package pool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// A pooler such as PgBouncer may stand between a Pool and PostgreSQL. It gives a
// connection a session of PostgreSQL for as long as it is open, or for a transaction at a
// time. In either case it refuses most settings at the start of a connection; in the second
// no session is a connection's own, so that nothing may be left in one: no setting, no
// prepared statement, no lock. What a transaction sets or locks ends with it, and is as safe
// as without a pooler.

// Pooling tells what stands between a Pool and PostgreSQL.
type Pooling int

// The kinds of pooling.
const (
	Direct       Pooling = iota // nothing that gives its sessions to others
	Sessions                    // a pooler in session mode
	Transactions                // a pooler in transaction mode
)

// String names the pooling for the log.
func (p Pooling) String() string { return [...]string{"none", "session", "transaction"}[p] }

// passing are the settings that poolers know of each connection, and keep for it.
var passing = []string{"application_name", "client_encoding", "datestyle", "standard_conforming_strings", "timezone"}

const (
	// poolerTime is how long it may take to find out which pooling it is.
	poolerTime = 10 * time.Second
	// looks is how often two connections are looked at. One that hands its session on is
	// seen at once, unless others take it just then.
	looks = 20
)

// selectProcess names the session that answers, which is the process.
const selectProcess = `select pg_backend_pid()`

// FindPooler tells which pooling leads to the database of the URL.
func FindPooler(ctx context.Context, url string) (Pooling, error) {
	config, err := Configure(url, Options{})
	if err != nil {
		return Direct, fmt.Errorf("read database URL: %w", err)
	}
	found, err := find(ctx, config.ConnConfig)
	if err != nil {
		return Direct, fmt.Errorf("open database: %w", err)
	}
	return found, nil
}

// find looks at two connections without settings, if the first is not with PostgreSQL
// itself: that tells at its start the number of the process which answers, a pooler another
// one. In transaction mode who has no transaction has no session either, and the next one
// gets it.
func find(ctx context.Context, config *pgx.ConnConfig) (Pooling, error) {
	ctx, cancel := context.WithTimeout(ctx, poolerTime)
	defer cancel()
	plain := config.Copy()
	plain.RuntimeParams = map[string]string{"application_name": "purescim"}
	first, err := pgx.ConnectConfig(ctx, plain)
	if err != nil {
		return Direct, err
	}
	defer first.Close(context.WithoutCancel(ctx))
	session, err := sessionOf(ctx, first)
	if err != nil || session == first.PgConn().PID() {
		return Direct, err
	}
	second, err := pgx.ConnectConfig(ctx, plain)
	if err != nil {
		return Direct, err
	}
	defer second.Close(context.WithoutCancel(ctx))
	for range looks {
		mine, err := sessionOf(ctx, first)
		if err != nil {
			return Direct, err
		}
		others, err := sessionOf(ctx, second)
		switch {
		case ctx.Err() != nil: // there is one session alone, and the first has it
			return Sessions, nil
		case err != nil:
			return Direct, err
		case mine != session || others == mine:
			return Transactions, nil
		}
	}
	return Sessions, nil
}

// sessionOf tells which session answers a connection.
func sessionOf(ctx context.Context, c *pgx.Conn) (process uint32, err error) {
	err = c.QueryRow(ctx, selectProcess, pgx.QueryExecModeSimpleProtocol).Scan(&process)
	return process, err
}

// connect opens the connections, as the pooling wants them that leads to the database.
func connect(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, Pooling, error) {
	connections, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, Direct, err
	}
	direct := false
	err = connections.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		session, err := sessionOf(ctx, c.Conn())
		direct = session == c.Conn().PgConn().PID()
		return err
	})
	if direct || err != nil && !refusesSettings(err) {
		return openedAs(connections, Direct, err)
	}
	connections.Close()
	config = config.Copy() // settings stay in the one of before
	pooling, err := find(ctx, config.ConnConfig)
	if err == nil {
		err = keepOut(config, pooling)
	}
	if err != nil {
		return nil, pooling, err
	}
	if connections, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, pooling, err
	}
	return openedAs(connections, pooling, connections.Ping(ctx))
}

// openedAs gives the connections, or closes them because of err.
func openedAs(connections *pgxpool.Pool, pooling Pooling, err error) (*pgxpool.Pool, Pooling, error) {
	if err != nil {
		connections.Close()
		return nil, pooling, err
	}
	return connections, pooling, nil
}

// protocolViolation is what a pooler answers to a setting that it does not let through.
const protocolViolation = "08P01"

func refusesSettings(err error) bool { return pgerr.Violates(err, protocolViolation, "") }

// keepOut takes the settings out of the beginning of connections. In session mode they are
// made then, for the session is the connection's own. In transaction mode they are left to
// the pooler, and statements are described once and sent with their text each time.
func keepOut(config *pgxpool.Config, pooling Pooling) error {
	begin := map[string]string{}
	var names []string
	for name, value := range config.ConnConfig.RuntimeParams {
		if slices.Contains(passing, strings.ToLower(name)) {
			begin[name] = value
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	settings := config.ConnConfig.RuntimeParams
	config.ConnConfig.RuntimeParams = begin
	switch pooling {
	case Sessions:
		config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
			return errors.Join(tellUTC(ctx, c), setAll(ctx, c, names, settings))
		}
	case Transactions:
		config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		if i := slices.IndexFunc(names, func(name string) bool { return defaultSettings(Options{Standby: true})[name] == "" }); i >= 0 {
			return errors.New("DATABASE_URL sets " + names[i] + ", which a pooler in transaction mode cannot keep: set it in its connect_query")
		}
	}
	return nil
}

// setSetting sets one for the session.
var setSetting = db.New(`select set_config(@name, @value, false)`)

func setAll(ctx context.Context, c *pgx.Conn, names []string, settings map[string]string) error {
	b := new(pgx.Batch)
	for _, name := range names {
		setSetting.With(db.Named("name", name), db.Named("value", settings[name])).Queue(b)
	}
	return c.SendBatch(ctx, b).Close()
}

// selectUnset names the settings of a session that are not as they should be.
var selectUnset = db.New(`
select coalesce(string_agg('set ' || w.name || ' = ' || quote_literal(w.value), '; ' order by w.name), '')
from   unnest(@names::text[], @values::text[]) w (name, value)
join   pg_settings s on s.name = w.name
where  s.setting <> w.value`)

// adviseSettings says in the log what the pooler should set in each session of PostgreSQL,
// since nobody else can.
func (p *Pool) adviseSettings(ctx context.Context, settings map[string]string) error {
	var names, values []string
	for name, value := range settings {
		if !slices.Contains(passing, name) {
			names, values = append(names, name), append(values, value)
		}
	}
	missing := ""
	err := selectUnset.With(db.Named("names", names), db.Named("values", values)).QueryRow(ctx, p.conns).Scan(&missing)
	if err == nil && missing != "" {
		p.Log.WarnContext(ctx, "the pooler's sessions lack settings; let its connect_query set them", "connect_query", missing)
	}
	return err
}

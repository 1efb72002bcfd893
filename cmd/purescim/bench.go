package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/localpg"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// benchCommand does not look at DATABASE_URL: nobody's database is worked hard by chance.
type benchCommand struct {
	output
	DatabaseURL string  `placeholder:"URL" help:"A PostgreSQL to make a database on, which is dropped at the end. Without it a private one is started, and removed at the end."`
	Users       int     `default:"10000" placeholder:"N" help:"Users that are loaded first (${default})."`
	Seconds     float64 `default:"2" placeholder:"S" help:"Length of each run (${default})."`
	Rounds      int     `default:"3" placeholder:"N" help:"Runs of each line on each side, in turn (${default})."`
	Connections int     `default:"16" placeholder:"N" help:"Clients at once (${default})."`
	Only        string  `placeholder:"TEXT" help:"Measure only the lines that have this in their name."`
	Profile     string  `hidden:"" placeholder:"FILE" help:"Write a CPU profile of the server."`
}

// Validate is called by the parser.
func (cmd *benchCommand) Validate() error {
	switch {
	case cmd.Users < bench.MinUsers:
		return fmt.Errorf("--users: at least %d are needed", bench.MinUsers)
	case cmd.Seconds <= 0 || cmd.Rounds < 1 || cmd.Connections < 1:
		return errors.New("--seconds, --rounds and --connections must be positive")
	}
	return nil
}

// Run measures the server beside the floor and prints a table.
func (cmd *benchCommand) Run(ctx context.Context, c console) error {
	progress := progressOf(c)
	defer progress("")
	progress("starting PostgreSQL")
	db, err := cmd.newDatabase(ctx)
	if err != nil {
		return err
	}
	defer db.drop()
	report, err := cmd.measure(ctx, c, db, progress)
	if err != nil {
		return err
	}
	progress("")
	if cmd.Output == "json" {
		return cmd.print(c.out, report)
	}
	return report.Print(c.out)
}

func (cmd *benchCommand) measure(ctx context.Context, c console, db *benchDatabase, progress func(string)) (bench.Report, error) {
	o := bench.Options{
		Connections: cmd.Connections,
		Rounds:      cmd.Rounds,
		Run:         time.Duration(cmd.Seconds * float64(time.Second)),
		Only:        cmd.Only,
		Progress:    progress,
	}
	organisation, token, err := newBenchOrg(ctx, c, db.url)
	if err != nil {
		return bench.Report{}, err
	}
	server := benchSide{Side: "server", database: database{DatabaseURL: db.url}}
	progress(fmt.Sprintf("loading %d users", cmd.Users))
	err = server.with(ctx, c, func(s bench.Server) error {
		s.Token = token
		o.Data, err = bench.Load(ctx, s, cmd.Users, cmd.Connections)
		return err
	})
	if err != nil {
		return bench.Report{}, err
	}
	progress("access token")
	if o.Authentication, err = authentication(ctx, c, server.database, token); err != nil {
		return bench.Report{}, err
	}
	if o.Postmaster, err = db.prepare(ctx, organisation); err != nil {
		return bench.Report{}, err
	}
	var report bench.Report
	server.Profile = cmd.Profile
	err = server.with(ctx, c, func(s bench.Server) error {
		floor := benchSide{Side: "floor", database: server.database}
		return floor.with(ctx, c, func(f bench.Server) error {
			s.Token = token
			o.Server, o.Floor = s, f
			report, err = bench.Run(ctx, o)
			return err
		})
	})
	return report, err
}

// newBenchOrg migrates the database and makes an organisation with a token.
func newBenchOrg(ctx context.Context, c console, databaseURL string) (org.ID, string, error) {
	p, err := database{DatabaseURL: databaseURL, LogLevel: "error"}.open(ctx, c)
	if err != nil {
		return 0, "", err
	}
	defer p.close()
	o, err := directory.CreateOrganisation(ctx, p.store.Registry(), "bench", org.DefaultSettings())
	if err != nil {
		return 0, "", err
	}
	cr, err := p.createClient(ctx, o.ID, oauth.ClientSpec{Name: "bench", Validity: oauth.MaxValidity}, adminRole)
	return o.ID, cr.AccessToken, err
}

// authentication measures the check of a token in this process, where nothing else
// asks the store.
func authentication(ctx context.Context, c console, d database, token string) (bench.Authentication, error) {
	d.LogLevel = "error"
	p, err := d.open(ctx, c)
	if err != nil {
		return bench.Authentication{}, err
	}
	defer p.close()
	verify := func() error {
		_, err := p.oauth.Verify(ctx, token)
		return err
	}
	return bench.Authenticate(verify, func() int64 { return p.store.Stat().AcquireCount() })
}

// benchDatabase is a database of the benchmark's own.
type benchDatabase struct {
	url     string // for pools
	oneConn string // for a connection alone
	drop    func()
}

func (cmd *benchCommand) newDatabase(ctx context.Context) (*benchDatabase, error) {
	db := &benchDatabase{url: cmd.DatabaseURL, drop: func() {}}
	if db.url == "" {
		if err := db.startPrivate(ctx); err != nil {
			return nil, err
		}
	}
	if err := db.create(ctx, max(cmd.Connections, 16)); err != nil {
		db.drop()
		return nil, err
	}
	return db, nil
}

// startPrivate starts a PostgreSQL as 'purescim serve' would: what is written is safe.
func (db *benchDatabase) startPrivate(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "purescim-bench-")
	if err != nil {
		return err
	}
	db.drop = func() { os.RemoveAll(dir) }
	// For PostgreSQL, which does not run as root: its own directory inside is closed.
	if err := os.Chmod(dir, 0o755); err != nil {
		db.drop()
		return err
	}
	server, err := localpg.Start(ctx, localpg.Options{Dir: dir})
	if err != nil {
		db.drop()
		return fmt.Errorf("start a private PostgreSQL (--database-url uses another): %w", err)
	}
	db.url = server.URL()
	db.drop = func() {
		_ = server.Stop(context.WithoutCancel(ctx))
		os.RemoveAll(dir)
	}
	return nil
}

// create makes the database. Its URL gives both sides the same number of connections.
func (db *benchDatabase) create(ctx context.Context, connections int) error {
	u, err := url.Parse(db.url)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return errors.New("--database-url is not of the form postgres://user@host/database")
	}
	name := "purescim_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin, stop := db.url, db.drop
	if err := execute(ctx, admin, "create database "+name); err != nil {
		return err
	}
	db.drop = func() {
		_ = execute(context.WithoutCancel(ctx), admin, "drop database "+name+" with (force)")
		stop()
	}
	u.Path = "/" + name
	db.oneConn = u.String()
	q := u.Query()
	q.Set("pool_max_conns", strconv.Itoa(connections))
	u.RawQuery = q.Encode()
	db.url = u.String()
	return nil
}

// prepare copies the loaded organisation for the floor and finds PostgreSQL's process.
func (db *benchDatabase) prepare(ctx context.Context, o org.ID) (postmaster int, err error) {
	conn, err := pgx.Connect(ctx, db.oneConn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	if err := bench.Mirror(ctx, conn, int64(o)); err != nil {
		return 0, err
	}
	return bench.Postmaster(ctx, conn)
}

func execute(ctx context.Context, databaseURL, sql string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// progressOf shows what is being done on a terminal, in one line; "" clears it.
func progressOf(c console) func(what string) {
	file, ok := c.err.(*os.File)
	if !ok {
		return func(string) {}
	}
	if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return func(string) {}
	}
	return func(what string) {
		const clearLine = "\r\x1b[K"
		_, _ = io.WriteString(file, clearLine+what)
	}
}

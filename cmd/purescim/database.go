package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/localpg"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/transfer"
	"github.com/purescim/purescim/migrations"
)

// database are the flags of every command that works on the data. All commands
// find the database in the same way.
type database struct {
	DatabaseURL string `env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL 15 or newer, as a connection URL. Without it there is the private one of the data directory, which 'serve' makes."`
	DataDir     string `env:"PURESCIM_DATA_DIR" default:"./.data" placeholder:"DIR" help:"Where the private PostgreSQL and the demo's credentials are kept (${default})."`
	LogLevel    string `env:"PURESCIM_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: ${enum}."`
	LogFormat   string `env:"PURESCIM_LOG_FORMAT" enum:"text,json" default:"text" help:"Format of the log: ${enum}."`
	KeyFile     string `env:"PURESCIM_KEY_FILE" placeholder:"FILE" help:"Keys that encrypt secrets in the database: 32 bytes in base64 a line, the first for what is written."`
	Egress      string `env:"PURESCIM_EGRESS" enum:"public,any" default:"public" help:"Addresses that pushes, fetches of keys and questions to OpenID providers may go to: those of the Internet (public), or any, the own machine's and network's too."`
	MaxTokens   int    `env:"PURESCIM_MAX_TOKENS" default:"200" placeholder:"N" help:"Access tokens that a client may have at once (${default}); 0 is any number."`
}

// parts are what a command is built of, above one database.
type parts struct {
	url       string
	store     *postgres.Store
	registry  authstore.Store
	oauth     *oauth.Service
	events    *events.Service
	directory *directory.Directory
	entries   *provisioning.Log
	accounts  *accounts.Service
	uploads   *transfer.Uploads
	log       *slog.Logger

	close func()
}

// opening is what a command may do to have a database.
type opening struct {
	create  bool // make a private PostgreSQL where there is none
	migrate bool // bring its schema up to date

	tracer   pgx.QueryTracer // told of each statement; nil is nobody
	readURLs []string        // of standbys that answer what is only read
}

// open finds the database and builds the parts on it. Its schema must be up to date.
func (d database) open(ctx context.Context, c console) (*parts, error) {
	return d.openWith(ctx, c, opening{})
}

// openWith finds or makes the database and builds the parts on it.
func (d database) openWith(ctx context.Context, c console, o opening) (*parts, error) {
	p := &parts{log: d.logger(c.err), url: d.DatabaseURL, close: func() {}}
	if p.url == "" {
		if err := p.private(ctx, d.DataDir, o.create); err != nil {
			return nil, err
		}
	}
	if err := p.build(ctx, d, o); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// private starts the private PostgreSQL of a folder, or finds it running.
func (p *parts) private(ctx context.Context, folder string, create bool) error {
	dir, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	if !create && !localpg.Exists(dir) {
		return fmt.Errorf("there is no database: set DATABASE_URL, or --database-url, to that of the server; "+
			"or begin with 'purescim serve', which makes a private PostgreSQL in %s (--data-dir names another folder)", dir)
	}
	server, err := localpg.Start(ctx, localpg.Options{Dir: dir, Log: p.log})
	if err != nil {
		return fmt.Errorf("start a private PostgreSQL (set DATABASE_URL to use another): %w", err)
	}
	p.url = server.URL()
	p.close = func() { _ = server.Stop(context.WithoutCancel(ctx)) }
	return nil
}

// where names the database for the operator, without its secrets.
func (d database) where() string {
	if d.DatabaseURL == "" {
		dir, _ := filepath.Abs(d.DataDir) // it was found there
		return "the private PostgreSQL in " + dir
	}
	config, err := pgx.ParseConfig(d.DatabaseURL)
	if err != nil {
		return "the database"
	}
	return fmt.Sprintf("the database %s on %s", config.Database, net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))))
}

// unusable says in the operator's words that the database cannot be used, if that is it.
func (d database) unusable(err error) error {
	var refused *pgconn.ConnectError
	var misspelt *pgconn.ParseConfigError
	switch {
	case errors.As(err, &misspelt):
		return fmt.Errorf("DATABASE_URL is no connection URL of PostgreSQL: %w", misspelt)
	case errors.As(err, &refused):
		// Each address is tried with TLS and without: the same is told twice.
		var reasons []string
		for line := range strings.Lines(refused.Error()) {
			if line = strings.TrimSpace(line); !slices.Contains(reasons, line) {
				reasons = append(reasons, line)
			}
		}
		if d.DatabaseURL == "" {
			return fmt.Errorf("the private PostgreSQL cannot be used: %s", strings.Join(reasons, " "))
		}
		return fmt.Errorf("the database of DATABASE_URL cannot be used: %s", strings.Join(reasons, " "))
	default:
		return err
	}
}

// build makes the parts on the database.
func (p *parts) build(ctx context.Context, d database, o opening) error {
	var keys *seal.Keys
	if d.KeyFile != "" {
		var err error
		if keys, err = seal.ReadFile(d.KeyFile); err != nil {
			return fmt.Errorf("--key-file or PURESCIM_KEY_FILE: %w", err)
		}
	}
	if o.migrate {
		if err := p.migrate(ctx); err != nil {
			return d.unusable(fmt.Errorf("migrate the database: %w", err))
		}
	}
	store, err := postgres.Open(ctx, p.url, postgres.Options{Log: p.log, Keys: keys, Correlation: httpapi.CorrelationID, Scanned: httpapi.Charge, Tracer: o.tracer, ReadURLs: o.readURLs})
	if err != nil {
		return d.unusable(err)
	}
	stop := p.close
	p.close = func() { store.Close(); stop() }
	known, err := store.Schema(ctx)
	if err == nil {
		err = migrations.Judge(known.Applied, known.Needed)
	}
	if err != nil {
		return err
	}
	unsealed, err := store.CheckKeys(ctx)
	if err != nil {
		return fmt.Errorf("%w; --key-file or PURESCIM_KEY_FILE must name the file with the key", err)
	}
	if unsealed > 0 {
		p.log.Warn("secrets lie in the database unencrypted; 'purescim key rewrap' encrypts them", "values", unsealed)
	}
	p.store = store
	p.registry = store.Registry()
	p.oauth = oauth.New(p.registry, oauth.Options{Log: p.log, Egress: egress.Reach(d.Egress), MaxTokens: d.MaxTokens})
	p.events = events.New(store.Events(), p.oauth, events.Options{Log: p.log, Egress: egress.Reach(d.Egress)})
	p.directory = directory.New(store, schema.DefaultTypes, httpapi.RequestLog(p.log))
	p.entries = provisioning.New(store.ProvisioningLog(), p.log)
	p.accounts = accounts.New(store.Accounts(), accounts.Options{Log: p.log, Egress: egress.Reach(d.Egress), Ended: p.oauth.Hear})
	p.uploads = transfer.NewUploads(p.directory, p.entries, store.Imports(), p.log)
	return nil
}

// migrate brings the schema up to date. A pooler in transaction mode keeps no lock of a
// session, by which replicas take turns: behind it the schema is left as it is.
func (p *parts) migrate(ctx context.Context) error {
	pooling, err := pool.FindPooler(ctx, p.url)
	switch {
	case err != nil:
		return err
	case pooling != pool.Transactions:
		return migrations.Up(ctx, p.url, p.log)
	}
	p.log.WarnContext(ctx, "the schema is not migrated through a pooler in transaction mode: 'purescim migrate' does it, with a DATABASE_URL that leads to PostgreSQL itself")
	return nil
}

// workGrace is longer than what background work does when it ends.
const workGrace = 8 * time.Second

// work does the parts' background work until stop is called, which waits for its end, but not
// for ever.
func (p *parts) work(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { p.store.Run(ctx) })
	running.Go(func() { p.directory.Run(ctx) })
	running.Go(func() { p.oauth.Run(ctx) })
	running.Go(func() { p.events.Run(ctx) })
	running.Go(func() { p.entries.Run(ctx) })
	running.Go(func() { p.uploads.Run(ctx) })
	running.Go(func() { scimapi.Work(ctx, p.directory, p.entries, p.log) })
	return func() {
		cancel()
		ended := make(chan struct{})
		go func() {
			running.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(workGrace):
			p.log.Warn("background work did not end in time")
		}
	}
}

func (d database) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(d.LogLevel)) // the flag's enum allows only levels
	o := &slog.HandlerOptions{Level: level}
	if d.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}

// purpose is why a command opens the database. One that changes something names the database
// in the end: which one it is may come from the environment, and be another than was meant.
type purpose bool

const (
	reads   purpose = false
	changes purpose = true
)

// with runs work on the parts and closes them. It is for a command that is not a
// server: it logs only what an operator must know.
func (d database) with(ctx context.Context, c console, why purpose, work func(p *parts) error) error {
	if d.LogLevel == "info" {
		d.LogLevel = "warn"
	}
	p, err := d.open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	if err := work(p); err != nil || why == reads {
		return err
	}
	fmt.Fprintln(c.err, "purescim: changed", printable.Escape(d.where()))
	return nil
}

// withOrg is with for a command that works in the organisation of the name, or, without
// one, in the only one there is.
func (d database) withOrg(ctx context.Context, c console, why purpose, name string, work func(p *parts, o org.Org) error) error {
	return d.with(ctx, c, why, func(p *parts) error {
		find := p.onlyOrg
		if name != "" {
			find = func(ctx context.Context) (org.Org, error) { return p.orgNamed(ctx, name) }
		}
		o, err := find(ctx)
		if err != nil {
			return err
		}
		return work(p, o)
	})
}

// orgDatabase are the flags of a command that works in one organisation.
type orgDatabase struct {
	database
	Org string `placeholder:"NAME" help:"The organisation; without it the only one there is."`
}

func (d orgDatabase) inOrg(ctx context.Context, c console, why purpose, work func(p *parts, o org.Org) error) error {
	return d.withOrg(ctx, c, why, d.Org, work)
}

// pages reads all pages of a list.
func pages[T any](read func(offset, limit int) ([]T, int, error)) ([]T, error) {
	const limit = 500
	var all []T
	for {
		page, total, err := read(len(all), limit)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) == 0 || len(all) >= total {
			return all, nil
		}
	}
}

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/localpg"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/migrations"
)

// database are the flags of every command that works on the data. All commands
// find the database in the same way.
type database struct {
	DatabaseURL string `env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL 15 or newer, as a connection URL. Without it a private one is started."`
	DataDir     string `env:"PURESCIM_DATA_DIR" default:"./.data" placeholder:"DIR" help:"Where the private PostgreSQL and the demo's credentials are kept (${default})."`
	LogLevel    string `env:"PURESCIM_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: ${enum}."`
	LogFormat   string `env:"PURESCIM_LOG_FORMAT" enum:"text,json" default:"text" help:"Format of the log: ${enum}."`
	KeyFile     string `env:"PURESCIM_KEY_FILE" placeholder:"FILE" help:"Keys that encrypt secrets in the database: 32 bytes in base64 a line, the first for what is written."`
	Egress      string `env:"PURESCIM_EGRESS" enum:"public,any" default:"public" help:"Addresses that pushes and fetches of keys may go to: those of the Internet (public), or any, the own machine's and network's too."`
	MaxTokens   int    `env:"PURESCIM_MAX_TOKENS" default:"200" placeholder:"N" help:"Access tokens that a client may have at once (${default}); 0 is any number."`
}

// parts are what a command is built of, above one database.
type parts struct {
	url       string
	store     *postgres.Store
	registry  postgres.Registry
	oauth     *oauth.Service
	events    *events.Service
	directory *directory.Directory
	log       *slog.Logger

	close func()
}

// open finds or starts the database, brings its schema up to date and builds
// the parts on it.
func (d database) open(ctx context.Context, c console) (*parts, error) {
	p := &parts{log: d.logger(c.err), url: d.DatabaseURL, close: func() {}}
	if p.url == "" {
		dir, err := filepath.Abs(d.DataDir)
		if err != nil {
			return nil, err
		}
		server, err := localpg.Start(ctx, localpg.Options{Dir: dir, Log: p.log})
		if err != nil {
			return nil, fmt.Errorf("start a private PostgreSQL (set DATABASE_URL to use another): %w", err)
		}
		p.url = server.URL()
		p.close = func() { _ = server.Stop(context.WithoutCancel(ctx)) }
	}
	if err := p.build(ctx, d.KeyFile, egress.Reach(d.Egress), d.MaxTokens); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *parts) build(ctx context.Context, keyFile string, reach egress.Reach, maxTokens int) error {
	var keys *seal.Keys
	if keyFile != "" {
		var err error
		if keys, err = seal.ReadFile(keyFile); err != nil {
			return fmt.Errorf("--key-file or PURESCIM_KEY_FILE: %w", err)
		}
	}
	if err := migrations.Up(ctx, p.url, p.log); err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	store, err := postgres.Open(ctx, p.url, postgres.Options{Log: p.log, Keys: keys, Correlation: httpapi.CorrelationID, Scanned: httpapi.Charge})
	if err != nil {
		return err
	}
	stop := p.close
	p.close = func() { store.Close(); stop() }
	clear, err := store.CheckKeys(ctx)
	if err != nil {
		return fmt.Errorf("%w; --key-file or PURESCIM_KEY_FILE must name the file with the key", err)
	}
	if clear > 0 {
		p.log.Warn("secrets lie in the database unencrypted; 'purescim key rewrap' encrypts them", "values", clear)
	}
	p.store = store
	p.registry = store.Registry()
	p.oauth = oauth.New(p.registry, oauth.Options{Log: p.log, Egress: reach, MaxTokens: maxTokens})
	p.events = events.New(store.Events(), p.oauth, events.Options{Log: p.log, Egress: reach})
	p.directory = directory.New(store, schema.DefaultTypes, p.log)
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
	running.Go(func() { scimapi.Work(ctx, p.directory, p.log) })
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

// with runs work on the parts and closes them. It is for a command that is not a
// server: it logs only what an operator must know.
func (d database) with(ctx context.Context, c console, work func(p *parts) error) error {
	if d.LogLevel == "info" {
		d.LogLevel = "warn"
	}
	p, err := d.open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	return work(p)
}

// withOrg is with for a command that works in the organisation of the name.
func (d database) withOrg(ctx context.Context, c console, name string, work func(p *parts, o org.Org) error) error {
	return d.with(ctx, c, func(p *parts) error {
		o, err := p.orgNamed(ctx, name)
		if err != nil {
			return err
		}
		return work(p, o)
	})
}

// orgDatabase are the flags of a command that works in one organisation.
type orgDatabase struct {
	database
	Org string `required:"" placeholder:"NAME" help:"The organisation."`
}

func (d orgDatabase) inOrg(ctx context.Context, c console, work func(p *parts, o org.Org) error) error {
	return d.withOrg(ctx, c, d.Org, work)
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

// orgNamed finds an organisation by its name.
func (p *parts) orgNamed(ctx context.Context, name string) (org.Org, error) {
	o, err := p.registry.OrgByName(ctx, name)
	if err != nil {
		return o, fmt.Errorf("organisation %q: %w; 'purescim org create' makes one", name, err)
	}
	return o, nil
}

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/httpserver"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/server"
)

type serveCommand struct {
	database
	encryption
	Addr       string `env:"PURESCIM_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (${default})."`
	Demo       bool   `help:"Create the organisation 'demo' with a client for an identity system and one for an administrator once, print how to reach it and write it to demo.json in the data directory."`
	NoMigrate  bool   `env:"PURESCIM_NO_MIGRATE" help:"Leave the schema to 'purescim migrate', and do not start before it is up to date."`
	RateLimit  int    `env:"PURESCIM_RATE_LIMIT" default:"6000" placeholder:"N" help:"Requests a minute for each client, with all of its tokens together (${default}); 0 is no limit."`
	PublicURL  string `env:"PURESCIM_PUBLIC_URL" placeholder:"URL" help:"The URL that clients use, when a proxy stands in front: https://scim.example.org"`
	TrustProxy bool   `env:"PURESCIM_TRUST_PROXY" help:"Believe the X-Forwarded headers of the proxy in front."`

	CORSOrigins []string `name:"cors-origins" env:"PURESCIM_CORS_ORIGINS" placeholder:"ORIGIN" help:"Origins of pages whose scripts may use the server, such as https://admin.example.org, joined by commas; * is any. Without it there are none."`

	ReadURLs string `name:"read-urls" env:"PURESCIM_READ_URLS" placeholder:"URLS" help:"URLs of streaming standbys of the database, with blanks between them, that answer what is only read. Without it the primary answers all."`

	RequestTimeout time.Duration `env:"PURESCIM_REQUEST_TIMEOUT" default:"35s" placeholder:"TIME" help:"How long to work on a request before it is answered 503 (${default})."`

	Drain time.Duration `env:"PURESCIM_DRAIN" default:"1s" placeholder:"TIME" help:"How long to go on when told to stop, not ready any more, before connections are closed (${default}); 0s closes idle ones at once."`

	MetricsAddr string `env:"PURESCIM_METRICS_ADDR" placeholder:"HOST:PORT" help:"Address to serve GET /metrics on, for Prometheus, and profiles at /debug/pprof; without it there are none."`

	bodyMemory int64 // bytes; see httpapi.Options
}

// Validate refuses what could only fail later, or be told to clients.
func (cmd *serveCommand) Validate() error {
	if cmd.PublicURL != "" && !httpapi.IsBaseURL(cmd.PublicURL) {
		return fmt.Errorf("--public-url or PURESCIM_PUBLIC_URL: %q is not the URL of a server; https:// or http:// and a host is expected, such as https://scim.example.org", cmd.PublicURL)
	}
	for _, origin := range cmd.CORSOrigins {
		if !httpapi.IsOrigin(origin) {
			return fmt.Errorf("--cors-origins or PURESCIM_CORS_ORIGINS: %q is not an origin; https:// or http:// and a host in small letters is expected, with a port where it has one and nothing behind, such as https://admin.example.org, or *", origin)
		}
	}
	if cmd.RateLimit < 0 {
		return fmt.Errorf("--rate-limit or PURESCIM_RATE_LIMIT: %d is less than 0, which is no limit", cmd.RateLimit)
	}
	for url := range strings.FieldsSeq(cmd.ReadURLs) {
		if _, err := pool.Configure(url, pool.Options{Standby: true}); err != nil {
			return fmt.Errorf("--read-urls or PURESCIM_READ_URLS: no connection URL of PostgreSQL: %w", err)
		}
	}
	if err := cmd.encryption.validate(); err != nil {
		return err
	}
	if cmd.Drain < 0 {
		return fmt.Errorf("--drain or PURESCIM_DRAIN: %v is less than nothing", cmd.Drain)
	}
	return nil
}

// Run serves until it is told to stop; requests under way are finished.
func (cmd *serveCommand) Run(ctx context.Context, c console) error {
	tls, err := cmd.encryption.server(cmd.DataDir, cmd.PublicURL, cmd.logger(c.err))
	if err != nil {
		return err
	}
	w, err := cmd.watchers(ctx, c)
	if err != nil {
		return err
	}
	defer w.traces.Stop()
	p, err := cmd.openWith(ctx, c, opening{create: true, migrate: !cmd.NoMigrate, tracer: w.tracer(), readURLs: strings.Fields(cmd.ReadURLs)})
	if err != nil {
		return err
	}
	defer p.close()
	cmd.bodyMemory = boundMemory()
	p.events = events.New(p.store.Events(), p.oauth, events.Options{Issuer: cmd.PublicURL, Log: p.log, Egress: egress.Reach(cmd.Egress)})
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmd.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w; --addr or PURESCIM_ADDR chooses another address", err)
	}
	defer listener.Close()
	if cmd.Demo {
		if err := cmd.demo(ctx, c, p, listener.Addr()); err != nil {
			return err
		}
	}
	ctx = provisioning.WithOrigin(ctx, &provisioning.Origin{Actor: provisioning.Actor{Type: provisioning.Server}})
	serving, ctx := errgroup.WithContext(ctx)
	watch := p.health(cmd.encryption.checks(tls)...)
	context.AfterFunc(ctx, watch.Stop)
	handler := w.handler(cmd, p, nil)
	if cmd.MetricsAddr != "" {
		f := newFigures(p)
		m := f.metrics(w.statements, tls)
		serve, err := cmd.monitoring(ctx, p, m, watch)
		if err != nil {
			return err
		}
		handler = m.InFlight(w.handler(cmd, p, observers{f.observe(m)}))
		serving.Go(func() error {
			f.run(ctx)
			return nil
		})
		serving.Go(serve)
	}
	public := httpserver.New(cmd.Addr, watch.Before(handler), p.log)
	if tls != nil {
		if err := cmd.encrypt(ctx, serving, public, tls, listener.Addr(), p.log); err != nil {
			return err
		}
	}
	defer p.work(ctx)()
	p.log.Info("serving", "addr", listener.Addr().String(), "version", version, "tls", tls != nil)
	serving.Go(func() error { return httpserver.Serve(ctx, public, listener, cmd.Drain) })
	return serving.Wait()
}

// handler serves the parts. observe, if not nil, is called for each request.
func (cmd *serveCommand) handler(p *parts, observe func(context.Context, httpapi.Observed)) http.Handler {
	return server.New(server.Config{
		Directory:      p.directory,
		OAuth:          p.oauth,
		Events:         p.events,
		Provisioning:   p.entries,
		Accounts:       p.accounts,
		Uploads:        p.uploads,
		Organisations:  p.registry,
		RateLimit:      cmd.RateLimit,
		PublicURL:      cmd.PublicURL,
		TrustProxy:     cmd.TrustProxy,
		Origins:        cmd.CORSOrigins,
		BodyMemory:     cmd.bodyMemory,
		Observe:        observe,
		Log:            p.log,
		RequestTimeout: cmd.RequestTimeout,
	})
}

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/purescim/purescim/internal/egress"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/metrics"
	"github.com/purescim/purescim/internal/server"
)

type serveCommand struct {
	database
	Addr       string `env:"PURESCIM_ADDR" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (${default})."`
	Demo       bool   `help:"Create the organisation 'demo' with a client for an identity system and one for an administrator once, print how to reach it and write it to demo.json in the data directory."`
	RateLimit  int    `env:"PURESCIM_RATE_LIMIT" default:"6000" placeholder:"N" help:"Requests a minute for each client, with all of its tokens together (${default}); 0 is no limit."`
	PublicURL  string `env:"PURESCIM_PUBLIC_URL" placeholder:"URL" help:"The URL that clients use, when a proxy stands in front: https://scim.example.org"`
	TrustProxy bool   `env:"PURESCIM_TRUST_PROXY" help:"Believe the X-Forwarded headers of the proxy in front."`

	RequestTimeout time.Duration `env:"PURESCIM_REQUEST_TIMEOUT" default:"35s" placeholder:"TIME" help:"How long to work on a request before it is answered 503 (${default})."`

	MetricsAddr string `env:"PURESCIM_METRICS_ADDR" placeholder:"HOST:PORT" help:"Address to serve GET /metrics on, for Prometheus; without it there are none."`

	bodyMemory int64 // bytes; see httpapi.Options
}

// Validate refuses what could only fail later, or be told to clients.
func (cmd *serveCommand) Validate() error {
	if cmd.PublicURL != "" && !httpapi.IsBaseURL(cmd.PublicURL) {
		return fmt.Errorf("--public-url or PURESCIM_PUBLIC_URL: %q is not the URL of a server; https:// or http:// and a host is expected, such as https://scim.example.org", cmd.PublicURL)
	}
	if cmd.RateLimit < 0 {
		return fmt.Errorf("--rate-limit or PURESCIM_RATE_LIMIT: %d is less than 0, which is no limit", cmd.RateLimit)
	}
	return nil
}

// Run serves until it is told to stop; requests under way are finished.
func (cmd *serveCommand) Run(ctx context.Context, c console) error {
	p, err := cmd.open(ctx, c)
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
	serving, ctx := errgroup.WithContext(ctx)
	handler := cmd.handler(p, nil)
	if cmd.MetricsAddr != "" {
		m := metrics.New(metrics.Sources{Expiring: p.oauth.Expiring, Pool: p.store.Stat})
		serve, err := cmd.metrics(ctx, p, m)
		if err != nil {
			return err
		}
		handler = m.InFlight(cmd.handler(p, m.Observe))
		serving.Go(serve)
	}
	defer p.work(ctx)()
	p.log.Info("serving", "addr", listener.Addr().String(), "version", version)
	serving.Go(func() error {
		return httpapi.Serve(ctx, httpapi.Server(cmd.Addr, handler, p.log), listener)
	})
	return serving.Wait()
}

// metrics listens for who asks for the figures; serve answers until ctx ends.
func (cmd *serveCommand) metrics(ctx context.Context, p *parts, m *metrics.Metrics) (serve func() error, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmd.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w; --metrics-addr or PURESCIM_METRICS_ADDR chooses another address", err)
	}
	p.log.Info("serving metrics", "addr", listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	return func() error {
		return httpapi.Serve(ctx, httpapi.Server(cmd.MetricsAddr, mux, p.log), listener)
	}, nil
}

// handler serves the parts. Observe is told of each request; nil is nobody.
func (cmd *serveCommand) handler(p *parts, observe func(route, method string, status int, took time.Duration)) http.Handler {
	return server.New(server.Config{
		Directory:      p.directory,
		OAuth:          p.oauth,
		Events:         p.events,
		RateLimit:      cmd.RateLimit,
		PublicURL:      cmd.PublicURL,
		TrustProxy:     cmd.TrustProxy,
		BodyMemory:     cmd.bodyMemory,
		Observe:        observe,
		Log:            p.log,
		RequestTimeout: cmd.RequestTimeout,
	})
}

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/purescim/purescim/internal/health"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/httpserver"
	"github.com/purescim/purescim/internal/metrics"
	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/postgres/upkeep"
	"github.com/purescim/purescim/internal/tlsserver"
)

// figures are those of the database for the monitoring of a server. They are read in the
// background, so that a scrape does not wait for the database.
type figures struct {
	parts  *parts
	latest atomic.Pointer[upkeep.Figures]
}

const (
	figuresPause = 15 * time.Second
	figuresTime  = 10 * time.Second // ends what hangs
)

func newFigures(p *parts) *figures {
	f := &figures{parts: p}
	f.latest.Store(new(upkeep.Figures))
	return f
}

func (f *figures) run(ctx context.Context) {
	periodic.Every(ctx, figuresPause, f.parts.log, "figures of the database were not read", periodic.Within(figuresTime, func(ctx context.Context) error {
		read, err := f.parts.store.Figures(ctx)
		if err == nil {
			f.latest.Store(&read)
		}
		return err
	}))
}

func (f *figures) organisations(size string) (n int) {
	for _, users := range f.latest.Load().Sizes {
		if metrics.SizeOf(users) == size {
			n++
		}
	}
	return n
}

func (f *figures) events() (oldest time.Duration, streams, full int) {
	read := f.latest.Load()
	if !read.Oldest.IsZero() {
		oldest = max(0, f.parts.store.Events().Now().Sub(read.Oldest))
	}
	return oldest, read.Streams, read.Full
}

func (f *figures) standbys() (all []metrics.Standby, fallbacks map[string]int64) {
	states, fallbacks := f.parts.store.Standbys()
	for _, s := range states {
		all = append(all, metrics.Standby{Number: s.Number, Reads: s.Reads, Ready: s.Ready, Late: s.Late})
	}
	return all, fallbacks
}

// observe counts a request. An organisation that was made since the figures were read is
// small.
func (f *figures) observe(m *metrics.Metrics) func(context.Context, httpapi.Observed) {
	return func(_ context.Context, o httpapi.Observed) {
		r := metrics.Request{Route: o.Route, Method: o.Method, Status: o.Status, Took: o.Took, Product: string(o.System)}
		if o.Org != 0 {
			r.Organisation = metrics.SizeOf(f.latest.Load().Sizes[o.Org])
		}
		m.Observe(r)
	}
}

// metrics makes the figures of a server.
func (f *figures) metrics(statements *metrics.Statements, tls *tlsserver.Server) *metrics.Metrics {
	p := f.parts
	s := metrics.Sources{
		Version:  version,
		Expiring: p.oauth.Expiring, NextExpiry: p.oauth.NextExpiry,
		ClockOffset: p.store.ClockOffset,
		Dropped:     p.entries.Dropped, Held: p.entries.Held, Pending: p.entries.Pending,
		Pool: p.store.Stat, Statements: statements, Waiting: p.store.Waiting, LookUps: p.store.LookUps,
		Standbys: f.standbys, Organisations: f.organisations, Events: f.events,
	}
	if tls != nil {
		s.CertificateExpiry = tls.Expires
	}
	return metrics.New(s)
}

// monitoring opens the port for metrics, health and profiles; serve answers there until ctx
// ends.
func (cmd *serveCommand) monitoring(ctx context.Context, p *parts, m *metrics.Metrics, watch *health.Health) (serve func() error, err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cmd.MetricsAddr)
	if err != nil {
		return nil, fmt.Errorf("listen for metrics: %w; --metrics-addr or PURESCIM_METRICS_ADDR chooses another address", err)
	}
	p.log.Info("serving metrics", "addr", listener.Addr().String())
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	// The command line may hold the password of the database.
	mux.Handle("GET /debug/pprof/cmdline", http.NotFoundHandler())
	return func() error {
		return httpserver.Serve(ctx, httpserver.New(cmd.MetricsAddr, watch.Before(mux), p.log), listener, cmd.Drain)
	}, nil
}

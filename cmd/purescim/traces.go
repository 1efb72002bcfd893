package main

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/metrics"
	"github.com/purescim/purescim/internal/tracing"
)

// observers are called for each request.
type observers []func(context.Context, httpapi.Observed)

// all calls each of them; it is nil when there are none.
func (o observers) all() func(context.Context, httpapi.Observed) {
	switch len(o) {
	case 0:
		return nil
	case 1:
		return o[0]
	default:
		return func(ctx context.Context, request httpapi.Observed) {
			for _, observe := range o {
				observe(ctx, request)
			}
		}
	}
}

// watchers observe what a server does: for its figures, and for traces if a collector is
// configured.
type watchers struct {
	statements *metrics.Statements // nil without figures
	traces     *tracing.Tracing    // nil without a collector
}

func (cmd *serveCommand) watchers(ctx context.Context, c console) (w watchers, err error) {
	if cmd.MetricsAddr != "" {
		w.statements = metrics.NewStatements()
	}
	if tracing.Enabled() {
		w.traces, err = tracing.Start(ctx, version, cmd.logger(c.err))
	}
	return w, err
}

// tracer observes statements; nil is none.
func (w watchers) tracer() pgx.QueryTracer {
	switch {
	case w.traces == nil && w.statements == nil:
		return nil
	case w.traces == nil:
		return w.statements
	case w.statements == nil:
		return w.traces.Statements()
	default:
		return multitracer.New(w.statements, w.traces.Statements())
	}
}

// handler serves the parts, told to the observers and traced.
func (w watchers) handler(cmd *serveCommand, p *parts, told observers) http.Handler {
	if w.traces == nil {
		return cmd.handler(p, told.all())
	}
	return w.traces.Handler(cmd.handler(p, append(told, w.traces.Observe).all()), cmd.TrustProxy)
}

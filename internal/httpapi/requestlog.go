package httpapi

import (
	"context"
	"log/slog"
)

// RequestLog is a log whose lines, when they are written with the context of a request,
// say its correlation id and its client: rooms below the doors know neither.
func RequestLog(log *slog.Logger) *slog.Logger { return slog.New(requestLog{log.Handler()}) }

type requestLog struct{ slog.Handler }

// Handle implements slog.Handler.
func (h requestLog) Handle(ctx context.Context, line slog.Record) error {
	if x := exchangeOf(ctx); x != nil {
		line = line.Clone()
		line.AddAttrs(slog.String("correlation", x.id))
		if x.known() {
			line.AddAttrs(slog.String("client", x.principal.Client.String()))
		}
	}
	return h.Handler.Handle(ctx, line)
}

// WithAttrs implements slog.Handler.
func (h requestLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestLog{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h requestLog) WithGroup(name string) slog.Handler { return requestLog{h.Handler.WithGroup(name)} }

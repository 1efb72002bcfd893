// Package periodic repeats the background work of a server until the server ends.
//
// What the work is, and that several servers may do it at once, is left to the callers.
package periodic

import (
	"context"
	"log/slog"
	"time"
)

// Within gives each doing of the work a time, after which its ctx ends.
func Within(limit time.Duration, work func(ctx context.Context) error) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return work(ctx)
	}
}

// Every does the work at once and then after each pause, until ctx ends. Work that
// takes longer is followed by the next without a pause. Of failures in a row the
// first is logged, as the message with its error.
func Every(ctx context.Context, pause time.Duration, log *slog.Logger, message string, work func(ctx context.Context) error) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	failing := false
	for {
		err := work(ctx)
		if err != nil && !failing && ctx.Err() == nil {
			log.ErrorContext(ctx, message, "error", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if ctx.Err() != nil { // both were ready
			return
		}
	}
}

package httpapi

import (
	"context"
	"fmt"
	"time"
)

// RequestTimeout is how long a server works on a request unless it is told otherwise.
const RequestTimeout = 35 * time.Second

// errLate is the cause of the end of a request's context when its time is over.
var errLate = fmt.Errorf("the request took too long: %w", context.DeadlineExceeded)

// deadline ends the context of a request on which the server works too long. Only work
// counts: it stops while a body is read or a part of the answer is written, whose speed is
// the client's and has limits of its own, and each part of an answer has all of the time.
type deadline struct {
	limit  time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
}

func newDeadline(ctx context.Context, limit time.Duration) (context.Context, deadline) {
	ctx, cancel := context.WithCancelCause(ctx)
	return ctx, deadline{limit: limit, cancel: cancel, timer: time.AfterFunc(limit, func() { cancel(errLate) })}
}

// stop lets no time pass while the client is waited for, until goOn begins it anew.
func (d deadline) stop() {
	if d.timer != nil { // a part of a request has none
		d.timer.Stop()
	}
}

func (d deadline) goOn() {
	if d.timer != nil {
		d.timer.Reset(d.limit)
	}
}

// end lets go of what the deadline holds.
func (d deadline) end() {
	d.timer.Stop()
	d.cancel(nil)
}

package httpapi

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// RequestTimeout is how long a server works on a request unless it is told otherwise.
const RequestTimeout = 35 * time.Second

// errLate is the cause of the end of a request's context when its time is over.
var errLate = fmt.Errorf("the request took too long: %w", context.DeadlineExceeded)

// deadlines are those of all requests under way. One timer looks after them, as long as
// there are any, since a timer for each would cost more than what else the frame does:
// so a request may take a little longer than its limit.
type deadlines struct {
	pause time.Duration // between two looks

	mu       sync.Mutex
	first    *deadline // of a list
	watching bool
}

// lateAtMost is what part of the shortest limit a request may take on top.
const lateAtMost = 32

func newDeadlines(shortest time.Duration) *deadlines {
	return &deadlines{pause: max(shortest/lateAtMost, time.Millisecond)}
}

// deadline ends the context of a request on which the server works too long. Only work
// counts: it stops while a body is read or a part of the answer is written, whose speed is
// the client's and has limits of its own, and each part of an answer has all of the time.
type deadline struct {
	of     *deadlines
	limit  time.Duration
	cancel context.CancelCauseFunc
	over   atomic.Int64 // when its time is, since began; 0 while none passes

	before, after *deadline // in the list of those under way
}

// began is what times are counted from: a number is set and read at once, a time.Time not.
var began = time.Now()

// begin starts the time of a request.
func (s *deadlines) begin(ctx context.Context, d *deadline, limit time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(ctx)
	d.of, d.limit, d.cancel = s, limit, cancel
	d.goOn()
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.after = s.first; d.after != nil {
		d.after.before = d
	}
	s.first = d
	if !s.watching {
		s.watching = true
		time.AfterFunc(s.pause, s.look)
	}
	return ctx
}

// look ends those whose time is over, and comes again while any are left.
func (s *deadlines) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := int64(time.Since(began))
	for d := s.first; d != nil; d = d.after {
		if over := d.over.Load(); over != 0 && over <= now {
			d.cancel(errLate)
		}
	}
	if s.watching = s.first != nil; s.watching {
		time.AfterFunc(s.pause, s.look)
	}
}

// stop lets no time pass while the client is waited for, until goOn begins it anew.
func (d *deadline) stop() { d.over.Store(0) }

func (d *deadline) goOn() { d.over.Store(int64(time.Since(began) + d.limit)) }

// end lets go of what the deadline holds.
func (d *deadline) end() {
	s := d.of
	s.mu.Lock()
	if d.before != nil {
		d.before.after = d.after
	} else {
		s.first = d.after
	}
	if d.after != nil {
		d.after.before = d.before
	}
	s.mu.Unlock()
	d.cancel(nil)
}

package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// sharePatience is how long a request waits for its share.
const sharePatience = 5 * time.Second

// budget is a number of bytes that requests share. A request waits behind others of its
// organisation. Organisations take turns, and none holds more than half, so that a share is
// freed for others early. A request larger than half is served when its organisation holds
// nothing else.
type budget struct {
	size int64

	mu    sync.Mutex
	taken int64
	held  map[org.ID]int64
	waits map[org.ID][]*waiter
	turns []org.ID // those that wait, the next one first
}

// waiter is a request that waits for its share.
type waiter struct {
	n     int64
	given chan struct{} // closed when it has it
}

func newBudget(size int64) *budget {
	return &budget{size: size, held: make(map[org.ID]int64), waits: make(map[org.ID][]*waiter)}
}

// take waits for n bytes, which give gives back. Its error is 503.
func (b *budget) take(ctx context.Context, o org.ID, n int64) error {
	w := b.begin(o, n)
	if w == nil {
		return nil
	}
	patience := time.NewTimer(sharePatience)
	defer patience.Stop()
	var err error
	select {
	case <-w.given:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-patience.C:
		err = scim.Unavailable("too many large requests are under way; try again in %s seconds", retryAfter)
	}
	if b.leave(o, w) {
		return err
	}
	return nil // it was given meanwhile
}

// begin takes n bytes, or begins to wait for them.
func (b *budget) begin(o org.ID, n int64) *waiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.turns) == 0 && b.fits(n) && b.fair(o, n) {
		b.hold(o, n)
		return nil
	}
	w := &waiter{n: n, given: make(chan struct{})}
	if len(b.waits[o]) == 0 {
		b.turns = append(b.turns, o)
	}
	b.waits[o] = append(b.waits[o], w)
	b.serve() // those before it may wait for their organisation alone
	select {
	case <-w.given:
		return nil
	default:
		return w
	}
}

// leave ends the waiting of w, unless it was given what it waits for.
func (b *budget) leave(o org.ID, w *waiter) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waits[o], w)
	if i < 0 {
		return false
	}
	b.remove(o, i)
	b.serve()
	return true
}

// give gives n bytes back.
func (b *budget) give(o org.ID, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taken -= n
	if b.held[o] -= n; b.held[o] == 0 {
		delete(b.held, o)
	}
	b.serve()
}

// fits reports whether n bytes are free. A request larger than the budget must be alone.
func (b *budget) fits(n int64) bool { return b.taken == 0 || b.taken+n <= b.size }

// fair reports whether an organisation may hold n bytes more.
func (b *budget) fair(o org.ID, n int64) bool { return b.held[o] == 0 || b.held[o]+n <= b.size/2 }

func (b *budget) hold(o org.ID, n int64) {
	b.taken += n
	b.held[o] += n
}

// serve gives to those that wait, in turn. One that finds too little free is waited for:
// small ones that come later would keep it waiting for ever.
func (b *budget) serve() {
	for i := 0; i < len(b.turns); {
		o := b.turns[i]
		w := b.waits[o][0]
		switch {
		case !b.fair(o, w.n):
			i++
		case !b.fits(w.n):
			return
		default:
			b.hold(o, w.n)
			b.remove(o, 0)
			close(w.given)
			i = 0
		}
	}
}

// remove takes the i-th of an organisation out of the queue; its next one comes after
// those of the others.
func (b *budget) remove(o org.ID, i int) {
	b.waits[o] = slices.Delete(b.waits[o], i, i+1)
	turn := slices.Index(b.turns, o)
	if len(b.waits[o]) == 0 {
		delete(b.waits, o)
		b.turns = slices.Delete(b.turns, turn, turn+1)
	} else if i == 0 {
		b.turns = append(slices.Delete(b.turns, turn, turn+1), o)
	}
}

// Package fairshare divides a fixed number of slots, such as the connections to a database,
// among users such as organisations. Nobody gets more than a share, and those who wait are
// let in by turns, so one with many requests delays only its own.
//
// What a slot stands for, and what a refused request is told, is left to the callers.
package fairshare

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// What Enter returns when it lets nobody in.
var (
	// ErrFull says that as many of the same key wait already as may.
	ErrFull = errors.New("too many wait for their share")
	// ErrWaited says that the longest wait is over.
	ErrWaited = errors.New("waited in vain for a share")
)

// Options are the bounds of a Gate; each is at least 1.
type Options struct {
	// Slots are how many are inside at once, Share how many of one key.
	Slots, Share int
	// Queue is how many of one key wait at most.
	Queue int
	// MaxWait is how long one waits.
	MaxWait time.Duration
}

// Gate lets in. It is safe for concurrent use.
type Gate[K comparable] struct {
	options Options

	mu     sync.Mutex
	inside int
	held   map[K]int // slots, by key
	queues map[K]*queue[K]
	turns  []*queue[K] // those of queues, in the order in which they are let in
	late   *time.Timer // of who waits the longest; nil while nobody waits
}

// queue are those of a key who wait, the longest waiting first.
type queue[K comparable] struct {
	key     K
	waiting []*waiter
}

// waiter is told once what has become of it: nil lets it in.
type waiter struct {
	turn  chan error
	since time.Time
}

// New makes a gate.
func New[K comparable](o Options) *Gate[K] {
	o.Slots, o.Share, o.Queue = max(o.Slots, 1), max(o.Share, 1), max(o.Queue, 1)
	return &Gate[K]{options: o, held: make(map[K]int), queues: make(map[K]*queue[K])}
}

// Enter takes a slot, which Leave gives back, and waits for it if need be. It returns
// ErrFull, ErrWaited or the error of ctx if it takes none.
func (g *Gate[K]) Enter(ctx context.Context, key K) error {
	g.mu.Lock()
	if g.pass(key) {
		g.mu.Unlock()
		return nil
	}
	w, err := g.join(key)
	g.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case err := <-w.turn:
		return err
	case <-ctx.Done():
		if g.leaveQueue(key, w) {
			return ctx.Err()
		}
		return <-w.turn
	}
}

// TryEnter takes a slot, which Leave gives back, if it need not wait for it.
func (g *Gate[K]) TryEnter(key K) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pass(key)
}

// Waiting tells how many wait.
func (g *Gate[K]) Waiting() (n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, q := range g.turns {
		n += len(q.waiting)
	}
	return n
}

// pass takes a slot that is free, unless others of the key wait.
func (g *Gate[K]) pass(key K) bool {
	if g.queues[key] != nil || !g.fits(key) {
		return false
	}
	g.admit(key)
	return true
}

// Leave gives a slot of the key back.
func (g *Gate[K]) Leave(key K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.held[key]--; g.held[key] == 0 {
		delete(g.held, key)
	}
	g.next()
}

// fits reports whether one more of the key may be inside.
func (g *Gate[K]) fits(key K) bool {
	return g.inside < g.options.Slots && g.held[key] < g.options.Share
}

func (g *Gate[K]) admit(key K) {
	g.inside++
	g.held[key]++
}

func (g *Gate[K]) join(key K) (*waiter, error) {
	q := g.queues[key]
	if q == nil {
		q = &queue[K]{key: key}
		g.queues[key] = q
		g.turns = append(g.turns, q)
	}
	if len(q.waiting) == g.options.Queue {
		return nil, ErrFull
	}
	w := &waiter{turn: make(chan error, 1), since: time.Now()}
	q.waiting = append(q.waiting, w)
	if g.late == nil {
		g.late = time.AfterFunc(g.options.MaxWait, g.refuseLate)
	}
	return w, nil
}

// refuseLate tells those who have waited for too long. One timer is for all: most are let
// in long before, and a timer for each would cost more than the waiting.
func (g *Gate[K]) refuseLate() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now, longest := time.Now(), time.Duration(-1)
	for _, q := range slices.Clone(g.turns) {
		for len(q.waiting) > 0 && now.Sub(q.waiting[0].since) >= g.options.MaxWait {
			q.waiting[0].turn <- ErrWaited
			q.waiting = q.waiting[1:]
		}
		if len(q.waiting) == 0 {
			g.forget(q)
		} else {
			longest = max(longest, now.Sub(q.waiting[0].since))
		}
	}
	if g.late = nil; longest >= 0 {
		g.late = time.AfterFunc(g.options.MaxWait-longest, g.refuseLate)
	}
}

// leaveQueue gives up waiting, unless it has been told already what has become of it.
func (g *Gate[K]) leaveQueue(key K, w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	q := g.queues[key]
	if q == nil {
		return false
	}
	i := slices.Index(q.waiting, w)
	if i < 0 {
		return false
	}
	if q.waiting = slices.Delete(q.waiting, i, i+1); len(q.waiting) == 0 {
		g.forget(q)
	}
	return true
}

// next lets in who may: one of a key, then one of the next.
func (g *Gate[K]) next() {
	for i := 0; i < len(g.turns) && g.inside < g.options.Slots; {
		q := g.turns[i]
		if !g.fits(q.key) {
			i++
			continue
		}
		g.admit(q.key)
		q.waiting[0].turn <- nil
		if q.waiting = q.waiting[1:]; len(q.waiting) == 0 {
			g.forget(q)
			continue
		}
		copy(g.turns[i:], g.turns[i+1:]) // the others of it come after those of other keys
		g.turns[len(g.turns)-1] = q
	}
}

func (g *Gate[K]) forget(q *queue[K]) {
	delete(g.queues, q.key)
	i := slices.Index(g.turns, q)
	g.turns = slices.Delete(g.turns, i, i+1)
}

// Package batcher groups requests that arrive at the same time: while some batches are under
// way, new requests wait and then go together as the next batch.
//
// What a request is, and how a batch is sent, is left to the callers.
package batcher

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Options are how long requests wait for company. The zero value of a bound is none,
// but for Free and Most, which are at least 1.
type Options[R any] struct {
	// Free is how many requests are on their way, alone or in batches, while one that comes
	// still goes at once, alone. Beyond, it waits for some of them to return. So a few
	// callers never wait for each other, and many gather behind the batch that is on its way.
	Free int
	// Most is how many batches are on their way at once.
	Most int
	// Size is how many requests go together.
	Size int
	// MaxWait is how long a request waits before it is flushed though Free, or more, are on
	// their way.
	MaxWait time.Duration
	// Flush sends a batch. It runs in the goroutine of one of the requests; its ctx is
	// that of the request if there is one alone, and else ends with none of them.
	Flush func(ctx context.Context, batch []R)
}

// Batcher sends requests. It is safe for concurrent use.
type Batcher[R any] struct {
	options Options[R]

	mu       sync.Mutex
	inFlight int // requests
	batches  int // of them
	waiting  []*entry[R]
	overdue  *time.Timer // of the first that waits; nil until one has waited
}

// entry is a request that waits. turn gives the goroutine that waits the batch to
// flush, its own request first; it is closed when another has flushed it.
type entry[R any] struct {
	request R
	turn    chan []*entry[R]
}

// New makes a batcher.
func New[R any](o Options[R]) *Batcher[R] {
	o.Free, o.Most = max(o.Free, 1), max(o.Most, o.Free, 1)
	return &Batcher[R]{options: o}
}

// Do returns when the request has been flushed, alone or with others. When ctx ends
// while it waits for that it is not flushed, and the error is that of ctx.
func (b *Batcher[R]) Do(ctx context.Context, request R) error {
	own, others, err := b.join(ctx, request)
	switch {
	case err != nil:
		return err
	case !own:
		return nil
	}
	defer b.returned(1 + len(others))
	if len(others) == 0 {
		b.options.Flush(ctx, []R{request})
		return nil
	}
	batch := make([]R, 1, 1+len(others))
	batch[0] = request
	for _, e := range others {
		batch = append(batch, e.request)
		defer close(e.turn)
	}
	b.options.Flush(context.WithoutCancel(ctx), batch)
	return nil
}

// join waits for the turn of a request. It is not the caller's own when another has
// flushed it.
func (b *Batcher[R]) join(ctx context.Context, request R) (own bool, others []*entry[R], err error) {
	b.mu.Lock()
	if b.inFlight < b.options.Free && len(b.waiting) == 0 {
		b.depart(1)
		b.mu.Unlock()
		return true, nil, nil
	}
	e := &entry[R]{request, make(chan []*entry[R], 1)} // so that nobody waits for it to take its turn
	if b.waiting = append(b.waiting, e); len(b.waiting) == 1 {
		b.restart()
	}
	b.mu.Unlock()
	var batch []*entry[R]
	select {
	case batch, own = <-e.turn:
	case <-ctx.Done():
		if b.leave(e) {
			return false, nil, ctx.Err()
		}
		batch, own = <-e.turn
	}
	if own {
		others = batch[1:]
	}
	return own, others, nil
}

// Load tells how many requests are on their way, and how many wait.
func (b *Batcher[R]) Load() (inFlight, waiting int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.inFlight, len(b.waiting)
}

// leave gives up waiting, unless the turn has come.
func (b *Batcher[R]) leave(e *entry[R]) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, e)
	if i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
	return i >= 0
}

// depart notes that a batch of n requests goes.
func (b *Batcher[R]) depart(n int) {
	b.batches++
	b.inFlight += n
}

// returned notes that a batch of n requests is back, and lets those have their turn that came
// meanwhile.
func (b *Batcher[R]) returned(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.batches--
	if b.inFlight -= n; b.inFlight < b.options.Free {
		b.flush()
	}
}

// restart counts anew how long the first waits.
func (b *Batcher[R]) restart() {
	switch {
	case b.options.MaxWait == 0:
	case b.overdue == nil:
		b.overdue = time.AfterFunc(b.options.MaxWait, b.flushOverdue)
	default:
		b.overdue.Reset(b.options.MaxWait)
	}
}

// flushOverdue flushes those that have waited long enough.
func (b *Batcher[R]) flushOverdue() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.batches < b.options.Most {
		b.flush()
	} else {
		b.restart()
	}
}

// flush gives the next batch its turn, if any request waits.
func (b *Batcher[R]) flush() {
	n := b.batch()
	if n == 0 {
		return
	}
	batch := slices.Clone(b.waiting[:n])
	if b.waiting = slices.Delete(b.waiting, 0, n); len(b.waiting) > 0 {
		b.restart()
	}
	b.depart(n)
	batch[0].turn <- batch
}

// batch is how many of those that wait go together.
func (b *Batcher[R]) batch() int {
	if b.options.Size > 0 {
		return min(len(b.waiting), b.options.Size)
	}
	return len(b.waiting)
}

// Package fresh caches one value of a store for as long as it may be used before it has to
// be read again.
//
// What is read, and how old it may be, is left to the callers.
package fresh

import (
	"context"
	"sync/atomic"
	"time"
)

// Reading is what one reading gave. Its value is for all who ask, and is never changed.
type Reading[T any] struct {
	Value T
	Began time.Time
	Took  time.Duration
}

// Value is read before it is used, unless that was done lately. It is safe for concurrent
// use.
type Value[T any] struct {
	age     time.Duration
	read    func(ctx context.Context) (T, error)
	current atomic.Pointer[Reading[T]]
	reading chan struct{} // holds something while one who asks reads; others wait for that
}

// New makes a value that is used for at most an age after its reading began.
func New[T any](age time.Duration, read func(ctx context.Context) (T, error)) *Value[T] {
	v := &Value[T]{age: age, read: read, reading: make(chan struct{}, 1)}
	v.Forget()
	return v
}

// Get gives a reading that is young enough.
func (v *Value[T]) Get(ctx context.Context) (Reading[T], error) {
	known := v.current.Load()
	if time.Since(known.Began) < v.age {
		return *known, nil
	}
	return v.After(ctx, known.Began)
}

// After gives a reading that began after a time. Of those who ask at once one reads, and
// the others wait for it.
func (v *Value[T]) After(ctx context.Context, at time.Time) (Reading[T], error) {
	select {
	case v.reading <- struct{}{}:
		defer func() { <-v.reading }()
	case <-ctx.Done():
		return Reading[T]{}, ctx.Err()
	}
	known := v.current.Load()
	if known.Began.After(at) {
		return *known, nil
	}
	return v.renew(ctx, known)
}

// renew reads in the place of what was known, which stays where that fails. What is
// forgotten meanwhile is forgotten.
func (v *Value[T]) renew(ctx context.Context, known *Reading[T]) (Reading[T], error) {
	r := Reading[T]{Began: time.Now()}
	var err error
	if r.Value, err = v.read(ctx); err != nil {
		return Reading[T]{}, err
	}
	r.Took = time.Since(r.Began)
	v.current.CompareAndSwap(known, &r)
	return r, nil
}

// Forget has it read again before it is used, also when a reading is under way.
func (v *Value[T]) Forget() { v.current.Store(new(Reading[T])) }

// Keep reads it every so often, until ctx ends, so that nobody who asks has to. A reading
// that takes longer than limit is given up. Failures are told by Get, which reads then.
func (v *Value[T]) Keep(ctx context.Context, pause, limit time.Duration) {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		renewing, cancel := context.WithTimeout(ctx, limit)
		_, _ = v.renew(renewing, v.current.Load())
		cancel()
	}
}

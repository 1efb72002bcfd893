package batcher

import (
	"context"
	"sync"
)

// Keyed has a batcher for each key that is in use: requests of one key go together.
// It is safe for concurrent use.
type Keyed[K comparable, R any] struct {
	options Options[R]

	mu    sync.Mutex
	inUse map[K]*shared[R]
}

type shared[R any] struct {
	*Batcher[R]
	users int
}

// NewKeyed makes batchers of the same options for all keys.
func NewKeyed[K comparable, R any](o Options[R]) *Keyed[K, R] {
	return &Keyed[K, R]{options: o, inUse: make(map[K]*shared[R])}
}

// Do is Batcher.Do with the requests of the key.
func (k *Keyed[K, R]) Do(ctx context.Context, key K, request R) error {
	defer k.leave(key)
	return k.join(key).Do(ctx, request)
}

func (k *Keyed[K, R]) join(key K) *Batcher[R] {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.inUse[key]
	if s == nil {
		s = &shared[R]{Batcher: New(k.options)}
		k.inUse[key] = s
	}
	s.users++
	return s.Batcher
}

func (k *Keyed[K, R]) leave(key K) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s := k.inUse[key]; s.users > 1 {
		s.users--
	} else {
		delete(k.inUse, key)
	}
}

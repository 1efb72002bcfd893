// Package lru is a bounded map that forgets what was used least recently.
//
// What is kept, and whether it may be out of date, is left to the callers.
package lru

import "sync"

// Map holds between limit and twice limit of the entries that were used last. It has
// two generations: when the young one is full it becomes the old one, and what is used
// of the old one is young again. It is safe for concurrent use; nil values are values.
type Map[K comparable, V any] struct {
	limit int

	mu         sync.RWMutex
	young, old map[K]V
}

// New makes a map that keeps at least the last limit entries.
func New[K comparable, V any](limit int) *Map[K, V] {
	return &Map[K, V]{limit: limit, young: make(map[K]V)}
}

// Get gives the value of a key that is still kept.
func (m *Map[K, V]) Get(key K) (value V, ok bool) {
	m.mu.RLock()
	value, ok = m.young[key]
	m.mu.RUnlock()
	if ok {
		return value, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if value, ok = m.old[key]; ok {
		m.put(key, value)
	}
	return value, ok
}

// Put keeps a value, in place of that which the key had.
func (m *Map[K, V]) Put(key K, value V) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(key, value)
}

func (m *Map[K, V]) put(key K, value V) {
	if len(m.young) >= m.limit {
		m.young, m.old = make(map[K]V), m.young
	}
	delete(m.old, key)
	m.young[key] = value
}

// Len is how many entries are kept.
func (m *Map[K, V]) Len() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return len(m.young) + len(m.old)
}

package oauth

import (
	"crypto/sha256"
	"maps"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/lru"
)

const (
	verdictLife = 30 * time.Second
	cacheSize   = 10_000 // tokens; some 3 MB, without what they are granted (sets)
)

// verdict is what a token was found to be.
type verdict struct {
	principal *Principal // nil where it is refused
	refusal   error
	asked     time.Time // when the store was
	until     time.Time
}

// cache keeps verdicts by the hash of their token, so that no usable token
// lies in memory longer than its request.
type cache struct {
	mu      sync.RWMutex
	size    int
	entries map[[sha256.Size]byte]verdict
}

func newCache(size int) *cache {
	return &cache{size: size, entries: make(map[[sha256.Size]byte]verdict)}
}

// get returns the verdict on a token if there is one that still holds.
func (c *cache) get(key [sha256.Size]byte, now time.Time) (verdict, bool) {
	c.mu.RLock()
	v, ok := c.entries[key]
	c.mu.RUnlock()
	return v, ok && now.Before(v.until)
}

func (c *cache) put(key [sha256.Size]byte, v verdict) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.entries[key]; !known && len(c.entries) >= c.size {
		lru.DropOldest(c.entries, func(v verdict) time.Time { return v.until })
	}
	c.entries[key] = v
}

// drop forgets the verdicts on tokens that have a set of permissions.
func (c *cache) drop(set Permissions) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.entries, func(_ [sha256.Size]byte, v verdict) bool { return v.principal != nil && v.principal.Permissions == set })
}

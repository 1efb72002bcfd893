package oauth

import (
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// Failures that cost nothing: of one client from one address, and of a client
	// or an address in all.
	freeOfPair  = 5
	freeOfTotal = 20
	// Each failure beyond doubles the time for which nothing is accepted.
	firstPause   = time.Second
	longestPause = time.Minute
	// forgiven is how long after the last failure they are all forgotten.
	forgiven = 15 * time.Minute
	// guardSize bounds the memory: 10,000 records, some 2 MB.
	guardSize = 10_000
)

// suspect is a client that authenticates from an address. Without one of the
// two, it stands for all clients of the address, or all addresses of the client.
type suspect struct {
	client  uuid.UUID
	address string
}

// record is what is known of a suspect.
type record struct {
	failures int
	until    time.Time // nothing is accepted before
	last     time.Time // of anything
	good     bool      // the right secret came from here
}

// guard slows down who guesses secrets. The secrets have 256 bits, so what it
// protects is not them but the server. A client from an address where it has
// authenticated before is only held back by its own failures there: nobody can
// lock it out by failing in its name.
type guard struct {
	mu      sync.Mutex
	size    int
	records map[suspect]*record
}

func newGuard(size int) *guard {
	return &guard{size: size, records: make(map[suspect]*record)}
}

// pause is how long the client must wait before its secret is looked at.
func (g *guard) pause(client uuid.UUID, address string, at time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	pair := g.records[suspect{client, address}]
	if pair != nil && (pair.good || pair.until.After(at)) {
		return max(0, pair.until.Sub(at))
	}
	var wait time.Duration
	for _, total := range totals(client, address) {
		if r := g.records[total]; r != nil {
			wait = max(wait, r.until.Sub(at))
		}
	}
	return wait
}

// failed counts a failure. One of a client that does not exist is the
// address's alone: there are more names than memory.
func (g *guard) failed(client uuid.UUID, address string, exists bool, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !exists {
		g.at(suspect{address: address}, at).fail(freeOfTotal, at)
		return
	}
	g.at(suspect{client, address}, at).fail(freeOfPair, at)
	for _, total := range totals(client, address) {
		g.at(total, at).fail(freeOfTotal, at)
	}
}

// succeeded clears the client at this address.
func (g *guard) succeeded(client uuid.UUID, address string, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	*g.at(suspect{client, address}, at) = record{good: true, last: at}
}

func totals(client uuid.UUID, address string) [2]suspect {
	return [2]suspect{{client: client}, {address: address}}
}

func (r *record) fail(free int, at time.Time) {
	if at.Sub(r.last) > forgiven {
		r.failures = 0
	}
	r.failures++
	r.last = at
	if over := r.failures - free; over > 0 {
		r.until = at.Add(min(longestPause, firstPause<<min(over-1, 10)))
	}
}

// at returns the record of a suspect, new if need be. When there are too many,
// the oldest of a few goes.
func (g *guard) at(s suspect, at time.Time) *record {
	r, ok := g.records[s]
	if !ok {
		if len(g.records) >= g.size {
			evict(g.records, func(r *record) time.Time { return r.last })
		}
		r = &record{last: at}
		g.records[s] = r
	}
	return r
}

package oauth

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// Failures that cost nothing: of one client from one source, and of a client
	// or a source in all.
	freeOfPair  = 5
	freeOfTotal = 20
	// Each failure beyond doubles the pause in which failures are told nothing.
	firstPause   = time.Second
	longestPause = time.Minute
	// forgiven is how long after the last failure they are all forgotten.
	forgiven = 15 * time.Minute
	// guardSize bounds the memory: 10,000 records of those who fail and as many of
	// those who do not, some 4 MB.
	guardSize = 10_000
	// pausedAtOnce is how many look-ups are made at once of clients in a pause.
	pausedAtOnce = 2
)

// suspect is a client that authenticates from a source. Without one of the
// two, it stands for all clients of the source, or all sources of the client.
type suspect struct {
	client uuid.UUID
	source string
}

// failures are those of a suspect.
type failures struct {
	count int
	until time.Time // end of the pause
	last  time.Time
}

// guard slows down who guesses secrets. The secrets have 256 bits, so what it
// protects is not them but the server, and the right one is accepted at any time:
// nobody can lock a client out by failing in its name or beside it. Who fails in a
// pause is told nothing but to wait. A client that has authenticated from a source
// before is held back only by its own failures there.
type guard struct {
	turns chan struct{} // taken while a client in a pause is looked up

	mu    sync.Mutex
	size  int // of each of the maps
	fails map[suspect]*failures
	// good holds when a client last authenticated from a source. It is a map of its
	// own, so that those who fail, and may be any number, push nobody out of it.
	good map[suspect]time.Time
}

func newGuard(size int) *guard {
	return &guard{
		turns: make(chan struct{}, pausedAtOnce),
		size:  size, fails: make(map[suspect]*failures), good: make(map[suspect]time.Time),
	}
}

// sourceOf is what an address is counted by: an IPv6 address by its network of 64
// bits, since whoever has one of its addresses has them all.
func sourceOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // which every IPv6 address has
	return network.String()
}

// pause is for how long failures are told nothing.
func (g *guard) pause(s suspect, at time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	wait := g.left(s, at)
	if _, good := g.good[s]; good {
		return wait
	}
	for _, total := range s.totals() {
		wait = max(wait, g.left(total, at))
	}
	return wait
}

func (g *guard) left(s suspect, at time.Time) time.Duration {
	f := g.fails[s]
	if f == nil {
		return 0
	}
	return max(0, f.until.Sub(at))
}

// turn waits for one of the few look-ups that are made at once of clients in a pause,
// so that a flood of failures leaves the store to others. It returns the error of a
// request that has ended.
func (g *guard) turn(ctx context.Context) (done func(), err error) {
	select {
	case g.turns <- struct{}{}:
		return func() { <-g.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// failed counts a failure. One of a client that does not exist is the source's
// alone: there are more names than memory.
func (g *guard) failed(s suspect, exists bool, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !exists {
		g.at(suspect{source: s.source}, at).add(freeOfTotal, at)
		return
	}
	g.at(s, at).add(freeOfPair, at)
	for _, total := range s.totals() {
		g.at(total, at).add(freeOfTotal, at)
	}
}

// succeeded clears the client at this source.
func (g *guard) succeeded(s suspect, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.fails, s)
	if _, known := g.good[s]; !known && len(g.good) >= g.size {
		evict(g.good, func(last time.Time) time.Time { return last })
	}
	g.good[s] = at
}

func (s suspect) totals() [2]suspect { return [2]suspect{{client: s.client}, {source: s.source}} }

func (f *failures) add(free int, at time.Time) {
	if at.Sub(f.last) > forgiven {
		f.count = 0
	}
	f.count++
	f.last = at
	if over := f.count - free; over > 0 {
		f.until = at.Add(min(longestPause, firstPause<<min(over-1, 10)))
	}
}

// at returns the failures of a suspect, none if there are none so far. When there are
// too many suspects, the one that failed last the longest ago of a few goes.
func (g *guard) at(s suspect, at time.Time) *failures {
	f, ok := g.fails[s]
	if !ok {
		if len(g.fails) >= g.size {
			evict(g.fails, func(f *failures) time.Time { return f.last })
		}
		f = &failures{last: at}
		g.fails[s] = f
	}
	return f
}

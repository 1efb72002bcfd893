// Package guesses slows down the guessing of secrets: it counts failed attempts to
// authenticate, and decides how long further attempts are not answered.
//
// What a secret is, and whether the right one is accepted during a pause, is left to the
// callers: a secret of 256 bits may be, a person's password may not.
package guesses

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/lru"
)

const (
	// Failures that cost nothing: of one client or person from one source, and of one
	// or a source in all.
	freeOfPair  = 5
	freeOfTotal = 20
	// Each failure beyond doubles the pause in which failures are told nothing.
	firstPause   = time.Second
	longestPause = time.Minute
	// forgiven is how long after the last failure they are all forgotten.
	forgiven = 15 * time.Minute
	// pausedAtOnce is how many look-ups are made at once of those in a pause.
	pausedAtOnce = 2
	// everybody may wait for one, as long as a request lasts.
	everybody, longestTurn = 1 << 30, time.Hour
)

// Suspect is who authenticates from a source: a client, or a person. Without one of the
// two, it stands for all of the source, or all sources of one.
type Suspect struct {
	Who    uuid.UUID
	Source string // SourceOf an address
}

// failures are those of a suspect.
type failures struct {
	count int
	until time.Time // end of the pause
	last  time.Time
}

// Guard slows down who guesses secrets. Who fails in a pause is told nothing but to wait.
// Who has authenticated from a source before is held back only by their own failures
// there: nobody can lock others out by failing in their name or beside them. It is safe
// for concurrent use.
type Guard struct {
	turns *fairshare.Gate[string] // taken while somebody in a pause is looked up, by source

	mu    sync.Mutex
	size  int // of each of the maps
	fails map[Suspect]*failures
	// good holds when somebody last authenticated from a source. It is a map of its
	// own, so that those who fail, and may be any number, push nobody out of it.
	good map[Suspect]time.Time
}

// Size bounds the memory of a guard: 10,000 records of those who fail and as many of those
// who do not, some 4 MB.
const Size = 10_000

// New makes a guard of so many records.
func New(size int) *Guard {
	return &Guard{
		turns: fairshare.New[string](fairshare.Options{Slots: pausedAtOnce, Share: pausedAtOnce, Queue: everybody, MaxWait: longestTurn}),
		size:  size, fails: make(map[Suspect]*failures), good: make(map[Suspect]time.Time),
	}
}

// SourceOf is what an address is counted by: an IPv6 address by its network of 64
// bits, since whoever has one of its addresses has them all.
func SourceOf(address string) string {
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

// Pause is for how long failures are told nothing.
func (g *Guard) Pause(s Suspect, at time.Time) time.Duration {
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

func (g *Guard) left(s Suspect, at time.Time) time.Duration {
	f := g.fails[s]
	if f == nil {
		return 0
	}
	return max(0, f.until.Sub(at))
}

// Turn waits for one of the few look-ups that are made at once of those in a pause,
// so that a flood of failures leaves the store to others. Sources take turns: who is in a
// pause because others fail in their name does not wait behind all of these. It returns the
// error of a request that has ended.
func (g *Guard) Turn(ctx context.Context, source string) (done func(), err error) {
	if err := g.turns.Enter(ctx, source); err != nil {
		return nil, err
	}
	return func() { g.turns.Leave(source) }, nil
}

// Failed counts a failure. One of somebody who does not exist is the source's
// alone: there are more names than memory.
func (g *Guard) Failed(s Suspect, exists bool, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !exists {
		g.at(Suspect{Source: s.Source}, at).add(freeOfTotal, at)
		return
	}
	g.at(s, at).add(freeOfPair, at)
	for _, total := range s.totals() {
		g.at(total, at).add(freeOfTotal, at)
	}
}

// Succeeded clears who it is at this source.
func (g *Guard) Succeeded(s Suspect, at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.fails, s)
	if _, known := g.good[s]; !known && len(g.good) >= g.size {
		lru.DropOldest(g.good, func(last time.Time) time.Time { return last })
	}
	g.good[s] = at
}

func (s Suspect) totals() [2]Suspect { return [2]Suspect{{Who: s.Who}, {Source: s.Source}} }

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
func (g *Guard) at(s Suspect, at time.Time) *failures {
	f, ok := g.fails[s]
	if !ok {
		if len(g.fails) >= g.size {
			lru.DropOldest(g.fails, func(f *failures) time.Time { return f.last })
		}
		f = &failures{last: at}
		g.fails[s] = f
	}
	return f
}

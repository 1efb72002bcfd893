package provisioning

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/lru"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// LoopKind is how a client goes round in a circle.
type LoopKind string

// The kinds of loops.
const (
	Repeat LoopKind = "repeat" // it asks for what is so already
	Flip   LoopKind = "flip"   // it changes an attribute to what it was before
)

// Loop is what a client does again and again to one resource.
type Loop struct {
	Client uuid.UUID
	Target Target
	Kind   LoopKind
	// What tells loops of one resource apart: the attribute of a flip, or a digest of the
	// request that is repeated for a group; empty for a user.
	What string
	N    int64
	Last time.Time
	// Spellings are the attributes that keep it busy.
	Spellings []Spelling
}

// Spelling is an attribute of a loop: what the client sends for it, and what is kept, or
// was before, where they differ.
type Spelling struct {
	Attribute string `json:"attribute"`
	Sent      string `json:"sent,omitempty"`
	Kept      string `json:"kept,omitempty"`
}

// Made is what a request has changed of one resource.
type Made struct {
	Target  Target
	Changes []Change
}

const (
	// suspicious is how often something happens before it is stored: what happens once or
	// twice is no loop, and there may be as many of it as there are users.
	suspicious = 3
	// mostSeen is of how many things a server remembers that they happened once or twice,
	// and mostSuspicious of how many that they happened more often. Loops of a client
	// that does more than that between two turns are not seen.
	mostSeen, mostSuspicious = 100_000, 20_000
	// mostLoops is how many loops of an organisation wait to be stored, and mostWaiting
	// those of all.
	mostLoops, mostWaiting = 1000, 20_000
)

// loops finds in memory what happens again and again.
type loops struct {
	mu               sync.Mutex
	seen, suspicious *lru.Map[uint64, sighting]
	waiting          map[org.ID]map[uint64]*Loop
	n                int // that wait
}

// sighting is how often something has happened, and between which values it went.
type sighting struct {
	n      int
	values uint64
}

func newLoops() *loops {
	return &loops{
		seen: lru.New[uint64, sighting](mostSeen / 2), suspicious: lru.New[uint64, sighting](mostSuspicious / 2), // they keep up to twice as many
		waiting: make(map[org.ID]map[uint64]*Loop),
	}
}

// count counts what became of a request.
func (l *loops) count(o org.ID, out Outcome, at time.Time) {
	switch {
	case out.Kind == Unchanged && out.Target.ID != uuid.Nil:
		repeated := Loop{Client: out.Client, Target: out.Target, Kind: Repeat, What: out.Request}
		l.see(o, repeated, 0, at, func() []Spelling { return spellings(out.Sent) })
	case out.Kind == Changed:
		for _, made := range out.Made {
			for _, c := range made.Changes {
				if c.Before == nil && c.After == nil || IsSecret(c.Attribute) {
					continue
				}
				flipped := Loop{Client: out.Client, Target: made.Target, Kind: Flip, What: c.Attribute}
				l.see(o, flipped, valuesOf(c), at, func() []Spelling { return []Spelling{flipOf(c)} })
			}
		}
	}
}

// see notes that something happened. Between other values than the last time it is
// something new. A change that a server sees twice the same way was taken back between, by
// another server.
func (l *loops) see(o org.ID, loop Loop, values uint64, at time.Time, told func() []Spelling) {
	key := keyOf(o, loop)
	l.mu.Lock()
	defer l.mu.Unlock()
	before, known := l.suspicious.Get(key)
	if !known {
		before, _ = l.seen.Get(key)
	}
	now := sighting{n: 1, values: values}
	if before.values == values {
		now.n = before.n + 1
	}
	switch {
	case known:
		l.suspicious.Put(key, now)
	case now.n < suspicious:
		l.seen.Put(key, now)
		return
	default:
		l.suspicious.Put(key, now)
	}
	switch {
	case now.n == suspicious:
		loop.N = suspicious // those before are counted with it
	case now.n > suspicious:
		loop.N = 1
	default:
		return // it begins anew
	}
	l.add(o, key, loop, at, told)
}

// add adds to the loops that are to be stored.
func (l *loops) add(o org.ID, key uint64, loop Loop, at time.Time, told func() []Spelling) {
	all := l.waiting[o]
	if waits := all[key]; waits != nil {
		waits.N += loop.N
		waits.Last = at
		return
	}
	if len(all) >= mostLoops || l.n >= mostWaiting {
		return
	}
	if all == nil {
		all = make(map[uint64]*Loop)
		l.waiting[o] = all
	}
	loop.Last, loop.Spellings = at, told()
	all[key] = &loop
	l.n++
}

// take empties what is to be stored.
func (l *loops) take() map[org.ID]map[uint64]*Loop {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.waiting
	l.waiting, l.n = make(map[org.ID]map[uint64]*Loop), 0
	return taken
}

func keyOf(o org.ID, l Loop) uint64 {
	h := fnv.New64a()
	text := strconv.AppendInt(make([]byte, 0, 96), int64(o), 36)
	text = append(append(text, l.Client[:]...), l.Target.ID[:]...)
	text = append(append(text, l.Kind...), l.What...)
	_, _ = h.Write(text) // never fails
	return h.Sum64()
}

// valuesOf is a number for the two values of a change, whichever was first.
func valuesOf(c Change) uint64 {
	sum := uint64(1) // not that of a repeat
	for _, value := range []any{c.Before, c.After} {
		h := fnv.New64a()
		_, _ = h.Write([]byte(scim.ValueKey(value))) // never fails
		sum += h.Sum64()
	}
	return sum
}

// flipOf tells between which values an attribute goes.
func flipOf(c Change) Spelling {
	return Spelling{Attribute: c.Attribute, Sent: textOf(c.After), Kept: textOf(c.Before)}
}

// Sentence tells what goes on, as the end of a sentence about the client.
func (l Loop) Sentence() string {
	if l.Kind == Flip {
		text := fmt.Sprintf("changed %s of %s %d times within a day", l.What, l.Target, l.N)
		if len(l.Spellings) == 0 || strings.Contains(l.What, "[") {
			return text + ", to and fro."
		}
		return text + fmt.Sprintf(", to and fro between %s and %s.", quotedOr(l.Spellings[0].Kept, "nothing"), quotedOr(l.Spellings[0].Sent, "nothing"))
	}
	text := fmt.Sprintf("asked %d times within a day for what %s is already", l.N, l.Target)
	var parts, names []string
	for _, s := range l.Spellings {
		if names = append(names, s.Attribute); s.Sent != "" {
			parts = append(parts, fmt.Sprintf("%s is sent as %q and kept as %s", s.Attribute, s.Sent, quotedOr(s.Kept, "nothing")))
		}
	}
	switch {
	case len(parts) > 0:
		return text + ": " + strings.Join(parts, "; ") + "."
	case len(names) > 0:
		return text + ": " + strings.Join(names, ", ") + "."
	default:
		return text + "."
	}
}

func quotedOr(text, none string) string {
	if text == "" {
		return none
	}
	return strconv.Quote(text)
}

// Digest is a short text for a request, the same for the same.
func Digest(request []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(request) // never fails
	return strconv.FormatUint(h.Sum64(), 36)
}

// loopsOf are the loops that are to be stored of an organisation, in one order on all
// servers.
func loopsOf(waiting map[uint64]*Loop) (all []Loop) {
	for _, loop := range waiting {
		all = append(all, *loop)
	}
	slices.SortFunc(all, func(a, b Loop) int {
		return slices.Compare(append(a.Client[:], a.Target.ID[:]...), append(b.Client[:], b.Target.ID[:]...))
	})
	return all
}

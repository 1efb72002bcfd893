package oauth

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// Digest names what roles grant: it is that of DigestOf.
type Digest [sha256.Size]byte

// DigestOf is the SHA-256 of the details of roles, in the order of the roles' ids, with a
// comma between each two.
func DigestOf(details [][]byte) (d Digest) {
	h := sha256.New()
	for i, text := range details {
		if i > 0 {
			h.Write([]byte{','})
		}
		h.Write(text)
	}
	h.Sum(d[:0])
	return d
}

const (
	// setsMemory is how many bytes all sets that are kept may take, about.
	setsMemory = 32 << 20
	// What a set takes at least, with the verdicts that hold it, and what a name takes
	// besides its letters.
	setCost, nameCost = 2 << 10, 48
	// largeDetails is how many bytes of details are read in turn with others.
	largeDetails = 64 << 10
	// largeAtOnce is how many turns there are.
	largeAtOnce = 2
)

// sets keeps what clients are granted: one set for all tokens that are granted the same,
// so that many tokens of a client with large roles take no more than one.
type sets struct {
	turns chan struct{}
	// forget is called with a set that is dropped.
	forget func(Permissions)

	mu    sync.RWMutex
	most  int // bytes
	bytes int
	known map[Digest]keptSet
}

type keptSet struct {
	Permissions
	bytes int
}

func newSets(most int, forget func(Permissions)) *sets {
	return &sets{turns: make(chan struct{}, largeAtOnce), forget: forget, most: most, known: make(map[Digest]keptSet)}
}

func (s *sets) get(d Digest) (Permissions, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	kept, ok := s.known[d]
	return kept.Permissions, ok
}

// put keeps a set, and returns the one that is kept, which may be that of a faster caller. The
// largest other sets make room: they belong to few clients.
func (s *sets) put(d Digest, p Permissions) Permissions {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept, ok := s.known[d]; ok {
		return kept.Permissions
	}
	made := keptSet{p, p.cost()}
	s.bytes += made.bytes
	for s.bytes > s.most && len(s.known) > 0 {
		s.dropLargest()
	}
	s.known[d] = made
	return p
}

func (s *sets) dropLargest() {
	var largest Digest
	most := -1
	for d, kept := range s.known {
		if kept.bytes > most {
			largest, most = d, kept.bytes
		}
	}
	s.forget(s.known[largest].Permissions)
	s.bytes -= most
	delete(s.known, largest)
}

// cost is how many bytes of memory the set takes, about.
func (p Permissions) cost() int {
	n := setCost
	if p.granted != nil {
		for name := range p.granted.names {
			n += nameCost + len(name)
		}
	}
	return n
}

// permissions are those of a client, of which Bearer found this. Large ones wait for a turn,
// so that a flood of new tokens makes few sets at once.
func (s *Service) permissions(ctx context.Context, o org.ID, client uuid.UUID, found Bearer) (Permissions, error) {
	if p, ok := s.sets.get(found.Granted); ok {
		return p, nil
	}
	if found.GrantedBytes > largeDetails {
		select {
		case s.sets.turns <- struct{}{}:
			defer func() { <-s.sets.turns }()
		case <-ctx.Done():
			return Permissions{}, fmt.Errorf("read roles of client: %w", ctx.Err())
		}
		if p, ok := s.sets.get(found.Granted); ok {
			return p, nil
		}
	}
	details, err := s.store.Granted(ctx, o, client)
	if err != nil {
		return Permissions{}, fmt.Errorf("read roles of client: %w", err)
	}
	return s.sets.put(DigestOf(details), PermissionsOf(details...)), nil
}

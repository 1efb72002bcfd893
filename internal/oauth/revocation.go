package oauth

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"
)

// How a server hears of revocations made by others. A revocation that is
// recorded is in no verdict that is used more than trusted later: a verdict
// counts only as long as its token was asked about, or all revocations were,
// within that time. So nothing depends on the polling, but what it costs.
const (
	// trusted is how old the knowledge about a token may be.
	trusted = time.Second
	// pollPause leaves room for three polls in that time.
	pollPause = 250 * time.Millisecond
	// overlap is how far back each poll looks: longer than any statement may take
	// to commit what it has recorded. All times are those of the store.
	overlap = time.Minute
	// remembered is how long what was heard is kept: longer than any verdict that
	// was begun before is.
	remembered = 5 * time.Minute
)

// Revocation says that a token, or all tokens of a client, must be looked up
// again. What became of them is in their own records.
type Revocation struct {
	ID       uuid.UUID // of a token or of a client
	Recorded time.Time
}

// revocations is what this server has heard, by its own clock.
type revocations struct {
	mu    sync.RWMutex
	asked time.Time                // when the last poll that was answered began
	heard map[uuid.UUID]time.Time  // the last time something new was heard of an id
	known map[Revocation]time.Time // when each was first heard
}

func newRevocations() *revocations {
	return &revocations{heard: make(map[uuid.UUID]time.Time), known: make(map[Revocation]time.Time)}
}

// allow reports whether a verdict may be used: what it rests on is young enough,
// and nothing was heard since then of its token and its client.
func (r *revocations) allow(v verdict, at time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	newest := v.asked
	if r.asked.After(newest) {
		newest = r.asked
	}
	return at.Sub(newest) < trusted &&
		(v.principal == nil || !r.heardSince(v.asked, v.principal.Token) && !r.heardSince(v.asked, v.principal.Client))
}

func (r *revocations) heardSince(asked time.Time, id uuid.UUID) bool {
	at, ok := r.heard[id]
	return ok && !at.Before(asked)
}

// hear takes revocations in. Those that polls repeat are new only once.
func (r *revocations) hear(at time.Time, all ...Revocation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range all {
		one.Recorded = one.Recorded.UTC() // so that equal times are equal keys
		if _, ok := r.known[one]; !ok {
			r.known[one], r.heard[one.ID] = at, at
		}
	}
}

// answered notes when a poll that was answered had begun, and forgets what no
// verdict can be older than.
func (r *revocations) answered(began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = began
	for one, at := range r.known {
		if began.Sub(at) > remembered {
			delete(r.known, one)
			if r.heard[one.ID].Equal(at) {
				delete(r.heard, one.ID)
			}
		}
	}
}

// Hear has this server look at once at what has ended, for who has just ended something in
// the store. Without it, or where it fails, the server hears of it within a second.
func (s *Service) Hear(ctx context.Context) {
	if err := s.poll(ctx); err != nil {
		s.log.WarnContext(ctx, "revocations were not read", "err", err)
	}
}

// poll asks for the revocations of late.
func (s *Service) poll(ctx context.Context) error {
	began := time.Now()
	late, err := s.store.Revocations(ctx, s.store.Now().Add(-overlap))
	if err != nil {
		return err
	}
	s.revoked.hear(time.Now(), late...)
	s.revoked.answered(began)
	return nil
}

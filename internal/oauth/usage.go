package oauth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

const (
	// expiryNotice is how long before its end a token warns.
	expiryNotice = 14 * 24 * time.Hour
	// renewed is the life up to which tokens are taken to be renewed by programs:
	// nobody pastes a token every two days, so no line of the log warns of its end.
	renewed = 48 * time.Hour
	// warnPause is between two such lines about one token.
	warnPause = time.Hour
	// maxPending bounds the uses that wait for the store, should it be away.
	maxPending = 100_000
)

// Use is the last use of a token that is not in the store yet.
type Use struct {
	Token uuid.UUID
	At    time.Time
	From  string // IP address
}

// ExpiresSoon reports whether the token of the principal ends within 14 days.
// Those of other issuers are renewed by those.
func (p Principal) ExpiresSoon(at time.Time) bool {
	return p.Issuer == "" && p.Expires.Sub(at) < expiryNotice
}

// usage gathers the last uses of tokens, so that no request waits for a write.
type usage struct {
	mu      sync.Mutex
	pending map[org.ID]map[uuid.UUID]Use
	count   int
	warned  map[uuid.UUID]time.Time // by token
}

func newUsage() *usage {
	return &usage{pending: make(map[org.ID]map[uuid.UUID]Use), warned: make(map[uuid.UUID]time.Time)}
}

// note keeps a use.
func (u *usage) note(o org.ID, use Use) {
	u.mu.Lock()
	defer u.mu.Unlock()
	tokens := u.pending[o]
	if tokens == nil {
		tokens = make(map[uuid.UUID]Use)
		u.pending[o] = tokens
	}
	last, known := tokens[use.Token]
	switch {
	case known && last.At.After(use.At), !known && u.count >= maxPending:
		return
	case !known:
		u.count++
	}
	tokens[use.Token] = use
}

// take empties the collection.
func (u *usage) take() map[org.ID]map[uuid.UUID]Use {
	u.mu.Lock()
	defer u.mu.Unlock()
	taken := u.pending
	u.pending, u.count = make(map[org.ID]map[uuid.UUID]Use), 0
	return taken
}

// shouldWarn reports whether nothing was logged about the token for an hour, and
// takes it that something is now.
func (u *usage) shouldWarn(token uuid.UUID, at time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.warned[token]; ok && at.Sub(last) < warnPause {
		return false
	}
	for other, last := range u.warned {
		if at.Sub(last) >= warnPause {
			delete(u.warned, other)
		}
	}
	u.warned[token] = at
	return true
}

// Used notes that the principal has made a request from an IP address. A token
// that was made to live long and is about to end is told in the log, at most
// once an hour.
func (s *Service) Used(ctx context.Context, p Principal, from string) {
	at := time.Now()
	s.used.note(p.Org.ID, Use{Token: p.Token, At: at.UTC().Truncate(time.Microsecond), From: from})
	if p.ExpiresSoon(at) && p.Expires.Sub(p.Issued) > renewed && s.used.shouldWarn(p.Token, at) {
		s.log.WarnContext(ctx, "an access token expires soon; make a new one and give it to the client",
			"org", p.Org.ID, "client", p.Client, "token", p.Token, "expires", p.Expires)
	}
}

// flush writes the uses of late to the store. What cannot be written is kept
// for the next time.
func (s *Service) flush(ctx context.Context) error {
	var failed error
	for o, tokens := range s.used.take() {
		uses := make([]Use, 0, len(tokens))
		for _, use := range tokens {
			uses = append(uses, use)
		}
		if err := s.store.MarkUsed(ctx, o, uses); err != nil {
			failed = errors.Join(failed, err)
			for _, use := range uses {
				s.used.note(o, use)
			}
		}
	}
	return failed
}

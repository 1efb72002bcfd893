package oauth

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

const (
	// expiryNotice is how long before its end a token warns.
	expiryNotice = 14 * 24 * time.Hour
	// logNotice is how long before its end the log begins to warn of a token.
	logNotice = 30 * 24 * time.Hour
	// renewed is the life up to which tokens are taken to be renewed by programs:
	// nobody pastes a token every two days, so no line of the log warns of its end.
	renewed = 48 * time.Hour
	// warnPause is between two such lines about one token.
	warnPause = time.Hour
	// maxPending bounds the uses that wait for the store, should it be away.
	maxPending = 100_000
	// inUse is how long a token counts as in use after it was.
	inUse = 24 * time.Hour
	// maxEnding bounds the tokens that are known to end soon; what is beyond is
	// neither counted nor warned of.
	maxEnding = 10_000
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
	ending  map[uuid.UUID]ending // by token
}

// ending is a token that somebody must replace soon.
type ending struct {
	expires time.Time
	used    time.Time // last
	warned  time.Time // when the log was last told
}

// matters reports whether the token is good and in use.
func (e ending) matters(at time.Time) bool {
	return at.Before(e.expires) && at.Sub(e.used) < inUse
}

func newUsage() *usage {
	return &usage{pending: make(map[org.ID]map[uuid.UUID]Use), ending: make(map[uuid.UUID]ending)}
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

// ends keeps that a token in use ends soon. It reports whether nothing was logged
// about it for an hour, and takes it that something is now.
func (u *usage) ends(token uuid.UUID, expires, at time.Time) (warn bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	e, known := u.ending[token]
	if !known && len(u.ending) >= maxEnding {
		return false
	}
	if warn = at.Sub(e.warned) >= warnPause; warn {
		e.warned = at
	}
	e.expires, e.used = expires, at
	u.ending[token] = e
	return warn
}

// expiring counts the tokens in use that end soon.
func (u *usage) expiring(at time.Time) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for _, e := range u.ending {
		if e.matters(at) && e.expires.Sub(at) < expiryNotice {
			n++
		}
	}
	return n
}

// nextExpiry is when the first of those tokens ends.
func (u *usage) nextExpiry(at time.Time) (first time.Time, known bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, e := range u.ending {
		if e.matters(at) && (!known || e.expires.Before(first)) {
			first, known = e.expires, true
		}
	}
	return first, known
}

// forget drops the tokens that have ended or are used no more.
func (u *usage) forget(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.DeleteFunc(u.ending, func(_ uuid.UUID, e ending) bool { return !e.matters(at) })
}

// Expiring counts the tokens of ours that made requests of this server within 24
// hours and end within 14 days. Those made to live no longer than two days are left
// out, as they are in the log: programs renew them.
func (s *Service) Expiring() int { return s.used.expiring(s.store.Now()) }

// NextExpiry is when the first of the tokens ends that Expiring counts, if there is one.
func (s *Service) NextExpiry() (time.Time, bool) { return s.used.nextExpiry(s.store.Now()) }

// Used notes that the principal has made a request from an IP address. A token
// that was made to live long and is about to end is told in the log, at most
// once an hour.
func (s *Service) Used(ctx context.Context, p *Principal, from string) {
	at := s.store.Now()
	s.used.note(p.Org.ID, Use{Token: p.Token, At: at, From: from})
	if p.Issuer == "" && p.Expires.Sub(at) < logNotice && p.Expires.Sub(p.Issued) > renewed && s.used.ends(p.Token, p.Expires, at) {
		s.log.WarnContext(ctx, "an access token expires soon; make a new one (purescim token renew) and give it to the client",
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

package oauth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// trustFresh is how long a server goes without reading the trusted issuers
	// again. One that was removed is found out when its client is looked up.
	trustFresh = 30 * time.Second
	// trustPause bounds how often tokens of invented issuers cause a reading; one
	// that takes long is done as much less often.
	trustPause = time.Second
	trustShare = 20 // at least as many times as long as the reading takes
)

// trustSet is what one reading of the store gave. It is never changed.
type trustSet struct {
	read     time.Time // when the reading began
	took     time.Duration
	byIssuer map[string][]TrustedIssuer
}

// due reports whether the issuers may be read again for a token that none fits.
func (s *trustSet) due(at time.Time) bool {
	return at.Sub(s.read) >= max(trustPause, trustShare*s.took)
}

// trust holds the trusted issuers of all organisations in memory: tokens that
// nobody has verified yet must not each cost a look-up.
type trust struct {
	store   IssuerStore
	current atomic.Pointer[trustSet]
	reading chan struct{} // holds a value while a request reads the store
}

func newTrust(store IssuerStore) *trust {
	return &trust{store: store, reading: make(chan struct{}, 1)}
}

// forget lets the next token read the issuers again, of which one has changed.
func (t *trust) forget() { t.current.Store(nil) }

// match finds the one issuer that a token with these claims is from, with all of
// its pins. An error wraps ErrTokenInvalid when there is none.
func (t *trust) match(ctx context.Context, c jwt.MapClaims) (TrustedIssuer, error) {
	set := t.current.Load()
	if set == nil || time.Since(set.read) >= trustFresh {
		var err error
		if set, err = t.readAfter(ctx, set); err != nil {
			return TrustedIssuer{}, err
		}
	}
	found, err := set.match(c)
	if err == nil || !set.due(time.Now()) {
		return found, err
	}
	// The issuer may have been added a moment ago.
	if set, err = t.readAfter(ctx, set); err != nil {
		return TrustedIssuer{}, err
	}
	return set.match(c)
}

// readAfter returns a set that was read later than old. Of the requests that ask
// at the same time one reads, the others wait for it.
func (t *trust) readAfter(ctx context.Context, old *trustSet) (*trustSet, error) {
	select {
	case t.reading <- struct{}{}:
		defer func() { <-t.reading }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if set := t.current.Load(); set != nil && set != old {
		return set, nil
	}
	set := &trustSet{read: time.Now(), byIssuer: make(map[string][]TrustedIssuer)}
	all, err := t.store.AllIssuers(ctx)
	if err != nil {
		return nil, fmt.Errorf("read trusted issuers: %w", err)
	}
	for _, one := range all {
		set.byIssuer[one.Issuer] = append(set.byIssuer[one.Issuer], one)
	}
	set.took = time.Since(set.read)
	t.current.Store(set)
	return set, nil
}

// match finds the one issuer whose pins the claims have.
func (s *trustSet) match(c jwt.MapClaims) (TrustedIssuer, error) {
	issuer, _ := c["iss"].(string)
	var found, wrong []string
	var match TrustedIssuer
	for _, one := range s.byIssuer[issuer] {
		if claim := one.mismatch(c); claim != "" {
			wrong = append(wrong, fmt.Sprintf("%s, which is %.100q", claim, fmt.Sprint(c[claim])))
			continue
		}
		found, match = append(found, one.ID.String()), one
	}
	switch {
	case len(found) == 1:
		return match, nil
	case len(found) > 1:
		return TrustedIssuer{}, fmt.Errorf("%w: it fits the trusted issuers %s", ErrTokenInvalid, strings.Join(found, " and "))
	case len(wrong) > 0:
		slices.Sort(wrong)
		return TrustedIssuer{}, fmt.Errorf("%w: its issuer is trusted, but with another %s", ErrTokenInvalid, strings.Join(slices.Compact(wrong), ", or another "))
	default:
		return TrustedIssuer{}, fmt.Errorf("%w: nobody trusts its issuer", ErrTokenInvalid)
	}
}

// mismatch names a claim that is not what is pinned, or is "".
func (t TrustedIssuer) mismatch(c jwt.MapClaims) string {
	audience, _ := c.GetAudience()
	switch {
	case c["iss"] != t.Issuer:
		return "iss"
	case !slices.Contains(audience, t.Audience):
		return "aud"
	case t.Tenant != "" && c[tenantClaim] != t.Tenant:
		return tenantClaim
	case c[t.SubjectClaim] != t.Subject:
		return t.SubjectClaim
	default:
		return ""
	}
}

package oauth

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/purescim/purescim/internal/fresh"
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

// trust holds the trusted issuers of all organisations in memory, by their names: tokens
// that nobody has verified yet must not each cost a look-up. It is forgotten when one of
// them changes.
type trust struct{ *fresh.Value[issuers] }

type issuers map[string][]TrustedIssuer

func newTrust(store IssuerStore) trust {
	return trust{fresh.New(trustFresh, func(ctx context.Context) (issuers, error) {
		all, err := store.AllIssuers(ctx)
		if err != nil {
			return nil, fmt.Errorf("read trusted issuers: %w", err)
		}
		byName := make(issuers)
		for _, one := range all {
			byName[one.Issuer] = append(byName[one.Issuer], one)
		}
		return byName, nil
	})}
}

// match finds the one issuer that a token with these claims is from, with all of
// its pins. An error wraps ErrTokenInvalid when there is none.
func (t trust) match(ctx context.Context, c jwt.MapClaims) (TrustedIssuer, error) {
	known, err := t.Get(ctx)
	if err != nil {
		return TrustedIssuer{}, err
	}
	found, err := known.Value.match(c)
	if err == nil || time.Since(known.Began) < max(trustPause, trustShare*known.Took) {
		return found, err
	}
	// The issuer may have been added a moment ago.
	if known, err = t.After(ctx, known.Began); err != nil {
		return TrustedIssuer{}, err
	}
	return known.Value.match(c)
}

// match finds the one issuer whose pins the claims have.
func (all issuers) match(c jwt.MapClaims) (TrustedIssuer, error) {
	issuer, _ := c["iss"].(string)
	var found, wrong []string
	var match TrustedIssuer
	for _, one := range all[issuer] {
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

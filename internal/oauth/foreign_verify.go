package oauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

const (
	// maxForeignToken is the length in bytes beyond which nothing is a token of
	// an issuer that is trusted. Those of Entra have some 2000.
	maxForeignToken = 8192
	// maxForeignLife is from issue to expiry. Programs renew such tokens; for a longer life
	// there are our own tokens, which are known before they are used.
	maxForeignLife = 24 * time.Hour
)

// foreignTypes are the values of `typ` that access tokens have. Anything else,
// such as an ID token that says so, is made for another purpose (RFC 8725
// section 3.11).
var foreignTypes = []string{"jwt", "at+jwt", "application/at+jwt", "application/okta-internal-at+jwt"}

// unverified reads the claims of a token. foreign is false when it is none, or
// names no issuer but this server.
func (s *Service) unverified(token string) (c jwt.MapClaims, foreign bool) {
	c = jwt.MapClaims{}
	if _, _, err := s.foreign.ParseUnverified(token, c); err != nil {
		return nil, false
	}
	issuer, _ := c["iss"].(string)
	return c, issuer != "" && issuer != s.issuer
}

// identifyForeign verifies a token of another issuer. Its unverified claims select the one
// trusted issuer that they match; that issuer's keys must then verify them.
func (s *Service) identifyForeign(ctx context.Context, token string, c jwt.MapClaims) (identity, error) {
	t, err := s.trust.match(ctx, c)
	if err != nil {
		return identity{}, err
	}
	verified := jwt.MapClaims{}
	parsed, err := s.parseSigned(token, verified, func(id string) (foreignKeys, error) {
		return s.remote.find(ctx, t.KeysURL, id)
	})
	switch {
	case errors.Is(err, ErrKeysAway), err != nil && ctx.Err() != nil:
		return identity{}, fmt.Errorf("check a token of %s: %w", t.Issuer, err)
	case errors.Is(err, jwt.ErrTokenExpired):
		return identity{}, fmt.Errorf("%w: it is of %s: %w", ErrTokenExpired, t.Issuer, err)
	case err != nil:
		return identity{}, fmt.Errorf("%w: it names %s: %w", ErrTokenInvalid, t.Issuer, err)
	}
	issued, expires, err := t.check(parsed.Header, verified)
	if err != nil {
		return identity{}, fmt.Errorf("%w: it is of %s, but %w", ErrTokenInvalid, t.Issuer, err)
	}
	return identity{
		org: t.Org, client: t.Client, token: foreignID(token, issued), issued: issued, expires: expires, trusted: &t,
	}, nil
}

// check looks at what the signature and the times do not show: the pins, the
// kind of token, how long it lives. It returns when the token was issued and when
// it expires.
func (t TrustedIssuer) check(header map[string]any, c jwt.MapClaims) (issued, expires time.Time, err error) {
	if claim := t.mismatch(c); claim != "" {
		return issued, expires, fmt.Errorf("has another %s", claim)
	}
	if kind, ok := header["typ"]; ok {
		name, _ := kind.(string)
		if !slices.Contains(foreignTypes, strings.ToLower(name)) {
			return issued, expires, fmt.Errorf("its type %q is not that of an access token", name)
		}
	}
	if c["cnf"] != nil { // RFC 7800: only good together with the key, which nobody has shown
		return issued, expires, errors.New("is bound to a key")
	}
	from, err := c.GetIssuedAt()
	if err != nil || from == nil {
		return issued, expires, errors.New("does not say when it was issued")
	}
	to, err := c.GetExpirationTime()
	if err != nil || to == nil {
		return issued, expires, errors.New("does not say when it expires")
	}
	issued, expires = from.UTC(), to.UTC()
	if life := expires.Sub(issued); life < 0 || life > maxForeignLife {
		return issued, expires, fmt.Errorf("lives %v, and %v is the longest allowed", life, maxForeignLife)
	}
	return issued, expires, nil
}

// foreignID makes the id of a token that has none of ours: a UUID of version 7,
// so that it stands in the order of issue among ours, and otherwise of its hash,
// so that it is always the same.
func foreignID(token string, issued time.Time) uuid.UUID {
	sum := sha256.Sum256([]byte(token))
	id := uuid.UUID(sum[:16])
	ms := issued.UnixMilli()
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// recordForeign lets a token of another issuer be listed and revoked like ours
// from its first use on, and returns an error that wraps ErrTokenInvalid unless
// the organisation still trusts the issuer.
func (s *Service) recordForeign(ctx context.Context, id identity, found Bearer) error {
	all, err := s.store.Issuers(ctx, id.org)
	if err != nil {
		return fmt.Errorf("read trusted issuers: %w", err)
	}
	if !slices.ContainsFunc(all, func(t TrustedIssuer) bool { return t.ID == id.trusted.ID }) {
		return fmt.Errorf("%w: its issuer %s is not trusted any more", ErrTokenInvalid, id.trusted.Issuer)
	}
	if found.Recorded {
		return nil
	}
	t := Token{ID: id.token, Org: id.org, Client: id.client, Issued: id.issued, Expires: id.expires}
	switch err := s.store.AddForeignToken(ctx, t, s.maxTokens); {
	case errors.Is(err, ErrClientClosed):
		return fmt.Errorf("%w: its client is %s, and gets no new tokens", ErrTokenInvalid, found.Client.State)
	case err != nil:
		return fmt.Errorf("record token: %w", err)
	}
	s.log.InfoContext(ctx, "token of another issuer accepted",
		"org", id.org, "client", id.client, "token", id.token, "expires", id.expires, "issuer", id.trusted.Issuer)
	return nil
}

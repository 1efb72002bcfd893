package oauth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

const (
	// tokenType tells an access token from other JWTs (RFC 9068 section 2.1).
	tokenType = "at+jwt"
	// maxToken is the length in bytes beyond which nothing is a token of ours.
	maxToken = 4096
	// leeway is how far the clocks of two servers may be apart.
	leeway = 5 * time.Second
)

// The reasons for which a token is not accepted. Errors of Verify wrap one of
// them; any other error means that the token could not be checked.
var (
	ErrTokenInvalid = errors.New("the access token is not valid")
	ErrTokenExpired = errors.New("the access token has expired")
)

// Principal is who makes a request.
type Principal struct {
	Org         org.Org
	Client      uuid.UUID
	Token       uuid.UUID // the token's own id, its `jti`
	Permissions Permissions
	Issued      time.Time // when the token was
	Expires     time.Time // when the token does
	RateLimit   int       // requests a minute for the token; 0 is the server's own limit
}

// claims are what a token says.
type claims struct {
	jwt.RegisteredClaims
	Org string `json:"org"`
}

// Verify tells who the bearer of an access token is. A token that was seen
// lately costs no look-up in the store. A revoked token, and one whose client
// was disabled or deleted, is refused within a second by every server; other
// changes of a client, its roles and its organisation count within 30 seconds.
func (s *Service) Verify(ctx context.Context, token string) (Principal, error) {
	if len(token) > maxToken {
		return Principal{}, fmt.Errorf("%w: it is longer than %d bytes", ErrTokenInvalid, maxToken)
	}
	key := sha256.Sum256([]byte(token))
	asked := time.Now()
	if found, ok := s.verified.get(key, asked); ok && s.revoked.allow(found, asked) {
		return found.principal, found.refusal
	}
	claims, err := s.parse(ctx, token)
	if err != nil {
		return Principal{}, err
	}
	asked = time.Now() // parsing may have waited for a key
	p, err := s.principal(ctx, claims)
	if err == nil || errors.Is(err, ErrTokenInvalid) {
		// Refusals are kept too: our own signature is on the token, so its
		// bearer could otherwise ask the store as often as it likes.
		s.verified.put(key, verdict{principal: p, refusal: err, asked: asked, until: earlier(claims.ExpiresAt.Time, asked.Add(verdictLife))})
	}
	return p, err
}

// parse checks everything that the token itself can tell.
func (s *Service) parse(ctx context.Context, token string) (*claims, error) {
	var failure error // of the store
	c := new(claims)
	_, err := s.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		id, ok := t.Header["kid"].(string)
		if !ok || t.Header["typ"] != tokenType {
			return nil, errUnknownKey
		}
		key, err := s.keys.verifier(ctx, id)
		if err != nil && !errors.Is(err, errUnknownKey) {
			failure = err
		}
		return key, err
	})
	switch {
	case failure != nil:
		return nil, failure
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, fmt.Errorf("%w: %w", ErrTokenExpired, err)
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrTokenInvalid, err)
	}
	return c, nil
}

// principal checks what only the store can tell.
func (s *Service) principal(ctx context.Context, c *claims) (Principal, error) {
	client, err := uuid.Parse(c.Subject)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: sub is not a client id", ErrTokenInvalid)
	}
	token, err := uuid.Parse(c.ID)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: jti is not a token id", ErrTokenInvalid)
	}
	o, err := org.ParseID(c.Org)
	if err != nil {
		return Principal{}, fmt.Errorf("%w: org is not the id of an organisation", ErrTokenInvalid)
	}
	found, err := s.store.Bearer(ctx, o, client, token)
	switch {
	case errors.Is(err, ErrNotFound):
		return Principal{}, fmt.Errorf("%w: organisation %s has no such client any more", ErrTokenInvalid, o)
	case err != nil:
		return Principal{}, fmt.Errorf("find client: %w", err)
	case found.Client.State == StateDisabled:
		return Principal{}, fmt.Errorf("%w: its client is disabled", ErrTokenInvalid)
	case found.Revoked:
		return Principal{}, fmt.Errorf("%w: it was revoked", ErrTokenInvalid)
	case !found.Recorded && !found.Unrecorded:
		return Principal{}, fmt.Errorf("%w: it is not known", ErrTokenInvalid)
	}
	p := Principal{
		Org: found.Org, Client: client, Token: token, Permissions: PermissionsOf(found.Roles...),
		Issued: c.issued(), Expires: c.ExpiresAt.UTC(), RateLimit: cmp.Or(found.Client.RateLimit, found.Org.Settings.RateLimit),
	}
	if !found.Recorded {
		if err := s.store.AdoptToken(ctx, Token{ID: token, Org: o, Client: client, Issued: p.Issued, Expires: p.Expires}); err != nil {
			return Principal{}, fmt.Errorf("record an older token: %w", err)
		}
	}
	return p, nil
}

// issued is the `iat`, which no token of ours lacks.
func (c *claims) issued() time.Time {
	if c.IssuedAt == nil {
		return time.Time{}
	}
	return c.IssuedAt.UTC()
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

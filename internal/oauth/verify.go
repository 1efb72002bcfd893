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
	ClientName  string    // as an administrator chose it
	Token       uuid.UUID // the token's own id, its `jti`
	User        uuid.UUID // for whom alone the token is; zero for the client itself
	Permissions Permissions
	Issued      time.Time // when the token was
	Expires     time.Time // when the token does
	RateLimit   int       // requests a minute for all tokens of the client; 0 is the server's own limit
	// Issuer is the `iss` of a token that another issuer made, whom the
	// organisation trusts; it is empty for ours.
	Issuer string
}

// Verify tells who the bearer of an access token is. A token that was seen
// lately costs no look-up in the store. A revoked token, and one whose client
// was disabled or deleted, is refused within a second by every server; other
// changes of a client, its roles and its organisation count within 30 seconds.
// Requests share what is answered: nobody changes it.
func (s *Service) Verify(ctx context.Context, token string) (*Principal, error) {
	if len(token) > maxForeignToken {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrTokenInvalid, maxForeignToken)
	}
	var room [1 << 10]byte // most tokens are shorter, and need no memory then
	key := sha256.Sum256(append(room[:0], token...))
	asked := time.Now()
	if found, ok := s.verified.get(key, asked); ok && s.revoked.allow(found, asked) {
		return found.principal, found.refusal
	}
	id, err := s.identify(ctx, token)
	if err != nil {
		return nil, err
	}
	asked = time.Now() // identifying may have waited for a key
	p, err := s.principal(ctx, id)
	if err == nil || errors.Is(err, ErrTokenInvalid) {
		// Refusals are kept too: the signature on the token is good, so its
		// bearer could otherwise ask the store as often as it likes.
		s.verified.put(key, verdict{principal: p, refusal: err, asked: asked, until: asked.Add(min(verdictLife, id.expires.Sub(s.store.Now())))})
	}
	return p, err
}

// identity is what a token says, once its signature is verified.
type identity struct {
	org             org.ID
	client, token   uuid.UUID
	issued, expires time.Time
	trusted         *TrustedIssuer // who made it; nil for ours
}

// identify checks everything that the token itself can tell.
func (s *Service) identify(ctx context.Context, token string) (identity, error) {
	if c, foreign := s.unverified(token); foreign {
		return s.identifyForeign(ctx, token, c)
	}
	if len(token) > maxToken {
		return identity{}, fmt.Errorf("%w: it is longer than %d bytes", ErrTokenInvalid, maxToken)
	}
	c, err := s.parse(ctx, token)
	if err != nil {
		return identity{}, err
	}
	return c.identity()
}

// parse checks the signature and the times of a token of ours.
func (s *Service) parse(ctx context.Context, token string) (*claims, error) {
	var failure error // of the store
	c := new(claims)
	_, err := s.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		if err := checkNames(t.Raw); err != nil {
			return nil, err
		}
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

// identity reads the ids in the claims.
func (c *claims) identity() (id identity, err error) {
	id = identity{issued: c.issued(), expires: c.ExpiresAt.UTC()}
	if id.client, err = uuid.Parse(c.Subject); err != nil {
		return identity{}, fmt.Errorf("%w: sub is not a client id", ErrTokenInvalid)
	}
	if id.token, err = uuid.Parse(c.ID); err != nil {
		return identity{}, fmt.Errorf("%w: jti is not a token id", ErrTokenInvalid)
	}
	if id.org, err = org.ParseID(c.Org); err != nil {
		return identity{}, fmt.Errorf("%w: org is not the id of an organisation", ErrTokenInvalid)
	}
	return id, nil
}

// principal checks what only the store can tell.
func (s *Service) principal(ctx context.Context, id identity) (*Principal, error) {
	found, err := s.store.Bearer(ctx, id.org, id.client, id.token)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, fmt.Errorf("%w: organisation %s has no such client any more", ErrTokenInvalid, id.org)
	case err != nil:
		return nil, fmt.Errorf("find client: %w", err)
	case found.Client.State == StateDisabled:
		return nil, fmt.Errorf("%w: its client is disabled", ErrTokenInvalid)
	case found.Client.IsPersonal() && id.trusted != nil:
		return nil, fmt.Errorf("%w: its client is that of a person", ErrTokenInvalid)
	case found.Revoked:
		return nil, fmt.Errorf("%w: it was revoked", ErrTokenInvalid)
	case id.trusted == nil && !found.Recorded:
		return nil, fmt.Errorf("%w: it is not known", ErrTokenInvalid)
	case found.User != uuid.Nil && !found.Active:
		return nil, fmt.Errorf("%w: its user is not active", ErrTokenInvalid)
	}
	permissions, personal := personalPermissions[found.Client.ProvisioningDomain]
	if !personal {
		if permissions, err = s.permissions(ctx, id.org, id.client, found); err != nil {
			return nil, err
		}
	}
	p := &Principal{
		Org: found.home(), Client: id.client, ClientName: found.Client.Name, Token: id.token, User: found.User, Permissions: permissions,
		Issued: id.issued, Expires: id.expires, RateLimit: cmp.Or(found.Client.RateLimit, found.Org.Settings.RateLimit),
	}
	if id.trusted != nil {
		p.Issuer = id.trusted.Issuer
		if err := s.recordForeign(ctx, id, found); err != nil {
			return nil, err
		}
	}
	return p, nil
}

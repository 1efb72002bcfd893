package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// The reasons for which a client gets no token.
var (
	ErrWrongSecret  = errors.New("the secret is not the client's")
	ErrClientClosed = errors.New("the client is not active")
)

// Options are what a Service may be told.
type Options struct {
	Issuer   string // `iss` of the tokens; "purescim" when empty
	Audience string // `aud` of the tokens; "purescim" when empty
	Log      *slog.Logger
}

// Service issues and verifies access tokens. It is safe for concurrent use.
type Service struct {
	store    Store
	issuer   string
	audience string
	log      *slog.Logger
	keys     *keyring
	parser   *jwt.Parser
	verified *cache
}

// New makes a Service on the clients and keys of store.
func New(store Store, o Options) *Service {
	s := &Service{
		store:    store,
		issuer:   cmp.Or(o.Issuer, "purescim"),
		audience: cmp.Or(o.Audience, "purescim"),
		log:      o.Log,
		keys:     newKeyring(store),
		verified: newCache(cacheSize),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodEdDSA.Alg()}),
		jwt.WithIssuer(s.issuer),
		jwt.WithAudience(s.audience),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(leeway),
		jwt.WithStrictDecoding(), // one token has one spelling, and so one place in the cache
	)
	return s
}

// CreateClient makes a client of the organisation and keeps it. The secret is
// returned this once. A value that it may not have is an *InvalidError.
func (s *Service) CreateClient(ctx context.Context, o org.ID, spec ClientSpec) (Client, string, error) {
	c, secret, err := NewClient(o, spec)
	if err != nil {
		return Client{}, "", err
	}
	if err := s.store.CreateClient(ctx, c); err != nil {
		return Client{}, "", fmt.Errorf("create client: %w", err)
	}
	return c, secret, nil
}

// RolesNamed finds roles of the organisation by their names, in any case, to
// grant them in all divisions.
func (s *Service) RolesNamed(ctx context.Context, o org.ID, names ...string) ([]RoleGrant, error) {
	known, err := s.store.Roles(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("list roles: %w", err)
	}
	grants := make([]RoleGrant, len(names))
	for i, name := range names {
		at := slices.IndexFunc(known, func(r Role) bool { return strings.EqualFold(r.Name, name) })
		if at < 0 {
			return nil, invalid("roleDivisions", "names the role %q, which the organisation does not have", name)
		}
		grants[i] = RoleGrant{Role: known[at].ID, Division: AllDivisions}
	}
	return grants, nil
}

// Authenticate returns the client with the id if the secret is its own, else
// ErrNotFound or ErrWrongSecret. The client may be in any state.
func (s *Service) Authenticate(ctx context.Context, id uuid.UUID, secret string) (Client, error) {
	c, err := s.store.Client(ctx, id)
	if err != nil {
		return Client{}, fmt.Errorf("find client: %w", err)
	}
	if !c.HasSecret(secret) {
		return Client{}, ErrWrongSecret
	}
	return c, nil
}

// Issue signs an access token for an active client, else returns
// ErrClientClosed. A validity of 0 is the client's own; another is checked
// with CheckValidity.
func (s *Service) Issue(ctx context.Context, c Client, validity time.Duration) (token string, expires time.Time, err error) {
	if c.State != StateActive {
		return "", time.Time{}, ErrClientClosed
	}
	validity = cmp.Or(validity, c.Validity)
	if err := CheckValidity(validity); err != nil {
		return "", time.Time{}, err
	}
	keys, err := s.keys.signing(ctx)
	if err != nil {
		return "", time.Time{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("make token id: %w", err)
	}
	issued := time.Now().UTC().Truncate(time.Second)
	expires = issued.Add(validity)
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    s.issuer,
			Audience:  jwt.ClaimStrings{s.audience},
			Subject:   c.ID.String(),
			ID:        id.String(),
			IssuedAt:  jwt.NewNumericDate(issued),
			ExpiresAt: jwt.NewNumericDate(expires),
		},
		Org: c.Org.String(),
	})
	unsigned.Header["kid"] = keys.signerID
	unsigned.Header["typ"] = tokenType
	if token, err = unsigned.SignedString(keys.signer); err != nil {
		return "", time.Time{}, fmt.Errorf("sign token: %w", err)
	}
	s.log.InfoContext(ctx, "token issued", "org", c.Org, "client", c.ID, "token", id, "expires", expires)
	return token, expires, nil
}

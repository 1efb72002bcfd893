package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// Token is what is known of an access token; never the token itself.
type Token struct {
	ID       uuid.UUID // its `jti`
	Org      org.ID
	Client   uuid.UUID
	User     uuid.UUID // whom it carries; zero for the client itself
	Issued   time.Time
	Expires  time.Time
	IssuedTo string // the IP address that asked for it; empty for the command line

	// The last use, noted some seconds later; zero when there was none.
	Used     time.Time
	UsedFrom string // IP address

	Revoked time.Time // zero when it was not
}

// TokenState is what has become of a token.
type TokenState string

// The states of a token.
const (
	TokenActive  TokenState = "active"
	TokenExpired TokenState = "expired"
	TokenRevoked TokenState = "revoked"
)

// State is that of the token at a time.
func (t Token) State(at time.Time) TokenState {
	switch {
	case !t.Revoked.IsZero():
		return TokenRevoked
	case !at.Before(t.Expires):
		return TokenExpired
	default:
		return TokenActive
	}
}

// TokenIdle is how long a token must not have been used to make room for another: a
// client that has too many may ask again then.
const TokenIdle = time.Minute

// TokenLimitError is a token too many for a client, none of whose others is idle.
type TokenLimitError struct{ Limit int }

func (e *TokenLimitError) Error() string {
	return fmt.Sprintf("the client has %d access tokens that are good, and no more are allowed: revoke some "+
		"(purescim token revoke, or DELETE /api/v2/oauth/clients/ID/tokens/ID), use one until it ends, or let them live shorter", e.Limit)
}

// Issue makes an access token for an active client, else returns
// ErrClientClosed, or a *TokenLimitError when it has too many. A validity of 0 is the client's own; another is checked
// with CheckValidity.
func (s *Service) Issue(ctx context.Context, c Client, validity time.Duration) (token string, expires time.Time, err error) {
	return s.IssueTo(ctx, c, validity, "")
}

// IssueTo is Issue for somebody at an IP address, which is kept with the token.
func (s *Service) IssueTo(ctx context.Context, c Client, validity time.Duration, address string) (token string, expires time.Time, err error) {
	return s.issue(ctx, Token{Org: c.Org, Client: c.ID, IssuedTo: address}, c, validity)
}

// ErrNoUser says that the organisation has no such user.
var ErrNoUser = errors.New("the organisation has no such user")

// IssueFor is Issue of a token that carries a user of the organisation: it is for
// the user's own resource and nothing else, as far as the client's roles permit,
// and is refused while the user is not active and once it is deleted. It returns
// ErrNoUser.
func (s *Service) IssueFor(ctx context.Context, c Client, user uuid.UUID, validity time.Duration) (token string, expires time.Time, err error) {
	return s.issue(ctx, Token{Org: c.Org, Client: c.ID, User: user}, c, validity)
}

// issue is issueWithin for a client that is nobody's own.
func (s *Service) issue(ctx context.Context, t Token, c Client, validity time.Duration) (token string, expires time.Time, err error) {
	if c.IsPersonal() {
		return "", time.Time{}, ErrClientClosed
	}
	return s.issueWithin(ctx, t, c, validity, s.maxTokens)
}

// issueWithin completes, signs and records a token, of as many as the client may have.
func (s *Service) issueWithin(ctx context.Context, t Token, c Client, validity time.Duration, most int) (token string, expires time.Time, err error) {
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
	if t.ID == uuid.Nil {
		t.ID = s.store.NewID()
	}
	t.Issued = s.store.Now().UTC().Truncate(time.Second)
	t.Expires = t.Issued.Add(validity)
	if token, err = s.sign(t, keys); err != nil {
		return "", time.Time{}, err
	}
	if err := s.store.AddToken(ctx, t, keys.signerID, most); err != nil {
		return "", time.Time{}, fmt.Errorf("record token: %w", err)
	}
	s.log.InfoContext(ctx, "token issued", "org", c.Org, "client", c.ID, "token", t.ID, "expires", t.Expires)
	return token, t.Expires, nil
}

func (s *Service) sign(t Token, keys *keySet) (string, error) {
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    s.issuer,
			Audience:  jwt.ClaimStrings{s.audience},
			Subject:   t.Client.String(),
			ID:        t.ID.String(),
			IssuedAt:  jwt.NewNumericDate(t.Issued),
			ExpiresAt: jwt.NewNumericDate(t.Expires),
		},
		Org: t.Org.String(),
	})
	unsigned.Header["kid"] = keys.signerID
	unsigned.Header["typ"] = tokenType
	token, err := unsigned.SignedString(keys.signer)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

// Tokens reads a page of the tokens of the organisation's client, the newest
// first, and how many there are. Tokens are kept for a week after their end. It
// returns ErrNotFound when there is no such client.
func (s *Service) Tokens(ctx context.Context, o org.ID, client uuid.UUID, p Page) ([]Token, int, error) {
	if _, err := s.Client(ctx, o, client); err != nil {
		return nil, 0, err
	}
	return s.store.Tokens(ctx, o, client, p)
}

// RevokeToken ends a token of the organisation's client, or returns ErrNotFound.
// All servers refuse it within a second.
func (s *Service) RevokeToken(ctx context.Context, o org.ID, client, token uuid.UUID) error {
	if err := s.store.RevokeToken(ctx, o, client, token); err != nil {
		return fmt.Errorf("revoke token: %w", err)
	}
	s.revoked.hear(time.Now(), Revocation{ID: token, Recorded: s.store.Now()})
	s.log.InfoContext(ctx, "token revoked", "org", o, "client", client, "token", token)
	return nil
}

// RevokeTokens ends all tokens of the organisation's client, or returns
// ErrNotFound when there is no such client.
func (s *Service) RevokeTokens(ctx context.Context, o org.ID, client uuid.UUID) error {
	if _, err := s.Client(ctx, o, client); err != nil {
		return err
	}
	if err := s.store.RevokeTokens(ctx, o, client); err != nil {
		return fmt.Errorf("revoke tokens: %w", err)
	}
	s.revoked.hear(time.Now(), Revocation{ID: client, Recorded: s.store.Now()})
	s.log.InfoContext(ctx, "all tokens of a client revoked", "org", o, "client", client)
	return nil
}

// RevokeTokensOf ends all tokens that carry a user of the organisation, whichever
// clients they were issued to, or returns ErrNoUser when there is no such user.
func (s *Service) RevokeTokensOf(ctx context.Context, o org.ID, user uuid.UUID) error {
	ended, err := s.store.RevokeTokensOf(ctx, o, user)
	if err != nil {
		return fmt.Errorf("revoke tokens of user: %w", err)
	}
	for _, token := range ended {
		s.revoked.hear(time.Now(), Revocation{ID: token, Recorded: s.store.Now()})
	}
	s.log.InfoContext(ctx, "all tokens of a user revoked", "org", o, "user", user, "tokens", len(ended))
	return nil
}

package oauth

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/purescim/purescim/internal/org"
)

const (
	// assertionType is the client_assertion_type of RFC 7523 section 2.2.
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// maxAssertionLife is how far ahead an assertion may expire. It is kept as
	// long, so that it is not used twice.
	maxAssertionLife = 5 * time.Minute

	maxAssertion = 8192     // bytes
	maxClientSet = 64 << 10 // bytes of a client's JWK Set
)

// ClientKeys are the public keys with which a client may sign in instead of its
// secret: a JWK Set, or the URL where the client publishes one. The zero value is
// none.
type ClientKeys struct {
	Set []byte
	URL string
}

// AssertionStore keeps the keys of clients, and which assertions were used.
type AssertionStore interface {
	// SetClientKeys replaces the keys of a client of the organisation, or returns
	// ErrNotFound.
	SetClientKeys(ctx context.Context, o org.ID, client uuid.UUID, k ClientKeys) error
	// ClientKeys reads them. A client that does not exist has none.
	ClientKeys(ctx context.Context, o org.ID, client uuid.UUID) (ClientKeys, error)
	// UseAssertion notes an assertion of a client, named by a hash, until a time.
	// It returns false when it was noted before. Those of before at are forgotten.
	UseAssertion(ctx context.Context, o org.ID, client uuid.UUID, hash []byte, until, at time.Time) (bool, error)
}

// SetClientKeys lets a client of the organisation sign in with a private key, as
// of RFC 7523 (private_key_jwt). The zero ClientKeys end that. A set that is no
// good is an *InvalidError.
func (s *Service) SetClientKeys(ctx context.Context, o org.ID, client uuid.UUID, k ClientKeys) error {
	if err := s.checkClientKeys(k); err != nil {
		return err
	}
	if err := s.store.SetClientKeys(ctx, o, client, k); err != nil {
		return fmt.Errorf("set keys of client: %w", err)
	}
	s.log.InfoContext(ctx, "keys of a client set", "org", o, "client", client)
	return nil
}

func (s *Service) checkClientKeys(k ClientKeys) error {
	switch {
	case k.Set != nil && k.URL != "":
		return invalid("jwks", "and jwks_uri exclude each other")
	case k.URL != "":
		return s.remote.checkURL("jwks_uri", k.URL)
	case k.Set == nil:
		return nil
	case len(k.Set) > maxClientSet:
		return invalid("jwks", "is longer than the %d bytes allowed", maxClientSet)
	}
	set, err := parseKeySet(k.Set)
	if err != nil {
		return invalid("jwks", `must be a JWK Set, {"keys": [...]}`)
	}
	for _, key := range set {
		if private, err := jwk.IsPrivateKey(key); err != nil || private {
			return invalid("jwks", "holds a key that is not public: take what is private out of it, and away from where others could read it")
		}
	}
	if len(verifiers(set)) == 0 {
		return invalid("jwks", "holds no key that verifies signatures; RSA of 2048 to 8192 bits, P-256, P-384 and Ed25519 do")
	}
	return nil
}

// asserts reports whether the client signs in with an assertion.
func asserts(form url.Values) bool {
	return form.Has("client_assertion") || form.Has("client_assertion_type")
}

// assertionError is why an assertion is not accepted, in words for its maker.
type assertionError string

func (e assertionError) Error() string { return "the client assertion is not accepted: " + string(e) }

// asserted finds the client that has signed the assertion of the form (RFC 7523
// section 3). It answers what is wrong as authenticated does.
func (e Endpoints) asserted(r *http.Request, form url.Values) (Client, error) {
	assertion := form.Get("client_assertion")
	switch {
	case r.Header.Get("Authorization") != "", form.Get("client_secret") != "":
		return Client{}, invalidRequest("the client authenticates in two ways: an assertion and a secret")
	case form.Get("client_assertion_type") != assertionType:
		return Client{}, invalidRequest("client_assertion_type must be " + assertionType)
	case assertion == "", len(assertion) > maxAssertion:
		return Client{}, invalidRequest(fmt.Sprintf("client_assertion must be a JWT of at most %d bytes", maxAssertion))
	}
	var said registeredClaims // nobody has verified them so far
	if _, _, err := e.Service.foreign.ParseUnverified(assertion, &said); err != nil {
		return Client{}, invalidRequest("client_assertion is not a JWT that can be read")
	}
	if id := form.Get("client_id"); id != "" && id != said.Subject {
		return Client{}, invalidRequest("client_id is not the sub of the client assertion")
	}
	return e.guarded(r, said.Subject, func(c Client) error {
		base := e.BaseURL(r)
		return e.Service.checkAssertion(r.Context(), c, assertion, base, base+TokenPath)
	})
}

// checkAssertion checks that the client has signed the assertion for one of the
// audiences, and not used it before. It returns ErrKeysAway, and errors that wrap
// ErrWrongSecret and tell the client what is wrong.
func (s *Service) checkAssertion(ctx context.Context, client Client, assertion string, audiences ...string) error {
	keys, err := s.store.ClientKeys(ctx, client.Org, client.ID)
	if err != nil {
		return fmt.Errorf("read keys of client: %w", err)
	}
	var c registeredClaims
	_, err = s.parseSigned(assertion, &c, func(kid string) (foreignKeys, error) { return s.clientKeys(ctx, keys, kid) })
	if errors.Is(err, ErrKeysAway) || err != nil && ctx.Err() != nil {
		return fmt.Errorf("read keys of client: %w", err)
	}
	if err == nil {
		err = checkAssertionClaims(c, client.ID, audiences, s.store.Now())
	} else {
		err = explainAssertion(err)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrWrongSecret, err)
	}
	hash := sha256.Sum256([]byte(c.ID))
	// Noted for longer than any server accepts it.
	fresh, err := s.store.UseAssertion(ctx, client.Org, client.ID, hash[:], c.ExpiresAt.Add(2*foreignLeeway), s.store.Now())
	switch {
	case err != nil:
		return fmt.Errorf("note assertion: %w", err)
	case !fresh:
		return fmt.Errorf("%w: %w", ErrWrongSecret, assertionError("one with its jti was used before"))
	default:
		return nil
	}
}

// clientKeys are the keys of a client, the newest there are when none has the id.
func (s *Service) clientKeys(ctx context.Context, k ClientKeys, id string) (foreignKeys, error) {
	switch {
	case k.URL != "":
		return s.remote.find(ctx, k.URL, id)
	case k.Set == nil:
		return nil, assertionError("the client has no keys; purescim client set-keys gives it some")
	}
	set, err := parseKeySet(k.Set)
	if err != nil {
		return nil, err
	}
	return verifiers(set), nil
}

// explainAssertion says what package jwt has found wrong.
func explainAssertion(err error) error {
	told := assertionError("")
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, errNames):
		return assertionError(errNames.Error())
	case errors.Is(err, jwt.ErrTokenExpired):
		return assertionError("it has expired")
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return assertionError("it is not valid yet; the clocks may differ")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return assertionError("it does not say when it expires")
	default:
		return assertionError("its signature is not made with a key of the client")
	}
}

// checkAssertionClaims looks at what the signature and the times do not show.
func checkAssertionClaims(c registeredClaims, client uuid.UUID, audiences []string, at time.Time) error {
	switch {
	case c.Issuer != client.String(), c.Subject != c.Issuer:
		return assertionError("its iss and sub must both be the client's id, in lower case")
	case !slices.ContainsFunc(audiences, func(a string) bool { return slices.Contains(c.Audience, a) }):
		return assertionError("its aud must be the URL of the token endpoint or of the issuer")
	case c.ExpiresAt.Sub(at) > maxAssertionLife+foreignLeeway:
		return assertionError("it expires more than 5 minutes from now")
	case c.ID == "":
		return assertionError("it has no jti, by which it is seen that it is used once")
	default:
		return nil
	}
}

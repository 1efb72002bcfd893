package oauth_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/lestrrat-go/jwx/v3/jwk"

	"github.com/purescim/purescim/internal/oauth"
)

// signers are private keys by name. They are made once: RSA takes long.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, errEd := ed25519.GenerateKey(rand.Reader)
	one, errOne := rsa.GenerateKey(rand.Reader, 2048)
	other, errOther := rsa.GenerateKey(rand.Reader, 2048)
	p256, err256 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, err384 := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err := errors.Join(errEd, errOne, errOther, err256, err384); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{"rsa": one, "rsa2": other, "p256": p256, "p384": p384, "ed": ed}
})

// keySet is the JWK Set of the public keys of the names, which are their ids.
func keySet(t testing.TB, names ...string) []byte {
	t.Helper()
	set := map[string][]jwk.Key{"keys": {}}
	for _, name := range names {
		key, err := jwk.Import(signers()[name].Public())
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Set(jwk.KeyIDKey, name); err != nil {
			t.Fatal(err)
		}
		set["keys"] = append(set["keys"], key)
	}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

const providerURL = "https://sts.example/acme/"

// provider is an identity provider as an http.RoundTripper.
type provider struct {
	mu        sync.Mutex
	documents map[string][]byte // by URL
	down      error
	slow      time.Duration
	fetched   map[string]int // by URL
}

func newProvider(t testing.TB, keys ...string) *provider {
	t.Helper()
	return &provider{fetched: make(map[string]int), documents: map[string][]byte{
		providerURL + "keys":                             keySet(t, keys...),
		providerURL + ".well-known/openid-configuration": []byte(`{"issuer": "` + providerURL + `", "jwks_uri": "` + providerURL + `keys"}`),
	}}
}

// RoundTrip implements http.RoundTripper.
func (p *provider) RoundTrip(r *http.Request) (*http.Response, error) {
	p.mu.Lock()
	url := r.URL.String()
	p.fetched[url]++
	text, ok := p.documents[url]
	down, slow := p.down, p.slow
	p.mu.Unlock()
	time.Sleep(slow)
	if down != nil {
		return nil, down
	}
	answer := &http.Response{StatusCode: http.StatusOK, Status: "200 OK", Body: io.NopCloser(bytes.NewReader(text)), Request: r}
	if !ok {
		answer.StatusCode, answer.Status = http.StatusNotFound, "404 Not Found"
	}
	return answer, nil
}

func (p *provider) client() *http.Client { return &http.Client{Transport: p} }

// change changes the provider between two requests.
func (p *provider) change(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

// keyFetches is how often the provider was asked for its keys.
func (p *provider) keyFetches() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetched[providerURL+"keys"]
}

// pins is a spec of the provider as Entra is one.
func pins(client uuid.UUID) oauth.IssuerSpec {
	return oauth.IssuerSpec{
		Issuer: providerURL, Audience: "8adf8e6e", Tenant: "acme", SubjectClaim: "appid", Subject: "sync", Client: client,
	}
}

// foreignClaims are what a token says that fits pins.
func foreignClaims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": providerURL, "aud": "8adf8e6e", "tid": "acme", "appid": "sync", "sub": "some object", "jti": uuid.NewString(),
		"iat": time.Now().Unix(), "nbf": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
}

// foreign signs a token with the key of the name, whose id it has too.
func foreign(t testing.TB, method jwt.SigningMethod, key string, changes jwt.MapClaims) string {
	t.Helper()
	c := foreignClaims()
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return sign(t, method, signers()[key], map[string]any{"kid": key}, c)
}

// trusting makes a service whose organisation acme trusts the provider.
func trusting(t testing.TB, p *provider) (*oauth.Service, *memory, oauth.TrustedIssuer) {
	t.Helper()
	store := newMemory()
	s := oauth.New(store, oauth.Options{HTTPClient: p.client()})
	c, _ := newClient(t, s)
	trusted, err := s.AddIssuer(t.Context(), acme.ID, pins(c.ID))
	if err != nil {
		t.Fatal(err)
	}
	return s, store, trusted
}

// withProvider runs a test in a bubble, with a provider that has a key and a service that
// trusts it.
func withProvider(t *testing.T, key string, test func(t *testing.T, p *provider, s *oauth.Service)) {
	t.Helper()
	signers() // outside of the bubble
	synctest.Test(t, func(t *testing.T) {
		p := newProvider(t, key)
		s, _, _ := trusting(t, p)
		test(t, p, s)
	})
}

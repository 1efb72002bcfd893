package oauth_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

// forger makes tokens that differ from good ones in one point.
type forger struct {
	client  oauth.Client
	token   uuid.UUID // the id of one that was issued
	kid     string
	private ed25519.PrivateKey
}

func newForger(t testing.TB, store *memory, s *oauth.Service) forger {
	t.Helper()
	c, _ := newClient(t, s)
	p, err := s.Verify(t.Context(), issue(t, s, c))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(store.keys[0].Private)
	if err != nil {
		t.Fatal(err)
	}
	return forger{client: c, token: p.Token, kid: store.keys[0].ID, private: parsed.(ed25519.PrivateKey)}
}

func (f forger) claims() jwt.MapClaims {
	return jwt.MapClaims{
		"iss": "purescim", "aud": "purescim", "sub": f.client.ID.String(), "jti": f.token.String(), "org": acme.ID.String(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}
}

func (f forger) header() map[string]any { return map[string]any{"kid": f.kid, "typ": "at+jwt"} }

func sign(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, c)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// good signs what the forger's key really signs, after a change.
func (f forger) good(t testing.TB, change func(header map[string]any, c jwt.MapClaims)) string {
	t.Helper()
	header, c := f.header(), f.claims()
	change(header, c)
	return sign(t, jwt.SigningMethodEdDSA, f.private, header, c)
}

// nested signs a token instead of claims (RFC 7519 section 5.2).
func (f forger) nested(t testing.TB, inner string) string {
	t.Helper()
	header, err := json.Marshal(map[string]any{"alg": "EdDSA", "typ": "at+jwt", "cty": "JWT", "kid": f.kid})
	if err != nil {
		t.Fatal(err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString([]byte(inner))
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(f.private, []byte(signed)))
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	f := newForger(t, store, s)
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := f.private.Public().(ed25519.PublicKey)
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(name string, value any) string {
		return f.good(t, func(_ map[string]any, c jwt.MapClaims) { c[name] = value })
	}
	without := func(name string) string {
		return f.good(t, func(_ map[string]any, c jwt.MapClaims) { delete(c, name) })
	}
	header := func(name string, value any) string {
		return f.good(t, func(h map[string]any, _ jwt.MapClaims) { h[name] = value })
	}
	now := time.Now()
	untouched := f.good(t, func(map[string]any, jwt.MapClaims) {})
	if _, err := s.Verify(t.Context(), untouched); err != nil {
		t.Fatalf("the token that the others are made from: %v", err)
	}
	for name, token := range map[string]string{
		"empty":                "",
		"garbled":              "not.a.token",
		"no dots":              strings.Repeat("a", 100),
		"four parts":           untouched + ".e30",
		"cut off":              untouched[:len(untouched)-4],
		"padded":               untouched + "==",
		"other last bits":      relaxed(untouched),
		"alg none":             sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, f.header(), f.claims()),
		"HS256 with raw key":   sign(t, jwt.SigningMethodHS256, []byte(public), f.header(), f.claims()),
		"HS256 with DER key":   sign(t, jwt.SigningMethodHS256, der, f.header(), f.claims()),
		"stranger's signature": sign(t, jwt.SigningMethodEdDSA, stranger, f.header(), f.claims()),
		"key in the header":    sign(t, jwt.SigningMethodEdDSA, stranger, map[string]any{"kid": f.kid, "typ": "at+jwt", "jwk": map[string]any{"kty": "OKP"}}, f.claims()),
		"wrong issuer":         claim("iss", "https://evil.example"),
		"no issuer":            without("iss"),
		"wrong audience":       claim("aud", "other"),
		"no audience":          without("aud"),
		"no expiry":            without("exp"),
		"not yet valid":        claim("nbf", now.Add(time.Hour).Unix()),
		"unknown kid":          header("kid", uuid.NewString()),
		"kid is a number":      header("kid", 1),
		"kid is a path":        header("kid", "../../dev/null"),
		"another kind of JWT":  header("typ", "JWT"),
		"nested":               f.nested(t, untouched),
		"two in a row":         header("cty", "JWT") + "." + untouched,
		"oversized":            claim("pad", strings.Repeat("x", 4096)),
		"no client":            without("sub"),
		"unknown client":       claim("sub", uuid.NewString()),
		"no token id":          without("jti"),
		"unknown token id":     claim("jti", uuid.NewString()),
		"other organisation":   claim("org", "43"),
		"no organisation":      without("org"),
		"number for a text":    claim("sub", 7),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := s.Verify(t.Context(), token)
			if !errors.Is(err, oauth.ErrTokenInvalid) || errors.Is(err, oauth.ErrTokenExpired) || p != nil {
				t.Errorf("got %v, %v; want ErrTokenInvalid", p, err)
			}
		})
	}
	if _, err := s.Verify(t.Context(), claim("exp", now.Add(-time.Minute).Unix())); !errors.Is(err, oauth.ErrTokenExpired) {
		t.Errorf("expired: %v", err)
	}
}

// relaxed spells the same signature with other unused bits at its end.
func relaxed(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, token[len(token)-1])
	return token[:len(token)-1] + string(alphabet[last^1])
}

// Tokens that are not ours must not be a way to load the store.
func TestInventedKeysAskLittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		s := oauth.New(store, oauth.Options{})
		f := newForger(t, store, s)
		before := store.asked.Load()
		var flood sync.WaitGroup
		var busy atomic.Int32
		for range 500 {
			flood.Go(func() {
				token := f.good(t, func(h map[string]any, _ jwt.MapClaims) { h["kid"] = uuid.NewString() })
				switch _, err := s.Verify(t.Context(), token); {
				case errors.Is(err, oauth.ErrBusy):
					busy.Add(1)
				case !errors.Is(err, oauth.ErrTokenInvalid):
					t.Errorf("invented key: %v", err)
				}
				_, _ = s.Verify(t.Context(), strings.Repeat("x", 5000))
				_, _ = s.Verify(t.Context(), "a.b.c")
			})
		}
		flood.Wait()
		if asked := store.asked.Load() - before; asked != 1 || busy.Load() != 500-256 {
			t.Errorf("%d look-ups for unknown keys, want 1; %d of 500 were not made to wait, want 244", asked, busy.Load())
		}
	})
}

// A token of a key that another server has just made is good at once, even if
// the keys were read a moment ago.
func TestNewKeyIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newMemory()
		here, there := oauth.New(store, oauth.Options{}), oauth.New(store, oauth.Options{})
		c, _ := newClient(t, here)
		old := issue(t, here, c)
		issue(t, there, c)
		for range 3 {
			if err := there.RotateKey(t.Context()); err != nil {
				t.Fatal(err)
			}
			var clients sync.WaitGroup
			for range 8 {
				clients.Go(func() {
					if _, err := here.Verify(t.Context(), issue(t, there, c)); err != nil {
						t.Errorf("a token of the new key: %v", err)
					}
				})
			}
			clients.Wait()
			if _, err := there.Verify(t.Context(), old); err != nil {
				t.Errorf("a token of the first key: %v", err)
			}
		}
	})
}

func FuzzVerify(f *testing.F) {
	store := newMemory()
	s := oauth.New(store, oauth.Options{})
	fo := newForger(f, store, s)
	good := fo.good(f, func(map[string]any, jwt.MapClaims) {})
	f.Add(relaxed(good))
	f.Add(good[:len(good)-1])
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add(sign(f, jwt.SigningMethodHS256, []byte("key"), fo.header(), fo.claims()))
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		if p, err := s.Verify(context.Background(), token); err == nil {
			t.Errorf("accepted a token that was not issued, as %v", p)
		}
	})
}

func BenchmarkVerifyWarm(b *testing.B) {
	s := oauth.New(newMemory(), oauth.Options{})
	c, _ := newClient(b, s)
	token := issue(b, s, c)
	for b.Loop() {
		if _, err := s.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}

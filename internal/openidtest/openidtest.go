// Package openidtest is an OpenID provider for tests: one user, who is always signed in there,
// and who is whatever a test says.
//
// It answers as a good provider does until a test has it do otherwise. What is believed of its
// answers is left to those whom it answers.
package openidtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// The client as which the provider knows the console.
const (
	ClientID     = "console-of-acme"
	ClientSecret = "known to the provider and to us"
)

// Provider is an OpenID provider. A test sets its fields while nobody asks it.
type Provider struct {
	*httptest.Server
	// Issuer is its name where that is another than its URL; see Client.
	Issuer string
	// Key signs, and is published under KeyID.
	Key   *ecdsa.PrivateKey
	KeyID string

	Claims   jwt.MapClaims                     // of the user, in the place of the usual ones; nil leaves one out
	Sign     func(claims jwt.MapClaims) string // makes the ID token
	Answer   url.Values                        // what comes with an answer besides
	Document map[string]any                    // what the discovery document has besides
	UserInfo map[string]any                    // what the endpoint of that name answers; nil is a refusal
	Instead  map[string]http.HandlerFunc       // what a path of it does instead
	Lax      bool                              // checks no PKCE
	Asks     bool                              // shows a page with a button first

	mu       sync.Mutex
	codes    map[string]url.Values // what was asked when they were made
	redeemed int
}

// New starts a provider, which ends with the test. All share one certificate.
func New(t *testing.T) *Provider {
	t.Helper()
	p := &Provider{codes: map[string]url.Values{}, Answer: url.Values{}, Document: map[string]any{}, Instead: map[string]http.HandlerFunc{}}
	p.Rotate(t)
	p.Sign = func(claims jwt.MapClaims) string { return Signed(t, jwt.SigningMethodES256, p.KeyID, claims, p.Key) }
	paths := map[string]http.HandlerFunc{
		"/.well-known/openid-configuration": p.discovery, "/keys": p.keys, "/authorize": p.authorize, "/token": p.token, "/userinfo": p.userInfo,
	}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimPrefix(r.URL.Path, p.base())
		do := paths[path]
		if instead := p.Instead[path]; instead != nil {
			do = instead
		}
		if do == nil {
			do = http.NotFound
		}
		do(w, r)
	}))
	p.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of a browser that does not know it yet
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

// Name is its issuer.
func (p *Provider) Name() string {
	if p.Issuer != "" {
		return p.Issuer
	}
	return p.URL
}

// base is the path in front of those of the provider.
func (p *Provider) base() string {
	u, _ := url.Parse(p.Issuer)
	return u.Path
}

// Rotate has the provider sign with another key, and publish no other.
func (p *Provider) Rotate(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p.Key, p.KeyID = key, rand.Text()
}

// Signed is a JWT.
func Signed(t *testing.T, method jwt.SigningMethod, id string, claims jwt.MapClaims, key crypto.PrivateKey) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	if err != nil {
		t.Error(err)
	}
	return text
}

// SignText signs claims that are a text, such as one that says something twice.
func (p *Provider) SignText(t *testing.T, claims string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"ES256","kid":"`+p.KeyID+`"}`)) + "." + encode([]byte(claims))
	signature, err := jwt.SigningMethodES256.Sign(text, p.Key)
	if err != nil {
		t.Error(err)
	}
	return text + "." + encode(signature)
}

func reply(w http.ResponseWriter, document map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	at := p.Name()
	document := map[string]any{
		"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "jwks_uri": at + "/keys",
		"userinfo_endpoint": at + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
	}
	maps.Copy(document, p.Document)
	reply(w, document)
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	point, _ := p.Key.PublicKey.Bytes()
	encode := base64.RawURLEncoding.EncodeToString
	reply(w, map[string]any{"keys": []any{map[string]any{
		"kty": "EC", "crv": "P-256", "kid": p.KeyID, "use": "sig", "alg": "ES256", "x": encode(point[1:33]), "y": encode(point[33:]),
	}}})
}

func (p *Provider) userInfo(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer access" || p.UserInfo == nil {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	reply(w, p.UserInfo)
}

// authorize gives the browser a code, and sends it back.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("response_type") != "code" || q.Get("scope") != "openid email" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		http.Error(w, "what is asked for is not known here: "+q.Encode(), http.StatusBadRequest)
		return
	}
	if p.Asks && q.Get("go") == "" {
		q.Set("go", "on")
		fmt.Fprintf(w, `<h1>Acme</h1><a id="go" href="/authorize?%s">Go on as Ada</a>`, html.EscapeString(q.Encode()))
		return
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+p.Code(q).Encode(), http.StatusFound) //nolint:gosec // tests alone come here
}

// Code makes a code for what was asked, and gives what the browser brings back with it.
func (p *Provider) Code(asked url.Values) url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := fmt.Sprint("code-", len(p.codes), "-", p.redeemed)
	p.codes[code] = asked
	back := url.Values{"code": {code}, "state": {asked.Get("state")}}
	maps.Copy(back, p.Answer)
	return back
}

// Redeemed tells how often a code was brought to it.
func (p *Provider) Redeemed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.redeemed
}

// token takes a code once, from the client that it was made for.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redeemed++
	q, known := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	id, secret, _ := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proved := p.Lax || base64.RawURLEncoding.EncodeToString(sum[:]) == q.Get("code_challenge")
	if !known || id != ClientID || secret != ClientSecret || q.Get("redirect_uri") != r.PostForm.Get("redirect_uri") || !proved {
		w.WriteHeader(http.StatusBadRequest)
		reply(w, map[string]any{"error": "invalid_grant", "error_description": "not this code"})
		return
	}
	claims := jwt.MapClaims{
		"iss": p.Name(), "aud": ClientID, "sub": "ada-1", "nonce": q.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"email": "ada@example.org", "email_verified": true,
	}
	for name, value := range p.Claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	reply(w, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": p.Sign(claims)})
}

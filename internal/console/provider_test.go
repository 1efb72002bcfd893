package console_test

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
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

const (
	clientID     = "console-of-acme"
	clientSecret = "known to the provider and to us"
)

// An openID provider with one user, who is always signed in there.
type openID struct {
	*httptest.Server
	key *ecdsa.PrivateKey

	mu       sync.Mutex
	codes    map[string]url.Values // what was asked when they were made
	claims   jwt.MapClaims         // of the user, in the place of the usual ones
	sign     func(claims jwt.MapClaims) string
	answer   url.Values     // what comes with an answer besides
	document map[string]any // what the discovery document has besides
	userInfo map[string]any
	lax      bool // checks no PKCE
	asks     bool // shows a page with a button first
	redeemed []url.Values
}

func newOpenID(t *testing.T) *openID {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p := &openID{key: key, codes: map[string]url.Values{}, answer: url.Values{}, document: map[string]any{}}
	p.sign = func(claims jwt.MapClaims) string { return signed(t, jwt.SigningMethodES256, "first", claims, key) }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		document := map[string]any{
			"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"userinfo_endpoint": p.URL + "/userinfo", "id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		}
		for name, value := range p.document {
			document[name] = value
		}
		reply(w, document)
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		point, _ := key.PublicKey.Bytes()
		reply(w, map[string]any{"keys": []any{map[string]any{
			"kty": "EC", "crv": "P-256", "kid": "first", "use": "sig", "alg": "ES256", "x": base64.RawURLEncoding.EncodeToString(point[1:33]), "y": base64.RawURLEncoding.EncodeToString(point[33:]),
		}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer access" || p.userInfo == nil {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		reply(w, p.userInfo)
	})
	p.Server = httptest.NewUnstartedServer(mux)
	p.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // of a browser that does not know it yet
	p.StartTLS()
	t.Cleanup(p.Close)
	return p
}

func reply(w http.ResponseWriter, document map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(document)
}

// signed is a JWT.
func signed(t *testing.T, method jwt.SigningMethod, id string, claims jwt.MapClaims, key crypto.PrivateKey) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	text, err := token.SignedString(key)
	if err != nil {
		t.Error(err)
	}
	return text
}

// authorize gives the browser a code, and sends it back.
func (p *openID) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != clientID || q.Get("response_type") != "code" || q.Get("scope") != "openid email" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" {
		http.Error(w, "what is asked for is not known here: "+q.Encode(), http.StatusBadRequest)
		return
	}
	if p.asks && q.Get("go") == "" {
		q.Set("go", "on")
		fmt.Fprintf(w, `<h1>Acme</h1><a id="go" href="/authorize?%s">Go on as Ada</a>`, html.EscapeString(q.Encode()))
		return
	}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+p.code(q).Encode(), http.StatusFound)
}

// code makes a code, and what the browser brings back with it.
func (p *openID) code(q url.Values) url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	code := fmt.Sprint("code-", len(p.codes))
	p.codes[code] = q
	back := url.Values{"code": {code}, "state": {q.Get("state")}}
	for name, values := range p.answer {
		back[name] = values
	}
	return back
}

// token takes a code once, from the client that it was made for.
func (p *openID) token(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redeemed = append(p.redeemed, r.PostForm)
	q, known := p.codes[r.PostForm.Get("code")]
	delete(p.codes, r.PostForm.Get("code"))
	id, secret, _ := r.BasicAuth()
	secret, _ = url.QueryUnescape(secret)
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	proved := p.lax || base64.RawURLEncoding.EncodeToString(sum[:]) == q.Get("code_challenge")
	if !known || id != clientID || secret != clientSecret || q.Get("redirect_uri") != r.PostForm.Get("redirect_uri") || !proved {
		w.WriteHeader(http.StatusBadRequest)
		reply(w, map[string]any{"error": "invalid_grant", "error_description": "not this code"})
		return
	}
	claims := jwt.MapClaims{
		"iss": p.URL, "aud": clientID, "sub": "ada-1", "nonce": q.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
		"email": "ada@example.org", "email_verified": true,
	}
	for name, value := range p.claims {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	reply(w, map[string]any{"access_token": "access", "token_type": "Bearer", "expires_in": 60, "id_token": p.sign(claims)})
}

// reach is a client that reaches some providers, whose certificates are of themselves.
func reach(p *openID) *http.Client { return p.Client() } // all test servers share one certificate

// add adds the provider to an organisation, or to all.
func (p *openID) add(t *testing.T, s *servertest.Server, o org.ID, name string) accounts.Provider {
	t.Helper()
	added, err := s.Accounts.AddProvider(t.Context(), accounts.Provider{Org: o, Name: name, Issuer: p.URL, ClientID: clientID, Secret: clientSecret, By: "test"}, false)
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// way is where somebody sets out to a provider.
func way(p accounts.Provider) string { return console.SetOutURL("", p) }

// signOn is a browser that goes to a provider and comes back.
func signOn(t *testing.T, s *servertest.Server, p *openID, added accounts.Provider) *browser {
	t.Helper()
	b := visitor(t, s, p)
	return b.get(way(added))
}

// visitor is a browser that knows the certificates of providers.
func visitor(t *testing.T, s *servertest.Server, p *openID) *browser {
	t.Helper()
	b := newBrowser(t, s)
	b.client.Transport = p.Client().Transport
	return b
}

// halfway is what a provider was asked for a browser, which is stopped on its way there.
func (b *browser) halfway(added accounts.Provider) url.Values {
	b.t.Helper()
	location := b.stopped(way(added))
	asked, err := url.Parse(location)
	if err != nil || asked.Query().Get("state") == "" {
		b.t.Fatalf("led to %q", location)
	}
	return asked.Query()
}

// stopped asks for a page that leads somewhere, and gives where.
func (b *browser) stopped(path string) string {
	b.t.Helper()
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.client.CheckRedirect = nil }()
	return b.get(path).header.Get("Location")
}

// isIn reports whether somebody is signed in.
func (b *browser) isIn() bool {
	b.t.Helper()
	after := *b
	return after.get("/console/account").path == "/console/account"
}

func (p *openID) asked() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.redeemed)
}

// identities are whom providers know as the accounts of an organisation.
func identities(t *testing.T, s *servertest.Server, o org.ID) (subjects []string) {
	t.Helper()
	all, err := s.Accounts.Accounts(t.Context(), o)
	for _, a := range all {
		known, failed := s.Accounts.Identities(t.Context(), a.ID)
		if failed != nil {
			t.Fatal(failed)
		}
		for _, i := range known {
			subjects = append(subjects, a.Login+" is "+i.Subject)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(subjects)
	return subjects
}

package openid_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/openid"
	"github.com/purescim/purescim/internal/openidtest"
)

// ada is whom the provider of a test tells of.
var ada = openid.Person{Subject: "ada-1", Email: "ada@example.org", Verified: true}

// party is one that reaches a provider, whatever its name, at a time.
func party(p *openidtest.Provider, now func() time.Time) *openid.Party {
	transport := p.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.Listener.Addr().String())
	}
	transport.TLSClientConfig.ServerName = "example.com" // of the certificate of test servers
	return openid.New(openid.Options{HTTPClient: &http.Client{Transport: transport}, Now: now})
}

// question is what a browser asks a provider.
func question(p *openidtest.Provider) openid.Question {
	return openid.Question{
		Provider: openid.Provider{Issuer: p.Name(), ClientID: openidtest.ClientID, Secret: openidtest.ClientSecret},
		Redirect: "https://console.example/answer",
		State:    "the state", Nonce: "the nonce", Verifier: strings.Repeat("verifier-", 6),
	}
}

// ask sends a browser to the provider, and gives what was asked.
func ask(t *testing.T, by *openid.Party, q openid.Question) url.Values {
	t.Helper()
	target, err := by.AuthorizationURL(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// redeem asks, and brings the answer back.
func redeem(t *testing.T, by *openid.Party, p *openidtest.Provider) (openid.Person, error) {
	t.Helper()
	q := question(p)
	return by.Redeem(t.Context(), q, p.Code(ask(t, by, q)))
}

// wants fails unless a person is told of, or an error of the kind.
func wants(t *testing.T, what string, want openid.Person, kind error) func(got openid.Person, err error) {
	return func(got openid.Person, err error) {
		t.Helper()
		if diff := cmp.Diff(want, got); diff != "" || !errors.Is(err, kind) {
			t.Errorf("%s: error %v, want %v; person (-want +got):\n%s", what, err, kind, diff)
		}
	}
}

// The whole way: what discovery names is asked, once for many, with PKCE and a nonce, and
// nothing of it is a secret of the client.
func TestParty(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	discovery := counted(p, "/.well-known/openid-configuration")
	by, q := party(p, nil), question(p)
	target, err := by.AuthorizationURL(t.Context(), q)
	if err != nil || !strings.HasPrefix(target, p.URL+"/authorize?") {
		t.Fatal(target, err)
	}
	for _, secret := range []string{q.Verifier, openidtest.ClientSecret} {
		if strings.Contains(target, url.QueryEscape(secret)) {
			t.Errorf("the browser carries %q", secret)
		}
	}
	asked := ask(t, by, q)
	want := url.Values{
		"client_id": {openidtest.ClientID}, "response_type": {"code"}, "scope": {"openid email"}, "redirect_uri": {q.Redirect},
		"state": {q.State}, "nonce": {q.Nonce}, "code_challenge_method": {"S256"}, "code_challenge": asked["code_challenge"],
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the provider is asked (-want +got):\n%s", diff)
	}
	wants(t, "the answer", ada, nil)(by.Redeem(t.Context(), q, p.Code(asked)))
	wants(t, "another answer", ada, nil)(redeem(t, by, p))
	if *discovery != 1 {
		t.Errorf("the discovery document was read %d times", *discovery)
	}
}

// counted counts how often a path of a provider is asked for.
func counted(p *openidtest.Provider, path string) *int {
	n := new(int)
	usual := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			*n++
		}
		usual.ServeHTTP(w, r)
	})
	return n
}

// Discovery believes a document of the very issuer, whose endpoints are https, and that says
// nothing twice.
func TestParty_DiscoveryIsOfTheIssuer(t *testing.T) {
	t.Parallel()
	for says, change := range map[string]func(p *openidtest.Provider){
		"letter by letter":      func(p *openidtest.Provider) { p.Document["issuer"] = p.URL + "/" },
		"the token_endpoint":    func(p *openidtest.Provider) { p.Document["token_endpoint"] = "http://login.example/token" },
		"the jwks_uri":          func(p *openidtest.Provider) { p.Document["jwks_uri"] = nil },
		"the userinfo_endpoint": func(p *openidtest.Provider) { p.Document["userinfo_endpoint"] = "file:///etc/passwd" },
		"it answers 500":        func(p *openidtest.Provider) { answers(p, discovery, http.StatusInternalServerError, "secret") },
		"it answers 302": func(p *openidtest.Provider) {
			p.Instead[discovery] = func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }
		},
		"what it answers is none": func(p *openidtest.Provider) { answers(p, discovery, http.StatusOK, "<html>") },
		"cannot be read": func(p *openidtest.Provider) {
			answers(p, discovery, http.StatusOK, `{"issuer":"`+p.URL+`","issuer":"`+p.URL+`","authorization_endpoint":"`+p.URL+`/a"}`)
		},
	} {
		p := openidtest.New(t)
		change(p)
		if err := party(p, nil).Check(t.Context(), p.URL, false); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", says, err)
		}
		wants(t, says, openid.Person{}, openid.ErrAway)(party(p, nil).Redeem(t.Context(), question(p), url.Values{"code": {"x"}}))
	}
}

const discovery = "/.well-known/openid-configuration"

// answers has a path of a provider answer a text.
func answers(p *openidtest.Provider, path string, status int, text string) {
	p.Instead[path] = func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text))
	}
}

// A token of another issuer, client, question or time is not believed, nor one that is signed
// by nobody, with what is no secret, or with a key that the provider does not publish.
func TestParty_BelievesNoOtherToken(t *testing.T) {
	t.Parallel()
	p, other := openidtest.New(t), openidtest.New(t)
	by, sign := party(p, nil), p.Sign
	for what, claims := range map[string]jwt.MapClaims{
		"of another issuer":   {"iss": other.URL},
		"of no issuer":        {"iss": nil},
		"for another client":  {"aud": "another"},
		"for nobody":          {"aud": nil},
		"for two, and others": {"aud": []string{openidtest.ClientID, "another"}, "azp": "another"},
		"of another question": {"nonce": "another"},
		"of no question":      {"nonce": nil},
		"expired":             {"exp": time.Now().Add(-time.Second).Unix()},
		"without an end":      {"exp": nil},
		"of the future":       {"iat": time.Now().Add(time.Hour).Unix()},
		"of nobody":           {"sub": nil},
	} {
		p.Claims = claims
		wants(t, what, openid.Person{}, openid.ErrUntrue)(redeem(t, by, p))
	}
	p.Claims = nil
	for what, sign := range map[string]func(c jwt.MapClaims) string{
		"with alg none": func(c jwt.MapClaims) string {
			return openidtest.Signed(t, jwt.SigningMethodNone, p.KeyID, c, jwt.UnsafeAllowNoneSignatureType)
		},
		"with the client secret": func(c jwt.MapClaims) string {
			return openidtest.Signed(t, jwt.SigningMethodHS256, p.KeyID, c, []byte(openidtest.ClientSecret))
		},
		"with the key of another": func(c jwt.MapClaims) string {
			return openidtest.Signed(t, jwt.SigningMethodES256, p.KeyID, c, other.Key)
		},
		"with a claim twice": func(jwt.MapClaims) string { return p.SignText(t, `{"sub":"ada-1","sub":"eve-1"}`) },
		"not at all":         func(jwt.MapClaims) string { return "" },
	} {
		p.Sign = sign
		wants(t, what, openid.Person{}, openid.ErrUntrue)(redeem(t, by, p))
	}
	p.Sign = sign
	wants(t, "the usual token", ada, nil)(redeem(t, by, p))
	later := party(p, func() time.Time { return time.Now().Add(2 * time.Minute) })
	wants(t, "the usual token, later", openid.Person{}, openid.ErrUntrue)(redeem(t, later, p))
}

// A code is good for the browser that has the verifier of its question, and a provider that
// does not look at that is found out by the nonce.
func TestParty_CodesBelongToAQuestion(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	by := party(p, nil)
	q := question(p)
	for _, lax := range []bool{false, true} {
		p.Lax = lax
		stolen := p.Code(ask(t, by, q))
		thief := q
		thief.Verifier, thief.Nonce = strings.Repeat("another--", 6), "another"
		kind := openid.ErrDenied
		if lax {
			kind = openid.ErrUntrue
		}
		wants(t, "a stolen code", openid.Person{}, kind)(by.Redeem(t.Context(), thief, stolen))
	}
	p.Lax = false
	answer := p.Code(ask(t, by, q))
	wants(t, "a code", ada, nil)(by.Redeem(t.Context(), q, answer))
	wants(t, "a code again", openid.Person{}, openid.ErrDenied)(by.Redeem(t.Context(), q, answer))
	before := p.Redeemed()
	for what, change := range map[string]func(answer url.Values){
		"of another issuer": func(answer url.Values) { answer.Set("iss", "https://other.example") },
		"with two codes":    func(answer url.Values) { answer.Add("code", "another") },
		"without a code":    func(answer url.Values) { answer.Del("code") },
	} {
		answer := p.Code(ask(t, by, q))
		change(answer)
		wants(t, what, openid.Person{}, openid.ErrUntrue)(by.Redeem(t.Context(), q, answer))
	}
	wants(t, "a refusal", openid.Person{}, openid.ErrDenied)(by.Redeem(t.Context(), q, url.Values{"error": {"access_denied"}}))
	if n := p.Redeemed() - before; n != 0 {
		t.Errorf("%d codes were sent to the provider", n)
	}
}

// A provider may sign with another key at any time: an unknown one is fetched, and the one
// before is good no more when it is not published any more.
func TestParty_FollowsKeys(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	fetched := counted(p, "/keys")
	by := party(p, nil)
	wants(t, "the first key", ada, nil)(redeem(t, by, p))
	wants(t, "the first key again", ada, nil)(redeem(t, by, p))
	old, id := p.Key, p.KeyID
	p.Rotate(t)
	wants(t, "another key", ada, nil)(redeem(t, by, p))
	if *fetched != 2 {
		t.Errorf("keys were fetched %d times, want once for each", *fetched)
	}
	p.Sign = func(claims jwt.MapClaims) string {
		return openidtest.Signed(t, jwt.SigningMethodES256, id, claims, old)
	}
	wants(t, "the key before", openid.Person{}, openid.ErrUntrue)(redeem(t, by, p))
}

// An address is the person's own when the provider says so: by email_verified, or, of an Entra
// tenant alone, by xms_edov. Where one of them says no it is not, and without either neither.
func TestParty_AddressesAreVerifiedOrNot(t *testing.T) {
	t.Parallel()
	const tenant = "/11111111-2222-3333-4444-555555555555/v2.0"
	okta, entra, china := openidtest.New(t), openidtest.New(t), openidtest.New(t)
	entra.Issuer, china.Issuer = "https://login.microsoftonline.com"+tenant, "https://login.partner.microsoftonline.cn"+tenant
	fake := openidtest.New(t)
	fake.Issuer = "https://login.microsoftonline.com.evil.example" + tenant
	for _, test := range []struct {
		of             *openidtest.Provider
		verified, edov any
		want           bool
	}{
		{okta, true, nil, true},
		{okta, "true", nil, true},
		{okta, nil, nil, false},
		{okta, false, nil, false},
		{okta, "yes", nil, false},
		{okta, 1, nil, false},
		{okta, nil, true, false},
		{fake, nil, true, false},
		{entra, nil, nil, false},
		{entra, nil, true, true},
		{entra, nil, "1", true},
		{entra, nil, 1, true},
		{china, nil, true, true},
		{entra, nil, false, false},
		{entra, nil, "0", false},
		{entra, true, nil, true},
		{entra, true, false, false},
		{entra, false, true, false},
	} {
		test.of.Claims = jwt.MapClaims{"email_verified": test.verified, "xms_edov": test.edov}
		want := ada
		want.Verified = test.want
		wants(t, test.of.Name(), want, nil)(redeem(t, party(test.of, nil), test.of))
		test.of.Claims = jwt.MapClaims{"email": nil, "email_verified": nil}
		test.of.UserInfo = map[string]any{"sub": "ada-1", "email": "ada@example.org"}
		for name, value := range map[string]any{"email_verified": test.verified, "xms_edov": test.edov} {
			if value != nil {
				test.of.UserInfo[name] = value
			}
		}
		if who, err := redeem(t, party(test.of, nil), test.of); err != nil || who.Verified != test.want {
			t.Errorf("UserInfo of %s with %v and %v: %+v, %v", test.of.Name(), test.verified, test.edov, who, err)
		}
	}
}

// What UserInfo tells is of the same person, or of nobody; without an answer there is no
// address.
func TestParty_FurtherClaimsAreOfThePerson(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	p.Claims = jwt.MapClaims{"email": nil, "email_verified": nil}
	wants(t, "no answer", openid.Person{Subject: "ada-1"}, nil)(redeem(t, party(p, nil), p))
	p.UserInfo = map[string]any{"sub": "eve-1", "email": "ada@example.org", "email_verified": true}
	wants(t, "of somebody else", openid.Person{}, openid.ErrUntrue)(redeem(t, party(p, nil), p))
}

// A provider that does not answer, or answers without end, is away; what it has said is in no
// error.
func TestParty_EndsWithABadProvider(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	defer close(ended) // before the providers end, which wait for it
	flood := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		part := []byte(`{"secret":"` + strings.Repeat(" ", 64<<10))
		for {
			if _, err := w.Write(part); err != nil {
				return
			}
		}
	}
	hang := func(http.ResponseWriter, *http.Request) { <-ended }
	for _, path := range []string{discovery, "/token", "/keys"} {
		for name, instead := range map[string]http.HandlerFunc{
			"hangs": hang, "floods": flood,
			"breaks off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			"fails":      func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "secret", http.StatusInternalServerError) },
		} {
			p := openidtest.New(t)
			by, q := party(p, nil), question(p)
			answer := url.Values{"code": {"x"}}
			if path != discovery {
				answer = p.Code(ask(t, by, q))
			}
			p.Instead[path] = instead
			if name == "hangs" {
				if before := by.Patience(50 * time.Millisecond); before <= 0 || before > time.Minute {
					t.Errorf("it waits for %s", before)
				}
			}
			kind := openid.ErrAway
			if path == "/token" && name == "fails" {
				kind = openid.ErrDenied
			}
			who, err := by.Redeem(t.Context(), q, answer)
			wants(t, path+" "+name, openid.Person{}, kind)(who, err)
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Errorf("%s %s: the error has what was answered: %v", path, name, err)
			}
		}
	}
}

// A provider that cannot be asked any more is known from before; one that never could is not
// asked again for each browser.
func TestParty_RemembersWhatItRead(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	n := counted(p, discovery)
	answers(p, discovery, http.StatusServiceUnavailable, "")
	var log strings.Builder
	by := openid.New(openid.Options{HTTPClient: p.Client(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	for range 3 {
		if _, err := by.AuthorizationURL(t.Context(), question(p)); !errors.Is(err, openid.ErrAway) {
			t.Error(err)
		}
	}
	if *n != 1 || strings.Count(log.String(), "cannot be asked") != 1 {
		t.Errorf("it was asked %d times; the log: %s", *n, log.String())
	}
}

// Without a client of its own a party reaches public addresses alone.
func TestParty_StaysOutside(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	n := counted(p, discovery)
	if err := openid.New(openid.Options{}).Check(t.Context(), p.URL, false); err == nil || !strings.Contains(err.Error(), "not a public address") || *n > 0 {
		t.Errorf("asked %d times: %v", *n, err)
	}
}

package console_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/openidtest"
	"github.com/purescim/purescim/internal/servertest"
)

// quietLog is a log that a test reads.
type quietLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *quietLog) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *quietLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// An ID token is not believed that is not the provider's, not for us, not of now or not of
// this question, or that could be read in two ways. Nobody is signed in then, the page says
// so in plain words, and the log tells why without the token.
func TestSignOn_BelievesNoOtherToken(t *testing.T) {
	t.Parallel()
	p, log := openidtest.New(t), new(quietLog)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p), Log: slog.New(slog.NewTextHandler(log, nil))})
	o := s.NewOrg(t)
	acme := provide(t, s, p, o.ID, "Acme Okta")
	member(t, s, o.ID, "ada@example.org", accounts.Owner)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(p.Key.Public())
	if err != nil {
		t.Fatal(err)
	}
	usual := p.Sign
	var sent []string
	with := func(claims jwt.MapClaims) func(jwt.MapClaims) string {
		return func(all jwt.MapClaims) string {
			for name, value := range claims {
				if all[name] = value; value == nil {
					delete(all, name)
				}
			}
			return usual(all)
		}
	}
	besides := func(claim string) func(jwt.MapClaims) string {
		return func(all jwt.MapClaims) string {
			text, _ := json.Marshal(all)
			return p.SignText(t, string(text[:len(text)-1])+","+claim+"}")
		}
	}
	for name, sign := range map[string]func(claims jwt.MapClaims) string{
		"another nonce":              with(jwt.MapClaims{"nonce": "another"}),
		"no nonce":                   with(jwt.MapClaims{"nonce": nil}),
		"another audience":           with(jwt.MapClaims{"aud": "another"}),
		"no audience":                with(jwt.MapClaims{"aud": nil}),
		"two audiences, for another": with(jwt.MapClaims{"aud": []string{openidtest.ClientID, "another"}, "azp": "another"}),
		"two audiences, for nobody":  with(jwt.MapClaims{"aud": []string{openidtest.ClientID, "another"}}),
		"one audience, for another":  with(jwt.MapClaims{"azp": "another"}),
		"of another issuer":          with(jwt.MapClaims{"iss": "https://other.example"}),
		"expired":                    with(jwt.MapClaims{"exp": time.Now().Add(-time.Minute).Unix()}),
		"without an end":             with(jwt.MapClaims{"exp": nil}),
		"of the future":              with(jwt.MapClaims{"iat": time.Now().Add(time.Hour).Unix()}),
		"of nobody":                  with(jwt.MapClaims{"sub": nil}),
		"of a long name":             with(jwt.MapClaims{"sub": strings.Repeat("a", 256)}),
		"signed by nobody": func(c jwt.MapClaims) string {
			return openidtest.Signed(t, jwt.SigningMethodNone, p.KeyID, c, jwt.UnsafeAllowNoneSignatureType)
		},
		"signed with the secret": func(c jwt.MapClaims) string {
			return openidtest.Signed(t, jwt.SigningMethodHS256, p.KeyID, c, []byte(openidtest.ClientSecret))
		},
		"signed with the public key":   func(c jwt.MapClaims) string { return openidtest.Signed(t, jwt.SigningMethodHS256, p.KeyID, c, public) },
		"signed with another key":      func(c jwt.MapClaims) string { return openidtest.Signed(t, jwt.SigningMethodES256, p.KeyID, c, other) },
		"signed with an unknown key":   func(c jwt.MapClaims) string { return openidtest.Signed(t, jwt.SigningMethodES256, "second", c, other) },
		"changed":                      func(c jwt.MapClaims) string { text := usual(c); return text[:len(text)-8] + "AAAAAAAA" },
		"with sub and Sub":             besides(`"Sub":"ada-2"`),
		"with another nonce besides":   besides(`"Nonce":"another"`),
		"with the subject twice":       besides(`"sub":"ada-2"`),
		"with a verified e-mail twice": besides(`"email_verified":true`),
		"no token":                     func(jwt.MapClaims) string { return "" },
	} {
		p.Sign = func(claims jwt.MapClaims) string {
			token := sign(claims)
			sent = append(sent, token)
			return token
		}
		b := signOn(t, s, p, acme)
		if b.status != http.StatusUnauthorized || !strings.Contains(b.body, "cannot be believed") || b.isIn() {
			t.Errorf("%s: status %d, signed in %v: %s", name, b.status, b.isIn(), b.text())
		}
	}
	if known := identities(t, s, o.ID); len(known) > 0 {
		t.Errorf("known are %v", known)
	}
	for _, token := range append(sent, openidtest.ClientSecret, "Bearer access") {
		if token != "" && strings.Contains(log.String(), token) {
			t.Errorf("the log has %s", token)
		}
	}
	for _, reason := range []string{"the nonce is another", "expected audience", "expired"} {
		if !strings.Contains(log.String(), reason) {
			t.Errorf("the log does not tell %q", reason)
		}
	}
	p.Sign = usual
	signOn(t, s, p, acme).want(http.StatusOK).has("ada@example.org")
}

// By an address that is not verified, by one that only looks like that of an account, and by
// one whose account is of another organisation or of all, nobody gets in; what the page says
// does not tell where there is an account.
func TestSignOn_TakesVerifiedAddressesOfItsOrganisationAlone(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	o, other := s.NewOrg(t), s.NewOrg(t)
	acme := provide(t, s, p, o.ID, "Acme Okta")
	operators := provide(t, s, p, accounts.Everywhere, "Operators")
	member(t, s, o.ID, "kim@example.org", accounts.Owner)
	member(t, s, other.ID, "otto@example.org", accounts.Owner)
	member(t, s, accounts.Everywhere, "olga@example.org", accounts.Owner)
	for _, test := range []struct {
		by          accounts.Provider
		claims      jwt.MapClaims
		status      int
		says, lacks string
	}{
		{acme, jwt.MapClaims{"email": "kim@example.org", "email_verified": false}, 403, "does not say that your e-mail address is verified", "kim@"},
		{acme, jwt.MapClaims{"email": "kim@example.org", "email_verified": nil}, 403, "is verified", "kim@"},
		{acme, jwt.MapClaims{"email": "kim@example.org", "email_verified": "false"}, 403, "is verified", "kim@"},
		{acme, jwt.MapClaims{"email": "kim@example.org", "email_verified": 1}, 403, "is verified", "kim@"},
		{acme, jwt.MapClaims{"email": "kim@example.org", "email_verified": nil, "Email_Verified": true}, 403, "is verified", "kim@"},
		{acme, jwt.MapClaims{"email": nil}, 403, "is verified", "kim@"},
		{acme, jwt.MapClaims{"email": "nobody@example.org"}, 403, "Nobody with your e-mail address", "otto@"},
		{acme, jwt.MapClaims{"email": "otto@example.org"}, 403, "Nobody with your e-mail address", "otto@"},
		{acme, jwt.MapClaims{"email": "olga@example.org"}, 403, "Nobody with your e-mail address", "olga@"},
		{acme, jwt.MapClaims{"email": "\u212aim@example.org"}, 403, "Nobody with your e-mail address", "kim@"},
		{acme, jwt.MapClaims{"email": "\uff4bim@example.org"}, 403, "Nobody with your e-mail address", "kim@"},
		{acme, jwt.MapClaims{"email": "ki\u200bm@example.org"}, 403, "Nobody with your e-mail address", "kim@"},
		{operators, jwt.MapClaims{"email": "kim@example.org"}, 403, "Nobody with your e-mail address", "kim@"},
		{operators, jwt.MapClaims{"email": "OLGA@example.org"}, 200, "olga@example.org", "Nobody with"},
		{acme, jwt.MapClaims{"email": "Kim@Example.org", "email_verified": "true", "sub": "kim-1"}, 200, "kim@example.org", "Nobody with"},
	} {
		p.Claims = test.claims
		b := signOn(t, s, p, test.by)
		if b.want(test.status).has(test.says).lacks(test.lacks); b.isIn() != (test.status == http.StatusOK) {
			t.Errorf("%v: signed in %v", test.claims, b.isIn())
		}
	}
	// Nor does a link of an invitation, or the account of somebody who is signed in, help the
	// provider of another organisation.
	secret, _, err := s.Accounts.Invite(t.Context(), "test", other.ID, "new@example.org", accounts.Owner)
	if err != nil {
		t.Fatal(err)
	}
	visitor(t, s, p).get("/console/invitation/" + secret).want(http.StatusOK).lacks("Acme Okta")
	visitor(t, s, p).get("/console/invitation/" + secret + "/providers/" + acme.ID.String()).want(http.StatusNotFound)
	visitor(t, s, p).get("/console/invitation/used/providers/" + acme.ID.String()).want(http.StatusNotFound).has("This link was used already")
	otto := newBrowser(t, s).post("/console/signin", "login", "otto@example.org", "password", password).want(http.StatusOK)
	otto.post("/console/account/identities", "provider", acme.ID.String(), "password", password).want(http.StatusNotFound)
	otto.get("/console/o/" + o.ID.String() + "/providers").want(http.StatusNotFound).lacks(p.URL)
	otto.post("/console/o/"+o.ID.String()+"/providers/"+acme.ID.String()+"/remove", "sure", "yes").want(http.StatusNotFound)
	otto.post("/console/o/"+other.ID.String()+"/providers/"+acme.ID.String()+"/remove", "sure", "yes").want(http.StatusNotFound)
	otto.post("/console/o/"+other.ID.String()+"/providers/"+operators.ID.String()+"/remove", "sure", "yes").want(http.StatusNotFound)
	if all, err := s.Accounts.Providers(t.Context(), o.ID); err != nil || len(all) != 1 {
		t.Error(all, err)
	}
}

// An answer is good once, within ten minutes, in the browser that asked, at the way back of the
// provider's organisation. A code that somebody else brought is not.
func TestSignOn_AnswersAreGoodOnce(t *testing.T) {
	t.Parallel()
	p, s, o, acme := provided(t)
	member(t, s, o.ID, "ada@example.org", accounts.Owner)
	back := "/console/signin/answer/" + o.ID.String() + "?"
	refused := func(what string, b *browser, path string, asked int) {
		t.Helper()
		before := p.Redeemed()
		if b.get(path); b.status < 400 || b.status >= 500 || b.isIn() || p.Redeemed() != before+asked {
			t.Errorf("%s: status %d, signed in %v, the provider was asked %d times: %s", what, b.status, b.isIn(), p.Redeemed()-before, b.text())
		}
	}
	ada, eve := visitor(t, s, p), visitor(t, s, p)
	answer := p.Code(ada.halfway(acme)).Encode()
	refused("by another browser", eve, back+answer, 0)
	eve.halfway(acme)
	refused("by another browser that is on its way", eve, back+answer, 0)
	refused("where those of all come back", ada, "/console/signin/answer?"+answer, 0)
	answer = p.Code(ada.halfway(acme)).Encode()
	ada.get(back + answer).want(http.StatusOK).has("ada@example.org")
	ada.post("/console/signout")
	refused("a second time", ada, back+answer, 0)
	refused("without a state", ada, back+"code=x", 0)

	late := p.Code(ada.halfway(acme)).Encode()
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if tag, err := db.Exec(t.Context(), `update console_challenges set expires_at = expires_at - interval '10 minutes 1 second'`); err != nil || tag.RowsAffected() == 0 {
		t.Fatal(tag, err)
	}
	refused("too late", ada, back+late, 0)
	asked := ada.halfway(acme)
	var left float64
	if err := db.QueryRow(t.Context(), `select extract(epoch from max(expires_at) - clock_timestamp()) from console_challenges`).Scan(&left); err != nil || left > 605 || left < 310 { // the clocks differ by a moment
		t.Errorf("an answer is good for %v seconds, %v", left, err)
	}

	// Eve's code, with the state of Ada's browser: the provider knows whose it is (PKCE), and
	// where it does not, the nonce tells.
	for _, lax := range []bool{false, true} {
		p.Lax = lax
		injected := p.Code(eve.halfway(acme))
		injected.Set("state", asked.Get("state"))
		refused("with the code of another browser", ada, back+injected.Encode(), 1)
		asked = ada.halfway(acme)
	}
	p.Lax = false
	both := p.Code(asked)
	both.Add("code", "another")
	refused("with two codes", ada, back+both.Encode(), 0)
	refused("with an error", ada, back+url.Values{"state": {ada.halfway(acme).Get("state")}, "error": {"access_denied"}, "error_description": {"<b>no</b>"}}.Encode(), 0)
	if ada.has("has let nobody in").lacks("<b>"); ada.header.Get("Referrer-Policy") != "no-referrer" {
		t.Error("the address of the page is told to others")
	}
}

// The answer of one provider is none of another: neither when it says so, nor when it comes
// back where another organisation's do. The code goes to nobody then.
func TestSignOn_TakesNoAnswerOfAnotherProvider(t *testing.T) {
	t.Parallel()
	honest, evil := openidtest.New(t), openidtest.New(t)
	honest.Document["authorization_response_iss_parameter_supported"] = true
	honest.Answer.Set("iss", honest.URL)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(honest)})
	o, other := s.NewOrg(t), s.NewOrg(t)
	acme := provide(t, s, honest, o.ID, "Acme Okta")
	foe := provide(t, s, evil, other.ID, "Evil")
	member(t, s, o.ID, "ada@example.org", accounts.Owner)
	member(t, s, other.ID, "eve@example.org", accounts.Owner)
	signOn(t, s, honest, acme).want(http.StatusOK).has("ada@example.org")

	// Ada sets out to the evil one, which leads her to the honest one. That one sends
	// browsers to nothing but the way back that it was told.
	ada := visitor(t, s, honest)
	asked := ada.halfway(foe)
	if got, want := asked.Get("redirect_uri"), console.AnswerURL(s.URL, other.ID); got != want {
		t.Errorf("the provider is told %s, want %s", got, want)
	}
	asked.Set("redirect_uri", console.AnswerURL(s.URL, o.ID))
	before := evil.Redeemed()
	if ada.get("/console/signin/answer/" + o.ID.String() + "?" + honest.Code(asked).Encode()); ada.status != http.StatusNotFound || ada.isIn() || evil.Redeemed() != before {
		t.Errorf("the code is believed, or sent to another: status %d, %d", ada.status, evil.Redeemed()-before)
	}
	// What is of another issuer, or does not say so where that is announced.
	for _, iss := range [][]string{{evil.URL}, {""}, {"https://other.example"}, {evil.URL, honest.URL}, {honest.URL, evil.URL}, nil} {
		answer := honest.Code(ada.halfway(acme))
		if answer["iss"] = iss; iss == nil {
			answer.Del("iss")
		}
		before := honest.Redeemed()
		if ada.get("/console/signin/answer/" + o.ID.String() + "?" + answer.Encode()); ada.status != http.StatusUnauthorized || ada.isIn() || honest.Redeemed() != before {
			t.Errorf("of issuer %q: status %d, asked %d times", iss, ada.status, honest.Redeemed()-before)
		}
	}
	answer := evil.Code(ada.halfway(foe)) // which announces nothing, and yet says something else
	answer.Set("iss", honest.URL)
	if ada.get("/console/signin/answer/" + other.ID.String() + "?" + answer.Encode()); ada.status != http.StatusUnauthorized || evil.Redeemed() != before {
		t.Errorf("status %d, asked %d times", ada.status, evil.Redeemed()-before)
	}
	// The one tells of somebody whom the other knows, at its own way back.
	evil.Claims = jwt.MapClaims{"sub": "ada-1", "email": "ada@example.org"}
	signOn(t, s, evil, foe).want(http.StatusForbidden)
	evil.Claims = jwt.MapClaims{"iss": honest.URL}
	signOn(t, s, evil, foe).want(http.StatusUnauthorized)
}

// Whoever is led back goes to a page of the console, and to no other site.
func TestSignOn_LeadsToNoOtherSite(t *testing.T) {
	t.Parallel()
	p, s, o, acme := provided(t)
	member(t, s, o.ID, "ada@example.org", accounts.Owner)
	for _, wrong := range []string{"https://evil.example/", "//evil.example", `/\evil.example`, "/console//evil.example", "javascript:alert(1)", "/docs"} {
		b := visitor(t, s, p)
		target := b.stopped(way(acme) + "?next=" + url.QueryEscape(wrong))
		asked, err := url.Parse(target)
		if err != nil || !strings.HasPrefix(target, p.URL+"/authorize?") {
			t.Fatalf("led to %q, %v", target, err)
		}
		if to := b.stopped("/console/signin/answer/" + o.ID.String() + "?" + p.Code(asked.Query()).Encode()); to != "/console" {
			t.Errorf("%s leads to %q", wrong, to)
		}
	}
	// Cookies that only this host can set and read, and no script.
	b := visitor(t, s, p)
	b.stopped(way(acme))
	if cookie := b.header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Max-Age=600") {
		t.Errorf("the cookie is %s", cookie)
	}
}

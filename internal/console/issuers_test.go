package console_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/openidtest"
	"github.com/purescim/purescim/internal/servertest"
)

// trusting is the form that trusts the provider's tokens of one caller as the client.
func (f *furnished) trusting(p *openidtest.Provider, pairs ...string) []string {
	return append([]string{"issuer", p.URL, "audience", "purescim", "claim", "appid", "subject", "sync", "client", f.client.String()}, pairs...)
}

// as is the organisation with a token of the provider.
func (f *furnished) as(p *openidtest.Provider) *servertest.Org {
	foreign := *f.Org
	now := time.Now()
	foreign.Token = p.Sign(jwt.MapClaims{
		"iss": p.URL, "aud": "purescim", "appid": "sync", "sub": "x", "jti": uuid.NewString(), "iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	return &foreign
}

// An issuer is trusted and removed by who may change something; its tokens are taken in
// between, and the log tells who did it.
func TestIssuers(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	path := f.home + "/issuers"
	viewer.get(path).want(http.StatusOK).has("Only tokens of this server are taken", "No other issuer is trusted").lacks("<input id=")
	viewer.post(path, f.trusting(p)...).want(http.StatusForbidden)
	viewer.post(path+"/"+uuid.NewString()+"/remove", "sure", "yes").want(http.StatusForbidden)
	token := f.as(p)
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)

	b.post(path, f.trusting(p)...).want(http.StatusOK).has("The issuer is trusted", "Tokens of 1 other issuer are taken, too", p.URL+"/keys", ">Entra</a>", "<code>appid</code> is <code>sync</code>")
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	b.get(f.home + "/settings").has("1 other issuer is trusted")
	remove := b.get(path).found(`action="([^"]*/remove)"`)
	viewer.get(path).want(http.StatusOK).has(p.URL, "sync").lacks("Remove")
	b.post(path, f.trusting(p)...).want(http.StatusConflict).has("are trusted already", `value="sync"`)
	b.post(remove).want(http.StatusOK).has("Trust this issuer no more?", p.URL)
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK) // nobody was sure yet
	b.yes().want(http.StatusOK).has("The issuer is trusted no more", "Only tokens of this server")
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	b.post(remove).want(http.StatusNotFound)
	b.get(f.home+"/activity?q=by:ada@example.org+type:Issuer").has("added issuer "+p.URL, "removed issuer "+p.URL)

	other := s.NewOrg(t)
	stranger := member(t, s, other.ID, "otto@example.org", accounts.Owner)
	stranger.post("/console/o/"+other.ID.String()+"/issuers", f.trusting(p)...).want(http.StatusBadRequest).has("Choose the connection")
}

// What is wrong with an issuer is told in the words of the page, before it is trusted.
func TestIssuers_AreChecked(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	person := uuid.New()
	if _, _, err := s.OAuth.IssuePersonal(t.Context(), f.ID, oauth.Person{ID: person, Name: "vera@example.org"}); err != nil {
		t.Fatal(err)
	}
	path := f.home + "/issuers"
	b.get(path).want(http.StatusOK).has(">Entra</option>").lacks("Console: vera")
	for says, at := range map[string]struct {
		field int
		value string
	}{
		"The issuer must be a URL that begins with https://": {1, "http://login.example"},
		"cannot be reached":                 {1, "https://127.0.0.1:1"},
		"The audience is required":          {3, " "},
		"The claim that names the caller":   {5, "a b"},
		"The caller is required":            {7, " "},
		"Choose the connection":             {9, uuid.NewString()},
		"The URL of its keys does not lead": {11, p.URL + "/nothing"},
		"The URL of its keys must be a URL": {11, "keys"},
		"The URL of its keys is required":   {13, "on"},
	} {
		form := f.trusting(p, "keys", "", "unasked", "")
		form[at.field] = at.value
		b.post(path, form...).want(http.StatusBadRequest).has(says, "Nothing was added").lacks("dial", "connection refused")
	}
	ofPerson := f.trusting(p)
	ofPerson[9] = person.String()
	b.post(path, ofPerson...).want(http.StatusBadRequest).has("Choose the connection")
	b.get(path).has("Only tokens of this server are taken")
	b.post(path, f.trusting(p, "keys", "https://nobody.invalid/keys", "unasked", "on")...).want(http.StatusOK).has("https://nobody.invalid/keys")
}

// With JavaScript, in a browser, by its buttons.
func TestIssuers_InABrowser(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	f := furnish(t, s)
	b := newTab(t, s)
	b.look(1280, "light")
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	b.open(f.home + "/settings")
	b.do(chromedp.Click("#issuers a.button"))
	b.waits("document.querySelector('#issuer')")
	b.do(chromedp.SendKeys("#issuer", p.URL), chromedp.SendKeys("#audience", "purescim"), chromedp.SetValue("#claim", "appid"), chromedp.SendKeys("#subject", "sync"),
		chromedp.SetValue("#client", f.client.String()), chromedp.Click("main form button.primary"))
	b.waits("document.body.textContent.includes('The issuer is trusted')")
	b.shoot("issuers-one")
	b.look(360, "dark")
	b.shoot("issuers-one-360")
	b.look(1280, "light")
	token := f.as(p)
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	b.isAsked("form[action$='/remove'] button", "Trust this issuer no more?")
	b.shoot("issuers-dialog")
	b.isSure("The issuer is trusted no more")
	token.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	b.quiet()
}

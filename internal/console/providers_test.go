package console_test

import (
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/openidtest"
	"github.com/purescim/purescim/internal/servertest"
)

// One address has so many sign-ins under way and no more: it pushes out its own.
func TestSignOn_IsBounded(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	acme := provide(t, s, p, s.NewOrg(t).ID, "Acme Okta")
	b := visitor(t, s, p)
	first := p.Code(b.halfway(acme))
	for range accounts.MaxChallengesOf - 1 {
		b.halfway(acme)
	}
	last := p.Code(b.halfway(acme))
	back := console.AnswerURL("", acme.Org) + "?"
	b.get(back + first.Encode()).want(http.StatusBadRequest).has("took more than 10 minutes")
	b.get(back + last.Encode()).want(http.StatusForbidden).has("Nobody with your e-mail address")
}

// An issuer that does not answer as one is not added, and none that is not on the Internet.
func TestProviders_AreChecked(t *testing.T) {
	t.Parallel()
	p, liar, plain := openidtest.New(t), openidtest.New(t), openidtest.New(t)
	liar.Document["issuer"] = "https://other.example"
	plain.Document["token_endpoint"] = "http://login.example/token"
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	o := s.NewOrg(t)
	home := "/console/o/" + o.ID.String() + "/providers"
	ada := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	for says, form := range map[string][]string{
		"The name of a provider":         {"", p.URL, openidtest.ClientID, openidtest.ClientSecret},
		"must be a URL that begins with": {"Acme", "http://login.example", openidtest.ClientID, openidtest.ClientSecret},
		"A client id is needed":          {"Acme", p.URL, " ", openidtest.ClientSecret},
		"A client secret is needed":      {"Acme", p.URL, openidtest.ClientID, ""},
		"letter by letter":               {"Acme", liar.URL, openidtest.ClientID, openidtest.ClientSecret},
		"token_endpoint":                 {"Acme", plain.URL, openidtest.ClientID, openidtest.ClientSecret},
		"it answers 404":                 {"Acme", p.URL + "/nothing", openidtest.ClientID, openidtest.ClientSecret},
	} {
		ada.post(home, "name", form[0], "issuer", form[1], "client", form[2], "secret", form[3]).want(http.StatusBadRequest).has(says).lacks(openidtest.ClientSecret)
	}
	ada.post(home, "name", "Acme", "issuer", p.URL, "client", openidtest.ClientID, "secret", openidtest.ClientSecret).want(http.StatusOK).has("It is added")
	ada.post(home, "name", "Acme again", "issuer", p.URL, "client", "x", "secret", "x").want(http.StatusConflict)
	strict := servertest.NewWith(t, servertest.Options{Database: s.Database})
	inside := newBrowser(t, strict).post("/console/signin", "login", "ada@example.org", "password", password)
	inside.post(home, "name", "Inside", "issuer", p.URL+"/", "client", "x", "secret", "x").want(http.StatusBadRequest).has("not a public address")
	if n := p.Redeemed(); n != 0 {
		t.Errorf("asked %d times", n)
	}
}

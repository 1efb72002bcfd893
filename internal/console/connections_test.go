package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// Tokens are shown once and renewed, secrets rotated, connections ended; a viewer does none
// of it, and a form that is sent twice makes nothing twice.
func TestConnections(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	entra := f.home + "/connections/" + f.client.String()
	sql(t, s, `insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
		select $1, 1, gen_random_uuid(), 1, now(), now(), 'Role ' || n, 'role ' || n, '', '{}' from generate_series(1, 600) n`, f.ID)
	b.post(f.home+"/catalogue/roles", "name", "Zoo keeper").want(http.StatusOK)
	f.NewClient(t, "Zoo keeper")
	b.get(f.home + "/connections").has("<dd>Zoo keeper</dd>")
	b.get(f.home+"/connections").want(http.StatusOK).has("Entra", "Microsoft Entra ID", "works in part", "ends <time", "Connect a product", "Last request", "<dd>provision users and groups</dd>", "<dd>do everything</dd>")
	viewer.get(f.home + "/connections").want(http.StatusOK).lacks("Connect a product")
	viewer.get(entra).want(http.StatusOK).has("works in part", "Refused lately").lacks("Revoke", "Renew the token", "New client secret", "Delete").has("<dt>May</dt><dd>provision users and groups</dd>")
	for _, path := range []string{"/token", "/secret", "/state", "/delete", "/links", "/links/" + uuid.NewString() + "/end", "/tokens/" + uuid.NewString() + "/revoke"} {
		viewer.post(entra + path).want(http.StatusForbidden)
	}
	viewer.get(f.home + "/connections/new").want(http.StatusForbidden)
	viewer.post(f.home+"/connections", "guide", "okta", "name", "Okta").want(http.StatusForbidden)

	b.post(f.home+"/connections", "guide", "okta", "name", "Okta").want(http.StatusOK).has("shown this once", "Paste two values into Okta", s.URL+"/api/v2/scim/v2")
	token := b.found(`<code id="token">([^<]+)`)
	okta := b.found(`href="([^"]*)/guide\?guide=okta"`)
	b.post(f.home+"/connections", "guide", "okta", "name", "OKTA").want(http.StatusConflict).has("already")
	b.post(f.home+"/connections", "guide", "nothing", "name", "x").want(http.StatusBadRequest).has("Choose the product")
	b.get(okta + "/values?guide=okta").lacks(token).get(okta).lacks(token)
	known := b.found(`name="known" value="([^"]+)"`)
	b.post(okta+"/token?guide=okta", "known", known).want(http.StatusOK).has("shown this once")
	second := b.found(`<code id="token">([^<]+)`)
	b.post(okta+"/token?guide=okta", "known", known).want(http.StatusOK).has("was made meanwhile").lacks(`id="token"`)
	as := *f.Org
	as.Token = token
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	b.get(okta).post(okta + "/tokens/" + known + "/revoke").want(http.StatusOK).has("Revoke this token of Okta?")
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK) // nobody was sure yet
	b.yes().want(http.StatusOK).has("token is revoked")
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	as.Token = second
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	b.sure(okta+"/secret").want(http.StatusOK).has("new client secret", "24 hours")
	b.sure(okta+"/state", "state", "disable").want(http.StatusOK).has("is disabled")
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusUnauthorized)
	b.post(okta + "/token?guide=okta").want(http.StatusOK) // sent twice, as far as the server knows
	b.sure(okta + "/delete").want(http.StatusOK).has("is deleted").lacks("Okta")
	b.get(okta).want(http.StatusNotFound)
	b.get(f.home+"/guides/okta").want(http.StatusOK).has("Push Groups", "Acme Insurance")
	b.get(f.home + "/guides/nothing").want(http.StatusNotFound)
	other := s.NewOrg(t)
	stranger := member(t, s, other.ID, "otto@example.org", accounts.Owner)
	stranger.get("/console/o/" + other.ID.String() + "/connections/" + f.client.String()).want(http.StatusNotFound)
	stranger.post("/console/o/" + other.ID.String() + "/connections/" + f.client.String() + "/token").want(http.StatusNotFound)
}

// A product that signs in with a client's secret is given that, once, and no token that
// nobody needs; so is who opens a setup link for it.
func TestConnections_OfProductsThatFetchTokens(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := acme(t, s)
	home := "/console/o/" + o.ID.String()
	b := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	b.post(home+"/connections", "guide", "saviynt", "name", "Feed").want(http.StatusOK).
		has("Paste these values into Saviynt", s.URL+"/oauth/token", "Make a token", "plain http").lacks(`id="token"`)
	id, secret := b.found(`<code id="client-id">([^<]+)`), b.found(`<code id="secret">([^<]+)`)
	path := home + "/connections/" + id
	b.get(path+"/values?guide=saviynt").want(http.StatusOK).lacks(secret).has("Another one leaves it good for 24 hours", id)
	known := b.found(`name="of" value="secret"><input type="hidden" name="known" value="([^"]+)"`)
	b.post(path+"/token?guide=saviynt", "of", "secret", "known", known).want(http.StatusOK)
	second := b.found(`<code id="secret">([^<]+)`)
	b.post(path+"/token?guide=saviynt", "of", "secret", "known", known).want(http.StatusOK).has("was made meanwhile").lacks(`<code id="secret">`)
	signIn := func(secret string) int {
		answer, err := http.PostForm(s.URL+"/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}})
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		return answer.StatusCode
	}
	for _, good := range []string{secret, second} {
		if status := signIn(good); status != http.StatusOK {
			t.Errorf("signing in with a secret of the page: status %d", status)
		}
	}
	b.get(path+"/guide?guide=saviynt").want(http.StatusOK).has("&quot;client_id&quot;: &quot;"+id, "The connection Feed of Acme Insurance").lacks("purescim client create", "purescim group create", second)
	b.post(path+"/links", "guide", "saviynt").want(http.StatusOK)
	link := b.found(`(/console/setup/[A-Za-z0-9_-]{43})`)
	guest := newBrowser(t, s)
	guest.get(link).post(link).want(http.StatusOK).has("Paste these values into Saviynt", "Make another secret").lacks(second)
	guest.post("/console/setup/token", "of", "secret", "known", guest.found(`name="of" value="secret"><input type="hidden" name="known" value="([^"]+)"`)).want(http.StatusOK)
	if status := signIn(guest.found(`<code id="secret">([^<]+)`)); status != http.StatusOK {
		t.Errorf("signing in with the secret of a setup link: status %d", status)
	}
}

// With its first use a token that was renewed here takes the place of the one before.
func TestConnections_AreRenewed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	entra := f.home + "/connections/" + f.client.String()
	b.get(entra).want(http.StatusOK).has("Renew the token", "the old one ends by itself")
	b.post(entra+"/token?guide=entra", "known", b.found(`name="known" value="([^"]+)"`)).want(http.StatusOK)
	as := *f.entra
	as.Token = b.found(`<code id="token">([^<]+)`)
	f.entra.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	for range 600 {
		if f.entra.Do(t, http.MethodGet, "/Users", nil).Status == http.StatusUnauthorized {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Error("the token before has not ended")
}

// A setup link opens once, in one browser, which sees that wizard and nothing else, makes a
// token there, and loses all of it when the link is ended.
func TestSetupLink(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	entra := f.home + "/connections/" + f.client.String()
	b.post(entra+"/links", "guide", "entra").want(http.StatusOK).has("shown this once")
	link := b.found(`(/console/setup/[A-Za-z0-9_-]{43})`)
	b.get(entra).lacks(link).has("not opened yet")

	guest := newBrowser(t, s)
	guest.get("/console/setup/values").want(http.StatusNotFound)
	guest.get(link).want(http.StatusOK).has("Connect Entra", "ada@example.org asks you")
	guest.get(link).want(http.StatusOK) // who only looks does not use it up
	guest.post(link).want(http.StatusOK).has("Paste two values into Microsoft Entra ID", "Renew the token", "ends by itself")
	newBrowser(t, s).get(link).want(http.StatusNotFound).has("used already")
	newBrowser(t, s).post(link).want(http.StatusNotFound)
	guest.post("/console/setup/token", "known", guest.found(`name="known" value="([^"]*)"`)).want(http.StatusOK).has("shown this once")
	as := *f.Org
	as.Token = guest.found(`<code id="token">([^<]+)`)
	as.Do(t, http.MethodGet, "/Users", nil).Want(t, http.StatusOK)
	guest.get("/console/setup/guide").want(http.StatusOK).has("Enterprise applications", "for whoever sent you the link", "<em>Groups</em>").lacks("purescim group create", "purescim client create")
	guest.get("/console/setup/check").want(http.StatusOK).has("First person", "What to do:").lacks("/activity/")
	for _, path := range []string{f.home, entra, f.home + "/people", "/console/account"} {
		guest.get(path).want(http.StatusOK).has("Sign in").lacks("Acme")
	}
	guest.post(entra + "/token").want(http.StatusOK).has("Sign in")
	b.get(entra).has("opened <time")
	b.sure(b.found(`action="([^"]*/end)"`)).want(http.StatusOK).has("setup link has ended")
	guest.get("/console/setup/values").want(http.StatusNotFound)
	guest.post("/console/setup/token").want(http.StatusNotFound)
	b.get(f.home + "/activity?q=setupLink").want(http.StatusOK)
	b.get(f.home+"/activity?q=type:Client").has("setup link", "made a setup link for Entra")
}

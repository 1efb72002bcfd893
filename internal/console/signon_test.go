package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/security"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/openidtest"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// In a browser, without JavaScript too: an owner adds a provider, whose button signs in who has
// an account; who is invited begins by it, and links it to an account that has a password.
func TestSignOn(t *testing.T) {
	t.Parallel()
	p := openidtest.New(t)
	p.Asks = true
	s := servertest.NewWith(t, servertest.Options{HTTPClient: reach(p)})
	o := s.NewOrg(t)
	home := "/console/o/" + o.ID.String()
	ada := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	b := newTab(t, s)
	b.do(call(security.SetIgnoreCertificateErrors, security.SetIgnoreCertificateErrorsParams{Ignore: true}))
	b.signInAs(ada)
	b.look(1280, "light")
	b.open(home + "/providers")
	b.fill("#name", "Acme Okta", "#issuer", p.URL, "#client", openidtest.ClientID, "#secret", openidtest.ClientSecret)
	b.click(`form[action="` + home + `/providers"] button`)
	b.says("One provider signs people in to")
	b.says(openidtest.ClientID)
	b.shoot("providers-added")
	b.look(360, "dark")
	b.shoot("providers-added-360")
	b.look(1280, "light")
	if text := eval[string](b, "document.documentElement.outerHTML"); strings.Contains(text, openidtest.ClientSecret) {
		t.Error("the secret is shown")
	}

	signOut := func() {
		b.open("/console/account")
		b.click("header details.menu:last-of-type summary")
		b.click("form[action='/console/signout'] button")
		b.waits(`location.pathname === "/console/signin"`)
	}
	for _, scripts := range []bool{true, false} {
		signOut()
		b.script(scripts)
		b.open("/console/signin?next=" + home + "/groups")
		b.shoot("signin-provider")
		b.click(`main a[href^="/console/signin/providers/"]`)
		b.waits(`document.querySelector("#go") !== null`)
		b.click("#go")
		b.waits(`location.pathname === "` + home + `/groups"`)
		b.script(true)
	}
	if diff := cmp.Diff([]string{"ada@example.org is ada-1"}, identities(t, s, o.ID)); diff != "" {
		t.Error(diff)
	}

	// Somebody else, whose address the provider has not verified.
	p.Claims = map[string]any{"sub": "grace-1", "email": "grace@elsewhere.example", "email_verified": false}
	secret, _, err := s.Accounts.Invite(t.Context(), "test", o.ID, "grace@example.org", accounts.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	signOut()
	b.open("/console/invitation/" + secret)
	b.shoot("invitation-provider")
	b.click(`main a[href*="/providers/"]`)
	b.waits(`document.querySelector("#go") !== null`)
	b.click("#go")
	b.waits(`location.pathname === "` + home + `"`)
	b.open("/console/account")
	b.says("You have no password")
	b.says("You are grace@example.org, viewer of")
	b.shoot("account-without-password")
	signOut()

	p.Claims = map[string]any{"sub": "alan-1", "email": nil, "email_verified": nil}
	b.signInAs(member(t, s, o.ID, "alan@example.org", accounts.Viewer))
	for _, scripts := range []bool{true, false} {
		b.script(scripts)
		b.open("/console/account")
		b.shoot("account-link")
		b.fill("#linkpassword", "not the password")
		b.click(`form[action="/console/account/identities"] button`)
		b.says("The password is wrong.")
		b.fill("#linkpassword", password)
		b.click(`form[action="/console/account/identities"] button`)
		b.waits(`document.querySelector("#go") !== null`)
		b.click("#go")
		b.says("It is linked.")
		b.shoot("account-linked")
		b.script(true)
		b.open("/console/account")
		b.click(`form[action*="/identities/"] button`)
		b.waits("document.querySelector('dialog[open] button[name=sure]')")
		b.click("dialog button[name=sure]")
		b.says("It signs you in no more.")
	}
	b.forgive("Failed to load resource")
	b.quiet()
}

// Who is known is so by the provider's own id, and goes on when the address changes; somebody
// else with the address is not let in.
func TestSignOn_IsBySubject(t *testing.T) {
	t.Parallel()
	p, s, o, acme := provided(t)
	member(t, s, o.ID, "Ada@example.org", accounts.Owner)
	member(t, s, o.ID, "grace@example.org", accounts.Owner)
	signOn(t, s, p, acme).want(http.StatusOK).has("Ada@example.org")
	p.Claims = map[string]any{"email": "grace@example.org"}
	signOn(t, s, p, acme).want(http.StatusOK).lacks("grace@example.org").has("Ada@example.org")
	p.Claims = map[string]any{"email": nil, "email_verified": nil}
	signOn(t, s, p, acme).want(http.StatusOK).has("Ada@example.org")
	p.Claims = map[string]any{"sub": "ada-2"} // who got the address of who has left
	if b := signOn(t, s, p, acme).want(http.StatusConflict).has("knows the account as somebody else"); b.isIn() {
		t.Error("somebody else with the address is signed in")
	}
	p.Claims = map[string]any{"sub": "grace-1", "email": nil, "email_verified": nil}
	p.UserInfo = map[string]any{"sub": "somebody", "email": "grace@example.org", "email_verified": true}
	signOn(t, s, p, acme).want(http.StatusUnauthorized)
	p.UserInfo = map[string]any{"sub": "grace-1", "email": "grace@example.org", "email_verified": "true"}
	grace := signOn(t, s, p, acme).want(http.StatusOK).has("grace@example.org")
	if diff := cmp.Diff([]string{"Ada@example.org is ada-1", "grace@example.org is grace-1"}, identities(t, s, o.ID)); diff != "" {
		t.Error(diff)
	}
	var told []string
	for e, err := range s.Log.All(t.Context(), o.ID, provisioning.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := e.MarshalJSON(); strings.Contains(string(text), openidtest.ClientSecret) {
			t.Errorf("the secret is in %s", text)
		}
		for _, c := range e.Changes {
			if c.Attribute == "signIn" || c.Attribute == "issuer" {
				told = append([]string{e.Sentence()}, told...)
			}
		}
	}
	want := []string{"the server added issuer Acme Okta", "Ada@example.org changed signIn of account Ada@example.org", "grace@example.org changed signIn of account grace@example.org"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
	if _, _, err := s.Accounts.ResetLogin(t.Context(), "test", "grace@example.org"); err != nil || grace.isIn() {
		t.Errorf("an account that was reset is signed in: %v", err)
	}
	if diff := cmp.Diff([]string{"Ada@example.org is ada-1"}, identities(t, s, o.ID)); diff != "" {
		t.Error(diff)
	}
}

// What ends a provider, an identity or an account ends the sessions that began by it, and no
// others; nobody gets in by it any more.
func TestSignOn_EndsWithItsProvider(t *testing.T) {
	t.Parallel()
	p, s, o, acme := provided(t)
	home := "/console/o/" + o.ID.String()
	byPassword := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	byProvider := signOn(t, s, p, acme).want(http.StatusOK)
	byPassword.get("/console/account").sure(byPassword.found(`action="(/console/account/identities/[^"]*/remove)"`)).want(http.StatusOK).has("signs you in no more")
	if byProvider.isIn() || !byPassword.isIn() {
		t.Error("the session is to end whose identity is removed, and no other")
	}
	byProvider = signOn(t, s, p, acme).want(http.StatusOK)
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), `delete from console_identities`); err != nil || byProvider.isIn() {
		t.Errorf("a session goes on that began while its identity was removed: %v", err)
	}
	byProvider = signOn(t, s, p, acme).want(http.StatusOK)
	underway := visitor(t, s, p)
	asked := underway.halfway(acme)
	byProvider.post("/console/signout").want(http.StatusOK).has("Sign in with Acme Okta") // for it came by it
	byProvider = signOn(t, s, p, acme).want(http.StatusOK)
	byPassword.get(home + "/providers").want(http.StatusOK).has(p.URL).lacks(openidtest.ClientSecret)
	byPassword.sure(byPassword.found(`action="(` + home + `/providers/[^"]*/remove)"`)).want(http.StatusOK).has("Nobody signs in by it any more")
	if byProvider.isIn() || !byPassword.isIn() {
		t.Error("the session is to end whose provider is removed, and no other")
	}
	underway.get("/console/signin/answer/" + o.ID.String() + "?" + p.Code(asked).Encode()).want(http.StatusNotFound).has("no such way to sign in")
	visitor(t, s, p).get(way(acme)).want(http.StatusNotFound)
	if underway.isIn() || p.Redeemed() != 4 {
		t.Errorf("a provider that was removed was asked, or lets in: %d", p.Redeemed())
	}
}

// The page to sign in shows the operator's providers, and those of an organisation where it is
// the only one, or to who came by one: who the others are is nobody's business.
func TestSignOn_IsOfferedToWhomItConcerns(t *testing.T) {
	t.Parallel()
	p, s, o, acme := provided(t)
	provide(t, s, p, accounts.Everywhere, "The operator's <b>")
	member(t, s, o.ID, "ada@example.org", accounts.Viewer)
	newBrowser(t, s).get("/console/signin").has("Acme Okta", "The operator&#39;s &lt;b&gt;")
	s.NewOrg(t)
	newBrowser(t, s).get("/console/signin").lacks("Acme Okta").has("The operator")
	newBrowser(t, s).get("/console/signin?next=/console/o/" + o.ID.String()).lacks("Acme Okta")
	ada := signOn(t, s, p, acme).want(http.StatusOK)
	ada.post("/console/signout").want(http.StatusOK).has("Acme Okta", "The operator")
}

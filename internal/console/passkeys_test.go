package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// ask is what the browser's protocol answers to a command.
func ask[P, R any](b *tab, command cdp.Command[P, R], params P) (answer R) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) (err error) {
		answer, err = cdp.Call(ctx, t, command, params)
		return err
	}))
	return answer
}

// authenticate gives the browser an authenticator, whose user is who they should be.
func (b *tab) authenticate() webauthn.AuthenticatorID {
	b.t.Helper()
	ask(b, webauthn.Enable, webauthn.EnableParams{})
	made := ask(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal,
		HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	return made.AuthenticatorID
}

// byName is a server whose URL has a name, which passkeys need.
func byName(t *testing.T) *servertest.Server {
	t.Helper()
	s := servertest.New(t)
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	return s
}

// fill types into fields of a form.
func (b *tab) fill(pairs ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		b.do(chromedp.SendKeys(pairs[i], pairs[i+1]))
	}
}

func (b *tab) click(selector string) { b.t.Helper(); b.do(chromedp.Click(selector)) }

// says waits until the page says something.
func (b *tab) says(text string) {
	b.t.Helper()
	b.waits(`document.body.innerText.includes("` + text + `")`)
}

// answerTo is what the authenticator answers to what the console asks it.
func (b *tab) answerTo(call, path, body string) string {
	b.t.Helper()
	eval[bool](b, `(window.answer = null, (async () => {
		const { options } = await (await fetch("`+path+`", { method: "POST", body: new URLSearchParams("`+body+`") })).json();
		const o = PublicKeyCredential.parse`+call+`OptionsFromJSON(options);
		window.answer = JSON.stringify(await navigator.credentials[o.user ? "create" : "get"]({ publicKey: o }));
	})(), true)`)
	b.waits("window.answer")
	return eval[string](b, "window.answer")
}

const (
	keyForm  = `form[action="/console/account/passkeys"]`
	signForm = `form[action="/console/signin/passkey"]`
)

// A passkey is made with the password, signs in without a name, and is refused when its user
// is not recognised, when its counter goes back and when it is removed.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	s := byName(t)
	o := s.NewOrg(t)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	b := newTab(t, s)
	b.signInAs(ada)
	authenticator := b.authenticate()

	b.open("/console/account")
	b.fill("#keyname", "My <b>laptop</b>", "#keypassword", "not the password")
	b.click(keyForm + " button")
	b.says("The password is wrong.")
	b.shoot("passkey-wrong")
	b.forgive("Failed to load resource")
	eval[string](b, `document.querySelector("#keypassword").value = ""`)
	b.fill("#keypassword", password)
	b.click(keyForm + " button")
	b.says("The passkey is made.")
	b.says("My <b>laptop</b>")
	b.shoot("passkey-account")

	b.fill("#keyname", "Again", "#keypassword", password)
	b.click(keyForm + " button")
	b.says("This device has a passkey of your account already.")

	signOut := func() {
		eval[bool](b, `document.querySelector("form[action='/console/signout']").submit() || true`)
		b.waits(`location.pathname === "/console/signin"`)
		b.waits(`!document.querySelector('` + signForm + `').hidden`)
	}
	signOut()
	b.shoot("passkey-signin")
	b.click(signForm + " button")
	b.waits(`location.pathname === "/console/o/` + o.ID.String() + `"`)
	b.says("ada@example.org")
	b.open("/console/account")
	b.says("last used just now")

	signOut()
	ask(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: authenticator, IsUserVerified: false})
	b.click(signForm + " button")
	b.says("No passkey was used.")
	ask(b, webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: authenticator, IsUserVerified: true})

	// The same key in another authenticator, which has signed less often.
	copied := ask(b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: authenticator}).Credentials[0]
	ask(b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: authenticator})
	put := cdp.Command[map[string]any, cdp.Empty]{Method: webauthn.CommandAddCredential} // whose own parameters name what this authenticator lacks
	ask(b, put, map[string]any{"authenticatorId": authenticator, "credential": map[string]any{
		"credentialId": copied.CredentialID, "isResidentCredential": true, "rpId": copied.RpID, "privateKey": copied.PrivateKey,
		"userHandle": copied.UserHandle, "signCount": 1,
	}})
	b.click(signForm + " button")
	b.says("has been copied")
	b.shoot("passkey-copied")
	for range 3 { // nor is it good when the counter has gone on
		b.open("/console/signin")
		b.click(signForm + " button")
		b.says("has been copied")
	}

	ada.post("/console/signin", "login", "ada@example.org", "password", password, "next", "/console/account").want(http.StatusOK).has("copied, refused")
	ada.sure(ada.found(`action="(/console/account/passkeys/[^"]*/remove)"`)).want(http.StatusOK).has("passkey is removed", "None yet")
	b.open("/console/signin")
	b.click(signForm + " button")
	b.says("The passkey was not accepted")
	b.forgive("Failed to load resource")
	b.quiet()

	var told []string
	for e, err := range s.Log.All(t.Context(), o.ID, provisioning.Query{Type: provisioning.Account}) {
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range e.Changes {
			if c.Attribute == "passkey" {
				told = append([]string{e.Actor.String()}, told...)
			}
		}
	}
	if got := strings.Join(told, ", "); got != "ada@example.org, the server, ada@example.org" {
		t.Errorf("the log tells of passkeys by %s", got)
	}
}

// What an authenticator has answered is good once, for what it was asked, at this site.
func TestPasskeys_AnswersAreGoodOnce(t *testing.T) {
	t.Parallel()
	s := byName(t)
	o := s.NewOrg(t)
	ada := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	eve := member(t, s, o.ID, "eve@example.org", accounts.Viewer)
	b := newTab(t, s)
	b.signInAs(ada)
	b.authenticate()
	b.open("/console/account")
	made := b.answerTo("Creation", "/console/account/challenge", "password="+password)
	eve.post("/console/account/passkeys", "name", "Mine", "answer", made).want(http.StatusUnauthorized).lacks("is made")
	ada.post("/console/account/passkeys", "name", "Used up", "answer", made).want(http.StatusUnauthorized)
	made = b.answerTo("Creation", "/console/account/challenge", "password="+password)
	ada.post("/console/account/passkeys", "name", "Laptop", "answer", made).want(http.StatusOK).has("passkey is made")
	ada.post("/console/account/passkeys", "name", "Laptop", "answer", made).want(http.StatusUnauthorized)
	newBrowser(t, s).post("/console/signin/passkey", "answer", made).want(http.StatusUnauthorized)

	answer := b.answerTo("Request", "/console/signin/challenge", "")
	for _, forged := range []string{"", "{}", "null", answer[:len(answer)/2], strings.Replace(answer, `"userHandle":"`, `"userHandle":"AA`, 1)} {
		newBrowser(t, s).post("/console/signin/passkey", "answer", forged).want(http.StatusUnauthorized).has("was not accepted")
	}
	answer = b.answerTo("Request", "/console/signin/challenge", "")
	newBrowser(t, s).post("/console/signin/passkey", "answer", answer, "next", "/console/account").want(http.StatusOK).has("You are ada@example.org")
	newBrowser(t, s).post("/console/signin/passkey", "answer", answer).want(http.StatusUnauthorized)

	// Another site that leads answers on has another origin.
	answer = b.answerTo("Request", "/console/signin/challenge", "")
	other := newBrowser(t, s)
	other.server = &servertest.Server{URL: strings.Replace(s.URL, "localhost", "127.0.0.1", 1)}
	other.post("/console/signin/passkey", "answer", answer).want(http.StatusBadRequest).has("opened by its name")

	// Nor does somebody remove another's.
	id := ada.get("/console/account").found(`action="/console/account/passkeys/([^"]*)/remove"`)
	eve.post("/console/account/passkeys/"+id+"/remove", "sure", "yes").want(http.StatusNotFound)
	if left, err := s.Accounts.Accounts(t.Context(), o.ID); err != nil || len(left) != 2 {
		t.Fatal(left, err)
	}
	for _, name := range []string{"", strings.Repeat("x", 61), "a\u202eb"} {
		made := b.answerTo("Request", "/console/signin/challenge", "")
		ada.post("/console/account/passkeys", "name", name, "answer", made).want(http.StatusBadRequest).has("name of a passkey")
	}
}

package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// The first link makes an owner of everything, once, and only as long as there is nobody.
func TestAccounts_FirstOwnerComesByALink(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	first, err := s.Accounts.First(t.Context())
	if err != nil || first == "" {
		t.Fatalf("%q, %v", first, err)
	}
	other, err := s.Accounts.First(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	b.get("/console").want(http.StatusOK).has("Sign in")
	link := "/console/invitation/" + first
	b.get(link).want(http.StatusOK).has("invited as owner of all organisations")
	for problem, form := range map[string][]string{
		"not an e-mail address": {"login", "ada", "password", password, "again", password},
		"too short":             {"login", "ada@example.org", "password", "short", "again", "short"},
		"not the same":          {"login", "ada@example.org", "password", password, "again", password + "!"},
		"holds the name":        {"login", "adalovelace@example.org", "password", "AdaLovelace 1815", "again", "AdaLovelace 1815"},
	} {
		b.post(link, form...).want(http.StatusBadRequest).has(problem)
	}
	b.post(link, "login", "ada@example.org", "password", password, "again", password).want(http.StatusOK).has("ada@example.org", "Organisations")
	newBrowser(t, s).get(link).want(http.StatusNotFound).has("used already")
	newBrowser(t, s).get("/console/invitation/" + other).want(http.StatusNotFound)
	if again, err := s.Accounts.First(t.Context()); err != nil || again != "" {
		t.Errorf("a second first link: %q, %v", again, err)
	}
}

// Cookies and headers of pages are as they must be.
func TestAccounts_CookiesAndHeaders(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	member(t, s, o.ID, "ada@example.org", accounts.Owner)
	b := newBrowser(t, s)
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	b.post("/console/signin", "login", "ADA@example.org", "password", password, "next", "/console/account?x=1").want(http.StatusSeeOther)
	if got := b.header.Get("Set-Cookie"); !strings.HasPrefix(got, "purescim-console=") || !strings.HasSuffix(got, "; Path=/; HttpOnly; SameSite=Lax") {
		t.Errorf("the cookie is %s", got)
	}
	if got := b.header.Get("Location"); got != "/console/account?x=1" {
		t.Errorf("led to %s", got)
	}
	b.get("/console/account").want(http.StatusOK)
	for name, want := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Frame-Options":         "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
	} {
		if got := b.header.Get(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	style, script := b.found(`href="(/console/static/console[^"]*css)"`), b.found(`src="(/console/static/console[^"]*js)"`)
	for file, most := range map[string]int{style: 20 << 10, script: 12 << 10} {
		b.get(file).want(http.StatusOK)
		if got := b.header.Get("Cache-Control"); !strings.Contains(got, "immutable") || len(b.body) > most {
			t.Errorf("%s has %d bytes, of at most %d, and is kept %s", file, len(b.body), most, got)
		}
	}
	for _, next := range []string{"https://evil.example/", "//evil.example/", "/console//evil.example", `/\evil.example`, "/consoles", "javascript:alert(1)"} {
		b.post("/console/signin", "login", "ada@example.org", "password", password, "next", next).want(http.StatusSeeOther)
		if got := b.header.Get("Location"); got != "/console" {
			t.Errorf("%s led to %s", next, got)
		}
	}
}

// Over plain http from elsewhere nobody is asked for a password.
func TestAccounts_PasswordsNeedTLS(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	b := newBrowser(t, s)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/console/signin", strings.NewReader("login=a@b.c&password=x"))
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "scim.example.org"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusForbidden {
		t.Errorf("answered %d", answer.StatusCode)
	}
}

// Forms of other sites change nothing.
func TestAccounts_CrossSitePostsAreRefused(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	b := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	home := "/console/o/" + o.ID.String()
	for _, path := range []string{"/console/signout", home + "/administrators", "/console/theme", "/console/signin"} {
		b.do(http.MethodPost, path, nil, "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden).has("another site")
		b.do(http.MethodPost, path, nil, "Sec-Fetch-Site", "", "Origin", "https://evil.example").want(http.StatusForbidden)
	}
	b.get("/console/account").want(http.StatusOK).has("ada@example.org")
}

// Who guesses passwords waits, and not even the right one is taken meanwhile; who has signed
// in from the place before is not held up by it.
func TestAccounts_GuessingIsSlow(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	ctx := t.Context()
	member(t, s, o.ID, "ada@example.org", accounts.Viewer)
	away := accounts.From{Address: "192.0.2.7"}
	for n := range 7 {
		if _, _, err := s.Accounts.SignIn(ctx, "ada@example.org", fmt.Sprint("guess ", n), away); err == nil {
			t.Fatal("a guess is taken")
		}
	}
	if _, _, err := s.Accounts.SignIn(ctx, "ada@example.org", password, away); err == nil || !strings.Contains(err.Error(), "wait") {
		t.Errorf("the right password during a pause: %v", err)
	}
	if _, _, err := s.Accounts.SignIn(ctx, "ada@example.org", password, accounts.From{Address: "192.0.2.8"}); err != nil {
		t.Errorf("from another place: %v", err)
	}
	b := newBrowser(t, s)
	unknown := b.post("/console/signin", "login", "eve@example.org", "password", password).want(http.StatusUnauthorized).text()
	known := b.post("/console/signin", "login", "ada@example.org", "password", password+"!").want(http.StatusUnauthorized).text()
	if unknown != known {
		t.Errorf("who is unknown reads\n%s, who is known\n%s", unknown, known)
	}
}

// Sessions are listed and ended, all but one by a new password, and all with the account.
func TestAccounts_SessionsEnd(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	first := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	signIn := func() *browser {
		return newBrowser(t, s).post("/console/signin", "login", "ada@example.org", "password", password).want(http.StatusOK)
	}
	second, third := signIn(), signIn()
	first.get("/console/account").want(http.StatusOK).has("this one", `title="Go-http-client/1.1">Go-http-client<`)
	second.sure(first.found(`action="(/console/account/sessions/[^"]*/end)" method="post" data-ask><button`)).want(http.StatusOK)
	left := 0
	for _, b := range []*browser{first, second, third} {
		if b.get("/console/account").want(http.StatusOK); !strings.Contains(b.body, "Sign in") {
			left++
		}
	}
	if left != 2 {
		t.Fatalf("%d sessions are left of three, one of which was ended", left)
	}
	const windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
	newBrowser(t, s).do(http.MethodPost, "/console/signin", url.Values{"login": {"ada@example.org"}, "password": {password}}, "User-Agent", windows).want(http.StatusOK)
	second = signIn()
	second.get("/console/account").has(`title="` + windows + `">Edge on Windows<`)
	second.post("/console/account/password", "old", "wrong password", "password", "another good one", "again", "another good one").want(http.StatusUnauthorized)
	second.post("/console/account/password", "old", password, "password", "another good one", "again", "another good one").want(http.StatusOK).has("password is changed")
	first.get("/console/account").has("Sign in")
	second.get("/console/account").lacks("Sign in")
	newBrowser(t, s).post("/console/signin", "login", "ada@example.org", "password", password).want(http.StatusUnauthorized)
	boss := member(t, s, o.ID, "grace@example.org", accounts.Owner)
	boss.get("/console/o/" + o.ID.String() + "/administrators").want(http.StatusOK)
	boss.sure(boss.found(`action="([^"]*/remove)"`)).want(http.StatusOK).has("account is removed")
	second.get("/console/account").has("Sign in")
	second.post("/console/signout")
	boss.post("/console/signout").want(http.StatusOK).has("Sign in")
	boss.get("/console/account").has("Sign in")
}

// Roles: a viewer does not invite, an owner of one organisation does for that one alone, and
// of another organisation nothing is there.
func TestAccounts_RolesAndOrganisations(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	mine, other := s.NewOrg(t), s.NewOrg(t)
	home, foreign := "/console/o/"+mine.ID.String(), "/console/o/"+other.ID.String()
	viewer := member(t, s, mine.ID, "vera@example.org", accounts.Viewer)
	owner := member(t, s, mine.ID, "ada@example.org", accounts.Owner)
	member(t, s, other.ID, "otto@example.org", accounts.Owner)
	member(t, s, accounts.Everywhere, "olga@example.org", accounts.Owner)

	viewer.get(home).want(http.StatusOK)
	viewer.get(home + "/administrators").want(http.StatusForbidden)
	viewer.post(home+"/administrators", "login", "eve@example.org", "role", "owner").want(http.StatusForbidden)
	for _, b := range []*browser{viewer, owner} {
		for _, path := range []string{foreign, foreign + "/administrators", "/console/organisations", "/console/o/1", "/console/o/x", "/console/nothing"} {
			b.get(path).want(http.StatusNotFound).lacks(other.Name, "otto@example.org")
		}
		b.post("/console/administrators", "login", "eve@example.org", "role", "owner").want(http.StatusForbidden)
		b.post(foreign+"/administrators", "login", "eve@example.org", "role", "owner").want(http.StatusNotFound)
	}
	owner.get("/console/administrators").want(http.StatusForbidden)
	owner.get(home+"/administrators").want(http.StatusOK).has("2 people use").lacks("olga", "otto")
	owner.post(home+"/administrators", "login", "new@example.org", "role", "boss").want(http.StatusBadRequest)
	owner.post(home+"/administrators", "login", "new@example.org", "role", "viewer").want(http.StatusOK)
	link := owner.found(`(/console/invitation/[^<"]+)`)
	owner.get(home + "/administrators").lacks(link)
	owner.sure(owner.found(`action="([^"]*/withdraw)"`)).want(http.StatusOK).has("withdrawn")
	newBrowser(t, s).get(link).want(http.StatusNotFound)
	everybody, err := s.Accounts.Accounts(t.Context(), accounts.Everywhere)
	if err != nil || len(everybody) != 1 {
		t.Fatal(everybody, err)
	}
	for _, what := range []string{"role", "remove"} { // the account of an operator, by an owner of one organisation
		owner.post(fmt.Sprintf("%s/administrators/%s/%s", home, everybody[0].ID, what), "role", "viewer", "sure", "yes").want(http.StatusNotFound)
	}
	self, err := s.Accounts.Accounts(t.Context(), mine.ID)
	if err != nil {
		t.Fatal(err)
	}
	owner.post(fmt.Sprintf("%s/administrators/%s/remove", home, self[0].ID)).want(http.StatusConflict).has("your own account")
	owner.post(fmt.Sprintf("%s/administrators/%s/role", home, self[1].ID), "role", "administrator").want(http.StatusOK).has("role is changed")
	// A login is one account: it is not taken over by an invitation of somebody else.
	secret, _, err := s.Accounts.Invite(t.Context(), "ada@example.org", mine.ID, "olga@example.org", accounts.Owner)
	if err != nil {
		t.Fatal(err)
	}
	newBrowser(t, s).post("/console/invitation/"+secret, "password", password, "again", password).want(http.StatusConflict)
}

// What concerns an organisation is in its log, by whom, and without a secret.
func TestAccounts_AreLogged(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	owner := member(t, s, o.ID, "ada@example.org", accounts.Owner)
	owner.post("/console/o/"+o.ID.String()+"/administrators", "login", "new@example.org", "role", "viewer").want(http.StatusOK)
	secret := strings.TrimPrefix(owner.found(`(/console/invitation/[^<"]+)`), "/console/invitation/")
	newBrowser(t, s).post("/console/invitation/"+secret, "password", password, "again", password).want(http.StatusOK)
	var told []string
	for e, err := range s.Log.All(t.Context(), o.ID, provisioning.Query{Type: provisioning.Account}) {
		if err != nil {
			t.Fatal(err)
		}
		told = append([]string{e.Sentence()}, told...)
		if text, _ := e.MarshalJSON(); strings.Contains(string(text), secret) || strings.Contains(string(text), password) || strings.Contains(string(text), "argon2id") {
			t.Errorf("a secret is in %s", text)
		}
	}
	want := []string{
		"the server invited ada@example.org to the console as owner", "ada@example.org joined the console", "ada@example.org signed in to the console",
		"ada@example.org invited new@example.org to the console as viewer", "new@example.org joined the console", "new@example.org signed in to the console",
	}
	if got := strings.Join(told, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("told:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
	}
}

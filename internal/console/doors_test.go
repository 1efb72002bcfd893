package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/servertest"
)

// Of each call of the console: a page of another site cannot make it, no page lets itself be
// framed or runs what is not ours, who is not signed in is led to where people sign in, a
// viewer changes nothing, and who is of another organisation finds nothing.
func TestCalls_AreForWhoMayMakeThem(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	stranger := member(t, s, s.NewOrg(t).ID, "otto@example.org", accounts.Owner)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	administrator := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	owner := member(t, s, f.ID, "olga@example.org", accounts.Owner)
	nobody := newBrowser(t, s)
	nobody.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	ids := strings.NewReplacer("{org}", f.ID.String(), "{id}", f.group, "{kind}", "roles", "{guide}", "entra", "{what}", "people",
		"{token}", uuid.NewString(), "{link}", uuid.NewString(), "{secret}", "nothing", "{file}", "nothing.css", "/*", "/nothing")
	for _, c := range console.Calls() {
		method, path, _ := strings.Cut(c.Call, " ")
		path = ids.Replace(console.Path + path)
		if strings.HasSuffix(path, "/live") || strings.HasSuffix(path, "/new") && strings.Contains(path, "activity") {
			continue // those send what comes, as long as somebody listens; they are admitted like the others
		}
		ask := func(b *browser, headers ...string) *browser {
			t.Helper()
			return b.do(method, path, nil, headers...)
		}
		refused := func(who string, b *browser, status int) {
			t.Helper()
			if ask(b); b.status != status {
				t.Errorf("%s by %s: status %d, want %d", c.Call, who, b.status, status)
			}
		}
		if method == http.MethodPost {
			if ask(owner, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); owner.status != http.StatusForbidden || !strings.Contains(owner.body, "another site") {
				t.Errorf("%s by a page of another site: status %d", c.Call, owner.status)
			}
		}
		if ask(nobody); c.May != "files" {
			if got := nobody.header; !strings.Contains(got.Get("Content-Security-Policy"), "frame-ancestors 'none'") || got.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s may be framed", c.Call)
			}
		}
		if c.May != "anybody" && c.May != "files" && (nobody.status != http.StatusSeeOther || !strings.HasPrefix(nobody.header.Get("Location"), "/console/signin")) {
			t.Errorf("%s by nobody: status %d to %s", c.Call, nobody.status, nobody.header.Get("Location"))
		}
		if strings.Contains(c.Call, "{org}") {
			refused("a stranger", stranger, http.StatusNotFound)
		}
		if c.May == "changers" || c.May == "owners" || method == http.MethodPost && strings.Contains(c.Call, "{org}") {
			refused("a viewer", viewer, http.StatusForbidden)
		}
		switch c.May {
		case "owners":
			refused("an administrator", administrator, http.StatusForbidden)
		case "operators":
			refused("an owner of one organisation", owner, http.StatusNotFound)
		}
	}
	f.Do(t, http.MethodGet, "/Groups/"+f.group, nil).Want(t, http.StatusOK)
	administrator.get("/console/account").want(http.StatusOK).has("ada@example.org")
}

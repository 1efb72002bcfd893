package console_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// Pictures for the documentation, of values that read well.
func TestPages_ArePictured(t *testing.T) {
	t.Parallel()
	if *shots == "" {
		t.Skip("without -shots nobody looks at them")
	}
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Owner))
	b.look(1280, "light")
	for name, path := range map[string]string{"console": f.home, "person": f.home + "/people/" + f.person, "groups": f.home + "/groups"} {
		b.open(path)
		b.shoot(name)
	}
	b.quiet()
}

// Each place, on wide and narrow screens, zoomed to 200 % on one of 1536, in light and dark,
// with JavaScript and without:
// the browser complains of nothing, nothing is wider than the screen, no stored value
// becomes a part of the page, and nothing keeps people from using it.
func TestPlaces(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s, tight)
	f.spoil(t)
	f.empty(t).Want(t, http.StatusForbidden)
	owner := member(t, s, accounts.Everywhere, "ada@example.org", accounts.Owner)
	member(t, s, f.ID, "katherine.johnson@acme.example", accounts.Administrator)
	inside, outside := f.places(owner), f.doors(owner)
	b := newTab(t, s)
	b.readAxe()
	for _, name := range slices.Sorted(maps.Keys(outside)) {
		b.visit(name, outside[name], http.StatusOK)
	}
	b.open(outside["setup"])
	b.do(chromedp.Click("main form button"))
	b.waits("location.pathname === '/console/setup/values'")
	for _, step := range []string{"values", "guide", "check"} {
		b.visit("outside-"+step, "/console/setup/"+step, http.StatusOK)
	}
	b.signInAs(owner)
	for _, name := range slices.Sorted(maps.Keys(inside)) {
		b.visit(name, inside[name], http.StatusOK)
	}
	b.quiet()
	b.visit("wrong", f.home+"/activity?q=op:x", http.StatusBadRequest)
	b.visit("nothing", f.home+"/nothing", http.StatusNotFound)
	b.visit("setup-old", "/console/setup/used-long-ago", http.StatusNotFound)
	b.visit("undo-later", f.overtaken(owner)+"/undo", http.StatusConflict)
	b.forgive("Failed to load resource")
	b.quiet()
}

// overtaken is the entry of a change that a later one stands in the way of.
func (f *furnished) overtaken(b *browser) (entry string) {
	b.t.Helper()
	for _, title := range []string{"Actuary", "Adjuster"} {
		f.entra.Do(b.t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": title})).Want(b.t, http.StatusOK)
		if entry == "" {
			entry = b.get(f.home + "/activity?q=op:update+user:" + f.person).found(`href="(` + f.home + `/activity/[0-9a-f-]{36})"`)
		}
	}
	return entry
}

// places are the pages of whoever is signed in.
func (f *furnished) places(b *browser) map[string]string {
	b.t.Helper()
	entra, group, person := f.home+"/connections/"+f.client.String(), f.home+"/groups/"+f.group, f.home+"/people/"+f.person
	entry := b.get(f.home + "/activity?q=result:refused").found(`href="(` + f.home + `/activity/[0-9a-f-]{36})"`)
	change := b.get(f.home + "/activity?q=op:member_add").found(`href="(` + f.home + `/activity/[0-9a-f-]{36})"`)
	role := b.get(f.home + "/catalogue").found(`href="([^"]*/catalogue/roles/[0-9a-f-]{36})"`)
	schemas := f.home + "/catalogue/schemas"
	b.post(schemas, badgeForm("description.1", evil, "name", "Badge <b>", "id", badgeID)...)
	b.upload(f.home+"/imports", evil[:8]+".csv", "Login,"+`"`+`<b>""x"`+",Group\nx@acme.example,"+`"<img src=x>"`+",y\n")
	mapped := b.path
	b.upload(f.home+"/imports", "people.csv", "Login,Group\nx@acme.example,<script>\n")
	checked := b.path
	b.post(checked+"/check", "to.0", "userName", "to.1", "groups").settle().has("would be refused")
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return map[string]string{
		"overview": f.home, "holds": f.home + "/holds",
		"activity": f.home + "/activity", "entry": entry, "entry-members": change, "undo": change + "/undo",
		"people": f.home + "/people", "people-none": f.home + "/people?q=nobody", "person": person, "person-restore": person + "/restore?at=" + now, "person-try": person + "/try",
		"transfer": f.home + "/transfer", "import-map": mapped, "import-checked": checked,
		"groups": f.home + "/groups", "group": group, "group-delete": group + "/delete", "group-try": group + "/try",
		"connections": f.home + "/connections", "connection": entra, "connect": f.home + "/connections/new",
		"values": entra + "/values?guide=entra", "steps": entra + "/guide?guide=entra", "check": entra + "/check?guide=entra", "guide": f.home + "/guides/okta",
		"catalogue": f.home + "/catalogue", "catalogue-entry": role, "settings": f.home + "/settings", "events": f.home + "/events", "issuers": f.home + "/issuers",
		"schemas": schemas, "schema": schemas + "/" + badgeID, "schema-built-in": schemas + "/urn:ietf:params:scim:schemas:core:2.0:User",
		"schema-new": schemas + "/new", "schema-document": schemas + "/new?as=document", "schema-edit": schemas + "/" + badgeID + "/edit",
		"administrators": f.home + "/administrators", "providers": f.home + "/providers", "operator-providers": "/console/providers", "organisations": "/console/organisations", "account": "/console/account",
	}
}

// doors are the pages of whoever has no account.
func (f *furnished) doors(b *browser) map[string]string {
	b.t.Helper()
	b.post(f.home+"/connections/"+f.client.String()+"/links", "guide", "entra")
	setup := b.found(`(/console/setup/[A-Za-z0-9_-]{43})`)
	b.post(f.home+"/administrators", "login", "new@example.org", "role", "viewer")
	return map[string]string{"setup": setup, "invitation": b.found(`(/console/invitation/[^<"]+)`), "signin": "/console/signin"}
}

// visit looks at a page in each way.
func (b *tab) visit(name, path string, status int) {
	b.t.Helper()
	for _, view := range []struct {
		scripts bool
		width   int64
		scheme  string
		rules   []string // of axe; none are all
	}{{true, 1280, "light", nil}, {true, 360, "dark", []string{"color-contrast", "target-size"}}, {false, 1280, "dark", nil}, {false, 768, "light", nil}, {false, 360, "light", nil}} {
		what := fmt.Sprintf("%s-%d-%s", name, view.width, view.scheme)
		b.look(view.width, view.scheme)
		if view.width == 1280 {
			b.script(view.scripts)
			b.open(path)
		}
		b.check(what, view.width, status)
		if !view.scripts {
			if eval[bool](b, "document.querySelector('[data-copy]:not([hidden])') !== null") {
				b.t.Errorf("%s has a button that does nothing without JavaScript", what)
			}
			continue
		}
		b.axe(what, view.rules...)
		b.shoot(what)
	}
	b.script(true)
}

// check fails if something is wrong with how the page looks, or runs.
func (b *tab) check(what string, width int64, want int) {
	b.t.Helper()
	if status := eval[int](b, "performance.getEntriesByType('navigation')[0].responseStatus"); status != want {
		b.t.Errorf("%s: status %d, want %d", what, status, want)
	}
	if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > int(width) {
		b.t.Errorf("%s: it is %d wide", what, wide)
	}
	if cut := eval[string](b, "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText.slice(0, 60)).join(' | ')"); cut != "" {
		b.t.Errorf("%s: a table is wider than its place: %s", what, cut)
	}
	if eval[bool](b, "document.title.includes('owned') || document.querySelector('main img, main script, main b') !== null") {
		b.t.Errorf("%s: what is stored is a part of the page", what)
	}
	if !eval[bool](b, "document.querySelector('main h1').textContent.trim() !== ''") {
		b.t.Errorf("%s: it has no heading", what)
	}
}

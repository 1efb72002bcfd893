package console_test

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// A request is tried on the page of a person or a group: the answer and the difference are
// shown, nothing is changed, and what the API would refuse is told as it would tell it.
func TestTrial(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	person, group := f.home+"/people/"+f.person, f.home+"/groups/"+f.group
	before := f.Do(t, http.MethodGet, "/Users/"+f.person, nil).Want(t, http.StatusOK).Body
	b.get(person).has("Try a request").get(person+"/try").want(http.StatusOK).has("PATCH /Users/"+f.person, "&#34;active&#34;")
	b.post(person+"/try", "body", `{"Operations":[{"op":"replace","path":"active","value":false},{"op":"replace","path":"title","value":"Actuary"}]}`).want(http.StatusOK).
		has("The API would answer 200 OK", `<span class="was">Head of claims</span>`, `<span class="now">Actuary</span>`, `&#34;title&#34;: &#34;Actuary&#34;`)
	b.post(person+"/try", "body", `{"Operations":[{"op":"replace","path":"title","value":"Head of claims"}]}`).has("nothing would change")
	b.post(person+"/try", "body", `{"Operations":[{"op":"replace","path":"roles","value":[{"value":"pilot"}]}]}`).want(http.StatusOK).
		has("The API would answer 400 Bad Request", "invalidValue", "pilot").lacks("What would change</h2>")
	b.post(person+"/try", "body", `{`).has("The API would answer 400", "invalidSyntax")
	if after := f.Do(t, http.MethodGet, "/Users/"+f.person, nil).Want(t, http.StatusOK).Body; string(after) != string(before) {
		t.Errorf("the person is %s, was %s", after, before)
	}
	b.post(group+"/try", "body", `{"Operations":[{"op":"remove","path":"members[value eq \"`+f.person+`\"]"}]}`).want(http.StatusOK).
		has("The API would answer 200", "Would be removed", "Ada Lovelace")
	b.get(group).has("has 6 members")
	viewer.get(person).lacks("Try a request")
	viewer.get(person + "/try").want(http.StatusForbidden)
	viewer.post(group+"/try", "body", "{}").want(http.StatusForbidden)
	b.get(f.home+"/groups/"+f.person+"/try").want(http.StatusOK).post(f.home+"/groups/"+f.person+"/try", "body", `{"Operations":[{"op":"remove","path":"members"}]}`).has("The API would answer 404")
}

// In a browser what a form would change is shown in a dialog before it is done.
func TestDifference_InABrowser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.look(1280, "light")
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	group, person := f.home+"/groups/"+f.group, f.home+"/people/"+f.person
	b.open(group)
	b.do(chromedp.SetValue("#name", "Claims"), chromedp.Click("form[data-ask] button"))
	b.waits("document.querySelector('dialog .now')?.textContent === 'Claims'")
	b.shoot("group-rename")
	b.do(chromedp.Click("dialog button.primary"))
	b.waits("document.body.textContent.includes('The group is changed')")
	eval[bool](b, "window.before = true")
	b.do(chromedp.Click("form[data-ask] button")) // nothing to ask about
	b.waits("!window.before && document.readyState === 'complete' && document.body.textContent.includes('The group is changed')")
	b.open(group + "/delete")
	b.shoot("group-delete")
	b.open(person)
	b.do(chromedp.Click("details:has(form[action$='/erase']) summary"), chromedp.Click("form[action$='/erase'] button"))
	b.waits("document.querySelector('dialog #typed') !== null")
	b.shoot("erase")
	b.open(person + "/try")
	b.shoot("trial")
	b.do(chromedp.Click("form[action$='/try'] button"))
	b.waits("document.querySelector('h1').textContent.includes('would answer 200')")
	b.shoot("trial-answer")
	b.look(360, "dark")
	b.shoot("trial-narrow")
	b.quiet()
}

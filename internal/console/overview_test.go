package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// The first page of an organisation in which nothing has come yet says what to do next, in
// words of the page.
func TestOverview_BeginsWithANextStep(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	b := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	b.get("/console/o/"+o.ID.String()).want(http.StatusOK).
		has("No request has come in the last 24 hours", "Nobody has arrived yet", "/connections/new", "never asked anything", "0 inactive").lacks("No client")
	viewer := member(t, s, o.ID, "grace@example.org", accounts.Viewer)
	for path, step := range map[string]string{"": "owner connects", "/groups": "owner makes them here", "/catalogue/skills": "owner makes them here"} {
		viewer.get("/console/o/" + o.ID.String() + path).want(http.StatusOK).has("An administrator or " + step).lacks("/connections/new")
	}
	f := furnish(t, s)
	b = member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	b.get(f.home).want(http.StatusOK).has("5 active people", "1 inactive", "last request").lacks("Nobody has arrived yet")
}

// Who is held is told once, as what waits for a decision, and before everything else: of
// them nobody has to mend anything, as of those who are refused.
func TestOverview_TellsHeldAndRefusedApart(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s, tight)
	ada := f.entra.Do(t, http.MethodGet, "/Users?filter=userName+eq+%22person3@acme.example%22", nil).List(t).IDs()[0]
	off := servertest.Patch(map[string]any{"op": "replace", "path": "active", "value": false})
	for _, id := range []string{f.person, ada} {
		f.entra.Do(t, http.MethodPatch, "/Users/"+id, off).Want(t, http.StatusForbidden)
	}
	b := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	for range 200 {
		if flush(t, s, f.ID, 1); strings.Contains(b.get(f.home).body, "and 2 held") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	b.want(http.StatusOK).has("Provisioning is held", "1 request was refused, and 2 held", "1 removal by Entra is held", "person2@acme.example was refused").
		lacks("person0@acme.example was refused", "person3@acme.example was refused", "more of Entra", "more people")
	if held := strings.Index(b.body, "is held until somebody decides"); held < 0 || held > strings.Index(b.body, "was refused: ") {
		t.Error("what waits for a decision is not first")
	}
	b.get(f.home + "/people/" + f.person).want(http.StatusOK).has("The last request about this person was held")
	b.get(f.home+"/connections/"+f.client.String()).want(http.StatusOK).has("1 refused, 2 held", "tried to change person2@acme.example").lacks("tried to change person0@acme.example")
}

// Of many organisations those that need attention are found, wherever their names stand.
func TestOrganisations_ThatNeedAttentionAreFound(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for range 51 {
		s.NewOrg(t)
	}
	f := furnish(t, s)
	if _, err := directory.RenameOrganisation(t.Context(), s.Store.Registry(), f.Org.Org, "Zoo"); err != nil {
		t.Fatal(err)
	}
	b := member(t, s, accounts.Everywhere, "olga@example.org", accounts.Viewer)
	b.get("/console").want(http.StatusOK).has("None of the 50 organisations on this page, of 52 in all, needs attention").lacks(">Zoo<")
	b.get(strings.ReplaceAll(b.found(`href="([^"]*)"[^>]*>Need attention<`), "&amp;", "&")).want(http.StatusOK)
	if strings.Contains(b.body, "Search on") { // on a machine that is busy
		b.get(strings.ReplaceAll(b.found(`href="([^"]*)">Search on`), "&amp;", "&")).want(http.StatusOK)
	}
	b.has(">Zoo</a>", "needs attention").lacks("Next page")
	b.get("/console/organisations?only=attention&q=nothing-like-that").want(http.StatusOK).has("No organisation needs attention")
}

// Of an organisation that works an operator is told when a token ends, and sees it before
// those that need nothing.
func TestOrganisations_TellWhichTokenEnds(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	quiet, o := s.NewOrg(t), acme(t, s)
	client, _, err := s.OAuth.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: "Okta", Validity: 10 * 24 * time.Hour})
	if err == nil {
		_, _, err = s.OAuth.Issue(t.Context(), client, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	b := member(t, s, accounts.Everywhere, "olga@example.org", accounts.Viewer)
	b.get("/console").want(http.StatusOK).has("1 of 2 organisations needs attention", "That of Okta ends", "in 10 days")
	if strings.Index(b.body, "Acme Insurance") > strings.Index(b.body, ">"+quiet.Name+"<") {
		t.Error("the organisation whose token ends is not first")
	}
}

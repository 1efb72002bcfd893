package console_test

import (
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// tight are settings whose brakes a small organisation meets.
func tight(s *org.Settings) { s.UserBrake.Least, s.MemberBrake.Least = 1, 1 }

// empty has the product empty the group.
func (f *furnished) empty(t *testing.T) *servertest.Answer {
	t.Helper()
	return f.entra.Do(t, http.MethodPut, "/Groups/"+f.group, map[string]any{"displayName": "Claims Team", "members": []any{}})
}

// What is held is told on the first page, beside the connection and in a list, and goes on
// or not as an administrator decides, who is asked first.
func TestHolds(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s, tight)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	list := f.home + "/holds"
	b.get(list).want(http.StatusOK).has("Nothing is held", "No removal has met a brake")
	f.empty(t).Want(t, http.StatusForbidden)
	flush(t, s, f.ID, 1)
	b.get(f.home).want(http.StatusOK).has("1 removal by Entra is held until somebody decides", `href="`+list+`"`)
	b.get(f.home+"/connections/"+f.client.String()).has("Held until somebody decides", "Release", "Reject")
	const why = "It may remove 3 members from this group within an hour, and had removed 0. It has tried once to go on."
	viewer.get(list).want(http.StatusOK).has("1 removal is held until somebody decides", "Entra removes members from Claims Team", why).lacks("Release</button>")
	b.get(list)
	release, reject := b.found(`action="([^"]*/release)"`), b.found(`action="([^"]*/reject)"`)
	for _, path := range []string{release, reject} {
		viewer.post(path, "hours", "1", "sure", "yes").want(http.StatusForbidden)
	}
	b.post(reject).want(http.StatusOK).has("Refuse it?", why, "24 hours")
	f.empty(t).Want(t, http.StatusForbidden)
	b.yes("hours", "0").want(http.StatusBadRequest).has("from 1 to 720")
	b.sure(reject, "hours", "1").want(http.StatusBadRequest) // those are of the question
	b.post(reject).yes("hours", "1").want(http.StatusOK).has("It is rejected", "is refused until").lacks("Reject</button>")
	f.empty(t).Want(t, http.StatusForbidden)
	b.post(release).want(http.StatusOK).has("Let it go on?").yes("hours", "24").want(http.StatusOK).has("It is released", "goes on freely until").lacks("Release</button>")
	f.empty(t).Want(t, http.StatusOK)
	b.get(f.home + "/activity?q=by:ada@example.org").has("released held removals from group Claims Team by Entra")
	other := s.NewOrg(t)
	stranger := member(t, s, other.ID, "otto@example.org", accounts.Owner)
	stranger.post("/console/o/"+other.ID.String()+release[len(f.home):], "hours", "1", "sure", "yes").want(http.StatusNotFound)
}

// With JavaScript the question stands in a dialog of the page, which can be left.
func TestHolds_AreDecidedInADialog(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s, tight)
	f.empty(t).Want(t, http.StatusForbidden)
	b := newTab(t, s)
	b.look(1280, "light")
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	b.open(f.home + "/holds")
	b.shoot("holds")
	b.isAsked("form[action$='/release'] button", "Let it go on?")
	b.readAxe()
	b.axe("dialog")
	b.shoot("dialog")
	b.leaves()
	b.isAsked("form[action$='/release'] button", "Let it go on?")
	b.isSure("It is released")
	f.empty(t).Want(t, http.StatusOK)
	b.quiet()
}

// A person is erased by who may change something and types the login; nothing of them is
// left on the pages.
func TestErase(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	person := f.home + "/people/" + f.person
	viewer.get(person).want(http.StatusOK).lacks("Erase")
	viewer.post(person+"/erase", "typed", "person0@acme.example", "sure", "yes").want(http.StatusForbidden)
	b.get(person).has("Erase").post(person+"/erase").want(http.StatusOK).has("Erase Ada Lovelace for good?", "type the login")
	b.yes("typed", "person1@acme.example").want(http.StatusBadRequest).has("What was typed is not", "Nothing was done")
	f.Do(t, http.MethodGet, "/Users/"+f.person, nil).Want(t, http.StatusOK)
	b.yes("typed", "person0@acme.example").want(http.StatusOK).has("The person is erased", "Somebody who was erased").lacks("Ada", "person0", "Restore")
	f.Do(t, http.MethodGet, "/Users/"+f.person, nil).Want(t, http.StatusNotFound)
	b.get(f.home+"/activity").want(http.StatusOK).lacks("person0@acme.example", "Lovelace").has("ada@example.org erased")
	// Who is deleted is erased by the id.
	b.get(f.home + "/people?q=alan")
	alan := b.found(`href="([^"]*/people/[0-9a-f-]{36})"`)
	id := alan[len(f.home+"/people/"):]
	f.Do(t, http.MethodDelete, "/Users/"+id, nil).Want(t, http.StatusNoContent)
	b.get(alan).has("was deleted").post(alan+"/erase").has("type the id").yes("typed", id).want(http.StatusOK).has("The person is erased")
}

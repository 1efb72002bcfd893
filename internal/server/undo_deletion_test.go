package server_test

import (
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// What was deleted, came back as something else and was deleted again, comes back as the
// entry that is taken back has found it, and with a version that it never had.
func TestUndo_OfADeletionIsOfThatOne(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	user, group := o.NewUser(t, "ada"), o.NewGroup(t, "G")
	retitle := func(title string) {
		o.Do(t, "PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"title","value":"`+title+`"}]}`).Want(t, 200)
		o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"externalId","value":"`+title+`"}]}`).Want(t, 200)
	}
	remove := func() (ofUser, ofGroup string) {
		o.Do(t, "DELETE", "/Users/"+user, nil).Want(t, 204)
		o.Do(t, "DELETE", "/Groups/"+group, nil).Want(t, 204)
		return newestEntry(t, o, "operation=delete&type=User").ID, newestEntry(t, o, "operation=delete&type=Group").ID
	}
	retitle("first")
	firstUser, firstGroup := remove()
	o.Do(t, "POST", "/Users", `{"userName":"ada"}`).Want(t, 201)
	recoverBy(t, o, undoPath(firstGroup), applied)
	retitle("second")
	secondUser, secondGroup := remove()
	for first, second := range map[string]string{firstUser: secondUser, firstGroup: secondGroup} {
		if refused := string(o.Do(t, "POST", undoPath(first), applied).Want(t, 409).Body); !strings.Contains(refused, second) {
			t.Errorf("the refusal does not name the later deletion %s: %s", second, refused)
		}
	}
	versions := map[string]string{}
	for _, e := range []string{secondUser, secondGroup} {
		recoverBy(t, o, undoPath(e), applied)
	}
	for _, path := range []string{"/Users/" + user, "/Groups/" + group} {
		versions[path] = o.Do(t, "GET", path, nil).Want(t, 200).Header.Get("ETag")
	}
	remove()
	for _, e := range []string{firstUser, firstGroup} {
		recoverBy(t, o, undoPath(e), `{"dryRun":false,"force":true}`)
	}
	got := o.Do(t, "GET", "/Users/"+user, nil).Want(t, 200)
	if title := got.Object(t)["title"]; title != "first" || got.Header.Get("ETag") <= versions["/Users/"+user] {
		t.Errorf("the user comes back with the title %v and the version %s after %s", title, got.Header.Get("ETag"), versions["/Users/"+user])
	}
	got = o.Do(t, "GET", "/Groups/"+group, nil).Want(t, 200)
	if id := got.Object(t)["externalId"]; id != "first" || got.Header.Get("ETag") <= versions["/Groups/"+group] {
		t.Errorf("the group comes back as %v with the version %s after %s", id, got.Header.Get("ETag"), versions["/Groups/"+group])
	}
}

package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// recovered is the answer to an undo or a restoration.
type recovered struct {
	DryRun  bool
	Changes []struct {
		Attribute     string
		Before, After any
	}
	Members           struct{ Added, Removed []string }
	Others            []logEntry
	Entries, Warnings []string
	Total             int
}

// recoverBy asks for a recovery and gives the answer.
func recoverBy(t *testing.T, o *servertest.Org, path, body string) (r recovered) {
	t.Helper()
	o.Do(t, "POST", path, body).Want(t, 200).Decode(t, &r)
	return r
}

// newestEntry is the newest entry of a query.
func newestEntry(t *testing.T, o *servertest.Org, query string) (e logEntry) {
	t.Helper()
	var page logPage
	o.Do(t, "GET", logPath+"?pageSize=1&result=success,warning&"+query, nil).Want(t, 200).Decode(t, &page)
	if len(page.Entities) != 1 {
		t.Fatalf("no entry of %q", query)
	}
	return page.Entities[0]
}

// stateOf is all that an organisation has: its users and groups without versions and times,
// and what users name.
func stateOf(t *testing.T, o *servertest.Org) string {
	t.Helper()
	var state []string
	for _, path := range []string{"/Users?count=1000", "/Groups?count=1000"} {
		list, _ := o.Do(t, "GET", path, nil).Want(t, 200).Object(t)["Resources"].([]any)
		for _, one := range list {
			resource, _ := one.(map[string]any)
			delete(resource, "meta")
			for _, name := range []string{"groups", "members", "emails", "roles"} { // in any order
				values, _ := resource[name].([]any)
				slices.SortFunc(values, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			}
			text, _ := json.Marshal(resource)
			state = append(state, string(text))
		}
	}
	for _, path := range []string{"/api/v2/groups", "/api/v2/authorization/roles"} {
		list, _ := o.Do(t, "GET", path+"?pageSize=100", nil).Want(t, 200).Object(t)["entities"].([]any)
		for _, one := range list {
			entity, _ := one.(map[string]any)
			for _, name := range []string{"version", "dateModified"} {
				delete(entity, name)
			}
			text, _ := json.Marshal(entity)
			state = append(state, string(text))
		}
	}
	slices.Sort(state)
	return strings.Join(state, "\n")
}

func undoPath(entry string) string { return logPath + "/" + entry + "/undo" }

const applied = `{"dryRun":false}`

// An undo first tells what it would change, then does it, and is an entry itself.
func TestUndo_TakesAChangeBack(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user := "/Users/" + o.Do(t, "POST", "/Users", `{"userName":"ada","title":"x"}`).Want(t, 201).ID(t)
	o.Do(t, "PATCH", user, `{"Operations":[{"op":"replace","path":"title","value":"y"}]}`).Want(t, 200)
	first := newestEntry(t, o, "type=User")
	before := stateOf(t, o)
	said := recoverBy(t, o, undoPath(first.ID), `{}`)
	if !said.DryRun || len(said.Changes) != 1 || said.Changes[0].Attribute != "title" || said.Changes[0].Before != "y" || said.Changes[0].After != "x" {
		t.Errorf("the dry run says %+v", said)
	}
	if after := stateOf(t, o); after != before || newestEntry(t, o, "type=User").ID != first.ID {
		t.Error("the dry run has changed something")
	}

	o.Do(t, "PATCH", user, `{"Operations":[{"op":"replace","path":"title","value":"z"},{"op":"add","path":"nickName","value":"n"}]}`).Want(t, 200)
	second := newestEntry(t, o, "type=User")
	refused := string(o.Do(t, "POST", undoPath(first.ID), applied).Want(t, 409).Body)
	if !strings.Contains(refused, second.ID) || !strings.Contains(refused, "title") {
		t.Errorf("the refusal does not name the later entry %s: %s", second.ID, refused)
	}
	o.Do(t, "POST", logPath+"/undo", `{"dryRun":false,"entries":["`+first.ID+`","`+newestEntry(t, o, "type=Client").ID+`"]}`).Want(t, 409)
	entries(t, o, "operation=restore&result=refused&target="+strings.TrimPrefix(user, "/Users/"), 2)
	recoverBy(t, o, undoPath(first.ID), `{"dryRun":false,"force":true}`)
	got := o.Do(t, "GET", user, nil).Want(t, 200).Object(t)
	if got["title"] != "x" || got["nickName"] != "n" {
		t.Errorf("the user is %v", got)
	}
	var e struct{ Operation, Undoes string }
	o.Do(t, "GET", logPath+"/"+newestEntry(t, o, "type=User").ID, nil).Want(t, 200).Decode(t, &e)
	if e.Operation != "update" || e.Undoes != first.ID {
		t.Errorf("the entry of the undo is %+v", e)
	}
	o.As(t, "SCIM Integration").Do(t, "POST", undoPath(first.ID), nil).Want(t, 403)
	o.Do(t, "POST", undoPath(newestEntry(t, o, "type=Client").ID), nil).Want(t, 409)
	o.Do(t, "POST", undoPath("01a2243e-4720-7afd-822b-5e75d2936aa6"), nil).Want(t, 404)
}

// Whatever is done to users, groups, members and roles: undone in reverse, the
// organisation is as it was.
func TestUndo_OfAllInReverseEndsWhereItBegan(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name string
		undo func(t *testing.T, o *servertest.Org, entries []logEntry)
	}{{"one by one", undoEach}, {"in one request", undoTogether}} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			undoneInReverse(t, how.undo)
		})
	}
}

func undoneInReverse(t *testing.T, undo func(t *testing.T, o *servertest.Org, entries []logEntry)) {
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var users, groups []string
	for n := range 4 {
		users = append(users, o.NewUser(t, fmt.Sprint("user", n)))
	}
	for n := range 2 {
		groups = append(groups, o.NewGroup(t, fmt.Sprint("group", n)))
	}
	o.Do(t, "POST", "/api/v2/authorization/roles", `{"name":"clerk","permissions":[]}`).Want(t, 200)
	before, began := stateOf(t, o), newestEntry(t, o, "").ID
	for n := range 30 {
		randomChange(t, o, random, n, users, groups)
	}
	var page logPage
	o.Do(t, "GET", logPath+"?pageSize=500&result=success,warning", nil).Want(t, 200).Decode(t, &page)
	t.Log("seed", seed)
	undo(t, o, page.Entities[:slices.IndexFunc(page.Entities, func(e logEntry) bool { return e.ID == began })])
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" {
		t.Errorf("the organisation (-before +after):\n%s", diff)
	}
}

func undoEach(t *testing.T, o *servertest.Org, entries []logEntry) {
	t.Helper()
	for _, e := range entries {
		if answer := o.Do(t, "POST", undoPath(e.ID), applied); answer.Status != 200 {
			t.Fatalf("%s cannot be undone: %d %s", lineOf(e), answer.Status, answer.Body)
		}
	}
}

// undoTogether tells of all the entries in any order, first in a dry run, which changes
// nothing.
func undoTogether(t *testing.T, o *servertest.Org, entries []logEntry) {
	t.Helper()
	before, newest := stateOf(t, o), newestEntry(t, o, "").ID
	rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
	var first, second struct{ Undone []recovered }
	o.Do(t, "POST", logPath+"/undo", undoing(true, entries...)).Want(t, 200).Decode(t, &first)
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" || newestEntry(t, o, "").ID != newest {
		t.Errorf("the dry run has changed something (-before +after):\n%s", diff)
	}
	o.Do(t, "POST", logPath+"/undo", undoing(false, entries...)).Want(t, 200).Decode(t, &second)
	for i, r := range second.Undone {
		if diff := cmp.Diff(first.Undone[i].Changes, r.Changes); diff != "" {
			t.Errorf("what was undone (-foretold +done):\n%s", diff)
		}
	}
}

// undoing is the body of an undo of several entries.
func undoing(dry bool, entries ...logEntry) string {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	text, _ := json.Marshal(map[string]any{"entries": ids, "dryRun": dry})
	return string(text)
}

// Of several entries none is taken back if one cannot be, and the answer names it.
func TestUndo_OfSeveralIsAllOrNothing(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ada, bob := "/Users/"+o.NewUser(t, "ada"), "/Users/"+o.NewUser(t, "bob")
	titled := func(user, title string) logEntry {
		o.Do(t, "PATCH", user, `{"Operations":[{"op":"add","path":"title","value":"`+title+`"}]}`).Want(t, 200)
		return newestEntry(t, o, "type=User")
	}
	titled(ada, "a")
	lost := titled(ada, "b")
	later := titled(ada, "c")
	last := titled(bob, "d")
	before, newest := stateOf(t, o), newestEntry(t, o, "").ID
	refused := string(o.Do(t, "POST", logPath+"/undo", undoing(false, lost, last)).Want(t, 409).Body)
	if !strings.Contains(refused, "the entry "+lost.ID) || !strings.Contains(refused, later.ID) {
		t.Errorf("the refusal does not name the entries: %s", refused)
	}
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" || newestEntry(t, o, "").ID != newest {
		t.Errorf("something was undone (-before +after):\n%s", diff)
	}
	// What was read and written meanwhile has left nothing behind in the memory of the server.
	o.Do(t, "PATCH", bob, `{"Operations":[{"op":"add","path":"nickName","value":"n"}]}`).Want(t, 200)
	if got := o.Do(t, "GET", bob, nil).Want(t, 200).Object(t)["title"]; got != "d" {
		t.Errorf("the title is %v", got)
	}
	o.Do(t, "POST", logPath+"/undo", undoing(false, lost, later, last)).Want(t, 200)
	if got := o.Do(t, "GET", ada, nil).Want(t, 200).Object(t)["title"]; got != "a" {
		t.Errorf("the title is %v", got)
	}
	o.Do(t, "POST", logPath+"/undo", `{"entries":[]}`).Want(t, 400)
}

// randomChange asks for a change, which may be refused.
func randomChange(t *testing.T, o *servertest.Org, random *rand.Rand, n int, users, groups []string) {
	t.Helper()
	user, other, group := users[random.IntN(len(users))], users[random.IntN(len(users))], groups[random.IntN(len(groups))]
	patch := func(path, op, attribute string, value any) {
		text, _ := json.Marshal(map[string]any{"Operations": []any{map[string]any{"op": op, "path": attribute, "value": value}}})
		o.Do(t, "PATCH", path, string(text))
	}
	member := []any{map[string]any{"value": user}}
	switch random.IntN(14) {
	case 0, 1:
		patch("/Users/"+user, "replace", []string{"title", "displayName", "userName"}[random.IntN(3)], fmt.Sprint("v", n))
	case 2:
		patch("/Users/"+user, "replace", "active", random.IntN(2) == 0)
	case 3:
		patch("/Users/"+user, "add", "roles", []any{map[string]any{"value": "clerk"}})
	case 4:
		patch("/Users/"+user, "add", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", map[string]any{"value": other})
	case 5:
		o.Do(t, "PUT", "/Users/"+user, fmt.Sprintf(`{"userName":"put%d","name":{"familyName":"N"},"emails":[{"value":"e%d@example.org","type":"work","primary":true}]}`, n, n))
	case 6:
		o.Do(t, "DELETE", "/Users/"+user, nil)
	case 7, 8:
		patch("/Groups/"+group, "add", "members", member)
	case 9:
		patch("/Groups/"+group, "remove", "members", member)
	case 10:
		o.Do(t, "PUT", "/api/v2/groups/"+group, fmt.Sprintf(`{"name":"name%d","description":"d%d","visibility":"members"}`, n, n))
	case 11:
		o.Do(t, "DELETE", "/Groups/"+group, nil)
	case 12, 13:
		o.Do(t, "POST", "/api/v2/users/"+user+"/restore", applied) // if the user is deleted
	}
}

// A group that was emptied by several requests, renamed and told otherwise has all again
// that it had, but for who is deleted, whom the answer names.
func TestGroupRestore_BringsBackWhatPushNowRemoved(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	var members []string
	for n := range 6 {
		members = append(members, fmt.Sprintf(`{"value":"%s"}`, o.NewUser(t, fmt.Sprint("user", n))))
	}
	late := o.NewUser(t, "late")
	group := o.Do(t, "POST", "/Groups", `{"displayName":"G","members":[`+strings.Join(members, ",")+`]}`).Want(t, 201).ID(t)
	o.Do(t, "PUT", "/api/v2/groups/"+group, `{"description":"d"}`).Want(t, 200)
	before, at := stateOf(t, o), now(t)
	o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"replace","path":"members","value":[`+members[0]+`,{"value":"`+late+`"}]}]}`).Want(t, 200)
	o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members"},{"op":"replace","path":"displayName","value":"H"}]}`).Want(t, 200)
	o.Do(t, "PUT", "/api/v2/groups/"+group, `{"description":"e"}`).Want(t, 200)
	path, body := "/api/v2/groups/"+group+"/restore", fmt.Sprintf(`{"at":%q,"dryRun":%%v}`, at)
	emptied := stateOf(t, o)
	if said := recoverBy(t, o, path, fmt.Sprintf(body, true)); len(said.Members.Added) != 6 || len(said.Changes) != 2 || stateOf(t, o) != emptied {
		t.Errorf("the dry run says %+v", said)
	}
	recoverBy(t, o, path, fmt.Sprintf(body, false))
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" {
		t.Errorf("after the restoration (-before +after):\n%s", diff)
	}
	if again := recoverBy(t, o, path, fmt.Sprintf(body, false)); again.Total != 0 || len(again.Warnings) != 1 {
		t.Errorf("restored again: %+v", again)
	}
	o.Do(t, "DELETE", "/Groups/"+group, nil).Want(t, 204)
	recoverBy(t, o, path, fmt.Sprintf(body, false))
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" {
		t.Errorf("made again (-before +after):\n%s", diff)
	}
	gone := strings.Split(members[3], `"`)[3]
	o.Do(t, "DELETE", "/Users/"+gone, nil).Want(t, 204)
	o.Do(t, "DELETE", "/Groups/"+group, nil).Want(t, 204)
	if said := recoverBy(t, o, path, fmt.Sprintf(body, false)); len(said.Members.Added) != 5 || !strings.Contains(strings.Join(said.Warnings, "\n"), gone) {
		t.Errorf("without a member: %+v", said)
	}
	o.Do(t, "POST", path, `{}`).Want(t, 400)
	o.Do(t, "POST", path, `{"at":"2020-01-01T00:00:00Z"}`).Want(t, 409)
}

// A deleted user comes back under the same id, with memberships and roles when asked.
func TestUserRestore_BringsADeletedUserBack(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user, group := o.NewUser(t, "ada"), o.NewGroup(t, "G")
	join := `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + user + `"}]}]}`
	o.Do(t, "PATCH", "/Groups/"+group, join).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+user, `{"Operations":[{"op":"add","path":"title","value":"x"}]}`).Want(t, 200)
	before, at := stateOf(t, o), now(t)
	o.Do(t, "DELETE", "/Users/"+user, nil).Want(t, 204)
	path := "/api/v2/users/" + user + "/restore"
	if said := recoverBy(t, o, path, `{"with":["groups","roles"]}`); len(said.Others) != 1 {
		t.Errorf("the dry run says %+v", said)
	}
	o.Do(t, "GET", "/Users/"+user, nil).Want(t, 404)
	recoverBy(t, o, path, `{"dryRun":false,"with":["groups","roles"]}`)
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" {
		t.Errorf("after the restoration (-before +after):\n%s", diff)
	}
	o.Do(t, "POST", path, applied).Want(t, 400) // of which time?
	o.Do(t, "DELETE", "/Users/"+user, nil).Want(t, 204)
	recoverBy(t, o, path, applied)
	got := o.Do(t, "GET", "/Users/"+user, nil).Want(t, 200).Object(t)
	if got["title"] != "x" || got["roles"] != nil || got["groups"] != nil {
		t.Errorf("alone the user comes back as %v", got)
	}
	recoverBy(t, o, path, fmt.Sprintf(`{"dryRun":false,"at":%q,"with":["groups","roles"]}`, at))
	if diff := cmp.Diff(before, stateOf(t, o)); diff != "" {
		t.Errorf("of a time (-before +after):\n%s", diff)
	}
	o.Do(t, "PATCH", "/Users/"+user, `{"Operations":[{"op":"add","path":"manager","value":"`+user+`"}]}`).Want(t, 200)
	o.Do(t, "DELETE", "/Users/"+user, nil).Want(t, 204)
	recoverBy(t, o, undoPath(newestEntry(t, o, "operation=delete").ID), applied) // though the manager is the user
	o.Do(t, "DELETE", "/Users/"+user, nil).Want(t, 204)
	o.Do(t, "PATCH", "/Users/"+o.NewUser(t, "eve"), `{"Operations":[{"op":"replace","path":"userName","value":"ADA"}]}`).Want(t, 200)
	o.Do(t, "POST", path, `{}`).Want(t, 409) // the name is taken, which a dry run finds too
	o.Do(t, "POST", path, `{"with":["money"]}`).Want(t, 400)
}

// now is the time, when all that was done before it is before it.
func now(t *testing.T) string {
	t.Helper()
	time.Sleep(5 * time.Millisecond)
	return time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
}

// Who takes a change of a role back is judged as who changes it.
func TestUndo_GrantsNoMoreThanTheCallerHas(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.Do(t, "POST", "/api/v2/authorization/roles", `{"name":"undoer","permissions":["scim:log:undo","scim:log:view"]}`).Want(t, 200)
	role := "/api/v2/authorization/roles/" + o.Do(t, "POST", "/api/v2/authorization/roles", `{"name":"clerk","permissions":["oauth:client:edit"]}`).Want(t, 200).ID(t)
	o.Do(t, "PATCH", role, `{"permissions":["scim:log:view"]}`).Want(t, 200)
	narrowed := newestEntry(t, o, "type=Role").ID
	o.Do(t, "DELETE", role, nil).Want(t, 204)
	undoer := o.As(t, "undoer")
	undoer.Do(t, "POST", undoPath(newestEntry(t, o, "type=Role").ID), applied).Want(t, 200)
	undoer.Do(t, "POST", undoPath(narrowed), applied).Want(t, 403)
	recoverBy(t, o, undoPath(narrowed), applied)
	got := o.Do(t, "GET", role, nil).Want(t, 200).Object(t)
	if fmt.Sprint(got["permissions"]) != "[oauth:client:edit]" {
		t.Errorf("the role is %v", got)
	}
}

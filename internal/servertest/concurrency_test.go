package servertest_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

const writers = 16

// together runs work once in each of several goroutines.
func together(work func(writer int)) {
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() { work(i) })
	}
	group.Wait()
}

// TestConcurrentMembers has writers add and remove members of one group, as
// Okta's and Entra's parallel workers do: every acknowledged change is there.
func TestConcurrentMembers(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var users [writers * 4]string
	for i := range users {
		users[i] = o.NewUser(t, fmt.Sprintf("member%d@example.org", i))
	}
	group := o.NewGroup(t, "Claims", users[:writers]...)

	// Each writer removes one of the first members and adds three others, partly
	// as a pure change of members, partly beside a change of an attribute.
	together(func(i int) {
		remove := servertest.Patch(map[string]any{"op": "remove", "path": `members[value eq "` + users[i] + `"]`})
		add := servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(users[writers+i], users[2*writers+i])})
		mixed := servertest.Patch(
			map[string]any{"op": "replace", "path": "externalId", "value": fmt.Sprint("writer ", i)},
			map[string]any{"op": "add", "path": "members", "value": servertest.Values(users[3*writers+i])})
		for _, body := range []any{remove, add, mixed} {
			if answer := o.Do(t, http.MethodPatch, "/Groups/"+group, body); answer.Status != http.StatusOK {
				t.Errorf("writer %d: status %d: %s", i, answer.Status, answer.Body)
			}
		}
	})

	var resource struct{ Members []struct{ Value string } }
	o.Do(t, http.MethodGet, "/Groups/"+group, nil).Decode(t, &resource)
	present := map[string]bool{}
	for _, member := range resource.Members {
		present[member.Value] = true
	}
	if len(resource.Members) != 3*writers || len(present) != 3*writers {
		t.Errorf("%d members, %d different; want %d", len(resource.Members), len(present), 3*writers)
	}
	for i, user := range users {
		if want := i >= writers; present[user] != want {
			t.Errorf("user %d is a member: %v, want %v", i, present[user], want)
		}
	}
}

// TestConcurrentMembers_OnTwoServers has 64 clients change one group on two servers of a
// database, each with few connections: all are answered, and all changes are there.
func TestConcurrentMembers_OnTwoServers(t *testing.T) {
	t.Parallel()
	const clients = 64
	server := servertest.New(t)
	o := server.NewOrg(t)
	at := []*servertest.Org{o, o.At(servertest.NewWith(t, servertest.Options{Database: server.Database, LeaveAccepted: true}))}
	var users [clients]string
	for i := range users {
		users[i] = o.NewUser(t, fmt.Sprintf("member%d@example.org", i))
	}
	group := o.NewGroup(t, "Claims", users[:clients/2]...)
	var all sync.WaitGroup
	for i, user := range users {
		all.Go(func() {
			change := map[string]any{"op": "add", "path": "members", "value": servertest.Values(user)}
			if i < clients/2 {
				change = map[string]any{"op": "remove", "path": `members[value eq "` + user + `"]`}
			}
			operations := []map[string]any{change, {"op": "replace", "path": "externalId", "value": user}}
			a := at[i%2].Do(t, http.MethodPatch, "/Groups/"+group, servertest.Patch(operations[:1+i/2%2]...))
			if a.Status != http.StatusOK {
				t.Errorf("client %d: status %d: %s", i, a.Status, a.Body)
			}
		})
	}
	all.Wait()
	var resource struct{ Members []struct{ Value string } }
	o.Do(t, http.MethodGet, "/Groups/"+group, nil).Decode(t, &resource)
	present := map[string]bool{}
	for _, member := range resource.Members {
		present[member.Value] = true
	}
	for i, user := range users {
		if want := i >= clients/2; present[user] != want {
			t.Errorf("user %d is a member: %v, want %v", i, present[user], want)
		}
	}
}

// TestConcurrentUser has writers change one user, each another attribute value:
// no change overwrites another, and every one moves the version once.
func TestConcurrentUser(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "busy@example.org")
	together(func(i int) {
		body := servertest.Patch(map[string]any{
			"op": "add", "path": fmt.Sprintf(`entitlements[type eq "writer%d"].value`, i), "value": fmt.Sprint("entitlement ", i),
		})
		if answer := o.Do(t, http.MethodPatch, "/Users/"+id, body); answer.Status != http.StatusOK {
			t.Errorf("writer %d: status %d: %s", i, answer.Status, answer.Body)
		}
	})
	var user struct {
		Entitlements []struct{ Type, Value string }
		Meta         struct{ Version string }
	}
	o.Do(t, http.MethodGet, "/Users/"+id, nil).Decode(t, &user)
	if len(user.Entitlements) != writers {
		t.Errorf("%d of %d changes are there: %v", len(user.Entitlements), writers, user.Entitlements)
	}
	if want := fmt.Sprint(writers + 1); user.Meta.Version != want {
		t.Errorf("version %s, want %s", user.Meta.Version, want)
	}
}

// TestConcurrentIfMatch has writers change one user on the condition of one
// version: exactly one wins, the others are told 412 (RFC 7644 section 3.14).
func TestConcurrentIfMatch(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "guarded@example.org")
	var mu sync.Mutex
	count := map[int]int{}
	together(func(i int) {
		body := servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": fmt.Sprint("writer ", i)})
		answer := o.Do(t, http.MethodPatch, "/Users/"+id, body, `If-Match: "1"`)
		mu.Lock()
		count[answer.Status]++
		mu.Unlock()
	})
	if count[http.StatusOK] != 1 || count[http.StatusPreconditionFailed] != writers-1 {
		t.Errorf("statuses %v; want one 200 and %d 412", count, writers-1)
	}
}

// TestConcurrentCreate has writers create the same user: one is created, the
// others are told that the name is taken.
func TestConcurrentCreate(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var mu sync.Mutex
	count := map[int]int{}
	together(func(int) {
		answer := o.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "once@example.org"})
		mu.Lock()
		count[answer.Status]++
		mu.Unlock()
	})
	if count[http.StatusCreated] != 1 || count[http.StatusConflict] != writers-1 {
		t.Errorf("statuses %v; want one 201 and %d 409", count, writers-1)
	}
	if list := o.Do(t, http.MethodGet, "/Users", nil).List(t); list.TotalResults != 1 {
		t.Errorf("totalResults %d, want 1", list.TotalResults)
	}
}

// TestConcurrentReplace has writers replace one group, each by a name and members of its
// own: each is answered with what it has stored, under a version of its own, and not with
// what another stored since.
func TestConcurrentReplace(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var users [writers]string
	for i := range users {
		users[i] = o.NewUser(t, fmt.Sprintf("member%d@example.org", i))
	}
	group := o.NewGroup(t, "Claims")
	var mu sync.Mutex
	versions := map[string]bool{}
	together(func(i int) {
		name := fmt.Sprint("Claims ", i)
		for _, method := range []string{http.MethodPut, http.MethodPatch} {
			body := map[string]any{"displayName": name, "members": servertest.Values(users[i])}
			if method == http.MethodPatch {
				name += " again"
				body = servertest.Patch(map[string]any{"op": "replace", "value": map[string]any{
					"displayName": name, "members": servertest.Values(users[i]),
				}})
			}
			answer := o.Do(t, method, "/Groups/"+group, body)
			var stored struct {
				DisplayName string
				Members     []struct{ Value string }
				Meta        struct{ Version string }
			}
			answer.Decode(t, &stored)
			if stored.DisplayName != name || len(stored.Members) != 1 || stored.Members[0].Value != users[i] {
				t.Errorf("writer %d: %s is answered %+v", i, method, stored)
			}
			mu.Lock()
			if versions[stored.Meta.Version] || answer.Header.Get("ETag") != `"`+stored.Meta.Version+`"` {
				t.Errorf("version %s is answered twice, or the ETag is another: %v", stored.Meta.Version, answer.Header)
			}
			versions[stored.Meta.Version] = true
			mu.Unlock()
		}
	})
}

// TestConcurrentRemoval locks a group by hand, has one server add a member and then another
// remove all, and lets go: both have happened, in that order.
func TestConcurrentRemoval(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, servertest.Unbraked)
	beside := o.At(servertest.NewWith(t, servertest.Options{Database: server.Database, LeaveAccepted: true}))
	ada, bob := o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org")
	path := "/Groups/" + o.NewGroup(t, "Claims", ada)
	open := lockedGroup(t, server, o, strings.TrimPrefix(path, "/Groups/"))
	var all sync.WaitGroup
	var answers [2]*servertest.Answer
	change := func(n int, at *servertest.Org, operations ...map[string]any) {
		all.Go(func() { answers[n] = at.Do(t, http.MethodPatch, path, servertest.Patch(operations...)) })
		const waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory' and $1::bigint > 0"
		for rows(t, server, o, waiting) <= n {
			time.Sleep(time.Millisecond)
		}
	}
	change(0, o, map[string]any{"op": "add", "path": "members", "value": servertest.Values(bob)})
	change(1, beside, map[string]any{"op": "remove", "path": `members[value eq "` + ada + `"]`}, map[string]any{"op": "remove", "path": `members[value eq "` + bob + `"]`})
	open()
	all.Wait()
	added, removed := answers[0].Want(t, http.StatusOK).Header.Get("ETag"), answers[1].Want(t, http.StatusOK).Header.Get("ETag")
	now := o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK)
	if members := now.Object(t)["members"]; members != nil || added == removed || removed != now.Header.Get("ETag") {
		t.Errorf("version %s after those of the addition %s and of the removal %s has the members %v", now.Header.Get("ETag"), added, removed, members)
	}
}

// TestConcurrentNames has each of many names created and deleted at once on two servers: it
// has one id, however often it comes and goes.
func TestConcurrentNames(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, servertest.Unbraked)
	at := []*servertest.Org{o, o.At(servertest.NewWith(t, servertest.Options{Database: server.Database, LeaveAccepted: true}))}
	for n := range 80 {
		name := fmt.Sprintf("name%d@example.org", n)
		var all sync.WaitGroup
		var ids sync.Map
		for i := range 6 {
			all.Go(func() {
				body := map[string]any{"schemas": []string{scim.UserURN}, "userName": name}
				a := at[i%2].Do(t, http.MethodPost, "/Users", body)
				if a.Status == http.StatusConflict {
					return
				}
				id := a.Want(t, http.StatusCreated).ID(t)
				ids.Store(id, true)
				at[i%2].Do(t, http.MethodDelete, "/Users/"+id, nil)
			})
		}
		all.Wait()
		if n := len(maps.Collect(ids.Range)); n != 1 {
			t.Errorf("%s has had %d ids", name, n)
		}
	}
}

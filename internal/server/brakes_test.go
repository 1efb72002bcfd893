package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

const holdsPath = "/api/v2/scim/holds"

// heldRemoval is what is held, as a client reads it.
type heldRemoval struct {
	ID, Kind, State, DateUntil string
	Client                     struct{ ID, Name string }
	Group                      struct{ Name string }
	Attempts, Removed, Most    int
}

func holdsOf(t *testing.T, o *servertest.Org) []heldRemoval {
	t.Helper()
	var page struct{ Entities []heldRemoval }
	o.Do(t, "GET", holdsPath, nil).Want(t, 200).Decode(t, &page)
	return page.Entities
}

// least sets how few a client may remove whatever the percentage.
func least(users, members int) func(s *org.Settings) {
	return func(s *org.Settings) { s.UserBrake.Least, s.MemberBrake.Least = users, members }
}

// users makes so many users and gives their ids.
func users(t *testing.T, o *servertest.Org, n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = o.Do(t, "POST", "/Users", fmt.Sprintf(`{"userName":"user%d@example.org"}`, i)).Want(t, 201).ID(t)
	}
	return ids
}

func deactivate(t *testing.T, o *servertest.Org, id string) *servertest.Answer {
	t.Helper()
	return o.Do(t, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"active","value":false}]}`)
}

// A client that deactivates and deletes more users than may go within an hour is held,
// whatever way it takes, until it is released; others are not.
func TestBrakes_HoldUsers(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, least(2, 2))
	entra, _ := named(t, o, "Entra")
	okta, _ := named(t, o, "Okta")
	ids := users(t, o, 16) // a quarter of which are 4
	deactivate(t, entra, ids[0]).Want(t, 200)
	deactivate(t, entra, ids[0]).Want(t, 200) // nothing goes
	entra.Do(t, "DELETE", "/Users/"+ids[1], nil).Want(t, 204)
	entra.Do(t, "PUT", "/Users/"+ids[2], `{"userName":"user2@example.org","active":false}`).Want(t, 200)
	entra.Do(t, "PATCH", "/Users/"+ids[3], `{"Operations":[{"op":"replace","path":"title","value":"x"}]}`).Want(t, 200)
	deactivate(t, entra, ids[3]).Want(t, 200)
	for _, answer := range []*servertest.Answer{
		deactivate(t, entra, ids[4]), entra.Do(t, "DELETE", "/Users/"+ids[4], nil),
		entra.Do(t, "PUT", "/Users/"+ids[4], `{"userName":"user4@example.org","active":false}`),
	} {
		var told struct{ Status, Detail string }
		if answer.Want(t, 403).Decode(t, &told); !strings.HasPrefix(told.Detail, "held: this client may deactivate or delete 4 users within an hour") || !strings.Contains(told.Detail, "purescim hold release") {
			t.Errorf("the client is told %q", told.Detail)
		}
	}
	bulk := entra.Do(t, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"DELETE","path":"/Users/`+ids[4]+`"},{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"new@example.org"}}]}`).Want(t, 200)
	if text := string(bulk.Body); !strings.Contains(text, `"403"`) || !strings.Contains(text, `"201"`) {
		t.Errorf("the bulk request is answered %s", text)
	}
	if u := string(o.Do(t, "GET", "/Users/"+ids[4], nil).Want(t, 200).Body); !strings.Contains(u, `"active":true`) {
		t.Errorf("the user was changed: %s", u)
	}
	entra.Do(t, "PATCH", "/Users/"+ids[4], `{"Operations":[{"op":"replace","path":"title","value":"y"}]}`).Want(t, 200)
	deactivate(t, okta, ids[5]).Want(t, 200)
	all := entries(t, o, "result=held", 4)
	if e := all[3]; e.Operation != "deactivate" || e.Status != 403 || e.Actor.Name != "Entra" || !strings.Contains(e.Advice.Text, "hold release") {
		t.Errorf("the entry is %+v", e)
	}
	held := holdsOf(t, o)
	if len(held) != 1 || held[0].State != "held" || held[0].Kind != "users" || held[0].Client.Name != "Entra" || held[0].Attempts != 4 || held[0].Removed != 4 || held[0].Most != 4 {
		t.Fatalf("held is %+v", held)
	}
	statusWhen(t, o, func(s status) bool {
		return s.State == "held" && s.client("Entra").Holds == 1 && s.client("Entra").LastDay.Held == 4 && strings.Contains(s.Sentence, "Removals by Entra are held")
	})
	entra.Do(t, "POST", holdsPath+"/"+held[0].ID+"/release", `{}`).Want(t, 403)
	o.Do(t, "POST", holdsPath+"/"+held[0].ID+"/release", `{"hours":0}`).Want(t, 400)
	o.Do(t, "POST", holdsPath+"/01a2243e-4720-7afd-822b-5e75d2936aa6/release", `{}`).Want(t, 404)
	o.Do(t, "POST", holdsPath+"/"+held[0].ID+"/release", nil).Want(t, 200)
	for _, id := range ids[6:12] {
		entra.Do(t, "DELETE", "/Users/"+id, nil).Want(t, 204)
	}
	o.Do(t, "POST", holdsPath+"/"+held[0].ID+"/reject", `{"hours":2}`).Want(t, 200)
	if text := string(deactivate(t, entra, ids[12]).Want(t, 403).Body); !strings.Contains(text, "an administrator has rejected") {
		t.Errorf("after the rejection the client is told %s", text)
	}
	entries(t, o, "type=Hold&operation=release,reject&result=success", 2)
	if held = holdsOf(t, o); len(held) != 1 || held[0].State != "rejected" || held[0].DateUntil == "" {
		t.Errorf("rejected is %+v", held)
	}
	o.Do(t, "DELETE", "/api/v2/oauth/clients/"+held[0].Client.ID, nil).Want(t, 204)
	if held = holdsOf(t, o); len(held) != 0 {
		t.Errorf("held is %+v", held)
	}
}

// Members of a group are held by how many go, whatever way they do; what is no member
// does not count, and no other group is held.
func TestBrakes_HoldMembers(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, least(2, 2))
	okta, _ := named(t, o, "Okta")
	ids := users(t, o, 12)
	night, day := o.NewGroup(t, "Night", ids[:10]...), o.NewGroup(t, "Day", ids[:2]...)
	patch := func(group, operations string) *servertest.Answer {
		return okta.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[`+operations+`]}`)
	}
	remove := func(who ...string) string {
		return `{"op":"remove","path":"members","value":[{"value":"` + strings.Join(who, `"},{"value":"`) + `"}]}`
	}
	answered := func(answer *servertest.Answer) bool { return answer.Status == 200 || answer.Status == 204 }
	if !answered(patch(night, remove(ids[:4]...))) || !answered(patch(night, remove(append(slices.Clone(ids[:4]), ids[10], ids[11], ids[4])...))) {
		t.Fatal("five of ten do not go")
	}
	body := `{"displayName":"Night","members":[{"value":"` + ids[9] + `"}]}`
	for _, answer := range []*servertest.Answer{
		patch(night, remove(ids[5])), patch(night, `{"op":"remove","path":"members[value eq \"`+ids[5]+`\"]"}`), patch(night, `{"op":"remove","path":"members"}`),
		patch(night, `{"op":"replace","path":"members","value":[]}`), okta.Do(t, "PUT", "/Groups/"+night, body),
		patch(night, remove(ids[6])+`,{"op":"replace","path":"displayName","value":"Late"}`), patch(night, `{"op":"add","path":"members","value":[{"value":"`+ids[11]+`"}]},`+remove(ids[6])),
	} {
		if text := string(answer.Want(t, 403).Body); !strings.Contains(text, "held: this client may remove 5 members from this group within an hour") {
			t.Errorf("the client is told %s", text)
		}
	}
	var group struct {
		DisplayName string
		Members     []struct{ Value string }
	}
	if o.Do(t, "GET", "/Groups/"+night, nil).Want(t, 200).Decode(t, &group); len(group.Members) != 5 || group.DisplayName != "Night" {
		t.Errorf("the group is %+v", group)
	}
	if !answered(patch(day, `{"op":"remove","path":"members"}`)) || !answered(patch(night, `{"op":"add","path":"members","value":[{"value":"`+ids[11]+`"}]}`)) {
		t.Error("what is not held is refused")
	}
	held := holdsOf(t, o)
	entries(t, o, "result=held&operation=member_remove", 7)
	if len(held) != 1 || held[0].Kind != "members" || held[0].Group.Name != "Night" || held[0].Attempts != 7 {
		t.Fatalf("held is %+v", held)
	}
	o.Do(t, "POST", holdsPath+"/"+held[0].ID+"/release", `{"hours":1}`).Want(t, 200)
	okta.Do(t, "PUT", "/Groups/"+night, body).Want(t, 200)
	o.Do(t, "DELETE", "/api/v2/groups/"+night+"/members?ids="+ids[9], nil).Want(t, 202) // the platform is not held
}

// What goes at once at two servers is counted together, also what one statement removes for
// several requests.
func TestBrakes_CountAtTwoServers(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, least(20, 20))
	entra, _ := named(t, o, "Entra")
	at := []*servertest.Org{entra, entra.At(servertest.NewWith(t, servertest.Options{Database: server.Database}))}
	ids := users(t, o, 44)
	group := o.NewGroup(t, "Night", ids...)
	const together = 8
	run := func(request func(o *servertest.Org, id string) *servertest.Answer) (done int) {
		var work sync.WaitGroup
		var mu sync.Mutex
		queue := make(chan int, len(ids))
		for i := range ids {
			queue <- i
		}
		close(queue)
		for n := range together {
			work.Go(func() {
				for i := range queue {
					if answer := request(at[n%2], ids[i]); answer.Status < 300 {
						mu.Lock()
						done++
						mu.Unlock()
					} else if answer.Status != http.StatusForbidden {
						t.Errorf("answered %d: %s", answer.Status, answer.Body)
					}
				}
			})
		}
		work.Wait()
		return done
	}
	if n := run(func(o *servertest.Org, id string) *servertest.Answer {
		return o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members[value eq \"`+id+`\"]"}]}`)
	}); n != 22 {
		t.Errorf("%d members went, want half of 44: changes of one group follow each other", n)
	}
	if n := run(func(o *servertest.Org, id string) *servertest.Answer { return o.Do(t, "DELETE", "/Users/"+id, nil) }); n != 20 {
		t.Errorf("%d users went, want 20", n)
	}
}

// Without a brake everything goes.
func TestBrakes_CanBeOff(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, least(1, 1))
	ids := users(t, o, 4)
	group := o.NewGroup(t, "Night", ids...)
	o.Do(t, "DELETE", "/Users/"+ids[3], nil).Want(t, 204)
	o.Do(t, "DELETE", "/Users/"+ids[2], nil).Want(t, 403)
	o.Org.Settings.UserBrake, o.Org.Settings.MemberBrake = org.Brake{}, org.Brake{}
	if err := o.Server().Store.Registry().SetOrg(t.Context(), o.Org); err != nil {
		t.Fatal(err)
	}
	// Servers notice within a second, and what was held is forgotten.
	for end := time.Now().Add(20 * time.Second); o.Do(t, "DELETE", "/Users/"+ids[2], nil).Status == 403 && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members"}]}`)
	for _, id := range ids[:2] {
		o.Do(t, "DELETE", "/Users/"+id, nil).Want(t, 204)
	}
	if held := holdsOf(t, o); len(held) != 0 {
		t.Errorf("held is %+v", held)
	}
}

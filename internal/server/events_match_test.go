package server_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// Whatever is asked for, in whatever order, allowed or not, the events are what
// two looks at everything, before and after, show to have changed.
func TestEvents_AreTheChanges(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	listen(t, o, nil)
	v := newVerifier(t, s.URL)
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	world := world{Org: o, Rand: random, groups: []string{o.NewGroup(t, "A"), o.NewGroup(t, "B")}}
	poll(t, o, v)
	before := world.look(t)
	told, refused := 0, 0
	for step := range 150 {
		method, path, body := world.act()
		answer := o.Do(t, method, path, body)
		if answer.Status >= 400 {
			refused++
		}
		after := world.look(t)
		want, got := changes(before, after), map[string]string{}
		for _, e := range poll(t, o, v) {
			got[e.Subject.ID] = summary(e)
			told++
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d, step %d: %s %s %v: %d: events (-want +got):\n%s", seed, step, method, path, body, answer.Status, diff)
		}
		before = after
	}
	if told == 0 || refused == 0 {
		t.Errorf("seed %d: %d events of requests of which %d were refused prove little", seed, told, refused)
	}
}

// summary is what a change of a resource comes to.
func summary(e told) string {
	for uri, payload := range e.Events {
		if version, ok := payload["version"].(string); ok {
			created := ""
			if uri == eventPrefix+"prov:create:notice" {
				created = "created "
			}
			return created + version
		}
	}
	return e.kinds()
}

// world makes requests of few users and groups, so that many meet.
type world struct {
	*servertest.Org
	*rand.Rand
	groups []string
	users  []string // that have been, deleted ones too
}

// act chooses a request.
func (w *world) act() (method, path string, body any) {
	name := fmt.Sprintf("user%d@example.org", w.IntN(4))
	if len(w.users) == 0 || w.IntN(4) == 0 {
		return "POST", "/Users", map[string]any{"userName": name, "title": w.title()}
	}
	user := w.users[w.IntN(len(w.users))]
	group := w.groups[w.IntN(len(w.groups))]
	switch w.IntN(8) {
	case 0:
		return "PUT", "/Users/" + user, map[string]any{"userName": name, "title": w.title()}
	case 1:
		return "PATCH", "/Users/" + user, servertest.Patch(map[string]any{"op": "replace", "path": "active", "value": w.IntN(2) == 0})
	case 2:
		return "PATCH", "/Users/" + user, servertest.Patch(map[string]any{"op": "replace", "path": "manager", "value": w.users[w.IntN(len(w.users))]})
	case 3:
		return "PATCH", "/Users/" + user, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": w.title()})
	case 4:
		return "DELETE", "/Users/" + user, nil
	case 5:
		op := []string{"add", "remove", "replace"}[w.IntN(3)]
		return "PATCH", "/Groups/" + group, servertest.Patch(map[string]any{"op": op, "path": "members", "value": servertest.Values(user)})
	case 6:
		return "PUT", "/Groups/" + group, map[string]any{"displayName": []string{"A", "B", "C"}[w.IntN(3)], "members": servertest.Values(user)}
	default:
		return "POST", "/api/v2/groups/" + group + "/members", map[string]any{"memberIds": []string{user}}
	}
}

func (w *world) title() string { return []string{"Countess", "Baron"}[w.IntN(2)] }

// look reads every resource, as text without what belongs to others: the groups of
// a user and the names of members.
func (w *world) look(t *testing.T) map[string]map[string]any {
	t.Helper()
	seen := map[string]map[string]any{}
	for _, path := range []string{`/Users?filter=userName%20pr&count=100`, "/Groups?count=100"} {
		for _, resource := range w.Do(t, "GET", path, nil).List(t).Resources {
			delete(resource, "groups")
			for _, member := range elements(resource["members"]) {
				delete(member, "display")
			}
			id := resource["id"].(string)
			seen[id] = resource
			if resource["userName"] != nil && !slices.Contains(w.users, id) {
				w.users = append(w.users, id)
			}
		}
	}
	return seen
}

// elements are those of a multi-valued complex attribute.
func elements(value any) []map[string]any {
	list, _ := value.([]any)
	objects := make([]map[string]any, len(list))
	for i, v := range list {
		objects[i], _ = v.(map[string]any)
	}
	return objects
}

// changes tells what became of each resource: its new version, or that it is gone.
func changes(before, after map[string]map[string]any) map[string]string {
	changed := map[string]string{}
	for id, resource := range after {
		version := fmt.Sprintf("%q", resource["meta"].(map[string]any)["version"])
		switch old := before[id]; {
		case old == nil:
			changed[id] = "created " + version
		case !cmp.Equal(old, resource):
			changed[id] = version
		}
	}
	for id := range maps.Keys(before) {
		if after[id] == nil {
			changed[id] = "delete"
		}
	}
	return changed
}

// Changes that meet are told in an order that could have been: the versions of a
// resource follow each other, and the last is the one that it has.
func TestEvents_KeepTheOrderOfChangesThatMeet(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	listen(t, o, nil)
	groups := []string{o.NewGroup(t, "A"), o.NewGroup(t, "B")}
	var users []string
	for i := range 4 {
		users = append(users, o.NewUser(t, fmt.Sprintf("user%d@example.org", i)))
	}
	var work sync.WaitGroup
	for range 6 {
		w := world{Org: o, Rand: rand.New(rand.NewPCG(rand.Uint64(), 0)), groups: groups, users: users}
		work.Go(func() {
			for range 40 {
				method, path, body := w.act()
				if answer := o.Do(t, method, path, body); answer.Status >= 500 {
					t.Errorf("%s %s: %d: %s", method, path, answer.Status, answer.Body)
				}
			}
		})
	}
	work.Wait()
	last := map[string]int{}
	for i, e := range poll(t, o, newVerifier(t, s.URL)) {
		if e.Sequence != int64(i+1) {
			t.Fatalf("event %d has the number %d", i+1, e.Sequence)
		}
		version := 0
		if _, err := fmt.Sscanf(strings.TrimPrefix(summary(e), "created "), `"%d"`, &version); err != nil {
			continue // deleted; created again it goes on from its version
		}
		if version != last[e.Subject.ID]+1 {
			t.Errorf("%s: version %d follows %d", e.Subject.URI, version, last[e.Subject.ID])
		}
		last[e.Subject.ID] = version
	}
	for id, resource := range (&world{Org: o}).look(t) {
		if version := resource["meta"].(map[string]any)["version"]; version != fmt.Sprint(last[id]) {
			t.Errorf("a resource of version %v: told up to %d", version, last[id])
		}
	}
}

// A poll waits for the first event.
func TestEvents_ArePolledAsTheyCome(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	listen(t, o, nil)
	answer := make(chan *servertest.Answer)
	go func() { answer <- o.Do(t, "POST", "/api/v2/events/poll", map[string]any{}) }()
	o.NewUser(t, "ada@example.org")
	var polled struct{ Sets map[string]string }
	(<-answer).Want(t, 200).Decode(t, &polled)
	if len(polled.Sets) != 1 {
		t.Errorf("%d events", len(polled.Sets))
	}
}

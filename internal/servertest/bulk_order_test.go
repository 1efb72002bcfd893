package servertest_test

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/servertest"
)

// Whatever operations are drawn, a bulk request that may do them side by side
// comes to what they come to as requests of their own, one after the other.
func TestBulk_ComesToWhatSingleRequestsComeTo(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		together, single := newSmallWorld(t, server), newSmallWorld(t, server)
		var drawn []draft
		for range rapid.IntRange(2, 12).Draw(rt, "operations") {
			drawn = append(drawn, drawDraft(rt, len(drawn)))
		}
		var operations []operation
		for i, d := range drawn {
			operations = append(operations, together.operation(i, d))
		}
		var got []string
		for _, result := range bulkResults(t, together.Do(t, "POST", "/Bulk", bulkBody(0, operations...))) {
			got = append(got, result.Status+" "+result.Version)
		}
		var want []string
		for i, d := range drawn {
			want = append(want, single.do(t, single.operation(i, d)))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("%v (-one after the other +together):\n%s", drawn, diff)
		}
		if diff := cmp.Diff(single.state(t), together.state(t)); diff != "" {
			rt.Fatalf("%v (-one after the other +together):\n%s", drawn, diff)
		}
	})
}

// Who was deleted before the request and is made again in it is there for the
// operations behind that, and for none before it, however many there are.
func TestBulk_WhoComesBackIsThereFromThenOn(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	for range 20 {
		w := newSmallWorld(t, server)
		back := w.users[3]
		var operations []operation
		named := []operation{
			{Method: "PATCH", Path: "/Users/" + back, Data: servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Weaver"})},
			{Method: "PATCH", Path: "/Groups/" + w.group, Data: servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(back)})},
			post("report", "/Users", map[string]any{"userName": "report", enterprise: map[string]any{"manager": back}}),
		}
		operations = append(append(operations, named...), post("back", "/Users", map[string]any{"userName": "name3"}))
		operations = append(operations, named[:2]...)
		operations = append(operations, post("reports", "/Users", map[string]any{"userName": "reports", enterprise: map[string]any{"manager": back}}))
		var statuses []string
		for _, result := range bulkResults(t, w.Do(t, "POST", "/Bulk", bulkBody(0, operations...))) {
			statuses = append(statuses, result.Status)
		}
		if diff := cmp.Diff([]string{"404", "400", "201", "201", "200", "200", "201"}, statuses); diff != "" {
			t.Fatal(diff)
		}
		filter := url.QueryEscape(`manager eq "` + back + `"`) // who is not there yet is left out (BEHAVIOUR 33a)
		if reports := w.Do(t, "GET", "/Users?filter="+filter, nil).List(t).Resources; len(reports) != 1 || reports[0]["userName"] != "reports" {
			t.Fatalf("who reports to who came back: %v", reports)
		}
	}
}

// draft is an operation on one of a few things, in any organisation.
type draft struct {
	Kind          string
	User, Name    int
	Match         bool // only the first version
	TitleOrMember int
}

func drawDraft(rt *rapid.T, n int) draft {
	at := func(what string) string { return what + " " + strconv.Itoa(n) }
	return draft{
		Kind: rapid.SampledFrom([]string{"create", "create", "put", "title", "rename", "delete", "join", "leave"}).Draw(rt, at("kind")),
		User: rapid.IntRange(0, 3).Draw(rt, at("user")), Name: rapid.IntRange(0, 4).Draw(rt, at("name")),
		Match: rapid.IntRange(0, 4).Draw(rt, at("match")) == 0, TitleOrMember: rapid.IntRange(0, 3).Draw(rt, at("title")),
	}
}

// smallWorld is an organisation with three users, a group of two of them, and one
// user who was deleted and comes back when the name is created again.
type smallWorld struct {
	*servertest.Org
	users []string
	group string
}

func newSmallWorld(t *testing.T, server *servertest.Server) smallWorld {
	w := smallWorld{Org: server.NewOrg(t)}
	for i := range 4 {
		w.users = append(w.users, w.NewUser(t, fmt.Sprint("name", i)))
	}
	w.group = w.NewGroup(t, "Looms", w.users[:2]...)
	w.Do(t, "DELETE", "/Users/"+w.users[3], nil).Want(t, 204)
	return w
}

func (w smallWorld) operation(n int, d draft) operation {
	name, title := fmt.Sprint("name", d.Name), fmt.Sprint("title", d.TitleOrMember)
	op := operation{Path: "/Users/" + w.users[d.User]}
	if d.Match {
		op.Version = `"1"`
	}
	member := w.users[d.TitleOrMember]
	switch d.Kind {
	case "create":
		return post(strconv.Itoa(n), "/Users", map[string]any{"userName": name, "title": title, enterprise: map[string]any{"manager": member}})
	case "put":
		op.Method, op.Data = "PUT", map[string]any{"userName": name, "title": title}
	case "title":
		op.Method, op.Data = "PATCH", servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": title})
	case "rename":
		op.Method, op.Data = "PATCH", servertest.Patch(map[string]any{"op": "replace", "value": map[string]any{"userName": name}})
	case "delete":
		op.Method = "DELETE"
	case "join":
		return operation{Method: "PATCH", Path: "/Groups/" + w.group, Data: servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(member)})}
	case "leave":
		return operation{Method: "PATCH", Path: "/Groups/" + w.group, Data: servertest.Patch(map[string]any{"op": "remove", "path": `members[value eq "` + member + `"]`})}
	}
	return op
}

// do sends an operation as a request of its own.
func (w smallWorld) do(t *testing.T, op operation) string {
	var headers []string
	if op.Version != "" {
		headers = append(headers, "If-Match: "+op.Version)
	}
	a := w.Do(t, op.Method, op.Path, op.Data, headers...)
	return strconv.Itoa(a.Status) + " " + a.Header.Get("ETag")
}

// state is everything that there is, by names.
func (w smallWorld) state(t *testing.T) []string {
	names := map[string]string{"": "nobody"}
	users := w.Do(t, "GET", "/Users?filter=userName+pr&count=100", nil).List(t).Resources
	for _, user := range users {
		names[user["id"].(string)] = user["userName"].(string)
	}
	var state []string
	for _, user := range users {
		extension, _ := user[enterprise].(map[string]any)
		of, _ := extension["manager"].(map[string]any)
		manager, _ := of["value"].(string)
		state = append(state, fmt.Sprint(user["userName"], " ", user["title"], " ", names[manager], " ", user["meta"].(map[string]any)["version"]))
	}
	for _, id := range memberIDs(t, w.Org, w.group) {
		state = append(state, "member "+names[id])
	}
	slices.Sort(state)
	return state
}

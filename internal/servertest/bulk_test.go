package servertest_test

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// operation is one of a bulk request.
type operation struct {
	Method  string `json:"method,omitempty"`
	BulkID  string `json:"bulkId,omitempty"`
	Path    string `json:"path,omitempty"`
	Version string `json:"version,omitempty"`
	Data    any    `json:"data,omitempty"`
}

func post(bulkID, path string, data map[string]any) operation {
	return operation{Method: "POST", BulkID: bulkID, Path: path, Data: data}
}

func newUser(bulkID string) operation {
	return post(bulkID, "/Users", map[string]any{"userName": bulkID})
}

func managedBy(bulkID, manager string) operation {
	op := newUser(bulkID)
	op.Data.(map[string]any)[enterprise] = map[string]any{"manager": map[string]any{"value": manager}}
	return op
}

// bulkResult is what the answer says of an operation.
type bulkResult struct {
	Method, BulkID, Location, Version, Status string
	Response                                  *struct {
		Schemas                  []string
		Status, ScimType, Detail string
	}
}

func (r bulkResult) id() string { return r.Location[strings.LastIndex(r.Location, "/")+1:] }

func bulkBody(failOnErrors int, operations ...operation) map[string]any {
	body := map[string]any{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": append([]operation{}, operations...),
	}
	if failOnErrors > 0 {
		body["failOnErrors"] = failOnErrors
	}
	return body
}

func bulkResults(t testing.TB, a *servertest.Answer) []bulkResult {
	t.Helper()
	var response struct {
		Schemas    []string
		Operations []bulkResult
	}
	a.Want(t, http.StatusOK).Decode(t, &response)
	if !slices.Equal(response.Schemas, []string{"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}) || response.Operations == nil {
		t.Fatalf("not a BulkResponse: %s", a.Body)
	}
	for _, result := range response.Operations {
		failed := result.Status[0] != '2'
		if failed != (result.Response != nil) || failed && (result.Response.Status != result.Status || result.Response.Detail == "") {
			t.Fatalf("status %s with response %+v", result.Status, result.Response)
		}
	}
	return response.Operations
}

// do sends operations and wants their statuses.
func do(t testing.TB, o *servertest.Org, statuses string, operations ...operation) []bulkResult {
	t.Helper()
	results := bulkResults(t, o.Do(t, "POST", "/Bulk", bulkBody(0, operations...)))
	wantStatuses(t, results, statuses)
	return results
}

func wantStatuses(t testing.TB, results []bulkResult, want string) {
	t.Helper()
	var got []string
	for _, result := range results {
		got = append(got, result.Status)
	}
	if strings.Join(got, " ") != want {
		for i, result := range results {
			t.Logf("operation %d: %s %+v", i+1, result.Status, result.Response)
		}
		t.Fatalf("statuses %v, want %s", got, want)
	}
}

func manager(t testing.TB, o *servertest.Org, id string) string {
	t.Helper()
	extension, _ := o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Object(t)[enterprise].(map[string]any)
	of, _ := extension["manager"].(map[string]any)
	value, _ := of["value"].(string)
	return value
}

func memberIDs(t testing.TB, o *servertest.Org, group string) []string {
	t.Helper()
	var resource struct{ Members []struct{ Value string } }
	o.Do(t, "GET", "/Groups/"+group, nil).Want(t, 200).Decode(t, &resource)
	ids := []string{}
	for _, member := range resource.Members {
		ids = append(ids, member.Value)
	}
	slices.Sort(ids)
	return ids
}

func TestBulk_DoesEachMethodUnderBothMounts(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
		for _, endpoint := range []string{"/Bulk", "/bulk", "/BULK/"} {
			o := server.NewOrg(t)
			ada, bob, eve := o.NewUser(t, "ada"), o.NewUser(t, "bob"), o.NewUser(t, "eve")
			group := o.NewGroup(t, "Looms", bob)
			results := bulkResults(t, o.Do(t, "POST", mount+endpoint, bulkBody(0,
				newUser("new"),
				operation{Method: "put", Path: "/Users/" + ada, Data: map[string]any{"userName": "ada", "title": "Countess"}},
				operation{Method: "PATCH", BulkID: "mine", Path: "/users/" + bob, Data: servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Weaver"})},
				operation{Method: "Delete", Path: "/Users/" + eve},
				operation{Method: "PATCH", Path: "/Groups/" + group, Data: []any{map[string]any{"op": "add", "path": "members", "value": servertest.Values(ada)}}},
				operation{Method: "PUT", Path: "/Groups/" + group, Data: map[string]any{"displayName": "Weavers"}},
			)))
			users := server.URL + mount + "/Users/"
			want := []bulkResult{
				{Method: "POST", BulkID: "new", Location: results[0].Location, Version: `"1"`, Status: "201"},
				{Method: "PUT", Location: users + ada, Version: `"2"`, Status: "200"},
				{Method: "PATCH", BulkID: "mine", Location: users + bob, Version: `"2"`, Status: "200"},
				{Method: "DELETE", Location: users + eve, Status: "204"},
				{Method: "PATCH", Location: server.URL + mount + "/Groups/" + group, Version: results[4].Version, Status: "200"},
				{Method: "PUT", Location: server.URL + mount + "/Groups/" + group, Version: results[5].Version, Status: "200"},
			}
			if diff := cmp.Diff(want, results); diff != "" {
				t.Errorf("%s%s (-want +got):\n%s", mount, endpoint, diff)
			}
			if got := o.Do(t, "GET", "/Users/"+results[0].id(), nil).Want(t, 200).Object(t)["userName"]; got != "new" || !strings.HasPrefix(results[0].Location, users) {
				t.Errorf("%s is user %v", results[0].Location, got)
			}
			o.Do(t, "GET", "/Users/"+eve, nil).Want(t, 404)
			stored := o.Do(t, "GET", "/Groups/"+group, nil).Want(t, 200)
			if stored.Object(t)["displayName"] != "Weavers" || stored.Header.Get("ETag") != results[5].Version {
				t.Errorf("the group is %s, %s", stored.Header.Get("ETag"), stored.Body)
			}
			members := []string{ada, bob}
			slices.Sort(members)
			if diff := cmp.Diff(members, memberIDs(t, o, group)); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
		}
	}
}

func TestBulk_ReferencesAreResolved(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	old := o.NewUser(t, "old")
	group, other := o.NewGroup(t, "Looms", old), o.NewGroup(t, "Mills")
	results := do(t, o, "200 201 201 201 200 200 204 200 201",
		// Forward, into members.
		operation{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch(
			map[string]any{"op": "add", "path": "members", "value": servertest.Values("bulkId:chief", "bulkId:worker")})},
		// Forward and backward, into managers of all spellings.
		managedBy("worker", "bulkId:chief"),
		newUser("chief"),
		post("clerk", "/Users", map[string]any{"userName": "clerk", enterprise: map[string]any{"manager": "bulkId:chief"}}),
		// In a path.
		operation{Method: "PATCH", Path: "/Users/bulkId:worker", Data: servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Weaver"})},
		operation{Method: "PUT", Path: "/Groups/" + other, Data: map[string]any{"displayName": "Mills", "members": servertest.Values("bulkId:later", "bulkId:chief", old)}},
		operation{Method: "DELETE", Path: "/Users/bulkId:clerk"},
		// In the filter of a path.
		operation{Method: "PATCH", Path: "/Groups/" + other, Data: servertest.Patch(map[string]any{"op": "remove", "path": `members[value eq "bulkId:chief"]`})},
		newUser("later"),
	)
	worker, chief, later := results[1].id(), results[2].id(), results[8].id()
	if got := manager(t, o, worker); got != chief {
		t.Errorf("the manager is %q, want %q", got, chief)
	}
	if title := o.Do(t, "GET", "/Users/"+worker, nil).Object(t)["title"]; title != "Weaver" || results[4].id() != worker {
		t.Errorf("title %v, location %s", title, results[4].Location)
	}
	o.Do(t, "GET", "/Users/"+results[3].id(), nil).Want(t, 404)
	for group, want := range map[string][]string{group: {old, chief, worker}, other: {old, later}} {
		slices.Sort(want)
		if diff := cmp.Diff(want, memberIDs(t, o, group)); diff != "" {
			t.Errorf("members (-want +got):\n%s", diff)
		}
	}
}

func TestBulk_CirclesAreResolved(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for name, failOnErrors := range map[string]int{"side by side": 0, "in sequence": 1} {
		id := map[string]string{}
		user := func(user, of string) operation { return managedBy(user+" "+name, "bulkId:"+of+" "+name) }
		results := bulkResults(t, o.Do(t, "POST", "/Bulk", bulkBody(failOnErrors,
			user("outsider", "a"), user("a", "b"), user("b", "c"), user("c", "a"), user("self", "self"))))
		wantStatuses(t, results, "201 201 201 201 201")
		for _, result := range results {
			user, _, _ := strings.Cut(result.BulkID, " ")
			id[user] = result.id()
			if etag := o.Do(t, "GET", "/Users/"+id[user], nil).Want(t, 200).Header.Get("ETag"); etag != result.Version {
				t.Errorf("%s has version %s and is answered with %s", user, etag, result.Version)
			}
		}
		for user, of := range map[string]string{"outsider": "a", "a": "b", "b": "c", "c": "a", "self": "self"} {
			if got := manager(t, o, id[user]); got != id[of] {
				t.Errorf("%s: the manager of %s is %q, want %q", name, user, got, id[of])
			}
		}
	}
}

// An operation of a circle whose second half fails leaves nothing behind.
func TestBulk_HalvesAreTakenBack(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.NewUser(t, "taken")
	taken := managedBy("taken", "bulkId:ann")
	taken.BulkID = "tom"

	results := do(t, o, "409 409", managedBy("ann", "bulkId:tom"), taken)
	if detail := results[0].Response.Detail; !strings.Contains(detail, `"bulkId:tom"`) || !strings.Contains(detail, "operation 2") {
		t.Errorf("the detail does not tell what is missing: %s", detail)
	}
	results = bulkResults(t, o.Do(t, "POST", "/Bulk", bulkBody(1, managedBy("ann", "bulkId:tom"), taken)))
	wantStatuses(t, results, "409") // ann was not finished when the request ended
	if list := o.Do(t, "GET", "/Users?filter=userName+eq+ann", nil).List(t); list.TotalResults != 0 {
		t.Errorf("there is still %v", list.Resources)
	}
}

func TestBulk_FailOnErrorsEndsTheRequest(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	twice := func(bulkID, userName string) operation {
		return post(bulkID, "/Users", map[string]any{"userName": userName})
	}
	operations := []operation{newUser("a"), twice("a2", "a"), newUser("b"), twice("b2", "b"), newUser("c"), twice("c2", "c")}
	for failOnErrors, want := range map[int]string{1: "201 409", 2: "201 409 201 409", 3: "201 409 201 409 201 409", 4: "201 409 201 409 201 409"} {
		o := servertest.New(t).NewOrg(t)
		results := bulkResults(t, o.Do(t, "POST", "/Bulk", bulkBody(failOnErrors, operations...)))
		wantStatuses(t, results, want)
		if list := o.Do(t, "GET", "/Users", nil).List(t); list.TotalResults != strings.Count(want, "201") {
			t.Errorf("failOnErrors %d: %d users", failOnErrors, list.TotalResults)
		}
	}
	do(t, o, "201 409 201 409 201 409", operations...)
}

// What operations that run side by side do to each other is as if each had
// waited for the one before.
func TestBulk_IsAsIfOneAfterTheOther(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var operations []operation
	var want []string
	for i := range 30 {
		name := fmt.Sprint("old", i)
		id, leaver := o.NewUser(t, name), o.NewUser(t, fmt.Sprint("leaver", i))
		group := o.NewGroup(t, fmt.Sprint("group", i), leaver)
		title := func(n int) operation {
			return operation{Method: "PATCH", Path: "/Users/" + id, Data: servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": strconv.Itoa(n)})}
		}
		operations = append(operations,
			title(1), title(2),
			// A name is freed and taken, and taken twice.
			operation{Method: "PUT", Path: "/Users/" + id, Data: map[string]any{"userName": fmt.Sprint("new", i), "title": "3"}},
			post(fmt.Sprint("a", i), "/Users", map[string]any{"userName": name}),
			post(fmt.Sprint("b", i), "/Users", map[string]any{"userName": strings.ToUpper(name)}),
			title(4),
			// The version that the operations before have made.
			operation{Method: "PATCH", Path: "/Users/" + id, Version: `"5"`, Data: servertest.Patch(map[string]any{"op": "add", "path": "nickName", "value": "x"})},
			operation{Method: "DELETE", Path: "/Users/" + leaver},
			operation{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(leaver)})},
			operation{Method: "PATCH", Path: "/Users/" + id, Data: servertest.Patch(map[string]any{"op": "replace", "path": "userName", "value": fmt.Sprint("last", i)})},
			post(fmt.Sprint("c", i), "/Users", map[string]any{"userName": fmt.Sprint("new", i)}),
			// The deleted user comes back under the id that is spoken of then.
			post(fmt.Sprint("d", i), "/Users", map[string]any{"userName": fmt.Sprint("leaver", i)}),
			operation{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(leaver)})},
		)
		want = append(want, "200 200 200 201 409 200 200 204 400 200 201 201 200")
	}
	do(t, o, strings.Join(want, " "), operations...)
}

func TestBulk_CountsAsOneRequest(t *testing.T) {
	t.Parallel()
	o := servertest.NewWith(t, servertest.Options{RateLimit: 2}).NewOrg(t)
	do(t, o, "201 201 201", newUser("a"), newUser("b"), newUser("c"))
	do(t, o, "201", newUser("d"))
	o.Do(t, "POST", "/Bulk", bulkBody(0)).Refused(t, 429, "")
}

func TestBulk_MakesGroupsWhereTheOrganisationWantsIt(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	results := do(t, o, "201 201 201",
		post("looms", "/Groups", map[string]any{"displayName": "Looms", "members": servertest.Values("bulkId:ada", "bulkId:bob")}),
		newUser("ada"), newUser("bob"))
	want := []string{results[1].id(), results[2].id()}
	slices.Sort(want)
	if diff := cmp.Diff(want, memberIDs(t, o, results[0].id())); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	do(t, o, "204", operation{Method: "DELETE", Path: "/Groups/" + results[0].id()})
	o.Do(t, "GET", "/Groups/"+results[0].id(), nil).Want(t, 404)
}

// FuzzBulk sends texts as requests and as parts of them. Whatever they are, it is
// not the server that is at fault.
func FuzzBulk(f *testing.F) {
	o := servertest.New(f).NewOrg(f)
	id, group := o.NewUser(f, "base@example.org"), o.NewGroup(f, "Base")
	for _, data := range append(hostileValues(), `{"userName":"bulkId:a"}`, `{"members":[{"value":"bulkId:a"}]}`, `{"value":"bulkId:a"}`,
		`[{"op":"add","path":"members[value eq \"bulkId:a\"]","value":"bulkId:b"}]`) {
		f.Add("post", "a", "/Users", data)
		f.Add("PATCH", "bulkId:a", "/Users/bulkId:a", data)
		f.Add("PUT", "", "/Groups/"+group, data)
		f.Add("DELETE", data, data, data)
	}
	f.Fuzz(func(t *testing.T, method, bulkID, path, data string) {
		send := func(body any) {
			t.Helper()
			a := o.Do(t, "POST", "/Bulk", body)
			if a.Status >= 500 || strings.Contains(string(a.Body), `"status":"5`) {
				t.Errorf("%d %s to %v", a.Status, a.Body, body)
			}
		}
		raw := []byte(data)
		send(data)
		send(`{"Operations":[` + data + `]}`)
		send(`{"Operations":[{"method":"POST","path":"/Users","bulkId":"a","data":` + data + `},{"method":"PATCH","path":"/Users/bulkId:a","data":` + data + `}]}`)
		for _, op := range []operation{
			{Method: method, BulkID: bulkID, Path: path, Version: bulkID, Data: string(raw)},
			{Method: "PATCH", Path: "/Users/" + id, Data: servertest.Patch(map[string]any{"op": "add", "path": path, "value": data})},
			{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch(map[string]any{"op": method, "path": path, "value": bulkID})},
		} {
			send(bulkBody(len(path)%3, managedBy("a", "bulkId:"+bulkID), managedBy(bulkID, "bulkId:a"), op))
		}
	})
}

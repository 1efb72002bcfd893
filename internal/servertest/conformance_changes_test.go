package servertest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/servertest"
)

// RFC 7644 section 3.5.1.
func TestPut_ReplacesTheWhole(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	full := map[string]any{
		"userName": "ada", "title": "Countess", "active": false, "name": map[string]any{"givenName": "Ada"},
		"entitlements": servertest.Values("a"), "roles": servertest.Values("employee"), enterprise: map[string]any{"department": "Looms"},
	}
	path := "/Users/" + create(t, o, full)["id"].(string)
	before := o.Do(t, "GET", path, nil).Want(t, 200)
	same := o.Do(t, "PUT", path, full).Want(t, 200)
	if diff := cmp.Diff(before.Object(t), same.Object(t)); diff != "" || same.Header.Get("ETag") != before.Header.Get("ETag") {
		t.Errorf("a PUT of the same (-before +after):\n%s", diff)
	}
	sent := map[string]any{
		"userName": "ada", "nickName": "Enchantress", "id": "another", "groups": servertest.Values("another"),
		"meta": map[string]any{"created": "2001-01-01T00:00:00Z", "location": "https://example.org/"},
	}
	answer := o.Do(t, "PUT", path, sent).Want(t, 200)
	got := answer.Object(t)
	if diff := cmp.Diff(o.Do(t, "GET", path, nil).Object(t), got); diff != "" || answer.Header.Get("ETag") == before.Header.Get("ETag") {
		t.Errorf("ETag %s, the answer (-GET +PUT):\n%s", answer.Header.Get("ETag"), diff)
	}
	for _, name := range []string{"title", "name", "entitlements", "groups"} {
		if got[name] != nil {
			t.Errorf("%s, which was not sent, is %v", name, got[name])
		}
	}
	if diff := cmp.Diff(map[string]any{"division": "Home"}, got[enterprise]); diff != "" { // BEHAVIOUR 26a
		t.Errorf("%s, which was not sent (-want +got):\n%s", enterprise, diff)
	}
	old := before.Object(t)
	if got["id"] != old["id"] || got["nickName"] != "Enchantress" || got["meta"].(map[string]any)["created"] != old["meta"].(map[string]any)["created"] {
		t.Errorf("what came of it is %v", got)
	}
	if got["active"] != false || !cmp.Equal(got["roles"], old["roles"]) {
		t.Errorf("active is %v, roles %v", got["active"], got["roles"])
	}
	o.Do(t, "PUT", "/Users/01a20000-0000-7000-8000-000000000000", full).Refused(t, 404, "")
	o.Do(t, "PUT", "/Groups/01a20000-0000-7000-8000-000000000000", map[string]any{"displayName": "Looms"}).Refused(t, 404, "")
	if users, groups := o.Do(t, "GET", "/Users?filter=id+pr", nil).List(t), o.Do(t, "GET", "/Groups", nil).List(t); users.TotalResults != 1 || groups.TotalResults != 0 {
		t.Errorf("%d users, %d groups", users.TotalResults, groups.TotalResults)
	}
}

// RFC 7644 section 3.5.2: if one operation is refused, none is done.
func TestPatch_IsAllOrNothing(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ada, bob := o.NewUser(t, "ada"), o.NewUser(t, "bob")
	group := o.NewGroup(t, "Looms", bob)
	good := map[string]any{"op": "add", "path": "externalId", "value": "7"}
	for path, refused := range map[string][]map[string]any{
		"/Users/" + ada: {
			{"op": "replace", "path": "userName", "value": "BOB"},
			{"op": "remove", "path": "userName"},
			{"op": "replace", "path": "id", "value": "x"},
			{"op": "add", "path": "active", "value": "maybe"},
			{"op": "replace", "path": `ims[type ne "x"].value`, "value": "x"},
		},
		"/Groups/" + group: {
			{"op": "add", "path": "members", "value": servertest.Values(ada, "01a20000-0000-7000-8000-000000000000")},
			{"op": "remove", "path": "displayName"},
			{"op": "move", "path": "displayName"},
		},
	} {
		before := string(o.Do(t, "GET", path, nil).Want(t, 200).Body)
		for _, bad := range refused {
			for _, operations := range [][]map[string]any{{good, bad}, {bad, good}} {
				if answer := o.Do(t, "PATCH", path, servertest.Patch(operations...)); answer.Status < 400 || answer.Status >= 500 {
					t.Errorf("%v: %d %s", operations, answer.Status, answer.Body)
				}
				if after := string(o.Do(t, "GET", path, nil).Want(t, 200).Body); after != before {
					t.Errorf("%v left %s of %s", operations, after, before)
				}
			}
		}
	}
}

// RFC 7644 section 3.10.
func TestPatch_PathsInAnyCase(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := create(t, o, map[string]any{"userName": "ada", "entitlements": []any{map[string]any{"value": "a", "type": "x"}}})["id"].(string)
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	for i, path := range []string{
		"title", "TITLE", core + ":title", strings.ToUpper(core) + ":Title", "NAME.givenname", core + ":name.givenName",
		enterprise + ":department", strings.ToUpper(enterprise) + ":DEPARTMENT", `ENTITLEMENTS[TYPE EQ "X"].VALUE`, core + `:entitlements[type eq "x"].value`,
	} {
		value := fmt.Sprint("value ", i)
		changed := o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "replace", "path": path, "value": value})).Want(t, 200)
		if !strings.Contains(string(changed.Body), value) {
			t.Errorf("%s: %s", path, changed.Body)
		}
	}
}

// RFC 7644 section 3.5.2.3.
func TestPatch_ReplaceFindsNothing(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	replace := func(o *servertest.Org, path string, value any) *servertest.Answer {
		id := o.Do(t, "POST", "/Users", map[string]any{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": maker{}.unique(),
		}, "Content-Type: application/scim+json").Want(t, 201).ID(t)
		body := servertest.Patch(map[string]any{"op": "replace", "path": path, "value": value})
		return o.Do(t, "PATCH", "/Users/"+id, body, "Content-Type: application/scim+json")
	}
	lenient, exact := server.NewOrg(t), server.NewOrg(t, strict)
	for _, path := range []string{`ims[type eq "x"]`, `ims[type ne "x"].value`, `ims[not (type eq "x")].value`} {
		value := any("x")
		if strings.HasSuffix(path, "]") {
			value = map[string]any{"value": "x"}
		}
		for _, o := range []*servertest.Org{lenient, exact} {
			replace(o, path, value).Refused(t, 400, "noTarget")
		}
	}
	replace(lenient, `ims[type eq "x"].value`, "x").Want(t, 200)
	replace(exact, `ims[type eq "x"].value`, "x").Refused(t, 400, "noTarget")
}

// drawn are values that attributes may take; nil is none.
var drawn = map[string][]any{
	"title":        {nil, "Countess", "countess"},
	"nickName":     {nil, "", "ä"},
	"active":       {true, false},
	"displayName":  {"Ada", "Bob"},
	"externalId":   {nil, "7", "A"},
	"name":         {nil, map[string]any{"givenName": "Ada"}, map[string]any{"givenName": "Bob", "familyName": "B"}},
	"entitlements": {nil, []any{}, servertest.Values("a"), servertest.Values("a", "b"), []any{map[string]any{"value": "a", "type": "x", "primary": true}}},
	"addresses":    {nil, []any{map[string]any{"type": "work", "locality": "Köln"}, map[string]any{"type": "home", "country": "DE"}}},
	"roles":        {[]any{}, servertest.Values("employee"), servertest.Values("admin", "employee")},
	"phoneNumbers": {nil, []any{map[string]any{"value": "+13172222222", "type": "work"}}},
	enterprise:     {nil, map[string]any{"department": "Looms"}, map[string]any{"department": "Mills", "costCenter": "7"}},
}

// drawUser draws values for all attributes.
func drawUser(t *rapid.T) map[string]any {
	user := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(drawn)) {
		user[name] = rapid.SampledFrom(drawn[name]).Draw(t, name)
	}
	return user
}

// operationsOf change each attribute by paths, as clients do in one way or another,
// until it is as in the user.
func operationsOf(t *rapid.T, user map[string]any) (operations []map[string]any) {
	whole := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(user)) {
		value := user[name]
		path := map[string]any{"op": "replace", "path": name, "value": value}
		_, merged := value.(map[string]any)
		switch way := rapid.IntRange(0, 2).Draw(t, "way of "+name); {
		case value == nil && way == 0, merged: // what is merged is cleared first
			operations = append(operations, map[string]any{"op": "remove", "path": name})
			if merged {
				operations = append(operations, path)
			}
		case way == 1:
			whole[name] = value
		default:
			operations = append(operations, path)
		}
	}
	if len(whole) > 0 {
		operations = append(operations, map[string]any{"op": "replace", "value": whole})
	}
	return operations
}

// RFC 7644 sections 3.5.1 and 3.5.2: the same changes by PATCH and by PUT make the
// same resource.
func TestPutAndPatch_MakeTheSame(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, servertest.Unbraked)
	var paths [2]string
	for i := range paths {
		paths[i] = "/Users/" + o.NewUser(t, fmt.Sprint("user ", i))
	}
	put := func(i int, user map[string]any) {
		body := maps.Clone(user)
		body["userName"] = fmt.Sprint("user ", i)
		o.Do(t, "PUT", paths[i], body).Want(t, 200)
	}
	rapid.Check(t, func(rt *rapid.T) {
		before, after := drawUser(rt), drawUser(rt)
		operations := operationsOf(rt, after)
		put(0, before)
		put(1, before)
		put(0, after)
		answer := o.Do(t, "PATCH", paths[1], servertest.Patch(operations...))
		if answer.Status != 200 {
			rt.Fatalf("%v: %d %s", operations, answer.Status, answer.Body)
		}
		if diff := cmp.Diff(substance(t, o, paths[0]), substance(t, o, paths[1])); diff != "" {
			rt.Fatalf("%v (-by PUT +by PATCH):\n%s", operations, diff)
		}
	})
}

// substance is what a user has, without what makes it another one.
func substance(t *testing.T, o *servertest.Org, path string) map[string]any {
	t.Helper()
	user := o.Do(t, "GET", path, nil).Want(t, 200).Object(t)
	for _, name := range []string{"id", "userName", "meta"} {
		delete(user, name)
	}
	user["emails"] = len(elements(user["emails"])) // the mirror of userName
	return user
}

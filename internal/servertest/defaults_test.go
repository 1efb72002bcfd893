package servertest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
)

// placed is what a user's answer says of division, roles and displayName.
func placed(t *testing.T, user map[string]any) []any {
	t.Helper()
	extension, _ := user[enterprise].(map[string]any)
	var roles []any
	for _, role := range elements(user["roles"]) {
		roles = append(roles, role["value"])
	}
	return []any{extension["division"], roles, user["displayName"]}
}

func TestDefaults_OfWhoIsCreatedChangedAndRestored(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	expect := func(what string, user map[string]any, division any, roles ...any) {
		t.Helper()
		if diff := cmp.Diff([]any{division, roles, "ada"}, placed(t, user)); diff != "" {
			t.Errorf("%s: division, roles, displayName (-want +got):\n%s", what, diff)
		}
	}
	ada := map[string]any{"userName": "ada", "roles": []any{}}
	made := o.Do(t, "POST", "/Users", ada).Want(t, 201)
	path := "/Users/" + made.ID(t)
	expect("created", made.Object(t), "Home", "employee")
	expect("read", o.Do(t, "GET", path, nil).Want(t, 200).Object(t), "Home", "employee")
	change := func(op map[string]any) map[string]any {
		return o.Do(t, "PATCH", path, servertest.Patch(op)).Want(t, 200).Object(t)
	}
	expect("division removed", change(map[string]any{"op": "remove", "path": "division"}), "Home", "employee")
	expect("extension removed", change(map[string]any{"op": "remove", "path": enterprise}), "Home", "employee")
	expect("roles removed", change(map[string]any{"op": "remove", "path": "roles"}), "Home")
	expect("replaced", o.Do(t, "PUT", path, ada).Want(t, 200).Object(t), "Home")
	for _, body := range []map[string]any{ada, {"userName": "ada", "roles": servertest.Values("admin")}} {
		o.Do(t, "DELETE", path, nil).Want(t, 204)
		back := o.Do(t, "POST", "/Users", body).Want(t, 201)
		if back.ID(t) != made.ID(t) {
			t.Fatal("another user came back")
		}
		var roles []any
		for _, role := range elements(body["roles"]) {
			roles = append(roles, role["value"])
		}
		expect("restored", back.Object(t), "Home", roles...)
	}
	o.Do(t, "POST", "/Bulk", map[string]any{
		"schemas": []any{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"},
		"Operations": []any{map[string]any{
			"method": "POST", "path": "/Users", "bulkId": "b", "data": map[string]any{"userName": "bob", "displayName": "ada"},
		}},
	}).Want(t, 200)
	found := o.Do(t, "GET", "/Users?filter=userName+eq+bob+and+division+eq+home+and+roles+eq+employee", nil).List(t)
	if found.TotalResults != 1 {
		t.Fatalf("%d users of the bulk request have the defaults", found.TotalResults)
	}

	strict := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.Strict = true })
	body := map[string]any{"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "ada"}
	expect("created in a strict organisation", strict.Do(t, "POST", "/Users", body, "Content-Type: application/scim+json").Want(t, 201).Object(t), nil)
}

// Users of before are given the division as a change like any other.
func TestDefaults_OfUsersWhoAreThere(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.Strict = true })
	body := map[string]any{"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "ada"}
	path := "/Users/" + o.Do(t, "POST", "/Users", body, "Content-Type: application/scim+json").Want(t, 201).ID(t)
	give := func() (int, string) {
		t.Helper()
		if err := server.Directory.GiveDivisions(t.Context()); err != nil {
			t.Fatal(err)
		}
		version := o.Do(t, "GET", path, nil).Want(t, 200).Object(t)["meta"].(map[string]any)["version"].(string)
		return o.Do(t, "GET", "/Users?filter="+enterprise+":division+eq+%22home%22", nil).List(t).TotalResults, version
	}
	if n, _ := give(); n != 0 {
		t.Errorf("%d users of a strict organisation were given a division", n)
	}
	o.Settings.Strict = false
	if err := server.Store.Registry().SetOrg(t.Context(), o.Org); err != nil {
		t.Fatal(err)
	}
	n, version := give()
	if again, same := give(); n != 1 || again != 1 || same != version {
		t.Errorf("found %d, then %d; version %s, then %s; want 1 and one version", n, again, version, same)
	}
	err := server.Store.Verify(t.Context(), o.ID, schema.Types{schema.User, schema.Group}, func(difference string) { t.Error(difference) })
	if err != nil {
		t.Fatal(err)
	}
}

// 26
func TestDisplayName_FollowsTheNameUntilAClientSetsIt(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	name := func(family string) map[string]any { return map[string]any{"givenName": "Ada", "familyName": family} }
	path := "/Users/" + o.Do(t, "POST", "/Users", map[string]any{"userName": "ada"}).Want(t, 201).ID(t)
	for _, step := range []struct {
		method string
		body   any
		want   string
	}{
		{"PATCH", servertest.Patch(map[string]any{"op": "replace", "path": "userName", "value": "ada1"}), "ada1"},
		{"PATCH", servertest.Patch(map[string]any{"op": "add", "path": "name", "value": name("Byron")}), "Ada Byron"},
		{"PATCH", servertest.Patch(map[string]any{"op": "replace", "path": "name.familyName", "value": "King"}), "Ada King"},
		{"PATCH", servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Countess"}), "Ada King"},
		{"PUT", map[string]any{"userName": "ada1", "name": name("Lovelace")}, "Ada Lovelace"},
		{"PATCH", servertest.Patch(
			map[string]any{"op": "replace", "path": "name.familyName", "value": "King"},
			map[string]any{"op": "replace", "path": "displayName", "value": "Ada Lovelace"}), "Ada Lovelace"},
		{"PATCH", servertest.Patch(map[string]any{"op": "replace", "path": "name.familyName", "value": "Noel"}), "Ada Lovelace"},
		{"PATCH", servertest.Patch(map[string]any{"op": "remove", "path": "displayName"}), "Ada Noel"},
		{"PATCH", servertest.Patch(map[string]any{"op": "replace", "value": map[string]any{"name.familyName": "Lamb"}}), "Ada Lamb"},
	} {
		if got := o.Do(t, step.method, path, step.body).Want(t, 200).Object(t)["displayName"]; got != step.want {
			t.Errorf("%s %v: displayName %v, want %s", step.method, step.body, got, step.want)
		}
	}
}

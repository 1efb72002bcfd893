package server_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// 33a: wrong values of what is tolerated are left out, wherever they come, and told of.
func TestTolerance_LeavesOutWrongValues(t *testing.T) {
	t.Parallel()
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	var log logText
	server := servertest.NewWith(t, servertest.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	o := server.NewOrg(t, func(s *org.Settings) { s.Tolerate = append(s.Tolerate, "phoneNumbers", "division", "roles") })
	boss := o.NewUser(t, "boss")
	wrong := func(name, manager string) map[string]any {
		return map[string]any{
			"userName": name, "roles": servertest.Values("employee", "Nobody's"), "phoneNumbers": servertest.Values("none", "+13175724245"),
			enterprise: map[string]any{"manager": map[string]any{"value": manager}, "division": "Nowhere"},
		}
	}
	is := func(what string, user map[string]any, manager any) {
		t.Helper()
		place, _ := user[enterprise].(map[string]any)
		has, _ := place["manager"].(map[string]any)
		if has["value"] != manager || place["division"] != "Home" ||
			len(user["roles"].([]any)) != 1 || len(user["phoneNumbers"].([]any)) != 1 {
			t.Errorf("%s: %v", what, user)
		}
	}
	ids := map[string]string{}
	for name, manager := range map[string]string{"number": "4711", "unknown": uuid.NewString()} {
		made := o.Do(t, "POST", "/Users", wrong(name, manager), "ININ-Correlation-Id: made-"+name).Want(t, 201)
		ids[name] = made.ID(t)
		path := "/Users/" + ids[name]
		is("POST "+name, made.Object(t), nil)
		is("PATCH right", o.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "add", "path": "manager", "value": boss})).Want(t, 200).Object(t), boss)
		is("PATCH "+name, o.Do(t, "PATCH", path, servertest.Patch(
			map[string]any{"op": "replace", "path": "manager", "value": manager},
			map[string]any{"op": "replace", "path": "division", "value": "Nowhere"},
			map[string]any{"op": "replace", "path": "phoneNumbers", "value": servertest.Values("none")},
			map[string]any{"op": "add", "path": `phoneNumbers[type eq "mobile"].value`, "value": "none"},
			map[string]any{"op": "add", "path": "roles", "value": servertest.Values("Nobody's")})).Want(t, 200).Object(t), boss)
		is("PUT "+name, o.Do(t, "PUT", path, wrong(name, manager)).Want(t, 200).Object(t), nil)
	}
	log.mu.Lock()
	text := log.text.String()
	log.mu.Unlock()
	for name, id := range ids {
		found := false
		for line := range strings.Lines(text) {
			found = found || strings.Contains(line, "level=WARN") && strings.Contains(line, "correlation=made-"+name) &&
				strings.Contains(line, "client=") && strings.Contains(line, "user="+id) && strings.Contains(line, "manager")
		}
		if !found {
			t.Errorf("no warning of what was left out of %s in:\n%s", name, text)
		}
		var logged struct{ Entities []struct{ Warnings []string } }
		o.Do(t, "GET", "/api/v2/scim/provisioning-log?result=warning&operation=create&target="+id, nil).Want(t, 200).Decode(t, &logged)
		if len(logged.Entities) != 1 || !strings.Contains(strings.Join(logged.Entities[0].Warnings, " "), "manager") || strings.Contains(fmt.Sprint(logged), "4711") {
			t.Errorf("the provisioning log has %+v of %s", logged.Entities, name)
		}
	}
	for name, settings := range map[string]func(*org.Settings){
		"intolerant": func(s *org.Settings) { s.Tolerate = nil },
		"strict":     func(s *org.Settings) { s.Strict = true },
	} {
		other := server.NewOrg(t, settings)
		body := map[string]any{
			"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User", enterprise}, "userName": name,
			enterprise: map[string]any{"manager": map[string]any{"value": "4711"}},
		}
		other.Do(t, "POST", "/Users", body, "Content-Type: application/scim+json").Refused(t, 400, "invalidValue")
	}
}

// 33a: an operation, or a PUT, whose values of an attribute are all wrong leaves it as it is,
// whether they are of a wrong form or name what is not there.
func TestTolerance_AllWrongIsAsIfNotSent(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) {
		s.Tolerate = []string{"manager", "roles", "phoneNumbers", "routingSkills", "division"}
	})
	o.Do(t, "POST", "/api/v2/routing/skills", map[string]any{"name": "Billing"}).Want(t, 200)
	boss := o.NewUser(t, "boss")
	id := o.Do(t, "POST", "/Users", map[string]any{
		"userName": "ada", "roles": []any{map[string]any{"value": "admin", "primary": true}}, "phoneNumbers": servertest.Values("+13175724245"),
		enterpriseURN: map[string]any{"manager": boss, "division": "Home"}, genesysUser: map[string]any{"routingSkills": []any{"Billing"}},
	}).Want(t, 201).ID(t)
	path := "/Users/" + id
	before := o.Do(t, "GET", path, nil).Object(t)
	unknown, garbled := servertest.Values("Nobody's", "No one's"), []any{map[string]any{"value": map[string]any{"a": "b"}}}
	for _, op := range []map[string]any{
		{"op": "replace", "path": "roles", "value": unknown},
		{"op": "replace", "path": "roles", "value": garbled},
		{"op": "add", "path": "roles", "value": unknown},
		{"op": "replace", "path": `roles[primary eq "True"].value`, "value": "Nobody's"},
		{"op": "replace", "path": `roles[value eq "admin"]`, "value": map[string]any{"value": "Nobody's"}},
		{"op": "replace", "value": map[string]any{"roles": unknown}},
		{"op": "replace", "path": "phoneNumbers", "value": servertest.Values("none", "neither")},
		{"op": "replace", "path": `phoneNumbers[value pr].value`, "value": "none"},
		{"op": "replace", "path": "division", "value": "Nowhere"},
		{"op": "replace", "path": genesysUser + ":routingSkills", "value": []any{"Weaving", map[string]any{"name": "Knitting"}}},
		{"op": "replace", "path": genesysUser + `:routingSkills[name eq "Billing"].name`, "value": "Weaving"},
		{"op": "replace", "path": "manager", "value": "4711"},
		{"op": "replace", "path": "manager.value", "value": uuid.NewString()},
		{"op": "replace", "value": map[string]any{enterpriseURN: map[string]any{"manager": map[string]any{"value": uuid.NewString()}, "division": "Nowhere"}}},
	} {
		answer := o.Do(t, "PATCH", path, servertest.Patch(op)).Want(t, 200)
		if diff := cmp.Diff(before, answer.Object(t)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", op, diff)
		}
	}
	kept := o.Do(t, "PATCH", path, servertest.Patch(
		map[string]any{"op": "replace", "path": "manager", "value": id},
		map[string]any{"op": "replace", "path": "manager", "value": "4711"},
		map[string]any{"op": "replace", "path": "roles", "value": servertest.Values("employee")},
		map[string]any{"op": "replace", "path": "roles", "value": unknown})).Want(t, 200).Object(t)
	if manager := kept[enterpriseURN].(map[string]any)["manager"].(map[string]any); manager["value"] != id {
		t.Errorf("the wrong operation has undone the right one before it: %v", manager)
	}
	if diff := cmp.Diff(servertest.Values("employee"), kept["roles"]); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	for _, roles := range [][]any{unknown, garbled, append(garbled, unknown...)} {
		put := o.Do(t, "PUT", path, map[string]any{"userName": "ada", "roles": roles}).Want(t, 200).Object(t)
		if diff := cmp.Diff(servertest.Values("employee"), put["roles"]); diff != "" {
			t.Errorf("PUT %v (-want +got):\n%s", roles, diff)
		}
	}
	if put := o.Do(t, "PUT", path, map[string]any{"userName": "ada", "roles": []any{}}).Want(t, 200).Object(t); put["roles"] != nil {
		t.Errorf("PUT of no roles leaves %v", put["roles"])
	}
}

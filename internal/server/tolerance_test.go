package server_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

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

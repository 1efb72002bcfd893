package server_test

import (
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

const enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// lines are those of the log that hold all of the words.
func (l *logText) lines(words ...string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(l.text.String()) {
		if !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(line, word) }) {
			found = append(found, line)
		}
	}
	return found
}

// 33b: what is taken with doubt, and what is ignored, is told with the request, the client
// and the user, and without values.
func TestWarnings_TellOfDoubts(t *testing.T) {
	t.Parallel()
	var log logText
	o := servertest.NewWith(t, servertest.Options{Log: slog.New(slog.NewTextHandler(&log, nil))}).NewOrg(t)
	id := o.NewUser(t, "ada")
	body := map[string]any{
		"userName": "ada", "shoeSize": 43,
		"emails":       []any{map[string]any{"value": "nowhere", "type": "work"}},
		"phoneNumbers": []any{map[string]any{"value": "+1 555 555 0000", "type": "desk"}, map[string]any{"value": "4245", "type": "work2"}},
		"addresses":    []any{map[string]any{"locality": "Rome", "type": "castle"}},
	}
	o.Do(t, "PUT", "/Users/"+id, body, "ININ-Correlation-Id: doubtful").Want(t, 200)
	common := []string{"level=WARN", "correlation=doubtful", "client=", "user=" + id}
	lines := log.lines(append(common, "with warnings", "emails.value", "phoneNumbers.type", "phoneNumbers.value", "addresses.type", "castle")...)
	if len(lines) != 0 {
		t.Errorf("a value is told: %q", lines)
	}
	lines = log.lines(append(common, "with warnings", "emails.value", "phoneNumbers.type", "phoneNumbers.value", "addresses.type", "more=0")...)
	if len(lines) != 1 || strings.Contains(lines[0], "nowhere") || strings.Contains(lines[0], "5555") {
		t.Errorf("doubts: %q in:\n%s", lines, log.text.String())
	}
	if lines = log.lines(append(common, "ignored", "shoeSize")...); len(lines) != 1 {
		t.Errorf("ignored: %q", lines)
	}
	o.Do(t, "PUT", "/Users/"+id, map[string]any{"userName": "ada", "emails": servertest.Values("a@example.org")}, "ININ-Correlation-Id: fine").Want(t, 200)
	if lines = log.lines("level=WARN", "correlation=fine"); len(lines) != 0 {
		t.Errorf("nothing is doubtful: %q", lines)
	}
}

// 33a: in a bulk request who is missing is refused as long as earlier operations may bring
// them, and left out when they do not.
func TestTolerance_InBulk(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	boss := o.NewUser(t, "boss")
	o.Do(t, "DELETE", "/Users/"+boss, nil).Want(t, 204)
	post := func(name, manager string) map[string]any {
		return map[string]any{"method": "POST", "path": "/Users", "bulkId": name, "data": map[string]any{
			"userName": name, enterpriseURN: map[string]any{"manager": map[string]any{"value": manager}},
		}}
	}
	var operations []any
	for _, name := range []string{"a", "b", "c"} {
		operations = append(operations, post(name, uuid.NewString()))
	}
	operations = append(operations, map[string]any{"method": "POST", "path": "/Users", "bulkId": "boss", "data": map[string]any{"userName": "boss"}})
	for _, name := range []string{"x", "y", "z"} {
		operations = append(operations, post(name, boss))
	}
	o.Do(t, "POST", "/Bulk", map[string]any{"Operations": operations}).Want(t, 200)
	found := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(`manager eq "`+boss+`"`), nil).List(t).IDs()
	all := o.Do(t, "GET", "/Users?filter=userName+pr", nil).List(t).IDs()
	if len(found) != 3 || len(all) != 7 {
		t.Errorf("%d report to who came back, want 3; %d users, want 7", len(found), len(all))
	}
}

// What is missing is explained.
func TestTexts_OfWhatIsMissing(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.Tolerate = nil })
	o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{"name": "Night Agent"}).Want(t, 200)
	id, gone, group := o.NewUser(t, "ada"), o.NewUser(t, "bob"), o.NewGroup(t, "Looms")
	o.Do(t, "DELETE", "/Users/"+gone, nil).Want(t, 204)
	for _, test := range []struct{ path, attribute, value, want string }{
		{"/Users/" + id, "roles", "Nigth Agent", `"Night Agent"`},
		{"/Users/" + id, "roles", "agent", `"Night Agent"`},
		{"/Users/" + id, "roles", uuid.NewString(), "id of an app role"},
		{"/Users/" + id, "roles", "Quartermaster of the fleet", "create it first or correct the name"},
		{"/Users/" + id, "manager", gone, "was deleted"},
		{"/Users/" + id, "manager", uuid.NewString(), "is not the id of a user"},
		{"/Groups/" + group, "members", gone, "was deleted"},
	} {
		value := any(servertest.Values(test.value))
		if test.attribute == "manager" {
			value = test.value
		}
		detail := o.Do(t, "PATCH", test.path, servertest.Patch(map[string]any{"op": "add", "path": test.attribute, "value": value})).Refused(t, 400, "invalidValue")
		if !strings.Contains(detail, test.want) || strings.Contains(test.want, "not the id") && strings.Contains(detail, "deleted") {
			t.Errorf("%s %s: %s", test.attribute, test.value, detail)
		}
	}
	for _, path := range []string{"state", "urn:ietf:params:scim:schemas:core:2.0:User:state"} {
		detail := o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "replace", "path": path, "value": "inactive"})).Refused(t, 400, "invalidPath")
		if !strings.Contains(detail, "active tells") {
			t.Error(detail)
		}
		if detail = o.Do(t, "GET", "/Users?filter="+url.QueryEscape(path+` eq "inactive"`), nil).Refused(t, 400, "invalidFilter"); !strings.Contains(detail, "active tells") {
			t.Error(detail)
		}
	}
	o.Do(t, "PATCH", "/Groups/"+group, servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(id)})).Want(t, 200)
	for _, value := range []any{" ", "", []any{""}, []any{" ", nil}} {
		o.Do(t, "PATCH", "/Groups/"+group, servertest.Patch(map[string]any{"op": "remove", "path": "members", "value": value})).Refused(t, 400, "invalidValue")
	}
}

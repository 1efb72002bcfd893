package platformapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

const (
	groups       = "/api/v2/groups"
	users        = "/api/v2/users"
	roles        = "/api/v2/authorization/roles"
	divisions    = "/api/v2/authorization/divisions"
	skills       = "/api/v2/routing/skills"
	languages    = "/api/v2/routing/languages"
	organisation = "/api/v2/organizations/me"
)

// refused ends the test unless the answer is the platform's ErrorBody.
func refused(t *testing.T, a *servertest.Answer, status int, code string) string {
	t.Helper()
	a.Want(t, status)
	var e struct {
		Message, Code, ContextID string
		Status                   int
		Details, Errors          []any
	}
	if err := json.Unmarshal(a.Body, &e); err != nil {
		t.Fatal(err)
	}
	if e.Status != status || e.Code != code || e.Message == "" || e.ContextID != a.Header.Get("ININ-Correlation-Id") ||
		e.Details == nil || e.Errors == nil || a.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("want code %s: %s", code, a.Body)
	}
	return e.Message
}

// answered checks an answer but for its id and its time, which it returns.
func answered(t *testing.T, a *servertest.Answer, path string, want map[string]any) string {
	t.Helper()
	got, id := a.Want(t, 200).Object(t), a.ID(t)
	if want["dateModified"] != nil {
		if modified, _ := got["dateModified"].(string); !strings.HasSuffix(modified, "Z") {
			t.Errorf("dateModified is %q", modified)
		}
		want["dateModified"] = got["dateModified"]
	}
	want["id"], want["selfUri"] = id, path+"/"+id
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
	return id
}

func TestGroups_AreMadeForSCIMToFill(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	const path = "/api/v2/groups"
	id := answered(t, o.Do(t, "POST", path, map[string]any{
		"name": "Night Shift", "type": "official", "visibility": "members", "rulesVisible": true,
		"description": "After dark", "ownerIds": []string{}, "addresses": nil,
	}), path, map[string]any{
		"name": "Night Shift", "description": "After dark", "type": "official", "visibility": "members",
		"rulesVisible": true, "rolesEnabled": false, "memberCount": 0.0, "version": 1.0, "state": "active",
		"owners": []any{}, "dateModified": "*",
	})
	if name := o.Do(t, "GET", "/Groups/"+id, nil).Want(t, 200).Object(t)["displayName"]; name != "Night Shift" {
		t.Errorf("SCIM sees %v", name)
	}
	for _, name := range []string{"Night Shift", "NIGHT SHIFT"} {
		refused(t, o.Do(t, "POST", path, map[string]any{"name": name, "type": "social", "visibility": "public"}), 409, "general.conflict")
	}
}

func TestCatalogue_IsMadeForUsersToReferTo(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, test := range []struct {
		path       string
		body, want map[string]any
		user       map[string]any
	}{
		{
			path: "/api/v2/authorization/roles",
			body: map[string]any{
				"name": "clerk", "description": "Files", "permissions": []any{"group_administration"}, "more": 1,
				"permissionPolicies": []any{map[string]any{"domain": "routing", "actionSet": []any{"view"}, "limit": 7, "resourceConditionNode": map[string]any{"limit": 1e2}}},
			},
			want: map[string]any{
				"name": "clerk", "description": "Files", "permissions": []any{"group_administration"}, "userCount": 0.0,
				"permissionPolicies": []any{map[string]any{"domain": "routing", "actionSet": []any{"view"}, "resourceConditionNode": map[string]any{"limit": 100.0}}},
				"base":               false, "default": false,
			},
			user: map[string]any{"roles": servertest.Values("clerk")},
		},
		{
			path: "/api/v2/authorization/divisions",
			body: map[string]any{"name": "North", "description": "Up there"},
			want: map[string]any{"name": "North", "description": "Up there", "homeDivision": false},
			user: map[string]any{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"division": "North"}},
		},
		{
			path: "/api/v2/routing/skills",
			body: map[string]any{"name": "Juggling"},
			want: map[string]any{"name": "Juggling", "state": "active", "version": "1", "dateModified": "*"},
			user: map[string]any{"urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User": map[string]any{"routingSkills": []any{"Juggling"}}},
		},
		{
			path: "/api/v2/routing/languages",
			body: map[string]any{"name": "Kölsch"},
			want: map[string]any{"name": "Kölsch", "state": "active", "version": "1", "dateModified": "*"},
			user: map[string]any{"urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User": map[string]any{"routingLanguages": []any{"Kölsch"}}},
		},
	} {
		test.user["userName"] = test.path
		o.Do(t, "POST", "/Users", test.user).Refused(t, 400, "invalidValue")
		answered(t, o.Do(t, "POST", test.path, test.body), test.path, test.want)
		o.Do(t, "POST", "/Users", test.user).Want(t, 201)
		name := strings.ToUpper(test.body["name"].(string))
		refused(t, o.Do(t, "POST", test.path, map[string]any{"name": name}), 409, "general.conflict")
	}
}

func TestBodies_NameTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, test := range []struct{ path, body, field string }{
		{groups, `{}`, "name"},
		{groups, `{"name":"","type":"official","visibility":"public"}`, "name"},
		{groups, `{"name":" ","type":"official","visibility":"public"}`, "name"},
		{groups, `{"name":7,"type":"official","visibility":"public"}`, "name"},
		{groups, `{"name":"` + strings.Repeat("x", 501) + `","type":"official","visibility":"public"}`, "name"},
		{groups, `{"name":"x","visibility":"public"}`, "type"},
		{groups, `{"name":"x","type":"secret","visibility":"public"}`, "type"},
		{groups, `{"name":"x","type":"official"}`, "visibility"},
		{groups, `{"name":"x","type":"official","visibility":"nobody"}`, "visibility"},
		{groups, `{"name":"x","type":"official","visibility":"public","rulesVisible":"yes"}`, "rulesVisible"},
		{groups, `{"name":"x","type":"official","visibility":"public","description":[]}`, "description"},
		{roles, `{"name":null}`, "name"},
		{roles, `{"name":"x","permissions":"all"}`, "permissions"},
		{roles, `{"name":"x","permissions":[1]}`, "permissions"},
		{roles, `{"name":"x","permissionPolicies":[[]]}`, "permissionPolicies"},
		{roles, `{"name":"x","permissionPolicies":[{"resourceConditionNode":{"n":1e999}}]}`, "permissionPolicies"},
		{"/api/v2/authorization/divisions", `{"description":"x"}`, "name"},
		{"/api/v2/routing/skills", `{"name":{}}`, "name"},
		{"/api/v2/routing/languages", `{"name":true}`, "name"},
	} {
		message := refused(t, o.Do(t, "POST", test.path, test.body), 400, "invalid.value")
		if !strings.HasPrefix(message, test.field) {
			t.Errorf("%s %s: the message does not name %s: %s", test.path, test.body, test.field, message)
		}
	}
	for _, body := range []string{"", "[]", "{", `{"name":"a","name":"b"}`} {
		refused(t, o.Do(t, "POST", groups, body), 400, "bad.request")
	}
}

func TestPlatform_ErrorsOfTheFrame(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	refused(t, o.Do(t, "PATCH", "/api/v2/groups", nil), 405, "method.not.allowed")
	refused(t, o.Do(t, "GET", "/api/v2/nothing", nil), 404, "not.found")
	refused(t, o.Do(t, "POST", "/api/v2/routing/skills", "{}", "Content-Type: text/plain"), 415, "unsupported.media.type")
	o.Token = "not one"
	refused(t, o.Do(t, "POST", "/api/v2/routing/skills", `{"name":"x"}`), 401, "bad.credentials")
}

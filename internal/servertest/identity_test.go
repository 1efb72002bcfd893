package servertest_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"

// twins are lists of two values of the same identity, and what is stored of them; without
// that they say different things and are refused with a detail that shows both.
var twins = []struct{ schema, attribute, list, want string }{
	{"", "emails", `[{"value":"w@example.org","type":"work"},{"value":"W@example.org","type":"work","primary":true}]`, `[{"value":"w@example.org","type":"work","primary":true}]`},
	{"", "emails", `[{"value":"w@example.org","type":"work"},{"value":"w@example.org","type":"home"}]`, `[{"value":"w@example.org","type":"work"},{"value":"w@example.org","type":"home"}]`},
	{"", "emails", `[{"value":"w@example.org","type":"work","display":"a"},{"value":"w@example.org","type":"work","display":"b"}]`, ""},
	{"", "phoneNumbers", `[{"value":"+1 317 572 4245","type":"work","primary":false},{"value":"(317) 572-4245","type":"work","primary":"true"}]`, `[{"value":"+13175724245","type":"work","primary":true}]`},
	{"", "addresses", `[{"locality":"Rome","primary":true},{"locality":"rome"}]`, `[{"locality":"Rome","primary":true}]`},
	{"", "roles", `["employee",{"value":"EMPLOYEE","primary":true}]`, `[{"value":"employee","primary":true}]`},
	{"", "roles", `[{"value":"employee","type":"a"},{"value":"Employee","type":"b"}]`, ""},
	{genesys, "routingSkills", `[{"name":"Billing"},{"name":"billing","proficiency":4}]`, `[{"name":"Billing","proficiency":4}]`},
	{genesys, "routingSkills", `[{"name":"Billing","proficiency":1},{"name":"BILLING","proficiency":4}]`, ""},
	{genesys, "routingLanguages", `[{"name":"French","proficiency":1},{"name":"French","proficiency":4}]`, ""},
	{genesys, "externalIds", `[{"authority":"a","value":"1"},{"authority":"a","value":"1"}]`, `[{"authority":"a","value":"1"}]`},
	{genesys, "externalIds", `[{"authority":"a","value":"1"},{"authority":"a","value":"2"}]`, ""},
	{own, "tags", `["a","A"]`, `["a"]`},
	{own, "badges", `[{"value":"1","type":"x"},{"value":"1","type":"x","floor":"2"}]`, `[{"value":"1","type":"x","floor":"2"}]`},
	{own, "badges", `[{"value":"1","type":"x","floor":"1"},{"value":"1","type":"x","floor":"2"}]`, ""},
}

const own = "urn:example:params:scim:schemas:extension:own:2.0:User"

func TestIdentity_ValuesExistOnce(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.Do(t, "POST", "/api/v2/routing/skills", map[string]any{"name": "Billing"}).Want(t, 200)
	o.Do(t, "POST", "/api/v2/routing/languages", map[string]any{"name": "French"}).Want(t, 200)
	o.Do(t, "POST", "/api/v2/directory/schemas", `{"resourceType":"User","schema":{"id":"`+own+`","name":"Own","attributes":[{"name":"tags","multiValued":true},
		{"name":"badges","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"type"},{"name":"floor"}]}]}}`).Want(t, 200)
	id := o.NewUser(t, "ada")
	for _, twin := range twins {
		var list, want any
		decodeJSON(t, twin.list, &list)
		decodeJSON(t, twin.want, &want)
		path, attributes := twin.attribute, map[string]any{twin.attribute: list}
		if twin.schema != "" {
			path, attributes = twin.schema+":"+twin.attribute, map[string]any{twin.schema: attributes}
		}
		whole := map[string]any{"userName": "ada"}
		maps.Copy(whole, attributes)
		replace := map[string]any{"op": "replace", "path": path, "value": list}
		check := func(how string, answer *servertest.Answer) {
			t.Helper()
			if twin.want == "" {
				if detail := answer.Refused(t, 400, "invalidValue"); strings.Count(detail, "{") != 2 {
					t.Errorf("%s %s: the detail does not show both: %s", how, twin.list, detail)
				}
				return
			}
			answer.Want(t, 200)
			found := o.Do(t, "GET", "/Users/"+id, nil).Object(t)
			if twin.schema != "" {
				found, _ = found[twin.schema].(map[string]any)
			}
			if diff := cmp.Diff(want, found[twin.attribute]); diff != "" {
				t.Errorf("%s %s (-want +got):\n%s", how, twin.list, diff)
			}
		}
		for _, mount := range []string{"/api/v2/scim", "/api/v2/scim/v2"} {
			remove := map[string]any{"op": "remove", "path": path}
			check("PUT", o.Do(t, "PUT", mount+"/Users/"+id, whole))
			o.Do(t, "PATCH", mount+"/Users/"+id, servertest.Patch(remove)).Want(t, 200)
			check("PATCH", o.Do(t, "PATCH", mount+"/Users/"+id, servertest.Patch(replace)))
			check("PATCH without a path", o.Do(t, "PATCH", mount+"/Users/"+id, servertest.Patch(remove, map[string]any{"op": "add", "value": attributes})))
		}
		status := map[bool]string{true: "400", false: "201"}[twin.want == ""]
		whole["userName"] = "bob"
		answer := o.Do(t, "POST", "/Bulk", map[string]any{"Operations": []any{map[string]any{"method": "POST", "path": "/Users", "bulkId": "b", "data": whole}}}).Want(t, 200)
		operation := elements(answer.Object(t)["Operations"])[0]
		if operation["status"] != status {
			t.Errorf("Bulk %s: %s", twin.list, answer.Body)
		}
		if location, _ := operation["location"].(string); status == "201" {
			o.Do(t, "DELETE", location[strings.Index(location, "/Users/"):], nil).Want(t, 204)
		}
	}
}

// An addition of what is there replaces what it says; several operations of one request
// make no two values of one identity either.
func TestIdentity_AdditionsReplace(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	path := "/Users/" + o.NewUser(t, "ada")
	add := func(value string) map[string]any {
		return map[string]any{"op": "add", "path": genesys + ":externalIds", "value": []any{map[string]any{"authority": "a", "value": value}}}
	}
	o.Do(t, "PATCH", path, servertest.Patch(add("1"))).Want(t, 200)
	answer := o.Do(t, "PATCH", path, servertest.Patch(add("2"), add("3"))).Want(t, 200).Object(t)
	want := []any{map[string]any{"authority": "a", "value": "3"}}
	if diff := cmp.Diff(want, answer[genesys].(map[string]any)["externalIds"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b := map[string]any{"op": "add", "path": genesys + ":externalIds", "value": []any{map[string]any{"authority": "b", "value": "4"}}}
	same := map[string]any{"op": "replace", "path": genesys + `:externalIds[authority eq "b"].authority`, "value": "a"}
	o.Do(t, "PATCH", path, servertest.Patch(b, same)).Refused(t, 400, "invalidValue")
}

func decodeJSON(t *testing.T, text string, into any) {
	t.Helper()
	if text == "" {
		return
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

func TestCatalogue_NamesAreAnsweredAsItWritesThem(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for path, name := range map[string]string{
		"/api/v2/routing/skills": "Billing", "/api/v2/routing/languages": "French", "/api/v2/authorization/roles": "Agent", "/api/v2/authorization/divisions": "Sales",
	} {
		o.Do(t, "POST", path, map[string]any{"name": name}).Want(t, 200)
	}
	body := map[string]any{
		"userName": "ada", "roles": []any{"agent", "EMPLOYEE"}, enterprise: map[string]any{"division": "SALES"},
		genesys: map[string]any{"routingSkills": []any{"billing"}, "routingLanguages": []any{"FRENCH"}},
	}
	expect := func(user map[string]any) {
		t.Helper()
		want := map[string]any{
			"roles": servertest.Values("Agent", "employee"), enterprise: map[string]any{"division": "Sales"},
			genesys: map[string]any{"routingSkills": []any{map[string]any{"name": "Billing"}}, "routingLanguages": []any{map[string]any{"name": "French"}}},
		}
		for name := range want {
			if diff := cmp.Diff(want[name], user[name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	}
	made := o.Do(t, "POST", "/Users", body).Want(t, 201)
	path := "/Users/" + made.ID(t)
	expect(made.Object(t))
	again := o.Do(t, "PUT", path, body).Want(t, 200)
	if expect(again.Object(t)); again.Header.Get("ETag") != made.Header.Get("ETag") {
		t.Error("another spelling made a new version")
	}
	for _, op := range []map[string]any{
		{"op": "replace", "path": "division", "value": "sAlEs"},
		{"op": "replace", "path": "roles", "value": []any{"AGENT", "employee"}},
		{"op": "add", "value": map[string]any{genesys: body[genesys]}},
		{"op": "replace", "path": genesys + `:routingSkills[name eq "billing"].name`, "value": "BILLING"},
	} {
		expect(o.Do(t, "PATCH", path, servertest.Patch(op)).Want(t, 200).Object(t))
	}
}

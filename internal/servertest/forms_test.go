package servertest_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
)

// TestFormsOfOneValue sends values as clients wrap them (BEHAVIOUR 28a); strict
// organisations refuse each.
func TestFormsOfOneValue(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
	o.Do(t, "POST", "/api/v2/routing/skills", map[string]any{"name": "Billing"}).Want(t, 200)
	work := `[{"value":"w@example.org","type":"work"}]`
	tests := []struct{ name, operation, want string }{
		{"a list of an object of one value", `{"op":"add","path":"title","value":[{"value":"x"}]}`, `{"title":"x"}`},
		{"a value under its name", `{"op":"replace","path":"active","value":{"active":"False"}}`, `{"active":false}`},
		{"a part under its name", `{"op":"add","path":"name.givenName","value":[{"givenName":"Ada"}]}`, `{"name":{"givenName":"Ada"},"displayName":"Ada"}`},
		{"parts under their name", `{"op":"add","path":"name","value":{"Name":{"givenName":"Ada"}}}`, `{"name":{"givenName":"Ada"},"displayName":"Ada"}`},
		{"a number for a text", `{"op":"add","path":"title","value":4711}`, `{"title":"4711"}`},
		{"a number in an object", `{"op":"add","value":{"title":{"VALUE":1.50}}}`, `{"title":"1.50"}`},
		{"an object in a list, without a path", `{"op":"add","value":[{"title":"x","active":"False"}]}`, `{"title":"x","active":false}`},
		{"JSON for a complex value", `{"op":"add","path":"name","value":"{\"givenName\":\"Ada\"}"}`, `{"name":{"givenName":"Ada"},"displayName":"Ada"}`},
		{"JSON for a list", `{"op":"add","path":"emails","value":"[{\"value\":\"w@example.org\",\"type\":\"work\"}]"}`, `{"emails":` + work + `}`},
		{"JSON in a list", `{"op":"add","path":"emails","value":["{\"value\":\"w@example.org\",\"type\":\"work\"}"]}`, `{"emails":` + work + `}`},
		{"JSON for an address", `{"op":"add","path":"emails[type eq \"work\"].value","value":"{\"value\":\"w@example.org\"}"}`, `{"emails":` + work + `}`},
		{"an address in a list, for elements", `{"op":"add","path":"emails[type eq \"work\"]","value":["w@example.org"]}`, `{"emails":` + work + `}`},
		{"broken JSON for an address", `{"op":"add","path":"emails","value":["{\"value\":"]}`, ""},
		{"two values for one", `{"op":"add","path":"title","value":["x","y"]}`, ""},
		{"an object of more than a value", `{"op":"add","path":"title","value":{"value":"x","type":"y"}}`, ""},
		{"a text for a whole value", `{"op":"add","path":"phoneNumbers","value":["(317) 572-4245"]}`, `{"phoneNumbers":[{"value":"+13175724245"}]}`},
		{"a number for a whole value", `{"op":"add","value":{"entitlements":4711}}`, `{"entitlements":[{"value":"4711"}]}`},
		{"a text for elements", `{"op":"add","path":"phoneNumbers[type eq \"home\"]","value":"+13175724245"}`, `{"phoneNumbers":[{"value":"+13175724245","type":"home"}]}`},
		{"the value of a skill", `{"op":"add","path":"` + genesys + `:routingSkills","value":[{"value":"billing"}]}`, `{"` + genesys + `":{"routingSkills":[{"name":"Billing"}]}}`},
		{"JSON for all attributes", `{"op":"add","value":"{\"title\":\"x\"}"}`, `{"title":"x"}`},
		{"JSON for an extension", `{"op":"add","value":{"` + enterprise + `":"[{\"department\":\"x\"}]"}}`, `{"` + enterprise + `":{"division":"Home","department":"x"}}`},
		{"a path of blanks", `{"op":"add","path":" ","value":{"title":"x"}}`, `{"title":"x"}`},
		{"a text for an address with parts", `{"op":"add","path":"addresses","value":"Rome"}`, ""},
		{"a text for an extension", `{"op":"add","value":{"` + enterprise + `":"x"}}`, ""},
		{"the number of a proficiency", `{"op":"add","path":"` + genesys + `:routingSkills","value":[{"name":"Billing","proficiency":"4.5"}]}`, `{"` + genesys + `":{"routingSkills":[{"name":"Billing","proficiency":4.5}]}}`},
		{"no number", `{"op":"add","path":"` + genesys + `:routingSkills","value":[{"name":"Billing","proficiency":"0x1"}]}`, ""},
	}
	for i, test := range tests {
		name := "user" + string(rune('a'+i))
		path := "/Users/" + o.NewUser(t, name)
		before := o.Do(t, "GET", path, nil).Object(t)
		body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + test.operation + `]}`
		answer := o.Do(t, "PATCH", path, body)
		if test.want == "" {
			answer.Refused(t, 400, "invalidValue")
			continue
		}
		want := map[string]any{}
		if err := json.Unmarshal([]byte(test.want), &want); err != nil {
			t.Fatal(err)
		}
		for _, attribute := range []string{"id", "userName", "displayName", "active", "roles", enterprise} {
			setDefault(want, attribute, before[attribute])
		}
		want["schemas"] = answer.Want(t, 200).Object(t)["schemas"]
		text, _ := json.Marshal(want)
		if diff := scimtest.DiffResource(json.RawMessage(text), json.RawMessage(answer.Body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	group, id := "/Groups/"+o.NewGroup(t, "Looms"), o.NewUser(t, "member")
	for _, operation := range []string{
		`{"op":"add","path":"members","value":["` + id + `"]}`, `{"op":"remove","path":"members","value":{"members":[{"value":"` + id + `"}]}}`,
	} {
		o.Do(t, "PATCH", group, `{"Operations":[`+operation+`]}`).Want(t, 200)
		if got, want := len(elements(o.Do(t, "GET", group, nil).Object(t)["members"])), 1; (got == want) != (operation[7] == 'a') {
			t.Errorf("%s: %d members", operation, got)
		}
	}
	o.Do(t, "PATCH", group, `{}`).Want(t, 200)
	o.Do(t, "POST", "/Users/.search", `{"count":"1"}`).Want(t, 200)
	o.Do(t, "POST", "/Users/.search", `{"count":["1"],"schemas":[]}`).Want(t, 200)
	for _, members := range []string{`"failOnErrors":0`, `"failOnErrors":" ","schemas":[]`, `"failOnErrors":null,"schemas":""`, `"schemas":null`} {
		o.Do(t, "POST", "/Bulk", `{`+members+`,"Operations":[]}`).Want(t, 200)
	}
	testFormsOfBulk(t, o)

	strict := o.Strictly(t)
	path, header := "/Users/"+id, "Content-Type: application/scim+json"
	for _, test := range tests {
		body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + test.operation + `]}`
		if answer := strict.Do(t, "PATCH", path, body, header); answer.Status != 400 {
			t.Errorf("%s: %d in a strict organisation: %s", test.name, answer.Status, answer.Body)
		}
	}
	strict.Do(t, "PATCH", group, `{}`, header).Refused(t, 400, "invalidSyntax")
	strict.Do(t, "POST", "/Users/.search", `{"count":1}`, header).Refused(t, 400, "invalidSyntax")
	strict.Do(t, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":0,"Operations":[]}`, header).Refused(t, 400, "invalidValue")
}

// testFormsOfBulk sends the members of a bulk request and of its operations in other forms.
func testFormsOfBulk(t *testing.T, o *servertest.Org) {
	t.Helper()
	id := o.NewUser(t, "inbulk")
	version, _ := o.Do(t, "GET", "/Users/"+id, nil).Object(t)["meta"].(map[string]any)["version"].(string)
	body := `{"schemas":"urn:ietf:params:scim:api:messages:2.0:BulkRequest","failOnErrors":"1","Operations":[
		{"method":"POST","path":"Users","bulkId":7,"data":{"userName":"made","` + enterprise + `.manager":"` + id + `"}},
		{"method":"PATCH","path":"users/` + id + `","version":` + version + `,"data":{"Operations":[{"op":"add","path":"manager","value":"bulkId:7"}]}},
		{"method":"DELETE","path":"Users/7"},{"method":"DELETE","path":"Users/` + id + `"}]}`
	var statuses []string
	for _, operation := range elements(o.Do(t, "POST", "/Bulk", body).Want(t, 200).Object(t)["Operations"]) {
		statuses = append(statuses, operation["status"].(string))
	}
	if diff := cmp.Diff([]string{"201", "200", "404"}, statuses); diff != "" {
		t.Errorf("bulk (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{`{"failOnErrors":"one","Operations":[]}`, `{"schemas":"urn:other","Operations":[]}`, `{"Operations":"none"}`} {
		o.Do(t, "POST", "/Bulk", wrong).Want(t, 400)
	}

	strict := o.Strictly(t)
	const header, schemas = "Content-Type: application/scim+json", `"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],`
	for _, whole := range []string{
		`{` + schemas + `"failOnErrors":"1","Operations":[]}`, `{"schemas":"urn:ietf:params:scim:api:messages:2.0:BulkRequest","Operations":[]}`,
	} {
		strict.Do(t, "POST", "/Bulk", whole, header).Want(t, 400)
	}
	answer := strict.Do(t, "POST", "/Bulk", `{`+schemas+`"Operations":[{"method":"DELETE","path":"Users/7"},
		{"method":"DELETE","path":"/Users/7","version":1},{"method":"DELETE","path":"/Users/7","bulkId":1},{"method":"delete","path":"/Users/7"}]}`, header).Want(t, 200)
	for _, operation := range elements(answer.Object(t)["Operations"]) {
		if operation["status"] != "400" {
			t.Errorf("a strict organisation: %v", operation)
		}
	}
}

// A manager or member of whom only the reference is sent is the one of the id in it, to strict
// organisations too.
func TestReferences_NameWhomTheyPointTo(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	boss, ada, group := o.NewUser(t, "boss"), o.NewUser(t, "ada"), "/Groups/"+o.NewGroup(t, "Looms")
	const core, scimJSON = "urn:ietf:params:scim:schemas:core:2.0:User", "Content-Type: application/scim+json"
	at := func(reference string) map[string]any { return map[string]any{"$ref": reference} }
	whole := func(manager any) map[string]any {
		return map[string]any{"schemas": []any{core, enterprise}, "userName": "ada", enterprise: map[string]any{"manager": manager}}
	}
	check := func(name string, o *servertest.Org) {
		t.Helper()
		for _, reference := range []string{"../Users/" + boss, "/Users/" + boss + "/", "https://scim.example.org/api/v2/scim/v2/Users/" + boss + "?attributes=id"} {
			for _, request := range []struct {
				method string
				body   any
			}{
				{"PUT", whole(at(reference))},
				{"PATCH", servertest.Patch(map[string]any{"op": "add", "path": enterprise + ":manager", "value": at(reference)})},
				{"PATCH", servertest.Patch(map[string]any{"op": "replace", "value": map[string]any{enterprise: map[string]any{"manager": at(reference)}}})},
			} {
				answer := o.Do(t, request.method, "/Users/"+ada, request.body, scimJSON).Want(t, 200).Object(t)
				manager, _ := answer[enterprise].(map[string]any)["manager"].(map[string]any)
				if manager["value"] != boss {
					t.Errorf("%s, %s %v: %v", name, request.method, request.body, answer)
				}
				o.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(map[string]any{"op": "remove", "path": enterprise + ":manager"}), scimJSON).Want(t, 200)
			}
			for _, op := range []string{"add", "replace"} {
				patch := servertest.Patch(map[string]any{"op": op, "path": "members", "value": []any{at(reference)}})
				members := elements(o.Do(t, "PATCH", group, patch, scimJSON).Want(t, 200).Object(t)["members"])
				if len(members) != 1 || members[0]["value"] != boss {
					t.Errorf("%s, members of %s: %v", name, reference, members)
				}
			}
		}
	}
	check("ordinary", o)
	dotted := servertest.Patch(map[string]any{"op": "add", "value": map[string]any{"manager.$ref": "../Users/" + boss}})
	if manager := o.Do(t, "PATCH", "/Users/"+ada, dotted).Want(t, 200).Object(t)[enterprise].(map[string]any)["manager"].(map[string]any); manager["value"] != boss {
		t.Errorf("the key manager.$ref: %v", manager)
	}
	for _, blank := range []any{" ", "/", nil} {
		patch := servertest.Patch(map[string]any{"op": "replace", "path": "manager", "value": map[string]any{"$ref": blank}})
		if manager := o.Do(t, "PATCH", "/Users/"+ada, patch).Want(t, 200).Object(t)[enterprise].(map[string]any)["manager"]; manager == nil {
			t.Errorf("the reference %v has cleared the manager", blank)
		}
	}
	both := whole(map[string]any{"value": boss, "$ref": "../Users/" + ada})
	if manager := o.Do(t, "PUT", "/Users/"+ada, both).Want(t, 200).Object(t)[enterprise].(map[string]any)["manager"].(map[string]any); manager["value"] != boss {
		t.Errorf("the reference has outdone the value: %v", manager)
	}
	cleared := o.Do(t, "PUT", "/Users/"+ada, whole(map[string]any{"value": "", "$ref": "../Users/" + boss})).Want(t, 200).Object(t)
	if manager := cleared[enterprise].(map[string]any)["manager"]; manager != nil {
		t.Errorf("an empty value with a reference leaves %v", manager)
	}
	o.Do(t, "PATCH", group, servertest.Patch(map[string]any{"op": "remove", "path": "members", "value": []any{at("../Users/" + boss)}})).Want(t, 200)
	if members := o.Do(t, "GET", group, nil).Object(t)["members"]; members != nil {
		t.Errorf("members %v", members)
	}
	o.Do(t, "PATCH", group, servertest.Patch(map[string]any{"op": "add", "path": "members", "value": []any{at(group)}})).Refused(t, 400, "invalidValue")
	linked := o.Do(t, "POST", "/Bulk", map[string]any{"Operations": []any{
		map[string]any{"method": "POST", "path": "/Users", "bulkId": "a", "data": map[string]any{"userName": "a", "manager": at("bulkId:b")}},
		map[string]any{"method": "POST", "path": "/Users", "bulkId": "b", "data": map[string]any{"userName": "b", "manager": at("bulkId:a")}},
	}}).Want(t, 200)
	for _, operation := range elements(linked.Object(t)["Operations"]) {
		if operation["status"] != "201" {
			t.Errorf("%s", linked.Body)
		}
	}
	byPath := o.Do(t, "POST", "/Bulk", map[string]any{"Operations": []any{
		map[string]any{"method": "POST", "path": "/Users", "bulkId": "c", "data": map[string]any{"userName": "c"}},
		map[string]any{"method": "PATCH", "path": "/Users/" + ada, "data": servertest.Patch(map[string]any{"op": "add", "path": "manager.$ref", "value": "bulkId:c"})},
	}}).Want(t, 200)
	location, _ := elements(byPath.Object(t)["Operations"])[0]["location"].(string)
	if manager := o.Do(t, "GET", "/Users/"+ada, nil).Object(t)[enterprise].(map[string]any)["manager"].(map[string]any); manager["$ref"] != location {
		t.Errorf("%s has made the manager %v", byPath.Body, manager)
	}
	check("strict", o.Strictly(t))
}

package servertest_test

import (
	"encoding/json"
	"testing"

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
	o.Do(t, "POST", "/Bulk", `{"failOnErrors":0,"Operations":[]}`).Want(t, 200)

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

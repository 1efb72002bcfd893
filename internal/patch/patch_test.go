package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

const (
	enterprise = `"` + scim.EnterpriseUserURN + `"`
	genesys    = `"` + scim.GenesysUserURN + `"`
)

// ada is a user with something of everything.
const ada = `{
	"id": "u1", "userName": "ada@example.org", "title": "Agent", "active": true,
	"name": {"givenName": "Ada", "familyName": "Byron"},
	"emails": [
		{"value": "ada@work.example", "type": "work", "primary": true},
		{"value": "ada@home.example", "type": "home"}
	],
	"phoneNumbers": [{"value": "+13175550112", "type": "work"}],
	"addresses": [{"type": "work", "locality": "Berlin"}, {"type": "home", "locality": "Jena"}],
	"roles": [{"value": "Employee"}],
	` + enterprise + `: {"department": "Support", "costCenter": "77", "manager": {"value": "u3"}},
	` + genesys + `: {
		"routingSkills": [{"name": "Sales", "proficiency": 2}],
		"externalIds": [{"authority": "microsoftteams", "value": "29:1"}]
	}
}`

// nightShift is a group.
const nightShift = `{
	"schemas": ["` + scim.GroupURN + `"], "id": "g1", "displayName": "Night Shift",
	"members": [{"value": "u1", "type": "User"}, {"value": "u2", "type": "User"}]
}`

// changes are operations on a document and what they make of the attributes
// that are named; null is an attribute without a value.
var changes = []struct {
	name, doc, operations, want string
}{
	// Singular attributes.
	{"add replaces a value", ada, `{"op":"add","path":"title","value":"Lead"}`, `{"title":"Lead"}`},
	{"names in any case", ada, `{"op":"replace","path":"URN:IETF:params:scim:schemas:core:2.0:user:TITLE","value":"Lead"}`, `{"title":"Lead"}`},
	{"an empty string clears", ada, `{"op":"replace","path":"title","value":""}`, `{"title":null}`},
	{"null clears, with add too", ada, `{"op":"add","path":"title","value":null}`, `{"title":null}`},
	{"remove ignores a value", ada, `{"op":"remove","path":"title","value":"else"}`, `{"title":null}`},
	{"remove of what is absent", ada, `{"op":"remove","path":"nickName"}`, `{"nickName":null}`},
	{"false is a value", ada, `{"op":"replace","path":"active","value":"False"}`, `{"active":false}`},

	// Complex attributes.
	{"merge clears by null", ada, `{"op":"replace","path":"name","value":{"givenName":null,"middleName":"K"}}`, `{"name":{"familyName":"Byron","middleName":"K"}}`},
	{"merge of only null clears only that", ada, `{"op":"replace","path":"name","value":{"givenName":null}}`, `{"name":{"familyName":"Byron"}}`},
	{"merge of nothing changes nothing", ada, `{"op":"replace","path":"name","value":{}}`, `{"name":{"givenName":"Ada","familyName":"Byron"}}`},
	{"null clears a complex attribute", ada, `{"op":"replace","path":"name","value":null}`, `{"name":null}`},
	{"the last sub-attribute takes its parent along", ada, `{"op":"remove","path":"name.givenName"},{"op":"replace","path":"name.familyName","value":""}`, `{"name":null}`},

	// Multi-valued attributes.
	{"add appends", ada, `{"op":"add","path":"emails","value":{"value":"x@example.org","type":"home"}}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"ada@home.example","type":"home"},{"value":"x@example.org","type":"home"}]}`},
	{"add of an equal element, case aside", ada, `{"op":"add","path":"emails","value":[{"value":"ADA@home.example","type":"Home","primary":false}]}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"ada@home.example","type":"home"}]}`},
	{"add gives more of an element", ada, `{"op":"add","path":"emails","value":[{"value":"ada@home.example","type":"home","display":"Home"}]}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"ada@home.example","type":"home","display":"Home"}]}`},
	{"add of a skill that is there sets the proficiency", ada, `{"op":"add","path":"routingSkills","value":[{"name":"Sales","proficiency":4}]}`, `{` + genesys + `:{"routingSkills":[{"name":"Sales","proficiency":4}],"externalIds":[{"authority":"microsoftteams","value":"29:1"}]}}`},
	{"add of an equal address", ada, `{"op":"add","path":"addresses","value":{"type":"work","locality":"berlin"}}`, `{"addresses":[{"type":"work","locality":"Berlin"},{"type":"home","locality":"Jena"}]}`},
	{"add of another address of the type", ada, `{"op":"add","path":"addresses","value":{"type":"work","locality":"Bonn"}}`, `{"addresses":[{"type":"work","locality":"Berlin"},{"type":"home","locality":"Jena"},{"type":"work","locality":"Bonn"}]}`},
	{"add of nothing", ada, `{"op":"add","path":"roles","value":[]}`, `{"roles":[{"value":"Employee"}]}`},
	{"replace by null", ada, `{"op":"replace","path":"roles","value":null}`, `{"roles":null}`},
	{"replace by one object", ada, `{"op":"replace","path":"roles","value":{"value":"Admin"}}`, `{"roles":[{"value":"Admin"}]}`},
	{"remove of listed values", ada, `{"op":"remove","path":"emails","value":[{"value":"ADA@home.example"}]}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true}]}`},
	{"remove of a listed value of another type", ada, `{"op":"remove","path":"emails","value":[{"value":"ada@home.example","type":"work"}]}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"ada@home.example","type":"home"}]}`},
	{"remove of listed addresses, by all that is given", ada, `{"op":"remove","path":"addresses","value":{"type":"home"}}`, `{"addresses":[{"type":"work","locality":"Berlin"}]}`},
	{"remove of a listed element by a part of its identity", ada, `{"op":"remove","path":"externalIds","value":[{"authority":"zoomphone"},{"value":"29:1"}]}`, `{` + genesys + `:{"routingSkills":[{"name":"Sales","proficiency":2}]}}`},
	{"remove of an empty list", ada, `{"op":"remove","path":"roles","value":[]}`, `{"roles":[{"value":"Employee"}]}`},
	{"remove with null is remove of all", ada, `{"op":"remove","path":"roles","value":null}`, `{"roles":null}`},
	{"two operations that make elements equal", ada, `{"op":"replace","path":"addresses.type","value":"work"},{"op":"replace","path":"addresses.locality","value":"Bonn"}`, `{"addresses":[{"type":"work","locality":"Bonn"}]}`},

	// Value filters.
	{"replace of a chosen element keeps nothing", ada, `{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"new@home.example"}}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"new@home.example"}]}`},
	{"replace of a chosen element by null removes it", ada, `{"op":"replace","path":"emails[type eq \"home\"]","value":null}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true}]}`},
	{"add to a chosen element merges", ada, `{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"Home"}}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"ada@home.example","type":"home","display":"Home"}]}`},
	{"add creates from the filter's terms", ada, `{"op":"add","path":"phoneNumbers[type eq \"mobile\"]","value":{"value":"(317) 555-0113"}}`, `{"phoneNumbers":[{"value":"+13175550112","type":"work"},{"value":"+13175550113","type":"mobile"}]}`},
	{"replace creates with a sub-attribute", ada, `{"op":"replace","path":"phoneNumbers[type eq \"mobile\" and primary eq \"True\"].value","value":"+13175550113"}`, `{"phoneNumbers":[{"value":"+13175550112","type":"work"},{"value":"+13175550113","type":"mobile","primary":true}]}`},
	{"a created element keeps the filter's spelling", ada, `{"op":"add","path":"routingSkills[name eq \"Tier Two\"].proficiency","value":3}`, `{` + genesys + `:{"routingSkills":[{"name":"Sales","proficiency":2},{"name":"Tier Two","proficiency":3}],"externalIds":[{"authority":"microsoftteams","value":"29:1"}]}}`},
	{"a created primary takes it from the old", ada, `{"op":"add","path":"emails[primary eq true and type eq \"x\"].value","value":"x@example.org"}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":false},{"value":"ada@home.example","type":"home"},{"value":"x@example.org","type":"x","primary":true}]}`},
	{"several operations make one element", ada, `{"op":"add","path":"emails[type eq \"x\"].display","value":"X"},{"op":"add","path":"emails[type eq \"x\"].value","value":"x@example.org"}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"ada@home.example","type":"home"},{"value":"x@example.org","type":"x","display":"X"}]}`},
	{"clearing the value of a chosen element removes it", ada, `{"op":"replace","path":"phoneNumbers[type eq \"work\"].value","value":""}`, `{"phoneNumbers":null}`},
	{"removing the required value of one too", ada, `{"op":"remove","path":"externalIds[authority eq \"microsoftteams\"].value"}`, `{` + genesys + `:{"routingSkills":[{"name":"Sales","proficiency":2}]}}`},
	{"clearing what matches nothing", ada, `{"op":"replace","path":"addresses[type eq \"other\"].locality","value":""}`, `{"addresses":[{"type":"work","locality":"Berlin"},{"type":"home","locality":"Jena"}]}`},
	{"merging nothing into what matches nothing", ada, `{"op":"add","path":"addresses[type eq \"other\"]","value":{"locality":null}},{"op":"add","path":"addresses[type eq \"other\"]","value":null}`, `{"addresses":[{"type":"work","locality":"Berlin"},{"type":"home","locality":"Jena"}]}`},
	{"removing a sub-attribute of every element", ada, `{"op":"remove","path":"addresses.locality"}`, `{"addresses":[{"type":"work"},{"type":"home"}]}`},
	{"a bare string for a chosen element", ada, `{"op":"replace","path":"emails[type eq \"home\"]","value":"new@home.example"}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"new@home.example","type":"home"}]}`},
	{"a role of Entra", ada, `{"op":"replace","path":"roles[primary eq \"True\"].value","value":"{\"id\":\"1\",\"value\":\"Supervisor\"}"}`, `{"roles":[{"value":"Employee"},{"value":"Supervisor","primary":true}]}`},

	// Values without a path.
	{
		"keys of every form", ada, `{"op":"replace","value":{"title":"Lead","name.givenName":"Augusta","emails[type eq \"home\"].value":"new@home.example","manager":"u4",` + enterprise + `:{"department":"Sales"},"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter":null,"urn:ietf:params:scim:schemas:core:2.0:User:nickName":"A"}}`,
		`{"title":"Lead","nickName":"A","name":{"givenName":"Augusta","familyName":"Byron"},"emails":[{"value":"ada@work.example","type":"work","primary":true},{"value":"new@home.example","type":"home"}],` + enterprise + `:{"department":"Sales","manager":{"value":"u4"}}}`,
	},
	{"read-only keys and the equal id are ignored", ada, `{"op":"replace","value":{"id":"u1","meta":{"version":"7"},"schemas":[],"groups":[{"value":"g9"}],"meta.created":"x"}}`, `{"groups":null,"meta":null}`},
	{"unknown keys are ignored", ada, `{"op":"add","value":{"shoeSize":44,"boot[size eq 1].x":1,"name.nick":"x","urn:acme:Shoes":{"size":44},` + enterprise + `:{"shoe":1},"title":"Lead"}}`, `{"title":"Lead"}`},
	{"an extension as an empty string counts as not sent", ada, `{"op":"replace","value":{` + genesys + `:""}}`, `{` + genesys + `:{"routingSkills":[{"name":"Sales","proficiency":2}],"externalIds":[{"authority":"microsoftteams","value":"29:1"}]}}`},
	{"null below an extension clears", ada, `{"op":"replace","value":{` + enterprise + `:{"department":null,"manager.value":""}}}`, `{` + enterprise + `:{"costCenter":"77"}}`},

	// Whole schemas and the list of them.
	{"a bare URN as path", ada, `{"op":"replace","path":` + enterprise + `,"value":{"department":"Sales"}}`, `{` + enterprise + `:{"department":"Sales","costCenter":"77","manager":{"value":"u3"}}}`},
	{"null for an extension clears it", ada, `{"op":"replace","value":{` + enterprise + `:null}}`, `{` + enterprise + `:null}`},
	{"a bare URN removed", ada, `{"op":"remove","path":` + enterprise + `}`, `{` + enterprise + `:null}`},
	{"a bare URN replaced by null", ada, `{"op":"replace","path":` + enterprise + `,"value":null}`, `{` + enterprise + `:null}`},
	{"URNs of extensions come and go by themselves", ada, `{"op":"add","path":"schemas","value":[` + genesys + `]},{"op":"remove","path":"schemas","value":` + enterprise + `}`, `{` + enterprise + `:{"department":"Support","costCenter":"77","manager":{"value":"u3"}}}`},

	// The manager.
	{"manager as a string", ada, `{"op":"Replace","path":"manager","value":"u4"}`, `{` + enterprise + `:{"department":"Support","costCenter":"77","manager":{"value":"u4"}}}`},
	{"manager in an array with a reference", ada, `{"op":"Add","path":"manager","value":[{"$ref":"../Users/u4","value":"u4"}]}`, `{` + enterprise + `:{"department":"Support","costCenter":"77","manager":{"value":"u4"}}}`},
	{"manager cleared by an empty string", ada, `{"op":"replace","path":"manager","value":""}`, `{` + enterprise + `:{"department":"Support","costCenter":"77"}}`},
	{"manager cleared by an object with null", ada, `{"op":"replace","path":"manager","value":{"value":null}}`, `{` + enterprise + `:{"department":"Support","costCenter":"77"}}`},
	{"manager cleared by an empty array", ada, `{"op":"replace","path":"manager","value":[]}`, `{` + enterprise + `:{"department":"Support","costCenter":"77"}}`},
	{"manager removed by id", ada, `{"op":"Remove","path":"manager[value eq \"u3\"]"}`, `{` + enterprise + `:{"department":"Support","costCenter":"77"}}`},
	{"another manager stays", ada, `{"op":"Remove","path":"manager[value eq \"u9\"]"}`, `{` + enterprise + `:{"department":"Support","costCenter":"77","manager":{"value":"u3"}}}`},

	// Primary.
	{"each operation moves primary", ada, `{"op":"replace","path":"emails[type eq \"home\"].primary","value":true},{"op":"replace","path":"emails[primary eq true].display","value":"P"}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":false},{"value":"ada@home.example","type":"home","primary":true,"display":"P"}]}`},
	{"a merged primary", ada, `{"op":"add","path":"emails[type eq \"home\"]","value":{"primary":true}}`, `{"emails":[{"value":"ada@work.example","type":"work","primary":false},{"value":"ada@home.example","type":"home","primary":true}]}`},

	// Groups.
	{"a member that is there keeps what it has", nightShift, `{"op":"add","path":"members","value":[{"value":"u1","display":"else"},{"value":"u3"}]}`, `{"members":[{"value":"u1","type":"User"},{"value":"u2","type":"User"},{"value":"u3"}]}`},
	{"members replaced as a set", nightShift, `{"op":"replace","path":"members","value":[{"value":"u3"},{"value":"u1"},{"value":"u3"}]}`, `{"members":[{"value":"u1","type":"User"},{"value":"u3"}]}`},
	{"members removed by value, whatever their display", nightShift, `{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u1","display":"else"},{"value":"u9"}]}`, `{"members":[{"value":"u2","type":"User"}]}`},
	{"a member created through a filter", nightShift, `{"op":"add","path":"members[value eq \"u3\"].type","value":"User"}`, `{"members":[{"value":"u1","type":"User"},{"value":"u2","type":"User"},{"value":"u3","type":"User"}]}`},
	{"a password is set as it came", ada, `{"op":"replace","value":{"password":"correct horse"}}`, `{"password":"correct horse"}`},
}

func TestChanges(t *testing.T) {
	t.Parallel()
	for _, test := range changes {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before, kind := stored(t, test.doc)
			after, err := run(kind, before, body(test.operations))
			if err != nil {
				t.Fatal(err)
			}
			want := before.Clone()
			for name, value := range parse(t, test.want).(map[string]any) {
				if want[name] = value; value == nil {
					delete(want, name)
				}
			}
			if diff := cmp.Diff(map[string]any(want), map[string]any(after)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func body(operations string) string { return `{"Operations":[` + operations + `]}` }

// refusals are operations that fail, and what the error must tell.
var refusals = []struct {
	name, doc, operations string
	kind                  scim.ErrorType
	detail                string
}{
	{"unknown path", ada, `{"op":"replace","path":"shoeSize","value":1}`, scim.TypeInvalidPath, "shoeSize"},
	{"unknown path in remove", ada, `{"op":"remove","path":"name.nick"}`, scim.TypeInvalidPath, "nick"},
	{"read-only path", ada, `{"op":"replace","path":"id","value":"u1"}`, scim.TypeMutability, "id"},
	{"read-only sub-attribute", ada, `{"op":"replace","path":"manager.displayName","value":"x"}`, scim.TypeMutability, "manager.displayName"},
	{"read-only elements", ada, `{"op":"add","path":"groups","value":[{"value":"g1"}]}`, scim.TypeMutability, "groups"},
	{"missing value", ada, `{"op":"replace","path":"title"}`, scim.TypeInvalidValue, "value"},
	{"wrong type", ada, `{"op":"replace","path":"title","value":true}`, scim.TypeInvalidValue, "title"},
	{"wrong type of a complex attribute", ada, `{"op":"replace","path":"name","value":"Ada"}`, scim.TypeInvalidValue, "name is a string; an object"},
	{"a list for a complex attribute", ada, `{"op":"replace","path":"name","value":["Ada"]}`, scim.TypeInvalidValue, "name"},
	{"a list of managers", ada, `{"op":"replace","path":"manager","value":["u1","u2"]}`, scim.TypeInvalidValue, "manager"},
	{"wrong type of a sub-attribute", ada, `{"op":"replace","path":"name","value":{"givenName":true}}`, scim.TypeInvalidValue, "name.givenName"},
	{"wrong type of an element", ada, `{"op":"add","path":"phoneNumbers","value":["x"]}`, scim.TypeInvalidValue, "phoneNumbers"},
	{"wrong type of a chosen element", ada, `{"op":"replace","path":"phoneNumbers[type eq \"work\"]","value":"x"}`, scim.TypeInvalidValue, "phoneNumbers"},
	{"wrong type to merge", ada, `{"op":"add","path":"phoneNumbers[type eq \"work\"]","value":[7,8]}`, scim.TypeInvalidValue, "phoneNumbers is an array"},
	{"another word than a boolean", ada, `{"op":"replace","path":"active","value":"maybe"}`, scim.TypeInvalidValue, "maybe"},
	{"remove without path", ada, `{"op":"remove","value":{"title":"x"}}`, scim.TypeNoTarget, "path"},
	{"remove of a required attribute", ada, `{"op":"remove","path":"userName"}`, scim.TypeMutability, "userName"},
	{"remove of a required sub-attribute", ada, `{"op":"remove","path":"routingSkills[name eq \"Sales\"].name"}`, scim.TypeMutability, "routingSkills.name"},
	{"null for a required attribute", ada, `{"op":"replace","value":{"userName":null}}`, scim.TypeInvalidValue, "userName"},
	{"blanks for a required attribute", ada, `{"op":"replace","path":"userName","value":" "}`, scim.TypeInvalidValue, "userName"},
	{"the core schema removed", ada, `{"op":"remove","path":"urn:ietf:params:scim:schemas:core:2.0:User"}`, scim.TypeMutability, "userName"},
	{"the core schema replaced by null", ada, `{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User","value":null}`, scim.TypeInvalidValue, "userName"},
	{"a value without path that is no object", ada, `{"op":"replace","value":"just text"}`, scim.TypeInvalidValue, "a string"},
	{"an extension that is no object", ada, `{"op":"replace","value":{` + enterprise + `:["x"]}}`, scim.TypeInvalidValue, scim.EnterpriseUserURN},
	{"two spellings of one key", ada, `{"op":"replace","value":{"title":"a","Title":"b"}}`, scim.TypeInvalidSyntax, "twice"},
	{"a broken path as key", ada, `{"op":"replace","value":{"emails[type eq":"b"}}`, scim.TypeInvalidPath, "emails"},
	{"another id", ada, `{"op":"replace","value":{"id":"u2"}}`, scim.TypeMutability, "id"},
	{"schemas replaced", ada, `{"op":"replace","path":"schemas","value":[` + genesys + `]}`, scim.TypeMutability, "schemas"},
	{"schemas removed", ada, `{"op":"remove","path":"schemas"}`, scim.TypeMutability, "schemas"},
	{"the core schema taken from schemas", ada, `{"op":"remove","path":"schemas","value":["urn:ietf:params:scim:schemas:core:2.0:User"]}`, scim.TypeMutability, "schemas"},
	{"replace of a chosen element that is not there", ada, `{"op":"replace","path":"emails[type eq \"x\"]","value":{"value":"x@example.org"}}`, scim.TypeNoTarget, "emails"},
	{"a filter that describes no element", ada, `{"op":"add","path":"emails[type eq \"x\" or type eq \"y\"].value","value":"x@example.org"}`, scim.TypeNoTarget, "emails"},
	{"a filter that contradicts itself", ada, `{"op":"add","path":"emails[type eq \"x\" and type eq \"y\"].value","value":"x@example.org"}`, scim.TypeNoTarget, "emails"},
	{"a filter that contradicts the value", ada, `{"op":"replace","path":"emails[value eq \"old@example.org\"].value","value":"x@example.org"}`, scim.TypeNoTarget, "emails"},
	{"a sub-attribute of elements that are not there", ada, `{"op":"replace","path":"photos.display","value":"x"}`, scim.TypeNoTarget, "photos"},
	{"another manager than the one named", ada, `{"op":"replace","path":"manager[value eq \"u9\"].value","value":"u4"}`, scim.TypeNoTarget, "manager"},
	{"two primaries in one value", ada, `{"op":"add","path":"emails","value":[{"value":"a@b","primary":true},{"value":"c@d","primary":true}]}`, scim.TypeInvalidValue, "primary"},
	{"two primaries by one path", ada, `{"op":"replace","path":"emails.primary","value":true}`, scim.TypeInvalidValue, "primary"},
	{"an element without what it requires", ada, `{"op":"add","path":"externalIds","value":[{"value":"x"}]}`, scim.TypeInvalidValue, "authority"},
	{"an element that stays incomplete", ada, `{"op":"add","path":"externalIds[value eq \"x\"].value","value":"x"}`, scim.TypeInvalidValue, "authority"},
	{"a member without id", nightShift, `{"op":"remove","path":"members","value":[{"type":"User"}]}`, scim.TypeInvalidValue, "members.value"},
	{"another value of what the server makes", nightShift, `{"op":"replace","path":"members[value eq \"u1\"].$ref","value":"else"}`, scim.TypeMutability, "members.$ref"},
	{"remove of what the server makes", nightShift, `{"op":"remove","path":"members[value eq \"u1\"].$ref"}`, scim.TypeMutability, "members.$ref"},
	{"replacement of an element with immutable values", nightShift, `{"op":"replace","path":"members[value eq \"u1\"]","value":{"value":"u7"}}`, scim.TypeMutability, "members"},
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, test := range refusals {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			before, kind := stored(t, test.doc)
			ok := `{"op":"replace","path":"externalId","value":"x"}`
			_, err := run(kind, before, body(ok+","+test.operations))
			checkError(t, err, 400, test.kind)
			detail := err.(*scim.Error).Detail
			if !strings.HasPrefix(detail, "operation 2: ") || !strings.Contains(detail, test.detail) {
				t.Errorf("detail %q; want operation 2 and %q", detail, test.detail)
			}
			if _, changed := before["externalId"]; changed {
				t.Error("the first operation changed the document")
			}
		})
	}
}

// TestCompileNeedsNoDocument: only what depends on the stored state is left to Apply.
func TestCompileNeedsNoDocument(t *testing.T) {
	t.Parallel()
	stateful := map[scim.ErrorType]bool{scim.TypeNoTarget: true, scim.TypeMutability: true}
	for _, test := range refusals {
		if strings.Contains(test.name, "by one path") || strings.Contains(test.name, "stays incomplete") {
			continue
		}
		_, kind := stored(t, test.doc)
		ops, err := scim.ParsePatch([]byte(body(test.operations)))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := patch.Compile(kind, ops, schema.Options{}); err == nil && !stateful[test.kind] {
			t.Errorf("%s: compiled", test.name)
		}
	}
}

func TestUnknownKeys(t *testing.T) {
	t.Parallel()
	ops := []scim.PatchOp{{Op: "add", HasValue: true, Value: map[string]any{
		"shoeSize":             "44",
		"title":                "Lead",
		scim.EnterpriseUserURN: map[string]any{"shoe": "x"},
	}}}
	var warned []string
	if _, err := patch.Compile(schema.User, ops, schema.Options{Warn: func(path string) { warned = append(warned, path) }}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"shoeSize", scim.EnterpriseUserURN + ":shoe"}, warned); diff != "" {
		t.Error(diff)
	}
	_, err := patch.Compile(schema.User, ops, schema.Options{Strict: true})
	checkError(t, err, 400, scim.TypeInvalidSyntax)
}

// TestOtherTypes has what the standard's own schemas do not: an immutable
// attribute at the top, integers, and a list of simple values.
func TestOtherTypes(t *testing.T) {
	t.Parallel()
	ext, err := schema.ParseSchema(scimtest.ExtensionSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	kind := schema.User.With(ext)
	tests := []struct {
		name, operations string
		want             any // of the extension: {"badge":"B1","tags":["a","b"]} before
		kind             scim.ErrorType
	}{
		{"equal immutable value", `{"op":"replace","path":"badge","value":"B1"}`, `{"badge":"B1","tags":["a","b"]}`, ""},
		{"other immutable value", `{"op":"replace","path":"badge","value":"B2"}`, nil, scim.TypeMutability},
		{"no immutable value", `{"op":"remove","path":"badge"}`, nil, scim.TypeMutability},
		{"append to a list", `{"op":"add","path":"tags","value":["A","c"]}`, `{"badge":"B1","tags":["a","b","c"]}`, ""},
		{"replace a list", `{"op":"replace","path":"tags","value":"c"}`, `{"badge":"B1","tags":["c"]}`, ""},
		{"remove from a list", `{"op":"remove","path":"tags","value":["B"]}`, `{"badge":"B1","tags":["a"]}`, ""},
		{"remove by a filter", `{"op":"remove","path":"tags[value eq \"A\"]"}`, `{"badge":"B1","tags":["b"]}`, ""},
		{"remove what is not there", `{"op":"remove","path":"tags[value eq \"c\"]"}`, `{"badge":"B1","tags":["a","b"]}`, ""},
		{"remove all", `{"op":"remove","path":"tags[value pr]"}`, `{"badge":"B1"}`, ""},
		{"replace by a filter", `{"op":"replace","path":"tags[value eq \"a\"]","value":"c"}`, `{"badge":"B1","tags":["c","b"]}`, ""},
		{"replace by an equal", `{"op":"add","path":"tags[value eq \"a\"].value","value":"b"}`, `{"badge":"B1","tags":["b"]}`, ""},
		{"replace what is not there", `{"op":"replace","path":"tags[value eq \"c\"]","value":"d"}`, nil, scim.TypeNoTarget},
		{"add what is not there", `{"op":"add","path":"tags[value eq \"c\"]","value":"c"}`, nil, scim.TypeNoTarget},
		{"integer", `{"op":"add","path":"level","value":1.5}`, nil, scim.TypeInvalidValue},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			doc := scim.Document{"id": "u1", "userName": "x", ext.ID: map[string]any{"badge": "B1", "tags": []any{"a", "b"}}}
			after, err := run(kind, doc, body(test.operations))
			if test.kind != "" {
				checkError(t, err, 400, test.kind)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(parse(t, test.want.(string)), after[ext.ID]); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("first immutable value", func(t *testing.T) {
		t.Parallel()
		after, err := run(kind, scim.Document{"id": "u1"}, body(`{"op":"add","path":"badge","value":"B2"}`))
		if err != nil || ext.Attribute("badge").Text(after) != "B2" {
			t.Errorf("%v, %v", after, err)
		}
	})
}

func TestListsHaveLimits(t *testing.T) {
	t.Parallel()
	doc, kind := stored(t, ada)
	operations := make([]string, 50)
	for i := range operations {
		operations[i] = fmt.Sprintf(`{"op":"add","path":"routingSkills","value":"skill %d"}`, i)
	}
	if _, err := run(kind, doc, body(strings.Join(operations[:49], ","))); err != nil {
		t.Fatal(err)
	}
	_, err := run(kind, doc, body(strings.Join(operations, ",")))
	checkError(t, err, 400, scim.TypeInvalidValue)
	if !strings.Contains(err.Error(), "operation 50: ") || !strings.Contains(err.Error(), "at most 50") {
		t.Error(err)
	}
}

func TestEmptyAndTouches(t *testing.T) {
	t.Parallel()
	plan := compile(t, schema.User, `{"op":"add","value":{"meta":{},"shoeSize":1}}`)
	if !plan.Empty() || plan.Touches(schema.Meta) {
		t.Error("a plan of ignored keys is not empty")
	}
	plan = compile(t, schema.User, `{"op":"add","path":"name.givenName","value":"x"}`)
	if plan.Empty() || !plan.Touches(schema.Name) || plan.Touches(schema.Emails) {
		t.Error("a plan on name does not touch just name")
	}
}

func compile(t testing.TB, kind *schema.Type, operations string) *patch.Plan {
	t.Helper()
	ops, err := scim.ParsePatch([]byte(body(operations)))
	if err != nil {
		t.Fatal(err)
	}
	plan, err := patch.Compile(kind, ops, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

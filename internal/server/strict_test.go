package server_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// tolerance is a request that organisations are forgiven unless they are strict.
// {ada} is the id of a user, {group} that of a group with her.
type tolerance struct {
	name    string
	method  string
	path    string
	body    string
	headers []string
	accepts int    // by others
	refuses int    // by strict organisations; 0 is 400
	kind    string // scimType of the refusal
	detail  string // what it says
}

const (
	userSchemas  = `"schemas":["` + scim.UserURN + `"]`
	withBoth     = `"schemas":["` + scim.UserURN + `","` + scim.EnterpriseUserURN + `"]`
	groupSchemas = `"schemas":["` + scim.GroupURN + `"]`
)

func operations(list string) string {
	return `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[` + list + `]}`
}

func post(name, body, kind, detail string) tolerance {
	return tolerance{name: name, method: "POST", path: "/Users", body: body, accepts: 201, kind: kind, detail: detail}
}

func change(name, list, kind, detail string) tolerance {
	return tolerance{name: name, method: "PATCH", path: "/Users/{ada}", body: operations(list), accepts: 200, kind: kind, detail: detail}
}

func search(name, filter, detail string) tolerance {
	return tolerance{name: name, method: "GET", path: "/Users?filter=" + url.QueryEscape(filter), accepts: 200, kind: "invalidFilter", detail: detail}
}

const searchSchemas = `"schemas":["` + scim.SearchRequestURN + `"]`

func searchRequest(name, members, detail string) tolerance {
	return tolerance{name: name, method: "POST", path: "/Users/.search", body: "{" + members + "}", accepts: 200, kind: "invalidValue", detail: detail}
}

func get(name, path, kind, detail string) tolerance {
	return tolerance{name: name, method: "GET", path: path, accepts: 200, kind: kind, detail: detail}
}

var tolerances = []tolerance{
	{name: "endpoint in another case", method: "GET", path: "/users", accepts: 200, refuses: 404, detail: "/Users"},
	{name: "empty segment", method: "GET", path: "//Users", accepts: 200, refuses: 404, detail: "/Users"},
	{name: "view in another case", method: "GET", path: "/roles", accepts: 200, refuses: 404, detail: "/Roles"},
	{name: "discovery in another case", method: "GET", path: "/schemas", accepts: 200, refuses: 404, detail: "/Schemas"},
	get("second question mark", "/Users?count=1?filter=title%20pr", "invalidValue", "second ?"),
	get("question mark behind a value", "/Users?count=1?", "invalidValue", "second ?"),
	searchRequest("text for schemas", `"schemas":"`+scim.SearchRequestURN+`"`, "schemas"),
	searchRequest("text for a number", searchSchemas+`,"count":"1"`, "count"),
	searchRequest("text for a list", searchSchemas+`,"attributes":"title,userName"`, "attributes"),
	searchRequest("list for a text", searchSchemas+`,"filter":["title pr"]`, "filter"),
	get("empty filter", "/Users?filter=", "invalidFilter", "filter"),
	get("filter in attributes", "/Users?attributes=emails[type%20eq%20%22work%22]", "invalidValue", "emails["),
	get("unknown parameter", "/Users?pretty=1", "invalidValue", "pretty"),
	get("parameter in another case", "/Users?StartIndex=1", "invalidValue", "StartIndex"),
	get("doubled parameter", "/Users?count=1&count=2", "invalidValue", "2 times"),
	get("trailing ampersand", "/Users?count=1&", "invalidValue", "&"),
	get("pageSize", "/Users?pageSize=1&pageNumber=0", "invalidValue", "page"),
	get("unknown name in attributes", "/Users?attributes=shoeSize", "invalidValue", "shoeSize"),
	get("unknown name in excludedAttributes", "/Users/{ada}?excludedAttributes=shoeSize", "invalidValue", "shoeSize"),
	get("short name in attributes", "/Users?attributes=department", "invalidValue", scim.EnterpriseUserURN+":department"),
	get("dot behind a URN in attributes", "/Users?attributes="+scim.EnterpriseUserURN+".department", "invalidValue", scim.EnterpriseUserURN+":department"),
	get("dot behind a URN to sort by", "/Users?sortBy="+scim.EnterpriseUserURN+".department", "invalidValue", "User.department"),
	get("sortOrder in another case", "/Users?sortBy=title&sortOrder=Ascending", "invalidValue", "lower case"),
	get("short name to sort by", "/Users?sortBy=department", "invalidValue", scim.EnterpriseUserURN+":department"),
	get("attributes and excludedAttributes", "/Users?attributes=title&excludedAttributes=name", "invalidValue", "both"),

	search("offset without a colon", `meta.created gt "2026-01-31T10:00:00.000+0100"`, "date with time"),
	search("unquoted value", `userName eq ada`, "double quotes"),
	search("short name of an extension", `department eq "x"`, scim.EnterpriseUserURN),
	search("short name with brackets", `routingSkills[name eq "x"]`, scim.GenesysUserURN),
	search("dot behind the URN of an extension", scim.EnterpriseUserURN+`.department eq "x"`, scim.EnterpriseUserURN+":department"),
	search("dot behind the URN of the core", scim.UserURN+`.title eq "x"`, scim.UserURN+":title"),
	search("URN of before the standard", `urn:scim:schemas:extension:enterprise:2.0:department eq "x"`, scim.EnterpriseUserURN),
	search("email", `email eq "x"`, "emails.value"),
	search("comparison behind brackets", `emails[type eq "work"].value eq "x"`, "inside"),
	search("brackets on one value", scim.EnterpriseUserURN+`:manager[value eq "x"]`, "one value"),
	search("boolean in quotes", `active eq "true"`, "without quotes"),
	search("boolean in another case", `active eq True`, "lower case"),
	search("null in another case", `title eq NULL`, "double quotes"),

	post("no schemas", `{"userName":"bob"}`, "invalidSyntax", "schemas"),
	post("foreign schemas", `{"schemas":["`+scim.UserURN+`","urn:scim:schemas:core:1.0"],"userName":"bob"}`, "invalidSyntax", "urn:scim:schemas:core:1.0"),
	post("schemas without the extension", `{`+userSchemas+`,"userName":"bob","`+scim.EnterpriseUserURN+`":{"department":"x"}}`, "invalidSyntax", scim.EnterpriseUserURN),
	post("URN of before the standard", `{`+userSchemas+`,"userName":"bob","urn:scim:schemas:extension:enterprise:1.0":{"department":"x"}}`, "invalidSyntax", scim.EnterpriseUserURN),
	post("unknown attribute", `{`+userSchemas+`,"userName":"bob","shoeSize":44}`, "invalidSyntax", "shoeSize"),
	post("unknown sub-attribute", `{`+userSchemas+`,"userName":"bob","name":{"nick":"b"}}`, "invalidSyntax", "nick"),
	post("unknown attribute of an extension", `{`+withBoth+`,"userName":"bob","`+scim.EnterpriseUserURN+`":{"badge":"x"}}`, "invalidSyntax", "badge"),
	post("short name in a body", `{`+userSchemas+`,"userName":"bob","department":"x"}`, "invalidSyntax", "under its URN"),
	post("path in a body", `{`+userSchemas+`,"userName":"bob","name.givenName":"x"}`, "invalidSyntax", "under their attribute"),
	post("URN and attribute in a body", `{`+withBoth+`,"userName":"bob","`+scim.EnterpriseUserURN+`:department":"x"}`, "invalidSyntax", "department"),
	post("boolean as a string", `{`+userSchemas+`,"userName":"bob","active":"True"}`, "invalidValue", "active"),
	post("bare address", `{`+userSchemas+`,"userName":"bob","emails":["b@example.org"]}`, "invalidValue", "emails"),
	post("one address without a list", `{`+userSchemas+`,"userName":"bob","emails":{"value":"b@example.org"}}`, "invalidValue", "array"),
	post("bare role", `{`+userSchemas+`,"userName":"bob","roles":["employee"]}`, "invalidValue", "roles"),
	post("role as JSON in a string", `{`+userSchemas+`,"userName":"bob","roles":[{"value":"{\"value\":\"employee\"}"}]}`, "invalidValue", "role"),
	post("bare manager", `{`+withBoth+`,"userName":"bob","`+scim.EnterpriseUserURN+`":{"manager":"{ada}"}}`, "invalidValue", "manager"),
	post("manager in a list", `{`+withBoth+`,"userName":"bob","`+scim.EnterpriseUserURN+`":{"manager":[{"value":"{ada}"}]}}`, "invalidValue", "manager"),
	post("manager without its extension", `{`+userSchemas+`,"userName":"bob","manager":{"value":"{ada}"}}`, "invalidSyntax", "manager"),
	post("extension that is empty text", `{`+withBoth+`,"userName":"bob","`+scim.EnterpriseUserURN+`":""}`, "invalidValue", "object"),
	post("complex that is empty text", `{`+userSchemas+`,"userName":"bob","name":""}`, "invalidValue", "name"),
	post("boolean that is empty text", `{`+userSchemas+`,"userName":"bob","active":""}`, "invalidValue", "active"),
	post("text that is an empty list", `{`+userSchemas+`,"userName":"bob","title":[]}`, "invalidValue", "title"),
	post("date with time", `{`+withBoth+`,"userName":"bob","`+scim.EnterpriseUserURN+`":{"dateHire":"2026-01-31T00:00:00Z"}}`, "invalidValue", "dateHire"),
	get("unknown parameter at the root", "/?pretty=1", "invalidValue", "pretty"),
	get("unknown name at the root", "/?attributes=shoeSize", "invalidValue", "shoeSize"),
	{name: "unknown member of a search", method: "POST", path: "/Users/.search", body: `{"schemas":["` + scim.SearchRequestURN + `"],"pageSize":1}`, accepts: 200, kind: "invalidValue", detail: "pagesize"},
	{name: "search in another case", method: "POST", path: "/.SEARCH", body: `{"schemas":["` + scim.SearchRequestURN + `"]}`, accepts: 200, refuses: 404, detail: "/.search"},
	{name: "bulk in another case", method: "POST", path: "/bulk", body: `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[]}`, accepts: 200, refuses: 404, detail: "/Bulk"},
	{name: "no media type", method: "POST", path: "/Users", body: `{` + userSchemas + `,"userName":"bob"}`, accepts: 201, refuses: 415, detail: "Content-Type", headers: []string{"Content-Type: "}},
	{name: "versions without quotes", method: "PUT", path: "/Users/{ada}", body: `{` + userSchemas + `,"userName":"ada"}`, accepts: 200, kind: "invalidValue", detail: "If-Match", headers: []string{"If-Match: 1, 2"}},

	{name: "PATCH without schemas", method: "PATCH", path: "/Users/{ada}", body: `{"Operations":[{"op":"add","path":"title","value":"Dr"}]}`, accepts: 200, kind: "invalidSyntax", detail: scim.PatchOpURN},
	change("no operations", ``, "invalidSyntax", "Operations"),
	{name: "operation without a list", method: "PATCH", path: "/Users/{ada}", body: `{"schemas":["` + scim.PatchOpURN + `"],"Operations":{"op":"add","path":"title","value":"Dr"}}`, accepts: 200, kind: "invalidSyntax", detail: "array"},
	change("op in another case", `{"op":"Add","path":"title","value":"Dr"}`, "invalidSyntax", "lower case"),
	change("unknown member of an operation", `{"op":"add","path":"title","value":"Dr","name":"x"}`, "invalidSyntax", "name"),
	change("dotted key", `{"op":"add","value":{"name.givenName":"Ada"}}`, "invalidSyntax", "name.givenName"),
	change("path as a key", `{"op":"add","value":{"`+scim.EnterpriseUserURN+`:department":"x"}}`, "invalidSyntax", "department"),
	change("filter in a key", `{"op":"add","value":{"emails[type eq \"work\"].value":"x"}}`, "invalidSyntax", "emails"),
	change("short name as a key", `{"op":"add","value":{"department":"x"}}`, "invalidSyntax", "department"),
	change("unknown key", `{"op":"add","value":{"shoeSize":44}}`, "invalidSyntax", "shoeSize"),
	change("read-only key", `{"op":"replace","value":{"title":"Dr","groups":[]}}`, "mutability", "groups"),
	change("short name as a path", `{"op":"add","path":"department","value":"x"}`, "invalidPath", scim.EnterpriseUserURN),
	change("dot behind a URN in a path", `{"op":"add","path":"`+scim.UserURN+`.title","value":"x"}`, "invalidPath", scim.UserURN+":title"),
	change("dot behind a URN before brackets", `{"op":"remove","path":"`+scim.GenesysUserURN+`.routingSkills[name eq \"x\"]"}`, "invalidPath", scim.GenesysUserURN+":routingSkills"),
	change("dot behind a URN in a key", `{"op":"add","value":{"`+scim.UserURN+`.title":"x"}}`, "invalidSyntax", "User.title"),
	change("URN of before the standard in a path", `{"op":"add","path":"urn:scim:schemas:extension:enterprise:2.0:User:department","value":"x"}`, "invalidPath", scim.EnterpriseUserURN),
	change("URN of before the standard among schemas", `{"op":"add","path":"schemas","value":["urn:scim:schemas:extension:enterprise:1.0"]}`, "mutability", "schemas"),
	change("URN of before the standard as a key", `{"op":"add","value":{"urn:scim:schemas:extension:enterprise:1.0":{"department":"x"}}}`, "invalidSyntax", scim.EnterpriseUserURN),
	change("reference as a path", `{"op":"add","path":"`+scim.EnterpriseUserURN+`:manager.$ref","value":"../Users/{ada}"}`, "mutability", "manager.$ref"),
	change("short name with brackets as a path", `{"op":"remove","path":"routingSkills[name eq \"x\"]"}`, "invalidPath", scim.GenesysUserURN),
	change("schema as a path", `{"op":"remove","path":"`+scim.EnterpriseUserURN+`"}`, "invalidPath", "whole schema"),
	change("brackets on one value in a path", `{"op":"remove","path":"`+scim.EnterpriseUserURN+`:manager[value eq \"x\"]"}`, "invalidPath", "one value"),
	change("boolean as a string in a path", `{"op":"remove","path":"emails[primary eq \"True\"]"}`, "invalidFilter", "primary"),
	change("unquoted value in a path", `{"op":"remove","path":"emails[type eq work]"}`, "invalidFilter", "double quotes"),
	change("boolean as a string", `{"op":"replace","path":"active","value":"False"}`, "invalidValue", "active"),
	change("replacement of an element that is not there", `{"op":"replace","path":"phoneNumbers[type eq \"mobile\"].value","value":"+13175724245"}`, "noTarget", "phoneNumbers"),
	change("bare element", `{"op":"add","path":"emails[type eq \"work\"]","value":"w@example.org"}`, "invalidValue", "emails"),
	change("removal with a value", `{"op":"remove","path":"emails","value":[{"value":"x@example.org"}]}`, "invalidSyntax", "remove"),
	{name: "members removed by a list", method: "PATCH", path: "/Groups/{group}", body: operations(`{"op":"remove","path":"members","value":[{"value":"{ada}"}]}`), accepts: 200, kind: "invalidSyntax", detail: "remove"},
	{name: "group without schemas", method: "PUT", path: "/Groups/{group}", body: `{"displayName":"Choir"}`, accepts: 200, kind: "invalidSyntax", detail: "schemas"},
}

func TestStrict_RefusesWhatOthersAreForgiven(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	for _, strict := range []bool{false, true} {
		for _, c := range tolerances {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				o := server.NewOrg(t, func(s *org.Settings) { s.Strict = strict })
				ada := o.Do(t, "POST", "/Users", `{`+userSchemas+`,"userName":"ada"}`, "Content-Type: application/scim+json").Want(t, 201).ID(t)
				group := o.Do(t, "POST", "/api/v2/groups", `{"name":"Choir","type":"official","visibility":"public","rulesVisible":true}`).Want(t, 200).ID(t)
				named := strings.NewReplacer("{ada}", ada, "{group}", group)
				headers := append([]string{"Content-Type: application/scim+json"}, c.headers...)
				answer := o.Do(t, c.method, named.Replace(c.path), named.Replace(c.body), headers...)
				if !strict {
					answer.Want(t, c.accepts)
					return
				}
				status := c.refuses
				if status == 0 {
					status = 400
				}
				if detail := answer.Refused(t, status, c.kind); !strings.Contains(detail, c.detail) {
					t.Errorf("the detail does not say %q: %s", c.detail, detail)
				}
			})
		}
	}
}

// What the standard demands or allows, strict organisations have too.
func TestStrict_TakesWhatTheStandardHas(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.Strict = true })
	do := func(method, path, body string, headers ...string) *servertest.Answer {
		t.Helper()
		return o.Do(t, method, path, body, append([]string{"Content-Type: application/scim+json; charset=utf-8"}, headers...)...)
	}
	ada := do("POST", "/Users", `{"SCHEMAS":["`+strings.ToUpper(scim.UserURN)+`","`+scim.EnterpriseUserURN+`"],"USERNAME":"ada","id":"x","meta":{},
		"groups":[],"emails":[{"value":"a@example.org","type":"work","primary":true}],"title":null,"nickName":"","photos":[],"name":{},
		"`+scim.EnterpriseUserURN+`":{"department":"x","manager":null},"`+scim.GenesysUserURN+`":null}`).Want(t, 201).ID(t)
	for _, query := range []string{
		"?filter=" + url.QueryEscape(`USERNAME EQ "ada" and emails[type eq "work" and value co "@"] and not (active eq false)`),
		"?filter=" + url.QueryEscape(scim.EnterpriseUserURN+`:department eq "x" and title eq null and emails co "a"`),
		"?startIndex=-1&count=-1", "?count=5000&attributes=userName," + scim.EnterpriseUserURN + ":department," + scim.EnterpriseUserURN,
		"/" + ada + "?excludedAttributes=name.givenName", "/" + ada,
	} {
		do("GET", "/Users"+query, "").Want(t, 200)
	}
	do("POST", "/.search", `{"schemas":["`+scim.SearchRequestURN+`"],"attributes":["userName","members"],"startIndex":1}`).Want(t, 200)
	for _, list := range []string{
		`{"op":"add","path":"TITLE","value":"Dr"},{"op":"replace","value":{"nickName":"A","name":{"givenName":"Ada"},"` + scim.EnterpriseUserURN + `":{"department":"y"}}}`,
		`{"op":"remove","path":"emails[type eq \"work\"]"},{"op":"add","path":"emails","value":[{"value":"b@example.org"}]}`,
		`{"op":"replace","path":"` + scim.EnterpriseUserURN + `:manager","value":{"value":"` + ada + `"}},{"op":"remove","path":"` + scim.EnterpriseUserURN + `:manager"}`,
		`{"op":"add","path":"photos.value","value":"https://example.org/a"}`,
		`{"op":"replace","path":"name.givenName","value":""},{"op":"replace","value":{"id":"` + ada + `"}}`,
	} {
		do("PATCH", "/Users/"+ada, operations(list), `If-Match: *`).Want(t, 200)
	}
	do("PUT", "/Users/"+ada, `{`+userSchemas+`,"userName":"ada","id":"`+ada+`","`+scim.EnterpriseUserURN+`":{"department":null}}`, `If-None-Match: W/"999"`).Want(t, 200)
}

// Each operation of a bulk request is held to the standard as it is alone.
func TestStrict_InBulk(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.Strict = true })
	const data = `{"schemas":["` + scim.PatchOpURN + `"],"Operations":[{"op":"%","path":"title","value":"Dr"}]}`
	answer := o.Do(t, "POST", "/Bulk", `{"schemas":["`+scim.BulkRequestURN+`"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"1","data":{`+userSchemas+`,"userName":"ada"}},
		{"method":"PATCH","path":"/Users/bulkId:1","data":`+strings.Replace(data, "%", "add", 1)+`},
		{"method":"PATCH","path":"/Users/bulkId:1","data":`+strings.Replace(data, "%", "Add", 1)+`},
		{"method":"PATCH","path":"/Users/bulkId:1","data":[{"op":"replace","path":"active","value":"False"}]},
		{"method":"POST","path":"/Users","bulkId":"2","data":{"userName":"bob"}}]}`, "Content-Type: application/scim+json").Want(t, 200)
	var response scim.BulkResponse
	answer.Decode(t, &response)
	var statuses []string
	for _, result := range response.Operations {
		statuses = append(statuses, result.Status)
	}
	if got := strings.Join(statuses, " "); got != "201 200 400 400 400" {
		t.Errorf("%s: %s", got, answer.Body)
	}
}

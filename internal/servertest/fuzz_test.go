package servertest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

// FuzzRequests sends texts as paths, values, bodies and filters. Whatever they
// are, it is not the server that is at fault.
func FuzzRequests(f *testing.F) {
	paths, values := hostilePaths(), hostileValues()
	for i := range max(len(paths), len(values)) {
		f.Add(paths[i%len(paths)], values[i%len(values)])
		f.Add(paths[(i*7+3)%len(paths)], values[(i*5+1)%len(values)])
	}
	o := servertest.New(f).NewOrg(f)
	user := "/Users/" + o.NewUser(f, "base@example.org")
	group := "/Groups/" + o.NewGroup(f, "Base")
	f.Fuzz(func(t *testing.T, path, value string) {
		send := func(method, target string, body any) {
			t.Helper()
			a := o.Do(t, method, target, body)
			if a.Status >= 500 && a.Status != http.StatusNotImplemented {
				t.Errorf("%s %s: %d %s", method, target, a.Status, a.Body)
			}
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			raw, _ = json.Marshal(value)
		}
		for _, target := range []string{user, group} {
			for _, op := range []string{"add", "replace", "remove"} {
				send("PATCH", target, servertest.Patch(map[string]any{"op": op, "path": path, "value": raw}))
			}
			send("PATCH", target, servertest.Patch(map[string]any{"op": "add", "value": map[string]any{path: raw}}))
			send("PUT", target, map[string]any{"userName": "base@example.org", "displayName": "Base", path: raw})
			send("PATCH", target, value)
		}
		send("POST", "/Users", value)
		for _, endpoint := range []string{"/Users", "/Groups", "/"} {
			for _, filter := range []string{path, path + " eq " + value, path + " gt " + value, "not (" + path + " sw " + value + ")"} {
				send("GET", endpoint+"?filter="+url.QueryEscape(filter), nil)
			}
			send("GET", endpoint+"?startIndex="+url.QueryEscape(value)+"&attributes="+url.QueryEscape(path), nil)
			send("GET", endpoint+"?sortBy="+url.QueryEscape(path)+"&count=1&cursor=", nil)
			send("GET", endpoint+"?sortBy="+url.QueryEscape(path)+"&sortOrder=descending&startIndex=2", nil)
			send("GET", endpoint+"?cursor="+url.QueryEscape(value), nil)
			send("GET", endpoint+"/"+url.PathEscape(path), nil)
			search := strings.TrimSuffix(endpoint, "/") + "/.search"
			send("POST", search, value)
			send("POST", search, map[string]any{
				"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "filter": path + " pr", "sortBy": raw, "count": 1,
			})
		}
		for _, endpoint := range []string{"/api/v2/groups", "/api/v2/authorization/roles", "/api/v2/routing/skills"} {
			send("POST", endpoint, map[string]any{"name": raw, "type": "social", "visibility": "public", "permissionPolicies": []any{raw}})
		}
	})
}

func hostilePaths() []string {
	const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
	return []string{
		"", " ", "id", "schemas", "meta", "meta.version", "meta.created", "externalId", "userName", "name", "name.givenName",
		"name.formatted", "displayName", "active", "password", "emails", "emails.value", "emails.primary",
		`emails[type eq "work"]`, `emails[type eq "work"].value`, `emails[type eq "other"].value`, `emails[value sw ""].type`,
		`emails[not (type eq "work")]`, "emails[type eq null]", "phoneNumbers", `phoneNumbers[type eq "work"].value`,
		"groups", "groups.value", "groups.$ref", "roles", `roles[primary eq "True"].value`, "x509Certificates.value", "addresses.primary",
		enterprise, enterprise + ":manager", enterprise + ":manager.$ref", "manager.value", "division", "dateHire", "employeeNumber",
		genesys, genesys + ":routingSkills", "routingSkills.proficiency", `routingSkills[name eq "x"].proficiency`,
		"externalIds", `externalIds[authority eq "a"].value`, "members", "members.value", "members.display", "members.$ref",
		`members[value eq "x"]`, `members[display sw "a"]`, "urn:", "a[", "a[b eq", "a.b.c", strings.Repeat("(", 5000),
	}
}

func hostileValues() []string {
	long := strings.Repeat("x", 300_000)
	return []string{
		"null", `""`, `" "`, "[]", "{}", "[[]]", "[null]", "[{}]", "true", `"True"`, "0", "-1", "1.5", "1e400", "1e-400",
		"99999999999999999999", `"x"`, `"` + long + `"`, `"\ud83d\ude00"`, `"\u0000"`, `"\u0001"`, `"İSTANBUL"`, `"a\u0300\u0301"`,
		`"` + strings.Repeat(`a\u0300`, 5000) + `"`, `"` + strings.Repeat("\U0001D160", 300) + `"`, "\xff", `"\ud800"`,
		`"+13172222222"`, `"+1317222222;ext=99999999999999999"`, `"2024-02-29"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59.999999999Z"`,
		`"00000000-0000-0000-0000-000000000000"`, `{"value":"x"}`, `[{"value":"x"}]`, `{"value":null}`, `{"value":7}`,
		`[{"value":"x","primary":true},{"value":"y","primary":true}]`, `[{"value":"x","type":"work"},{"value":"x","type":"work"}]`,
		`{"name":"x","proficiency":1e300}`, `[{"authority":"a","value":"b"}]`, `{"$ref":"x","value":"x"}`, `"{\"value\":\"employee\"}"`,
		`{"userName":null}`, `{"userName":"u","active":""}`, `{"userName":"v","name":{"formatted":"` + long + `"}}`,
		`{"emails[type eq \"work\"].value":"q"}`, `{"` + enterprise + `":{"manager":""}}`, `{"members":[{"value":"x"}]}`, `"%_\\"`,
	}
}

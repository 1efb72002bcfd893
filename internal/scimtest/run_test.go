package scimtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const validToken = "a-token-for-this-test"

// fake answers by a table of "METHOD path" and remembers what it was asked.
type fake struct {
	answers map[string]string // "200 body"; "*" for all others

	mu    sync.Mutex
	asked []string // METHOD URI authorization body
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.asked = append(f.asked, strings.TrimSpace(fmt.Sprintf("%s %s [%s] %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), body)))
	f.mu.Unlock()
	answer, ok := f.answers[r.Method+" "+r.URL.Path]
	if !ok {
		answer = f.answers["*"]
	}
	var status int
	if _, err := fmt.Sscan(answer, &status); err != nil {
		status = http.StatusNotFound
	}
	w.WriteHeader(status)
	if len(answer) > 4 {
		_, _ = io.WriteString(w, answer[4:])
	}
}

func (f *fake) target(t *testing.T) Target {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return Target{BaseURL: server.URL, Token: validToken, Client: server.Client()}
}

func scenario(t *testing.T, text string) Scenario {
	t.Helper()
	s := Scenario{File: "made/up.json"}
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRunSendsWhatWasRecorded(t *testing.T) {
	t.Parallel()
	server := &fake{answers: map[string]string{
		"*":                                 `200 {"id":"u1"}`,
		"DELETE /api/v2/scim/v2/Users/u1":   `204`,
		"POST /api/v2/scim/v2/Users":        `201 {"id":"u1","Resources":[{"id":"u2"}]}`,
		"GET /api/v2/scim/v2/Groups/absent": `404 {"status":"404"}`,
	}}
	scenario(t, `{"name": "all kinds of requests", "steps": [
		{"request": {"method": "POST", "path": "/Users", "body": {"z": "first",  "a": [1]}},
		 "expect": {"status": 201, "body": {"$.id": "*"}}, "save": {"user": "$.id", "other": "$.Resources[0].id"}},
		{"request": {"method": "GET", "path": "/Users/{{user}}", "query": {"filter": "id eq \"{{other}}\"", "count": "1"}},
		 "expect": {"status": 200, "body": {"$.id": "{{user}}"}}},
		{"request": {"method": "GET", "path": "/Users", "rawQuery": "a+b=%20&"}, "expect": {"status": 200}},
		{"request": {"method": "GET", "path": "/Users", "rawQuery": ""}, "expect": {"status": 200}},
		{"request": {"method": "GET", "path": "/users", "mount": "/api/v2/scim"}, "expect": {"status": 200}},
		{"request": {"method": "PUT", "path": "/Users/{{user}}", "rawBody": "{'{{user}}'"}, "expect": {"status": 200}},
		{"request": {"method": "PUT", "path": "/x", "rawBodyRepeat": {"prefix": "<", "unit": "ab", "count": 3, "suffix": ">"}},
		 "expect": {"status": 200}},
		{"request": {"method": "GET", "path": "/n", "auth": "none"}, "expect": {"status": 200}},
		{"request": {"method": "GET", "path": "/l", "auth": "none", "headers": {"Authorization": "of {{user}}"}}, "expect": {"status": 200}},
		{"request": {"method": "GET", "path": "/b", "auth": "bad"}, "expect": {"status": 200}},
		{"request": {"method": "GET", "path": "/c", "auth": "basic"}, "expect": {"status": 200}},
		{"request": {"method": "DELETE", "path": "/Users/{{user}}"}, "expect": {"status": [200, 204], "body": {"$.id": "*"}}},
		{"request": {"method": "GET", "path": "/Groups/absent"}, "expect": {"status": 404, "body": {"$.status": "404"}}}
	]}`).Run(t, server.target(t))
	const mount, token = "/api/v2/scim/v2", "[Bearer " + validToken + "]"
	want := []string{
		"POST " + mount + "/Users " + token + ` {"z":"first","a":[1]}`,
		"GET " + mount + "/Users/u1?count=1&filter=id+eq+%22u2%22 " + token,
		"GET " + mount + "/Users?a+b=%20& " + token,
		"GET " + mount + "/Users? " + token,
		"GET /api/v2/scim/users " + token,
		"PUT " + mount + "/Users/u1 " + token + " {'u1'",
		"PUT " + mount + "/x " + token + " <ababab>",
		"GET " + mount + "/n []",
		"GET " + mount + "/l [of u1]",
		"GET " + mount + "/b [Bearer no-server-has-issued-this]",
		"GET " + mount + "/c [Basic YWRtaW5pc3RyYXRvcjpndWVzcw==]",
		"DELETE " + mount + "/Users/u1 " + token,
		"GET " + mount + "/Groups/absent " + token,
	}
	if diff := cmp.Diff(want, server.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestRunSetsUpThroughThePlatform(t *testing.T) {
	t.Parallel()
	const members = "/api/v2/scim/v2/Groups/g1"
	server := &fake{answers: map[string]string{
		"POST /api/v2/authorization/divisions": `200 {}`,
		"POST /api/v2/authorization/roles":     `409 {}`, // is there already
		"POST /api/v2/groups":                  `200 {"id":"g1"}`,
		"POST /api/v2/scim/v2/Users":           `201 {"id":"u"}`,
		"PATCH " + members:                     `204`,
		"GET " + members:                       `200 {}`,
	}}
	var seen []string
	target := server.target(t)
	target.Observe = func(r *http.Request, sent []byte, res *http.Response, got []byte) {
		seen = append(seen, fmt.Sprint(r.Method, " ", r.URL.Path, " ", len(sent) > 0, " ", res.StatusCode, " ", string(got)))
	}
	scenario(t, `{"name": "set-up", "setup": [
		{"ensureRoles": ["clerk"]},
		{"createGroup": {"displayName": "Night Shift"}},
		{"createUsers": {"count": 2, "userNameTemplate": "u{{n}}@example.org", "saveAs": "bulk"}},
		{"addMembers": {"group": "{{groupId}}", "users": "{{bulk}}"}},
		{"addMembers": {"group": "{{groupId}}", "users": ["{{bulk[1]}}"]}}
	], "steps": [
		{"request": {"method": "GET", "path": "/Groups/{{groupId}}", "body": {"division": "North"}}, "expect": {"status": 200}}
	]}`).Run(t, target)

	const auth = " [Bearer " + validToken + "] "
	user := func(name string) string {
		return "POST /api/v2/scim/v2/Users" + auth + `{"active":true,"displayName":"` + name +
			`","emails":[{"primary":true,"type":"work","value":"` + name +
			`"}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"` + name + `"}`
	}
	add := func(values string) string {
		return "PATCH " + members + auth + `{"Operations":[{"op":"add","path":"members","value":[` + values +
			`]}],"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`
	}
	want := []string{
		"POST /api/v2/authorization/divisions" + auth + `{"description":"named by a scenario","name":"North"}`,
		"POST /api/v2/authorization/roles" + auth + `{"name":"clerk"}`,
		"POST /api/v2/groups" + auth + `{"name":"Night Shift","rulesVisible":true,"type":"official","visibility":"public"}`,
		user("u1@example.org"),
		user("u2@example.org"),
		add(`{"value":"u"},{"value":"u"}`),
		add(`{"value":"u"}`),
		"GET " + members + auth + `{"division":"North"}`,
	}
	if diff := cmp.Diff(want, server.asked); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if len(seen) != len(want) || seen[2] != `POST /api/v2/groups true 200 {"id":"g1"}` {
		t.Errorf("observed %d exchanges, want %d: %q", len(seen), len(want), seen)
	}
}

func TestFailureTellsEverythingButTheToken(t *testing.T) {
	t.Parallel()
	server := &fake{answers: map[string]string{"*": `400 {"detail":"no such thing as ` + validToken + `"}`}}
	err := scenario(t, `{"name": "fails", "steps": [
		{"name": "create", "request": {"method": "POST", "path": "/Users", "query": {"t": "{{token}}"}, "body": {"userName": "x"}},
		 "expect": {"status": 201}},
		{"name": "never reached", "request": {"method": "GET", "path": "/Users"}, "expect": {"status": 400}}
	]}`).play(t.Context(), server.target(t))
	if err == nil {
		t.Fatal("the scenario passes")
	}
	for _, part := range []string{
		"made/up.json", `step 1 "create"`, "status 400, want [201]", "POST http://", "/Users?t={{token}}",
		`{"userName":"x"}`, "400 Bad Request", `{"detail":"no such thing as {{token}}"}`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the failure lacks %s:\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), validToken) {
		t.Errorf("the failure holds the token:\n%v", err)
	}
	if len(server.asked) != 1 {
		t.Errorf("the scenario went on after its first failure: %q", server.asked)
	}
}

func TestRunFailsWhereAScenarioCannotBePlayed(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"unknown variable": `{"steps": [{"request": {"method": "GET", "path": "/{{x}}"}, "expect": {"status": 200}}]}`,
		"nothing to save":  `{"steps": [{"request": {"method": "GET", "path": "/"}, "expect": {"status": 200}, "save": {"x": "$.y"}}]}`,
		"unknown auth":     `{"steps": [{"request": {"method": "GET", "path": "/", "auth": "x"}, "expect": {"status": 200}}]}`,
		"group not made":   `{"setup": [{"createGroup": {"displayName": "x"}}]}`,
		"role not made":    `{"setup": [{"ensureRoles": ["x"]}]}`,
		"user not made":    `{"setup": [{"createUsers": {"count": 1, "userNameTemplate": "x", "saveAs": "y"}}]}`,
		"division refused": `{"steps": [{"request": {"method": "GET", "path": "/", "body": {"division": "x"}}, "expect": {"status": 200}}]}`,
	} {
		server := &fake{answers: map[string]string{
			"*": `200 {}`, "POST /api/v2/groups": `201 {"id":"g"}`,
			"POST /api/v2/authorization/roles": `403`, "POST /api/v2/authorization/divisions": `500`,
		}}
		if err := scenario(t, text).play(t.Context(), server.target(t)); err == nil {
			t.Errorf("%s: the scenario passes", name)
		}
	}
}

package scimapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

func version(t *testing.T, a *servertest.Answer) string {
	t.Helper()
	meta, _ := a.Object(t)["meta"].(map[string]any)
	v, _ := meta["version"].(string)
	if v == "" || a.Header.Get("ETag") != `"`+v+`"` {
		t.Fatalf("meta.version is %q, the ETag %s", v, a.Header.Get("ETag"))
	}
	return v
}

func setTitle(title string) map[string]any {
	return servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": title})
}

// 38, 92, 97
func TestPost_AnswersTheResource(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
		answer := o.Do(t, "POST", mount+"/Users", map[string]any{"userName": mount, "title": "Engineer"}).Want(t, 201)
		version(t, answer)
		want := server.URL + mount + "/Users/" + answer.ID(t)
		if got := answer.Header.Get("Location"); got != want {
			t.Errorf("Location %s, want %s", got, want)
		}
		if answer.Object(t)["title"] != "Engineer" {
			t.Errorf("the answer is not the resource: %s", answer.Body)
		}
		again := o.Do(t, "GET", mount+"/Users/"+answer.ID(t), nil).Want(t, 200)
		if diff := cmp.Diff(string(answer.Body), string(again.Body)); diff != "" {
			t.Errorf("GET differs from the answer of POST (-POST +GET):\n%s", diff)
		}
	}
}

// 94
func TestGet_IfNoneMatch(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user := "/Users/" + o.NewUser(t, "ada@example.org")
	group := "/Groups/" + o.NewGroup(t, "Night Shift")
	for _, path := range []string{user, group} {
		v := version(t, o.Do(t, "GET", path, nil).Want(t, 200))
		for condition, status := range map[string]int{
			`"` + v + `"`: 304, `W/"` + v + `"`: 304, v: 304, "*": 304, `"x", "` + v + `"`: 304,
			`"` + v + `0"`: 200, `"x"`: 200, "": 200,
		} {
			answer := o.Do(t, "GET", path, nil, "If-None-Match: "+condition).Want(t, status)
			if answer.Header.Get("ETag") != `"`+v+`"` || (status == 304) != (len(answer.Body) == 0) {
				t.Errorf("If-None-Match %s: ETag %s and %d bytes", condition, answer.Header.Get("ETag"), len(answer.Body))
			}
		}
	}
}

// 39, 92, 93
func TestWrites_IfMatch(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	path := "/Users/" + o.NewUser(t, "ada@example.org")
	first := version(t, o.Do(t, "GET", path, nil))
	second := version(t, o.Do(t, "PATCH", path, setTitle("One"), "If-Match: "+first).Want(t, 200))
	if second == first {
		t.Fatal("a change keeps the version")
	}
	for _, stale := range []string{first, `"` + first + `"`, `W/"` + first + `"`, `"x"`} {
		line := "If-Match: " + stale
		o.Do(t, "PATCH", path, setTitle("Two"), line).Refused(t, 412, "invalidVers")
		o.Do(t, "PUT", path, map[string]any{"userName": "eve@example.org"}, line).Refused(t, 412, "invalidVers")
		o.Do(t, "DELETE", path, nil, line).Refused(t, 412, "invalidVers")
	}
	for _, line := range []string{"If-None-Match: *", "If-None-Match: " + second, `If-None-Match: "7", W/"` + second + `"`} {
		o.Do(t, "PATCH", path, setTitle("Two"), line).Refused(t, 412, "invalidVers")
		o.Do(t, "PUT", path, map[string]any{"userName": "eve@example.org"}, line).Refused(t, 412, "invalidVers")
		o.Do(t, "DELETE", path, nil, line, "If-Match: "+second).Refused(t, 412, "invalidVers")
	}
	o.Do(t, "PATCH", path, setTitle("One"), "If-None-Match: "+first).Want(t, 200)
	if v := version(t, o.Do(t, "PATCH", path, setTitle("One"), `If-Match: W/"`+second+`"`).Want(t, 200)); v != second {
		t.Errorf("a PATCH that changes nothing makes version %s of %s", v, second)
	}
	o.Do(t, "PUT", path, map[string]any{"userName": "ada@example.org"}, "If-Match: *").Want(t, 200)
	o.Do(t, "DELETE", path, nil, `If-Match: "`+version(t, o.Do(t, "GET", path, nil))+`"`).Want(t, 204)

	group := "/Groups/" + o.NewGroup(t, "Night Shift")
	member := servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(o.NewUser(t, "bob@example.org"))})
	v := version(t, o.Do(t, "GET", group, nil))
	o.Do(t, "PATCH", group, member, "If-None-Match: "+v).Refused(t, 412, "invalidVers")
	o.Do(t, "PATCH", group, member, "If-Match: "+v).Want(t, 200)
	o.Do(t, "PATCH", group, servertest.Patch(map[string]any{"op": "remove", "path": "members"}), "If-Match: "+v).Refused(t, 412, "invalidVers")
	o.Do(t, "PUT", group, map[string]any{"displayName": "Day Shift"}, "If-Match: "+v).Refused(t, 412, "invalidVers")
}

// 17, 36
func TestDelete_HidesUntilTheUserIsMadeAgain(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "ada@example.org")
	group := o.NewGroup(t, "Night Shift", id)
	path := "/Users/" + id
	if answer := o.Do(t, "DELETE", path, nil).Want(t, 204); len(answer.Body) != 0 {
		t.Errorf("the answer to DELETE has a body: %s", answer.Body)
	}
	o.Do(t, "GET", path, nil).Refused(t, 404, "")
	o.Do(t, "PATCH", path, setTitle("x")).Refused(t, 404, "")
	o.Do(t, "PUT", path, map[string]any{"userName": "ada@example.org"}).Refused(t, 404, "")
	o.Do(t, "DELETE", path, nil).Refused(t, 404, "")
	for _, query := range []string{"", "?filter=userName+eq+%22ada@example.org%22", "?filter=id+eq+%22" + id + "%22"} {
		if list := o.Do(t, "GET", "/Users"+query, nil).List(t); list.TotalResults != 0 {
			t.Errorf("%s still lists the user: %v", query, list.Resources)
		}
	}
	if members := o.Do(t, "GET", "/Groups/"+group, nil).Object(t)["members"]; members != nil {
		t.Errorf("the group keeps its deleted member: %v", members)
	}
	restored := o.Do(t, "POST", "/Users", map[string]any{"userName": "ADA@example.org", "title": "Back"}).Want(t, 201)
	if restored.ID(t) != id || restored.Object(t)["title"] != "Back" || restored.Object(t)["groups"] != nil {
		t.Errorf("restored as %s", restored.Body)
	}
}

// 25, 75, 95
func TestConflicts_Are409(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.NewUser(t, "ada@example.org")
	bob := "/Users/" + o.NewUser(t, "bob@example.org")
	taken := map[string]any{"userName": "Ada@Example.org"}
	o.Do(t, "POST", "/Users", taken).Refused(t, 409, "uniqueness")
	o.Do(t, "PUT", bob, taken).Refused(t, 409, "uniqueness")
	o.Do(t, "PATCH", bob, servertest.Patch(map[string]any{"op": "replace", "value": taken})).Refused(t, 409, "uniqueness")

	o.NewGroup(t, "Night Shift")
	day := "/Groups/" + o.NewGroup(t, "Day Shift")
	taken = map[string]any{"displayName": "NIGHT shift"}
	o.Do(t, "PUT", day, taken).Refused(t, 409, "uniqueness")
	o.Do(t, "PATCH", day, servertest.Patch(map[string]any{"op": "replace", "value": taken})).Refused(t, 409, "uniqueness")
	o.Do(t, "PUT", day, map[string]any{"displayName": "DAY SHIFT"}).Want(t, 200)
}

// 71, 74, 76
func TestGroups_MembersAreSeenFromBothEnds(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada, bob := o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org")
	group := o.NewGroup(t, "Night Shift")
	path := "/Groups/" + group
	change := func(op string, ids ...string) *servertest.Answer {
		return o.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": op, "path": "members", "value": servertest.Values(ids...)}))
	}
	change("add", ada, ada, bob).Want(t, 200)
	change("add", ada).Want(t, 200)
	root := server.URL + servertest.SCIM
	want := []any{
		map[string]any{"value": ada, "$ref": root + "/Users/" + ada, "type": "User", "display": "ada@example.org"},
		map[string]any{"value": bob, "$ref": root + "/Users/" + bob, "type": "User", "display": "bob@example.org"},
	}
	if diff := cmp.Diff(want, o.Do(t, "GET", path, nil).Object(t)["members"]); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	want = []any{map[string]any{"value": group, "$ref": root + "/Groups/" + group, "type": "direct", "display": "Night Shift"}}
	if diff := cmp.Diff(want, o.Do(t, "GET", "/Users/"+ada, nil).Object(t)["groups"]); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	change("add", "00000000-0000-7000-8000-000000000000").Refused(t, 400, "invalidValue")
	change("add", "nobody").Refused(t, 400, "invalidValue")
	o.Do(t, "PUT", path, map[string]any{"members": servertest.Values(ada)}).Refused(t, 400, "invalidValue")
	for _, nobody := range []map[string]any{{}, {"value": ""}, {"value": nil}} {
		members := []any{nobody}
		o.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "replace", "path": "members", "value": members})).Refused(t, 400, "invalidValue")
		o.Do(t, "PUT", path, map[string]any{"displayName": "Night Shift", "members": members}).Refused(t, 400, "invalidValue")
	}

	renamed := o.Do(t, "PUT", path, map[string]any{"displayName": "Day Shift"}).Want(t, 200).Object(t)
	if members, _ := renamed["members"].([]any); renamed["displayName"] != "Day Shift" || len(members) != 2 {
		t.Errorf("PUT without members leaves %v", renamed)
	}
	change("remove", ada, "00000000-0000-7000-8000-000000000000").Want(t, 200)
	change("remove", ada).Want(t, 200)
	if groups := o.Do(t, "GET", "/Users/"+ada, nil).Object(t)["groups"]; groups != nil {
		t.Errorf("a removed member still has %v", groups)
	}
}

// 72
func TestGroups_RemovalGuard(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.RemovalLimit = 2 })
	ids := newUsers(t, o, 4)
	path := "/Groups/" + o.NewGroup(t, "Night Shift", ids...)
	v := version(t, o.Do(t, "GET", path, nil))
	remove := func(ids ...string) map[string]any {
		return map[string]any{"op": "remove", "path": "members", "value": servertest.Values(ids...)}
	}
	for name, answer := range map[string]*servertest.Answer{
		"list":     o.Do(t, "PATCH", path, servertest.Patch(remove(ids[:3]...))),
		"together": o.Do(t, "PATCH", path, servertest.Patch(remove(ids[0], ids[1]), remove(ids[2]))),
		"all":      o.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "remove", "path": "members"})),
		"replace":  o.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "replace", "path": "members", "value": []any{}})),
		"PUT":      o.Do(t, "PUT", path, map[string]any{"displayName": "x", "members": servertest.Values(ids[0])}),
	} {
		detail := answer.Refused(t, 400, "tooMany")
		if !strings.Contains(detail, "2") || !strings.Contains(detail, "3") && !strings.Contains(detail, "4") {
			t.Errorf("%s: the detail lacks the numbers: %s", name, detail)
		}
	}
	if now := version(t, o.Do(t, "GET", path, nil)); now != v {
		t.Errorf("refused requests made version %s of %s", now, v)
	}
	o.Do(t, "PATCH", path, servertest.Patch(remove(ids[:2]...))).Want(t, 200)
}

// 73
func TestGroups_LargeOnesAnswerAPatchWithoutContent(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ids := make([]string, 1001)
	for i := range ids {
		ids[i] = o.NewUser(t, fmt.Sprintf("u%d", i))
	}
	path := "/Groups/" + o.NewGroup(t, "Everyone", ids[:1000]...)
	rename := func(name, query string) *servertest.Answer {
		return o.Do(t, "PATCH", path+query, servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": name}))
	}
	full := rename("All", "").Want(t, 200)
	if members, _ := full.Object(t)["members"].([]any); len(members) != 1000 {
		t.Errorf("a group of 1000 is answered with %d members", len(members))
	}
	one := servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(ids[1000])})
	added := o.Do(t, "PATCH", path, one).Want(t, 204)
	if len(added.Body) != 0 || added.Header.Get("ETag") == full.Header.Get("ETag") || added.Header.Get("ETag") == "" {
		t.Errorf("ETag %s after %s, body %q", added.Header.Get("ETag"), full.Header.Get("ETag"), added.Body)
	}
	rename("Every one", "").Want(t, 204)
	rename("All of us", "?attributes=members.value").Want(t, 204)
	for query, name := range map[string]string{"?excludedAttributes=members": "Us", "?attributes=displayName": "We"} {
		resource := rename(name, query).Want(t, 200).Object(t)
		if resource["displayName"] != name || resource["members"] != nil {
			t.Errorf("%s: %v", query, resource)
		}
	}
	if members, _ := o.Do(t, "GET", path, nil).Want(t, 200).Object(t)["members"].([]any); len(members) != 1001 {
		t.Errorf("GET has %d members", len(members))
	}
}

// 90
func TestBodies_ThatAreRefused(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "ada@example.org")
	for _, target := range []string{"POST /Users", "PUT /Users/" + id, "PATCH /Users/" + id} {
		method, path, _ := strings.Cut(target, " ")
		for body, scimType := range map[string]string{
			"": "invalidSyntax", "{": "invalidSyntax", "[]": "invalidSyntax", "null": "invalidSyntax", `{"a":1}{}`: "invalidSyntax",
			`{"userName":"a","userName":"b"}`: "invalidSyntax", "{\"userName\":\"\xff\"}": "invalidSyntax",
			`{"userName":"a\u0000b"}`: "invalidSyntax", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40): "invalidSyntax",
		} {
			o.Do(t, method, path, body).Refused(t, 400, scimType)
		}
		o.Do(t, method, path, "{}", "Content-Type: text/xml").Refused(t, 415, "")
		o.Do(t, method, path, `{"title":"`+strings.Repeat("x", 1<<20)+`"}`).Refused(t, 413, "")
	}
	if list := o.Do(t, "GET", "/Users", nil).List(t); list.TotalResults != 1 {
		t.Errorf("a refused body made a user: %v", list.Resources)
	}
	group := "/Groups/" + o.NewGroup(t, "Night Shift")
	large := `{"displayName":"Night Shift","unknown":"` + strings.Repeat("x", 2<<20) + `"}`
	o.Do(t, "PUT", group, large).Want(t, 200)
}

// 90, 96
func TestRateLimit_IsASCIMError(t *testing.T) {
	t.Parallel()
	o := servertest.NewWith(t, servertest.Options{RateLimit: 2}).NewOrg(t)
	o.Do(t, "GET", "/Users", nil).Want(t, 200)
	o.Do(t, "GET", "/Groups", nil).Want(t, 200)
	answer := o.Do(t, "GET", "/Users", nil)
	answer.Refused(t, 429, "")
	if answer.Header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
}

// RFC 7643 section 3.1: where a resource is, is in the headers and in the body.
func TestAnswers_TellWhereTheResourceIs(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user, group := "/Users/"+o.NewUser(t, "ada@example.org"), "/Groups/"+o.NewGroup(t, "Night Shift")
	role := o.Do(t, "GET", "/Roles", nil).List(t).Resources[0]["id"].(string)
	for _, a := range []*servertest.Answer{
		o.Do(t, "POST", "/Users", map[string]any{"userName": "bob@example.org"}).Want(t, 201),
		o.Do(t, "GET", user, nil).Want(t, 200),
		o.Do(t, "GET", user+"?attributes=meta", nil).Want(t, 200),
		o.Do(t, "PUT", user, map[string]any{"userName": "ada@example.org", "title": "Countess"}).Want(t, 200),
		o.Do(t, "PATCH", user, setTitle("Lady")).Want(t, 200),
		o.Do(t, "GET", group, nil).Want(t, 200),
		o.Do(t, "PATCH", group, servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": "Day Shift"})).Want(t, 200),
		o.Do(t, "GET", "/Roles/"+role, nil).Want(t, 200),
		o.Do(t, "GET", "/serviceproviderconfig", nil).Want(t, 200),
		o.Do(t, "GET", "/Schemas/"+"urn:ietf:params:scim:schemas:core:2.0:group", nil).Want(t, 200),
		o.Do(t, "GET", "/api/v2/scim/ResourceTypes/group", nil).Want(t, 200),
	} {
		meta := a.Object(t)["meta"].(map[string]any)
		if a.Header.Get("Location") != meta["location"] || a.Header.Get("Content-Location") != meta["location"] {
			t.Errorf("Location %q, Content-Location %q, want %q", a.Header.Get("Location"), a.Header.Get("Content-Location"), meta["location"])
		}
	}
	head := o.Do(t, "HEAD", user, nil).Want(t, 200)
	if !strings.HasSuffix(head.Header.Get("Content-Location"), user) {
		t.Errorf("HEAD has Content-Location %q", head.Header.Get("Content-Location"))
	}
	unchanged := o.Do(t, "GET", user, nil, "If-None-Match: *").Want(t, 304) // RFC 9110 section 15.4.5
	if !strings.HasSuffix(unchanged.Header.Get("Content-Location"), user) {
		t.Errorf("304 has Content-Location %q", unchanged.Header.Get("Content-Location"))
	}
	if at := o.Do(t, "GET", "/Schemas", nil).Want(t, 200).Header.Get("Location"); at != "" {
		t.Errorf("a list has Location %q", at)
	}
	for _, refused := range []*servertest.Answer{
		o.Do(t, "PATCH", user, setTitle("Duchess"), `If-Match: "0"`).Want(t, 412),
		o.Do(t, "GET", "/Users/nobody", nil).Want(t, 404),
	} {
		if refused.Header.Get("Content-Location") != "" {
			t.Errorf("an error has Content-Location %q", refused.Header.Get("Content-Location"))
		}
	}
}

// The manager of a user is told by an absolute URL.
func TestAnswers_TellTheManagerByURL(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	bob := o.Do(t, "POST", "/Users", map[string]any{
		"userName": "bob@example.org", enterprise: map[string]any{"manager": ada}, "title": `"$ref":"../Users/x"`,
	}).Want(t, 201).ID(t)
	for _, query := range []string{"", "?attributes=" + enterprise + ":manager,title", "?excludedAttributes=name"} {
		got := o.Do(t, "GET", "/Users/"+bob+query, nil).Want(t, 200).Object(t)
		manager := got[enterprise].(map[string]any)["manager"].(map[string]any)
		if want := server.URL + servertest.SCIM + "/Users/" + ada; manager["$ref"] != want || got["title"] != `"$ref":"../Users/x"` {
			t.Errorf("%s: $ref is %v, want %s; title is %v", query, manager["$ref"], want, got["title"])
		}
	}
}

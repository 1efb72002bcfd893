package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

const (
	schemasPath = "/api/v2/directory/schemas"
	badgeURN    = "urn:example:params:scim:schemas:extension:badge:2.0:User"
	costURN     = "urn:example:params:scim:schemas:extension:cost:2.0:Group"
)

// badge is a schema with an attribute of each kind. Further attributes are JSON.
func badge(more ...string) string {
	attributes := append([]string{
		`{"name":"number","type":"string","caseExact":true,"required":true}`,
		`{"name":"floor","type":"integer"}`,
		`{"name":"score","type":"decimal"}`,
		`{"name":"guest","type":"boolean"}`,
		`{"name":"expires","type":"dateTime"}`,
		`{"name":"photo","type":"binary"}`,
		`{"name":"link","type":"reference","referenceTypes":["external"]}`,
		`{"name":"colour","type":"string","canonicalValues":["red","green"]}`,
		`{"name":"issued","type":"string","mutability":"immutable"}`,
		`{"name":"printed","type":"boolean","mutability":"readOnly"}`,
		`{"name":"note","type":"string","returned":"request"}`,
		`{"name":"tags","type":"string","multiValued":true}`,
		`{"name":"department","type":"string"}`,
		`{"name":"holder","type":"complex","subAttributes":[{"name":"name","type":"string"},{"name":"since","type":"integer","mutability":"immutable"}]}`,
		`{"name":"doors","type":"complex","multiValued":true,"subAttributes":[{"name":"value","type":"string","required":true},{"name":"level","type":"integer"}]}`,
	}, more...)
	return `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Schema"],"id":"` + badgeURN + `","name":"Badge","attributes":[` + strings.Join(attributes, ",") + `]}`
}

const cost = `{"id":"` + costURN + `","name":"Cost","attributes":[{"name":"centre","type":"integer"}]}`

func declaration(resource, definition string) string {
	return `{"resourceType":"` + resource + `","schema":` + definition + `}`
}

func declare(t *testing.T, o *servertest.Org, resource, definition string) {
	t.Helper()
	o.Do(t, "POST", schemasPath, declaration(resource, definition)).Want(t, 200)
}

// badged makes a user with values of the badge schema.
func badged(t *testing.T, o *servertest.Org, name, values string) map[string]any {
	t.Helper()
	return o.Do(t, "POST", "/Users", `{"userName":"`+name+`","`+badgeURN+`":`+values+`}`).Want(t, 201).Object(t)
}

func found(t *testing.T, o *servertest.Org, path, filter string) []string {
	t.Helper()
	return o.Do(t, "GET", path+"?filter="+url.QueryEscape(filter), nil).List(t).IDs()
}

func verified(t *testing.T, s *servertest.Server, o *servertest.Org) {
	t.Helper()
	now, err := s.Store.Registry().Org(t.Context(), o.ID)
	if err != nil {
		t.Fatal(err)
	}
	types, err := s.Directory.TypesOf(t.Context(), now)
	if err != nil {
		t.Fatal(err)
	}
	own := schema.Types{types.Of(schema.User), types.Of(schema.Group)}
	if err := s.Store.Verify(t.Context(), o.ID, own, func(difference string) { t.Error(difference) }); err != nil {
		t.Fatal(err)
	}
}

func TestSchemas_AreDiscovered(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	plain := o.Do(t, "GET", "/Schemas", nil).List(t).TotalResults
	declare(t, o, "User", badge())
	declare(t, o, "Group", cost)
	if got := o.Do(t, "GET", "/Schemas", nil).List(t).TotalResults; got != plain+2 {
		t.Errorf("%d schemas, want %d and 2 more", got, plain)
	}
	one := o.Do(t, "GET", "/Schemas/"+strings.ToUpper(badgeURN), nil).Want(t, 200).Object(t)
	first := one["attributes"].([]any)[0]
	want := map[string]any{
		"name": "number", "type": "string", "multiValued": false, "description": "", "required": true, "caseExact": true,
		"mutability": "readWrite", "returned": "default", "uniqueness": "none",
	}
	if diff := cmp.Diff(any(want), first); diff != "" || one["id"] != badgeURN {
		t.Errorf("%v: (-want +got):\n%s", one["id"], diff)
	}
	for name, urn := range map[string]string{"User": badgeURN, "Group": costURN} {
		kind := o.Do(t, "GET", "/ResourceTypes/"+name, nil).Want(t, 200).Object(t)
		extensions := kind["schemaExtensions"].([]any)
		if diff := cmp.Diff(any(map[string]any{"schema": urn, "required": false}), extensions[len(extensions)-1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	stranger := *o
	stranger.Token = "none"
	if got := stranger.Do(t, "GET", "/Schemas", nil).List(t).TotalResults; got != plain {
		t.Errorf("who has no token sees %d schemas, want %d", got, plain)
	}
	stranger.Do(t, "GET", "/Schemas/"+badgeURN, nil).Refused(t, 404, "")
}

func TestSchemas_ValuesLiveLikeBuiltInOnes(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	declare(t, o, "User", badge())
	o.NewUser(t, "nobody")
	user := badged(t, o, "ada", `{"NUMBER":"B-7","floor":3,"score":2.50,"guest":"True","expires":"2027-01-31T10:00:00+02:00",
		"photo":"AQID","link":"https://example.org/7","colour":"red","issued":"HQ","printed":true,"note":"secret","tags":["a","b","a"],
		"department":"Gate","holder":{"name":"Ada","since":1},"doors":[{"value":"north","level":2},{"value":"south"}]}`)
	want := map[string]any{
		"number": "B-7", "floor": 3.0, "score": 2.5, "guest": true, "expires": "2027-01-31T08:00:00.000Z", "photo": "AQID",
		"link": "https://example.org/7", "colour": "red", "issued": "HQ", "tags": []any{"a", "b"}, "department": "Gate",
		"note": "secret", "holder": map[string]any{"name": "Ada", "since": 1.0},
		"doors": []any{map[string]any{"value": "north", "level": 2.0}, map[string]any{"value": "south"}},
	}
	if diff := cmp.Diff(any(want), user[badgeURN]); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	delete(want, "note") // returned on request, and to who sent it
	if urns := user["schemas"].([]any); !slices.Contains(urns, any(badgeURN)) {
		t.Errorf("schemas is %v", urns)
	}
	id := user["id"].(string)
	for filter, finds := range map[string]bool{
		`number eq "B-7"`: true, `number eq "b-7"`: false, badgeURN + `:number sw "B"`: true, `colour eq "RED"`: true,
		`floor gt 2`: true, `floor ge 4`: false, `score eq 2.5`: true, `guest eq true`: true, `guest eq "false"`: false,
		`expires lt "2027-01-31T08:00:01Z"`: true, `photo eq "AQID"`: true, `tags eq "B"`: true, `tags eq "c"`: false,
		`tags[value eq "B"]`: true, `tags[value sw "a" and value ew "b"]`: false,
		`doors[value eq "north" and level gt 1]`: true, `doors[value eq "south" and level gt 1]`: false,
		badgeURN + `:holder.name co "d"`: true, badgeURN + `:note pr`: true, badgeURN + `:department eq "gate"`: true,
		`department eq "gate"`: false, `schemas eq "` + badgeURN + `"`: true,
	} {
		if got := found(t, o, "/Users", `userName eq "ada" and `+filter); (len(got) == 1) != finds {
			t.Errorf("%s finds %v", filter, got)
		}
	}
	one := "/Users/" + id
	projected := o.Do(t, "GET", one+"?attributes="+badgeURN+":floor,"+badgeURN+":note,doors.level", nil).Want(t, 200).Object(t)
	if diff := cmp.Diff(any(map[string]any{"floor": 3.0, "note": "secret", "doors": []any{map[string]any{"level": 2.0}}}), projected[badgeURN]); diff != "" {
		t.Errorf("projected (-want +got):\n%s", diff)
	}
	if got := o.Do(t, "GET", one+"?excludedAttributes="+badgeURN, nil).Object(t)[badgeURN]; got != nil {
		t.Errorf("excluded, but it is %v", got)
	}
	changed := o.Do(t, "PATCH", one, servertest.Patch(
		map[string]any{"op": "replace", "path": badgeURN + ":floor", "value": 4},
		map[string]any{"op": "add", "path": badgeURN + `:doors[value eq "south"].level`, "value": 9},
		map[string]any{"op": "remove", "path": badgeURN + `:tags[value eq "A"]`},
		map[string]any{"op": "add", "value": map[string]any{badgeURN + ":score": 1, badgeURN: map[string]any{"holder": map[string]any{"name": "Bob"}}}},
	)).Want(t, 200).Object(t)[badgeURN].(map[string]any)
	want["floor"], want["score"], want["tags"] = 4.0, 1.0, []any{"b"}
	want["holder"] = map[string]any{"name": "Bob", "since": 1.0}
	want["doors"].([]any)[1].(map[string]any)["level"] = 9.0
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("patched (-want +got):\n%s", diff)
	}
	again := o.Do(t, "PUT", one, map[string]any{"userName": "ada", badgeURN: map[string]any{"number": "B-8"}}).Want(t, 200).Object(t)
	if diff := cmp.Diff(any(map[string]any{"number": "B-8", "issued": "HQ"}), again[badgeURN]); diff != "" {
		t.Errorf("PUT (-want +got):\n%s", diff)
	}
	gone := o.Do(t, "PATCH", one, servertest.Patch(map[string]any{"op": "remove", "path": badgeURN})).Refused(t, 400, "mutability")
	if !strings.Contains(gone, "issued") {
		t.Errorf("refused for %s", gone)
	}
	bob := badged(t, o, "bob", `{"number":"1","tags":["x"],"doors":[{"value":"east"}]}`)
	cleared := o.Do(t, "PATCH", "/Users/"+bob["id"].(string), servertest.Patch(map[string]any{"op": "remove", "path": badgeURN})).Want(t, 200).Object(t)
	if cleared[badgeURN] != nil {
		t.Errorf("removed as a whole, but it is %v", cleared[badgeURN])
	}
	verified(t, server, o)
}

func TestSchemas_ValuesAreChecked(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	declare(t, o, "User", badge())
	for values, kind := range map[string]string{
		`{"floor":1}`:                                "number is required",
		`{"number":"1","floor":1.5}`:                 "floor",
		`{"number":"1","floor":"first"}`:             "floor",
		`{"number":true}`:                            "number",
		`{"number":"1","guest":"maybe"}`:             "guest",
		`{"number":"1","expires":"tomorrow"}`:        "expires",
		`{"number":"1","photo":"?"}`:                 "photo",
		`{"number":"1","holder":"Ada"}`:              "holder",
		`{"number":"1","Number":"2"}`:                "given twice",
		`{"number":"1","colour":["red","green"]}`:    "colour",
		`{"number":"1","score":1` + zeros(400) + `}`: "score",
	} {
		scimType := "invalidValue"
		if strings.Contains(values, "Number") {
			scimType = "invalidSyntax"
		}
		detail := o.Do(t, "POST", "/Users", `{"userName":"ada","`+badgeURN+`":`+values+`}`).Refused(t, 400, scimType)
		if !strings.Contains(detail, kind) {
			t.Errorf("%s: %s", values, detail)
		}
	}
	id := badged(t, o, "ada", `{"number":"1","issued":"HQ","holder":{"since":1}}`)["id"].(string)
	for path, value := range map[string]any{"issued": "Branch", "printed": true, "holder.since": 2} {
		change := servertest.Patch(map[string]any{"op": "replace", "path": badgeURN + ":" + path, "value": value})
		o.Do(t, "PATCH", "/Users/"+id, change).Refused(t, 400, "mutability")
	}
	for _, values := range []string{`{"number":"1","issued":"Branch"}`, `{"number":"1","issued":"HQ","holder":{"since":2}}`} {
		o.Do(t, "PUT", "/Users/"+id, `{"userName":"ada","`+badgeURN+`":`+values+`}`).Refused(t, 400, "mutability")
	}
	o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "remove", "path": badgeURN + ":number"})).Refused(t, 400, "mutability")
}

func zeros(n int) string { return strings.Repeat("0", n) }

func TestSchemas_OfGroups(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	declare(t, o, "Group", cost)
	made := o.Do(t, "POST", "/Groups", map[string]any{"displayName": "Support", costURN: map[string]any{"centre": 7}}).Want(t, 201).Object(t)
	id := made["id"].(string)
	if got := found(t, o, "/Groups", "centre eq 7"); !slices.Equal(got, []string{id}) {
		t.Errorf("found %v", got)
	}
	o.Do(t, "PUT", "/api/v2/groups/"+id, map[string]any{"name": "Support 2"}).Want(t, 200)
	change := servertest.Patch(map[string]any{"op": "replace", "path": "centre", "value": 8}, map[string]any{
		"op": "add", "path": "members", "value": servertest.Values(o.NewUser(t, "ada")),
	})
	changed := o.Do(t, "PATCH", "/Groups/"+id, change).Want(t, 200).Object(t)
	if diff := cmp.Diff(any(map[string]any{"centre": 8.0}), changed[costURN]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	o.Do(t, "DELETE", schemasPath+"/"+costURN, nil).Want(t, 409)
	o.Do(t, "DELETE", schemasPath+"/"+costURN+"?force=true", nil).Want(t, 204)
	if got := o.Do(t, "GET", "/Groups/"+id, nil).Object(t); got[costURN] != nil || len(got["schemas"].([]any)) != 1 {
		t.Errorf("values are left: %v", got)
	}
	verified(t, server, o)
}

func TestSchemas_InBulkSearchAndSorting(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	declare(t, o, "User", badge())
	declare(t, o, "Group", cost)
	var operations []map[string]any
	for i, floor := range []int{3, 10, 2} {
		operations = append(operations, map[string]any{
			"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i), "data": map[string]any{
				"userName": fmt.Sprint("user", i), badgeURN: map[string]any{"number": fmt.Sprint(i), "floor": floor, "colour": string("bCa"[i])},
			},
		})
	}
	for i, tag := range []string{"x", "y"} {
		operations = append(operations, map[string]any{"method": "PATCH", "path": fmt.Sprint("/Users/bulkId:", i), "data": servertest.Patch(
			map[string]any{"op": "add", "path": badgeURN + ":tags", "value": []string{tag}},
		)})
	}
	operations = append(operations, map[string]any{"method": "PUT", "path": "/Groups/" + o.NewGroup(t, "Choir"), "data": map[string]any{
		"displayName": "Choir", costURN: map[string]any{"centre": 5},
	}})
	answer := o.Do(t, "POST", "/Bulk", map[string]any{"schemas": []string{scim.BulkRequestURN}, "Operations": operations}).Want(t, 200)
	if strings.Contains(string(answer.Body), `"status":"4`) {
		t.Fatalf("%s", answer.Body)
	}
	for sortBy, want := range map[string]string{
		badgeURN + ":floor": "user2 user0 user1", badgeURN + ":colour": "user2 user0 user1", badgeURN + ":number": "user0 user1 user2",
		badgeURN + ":tags": "user0 user1 user2",
	} {
		for _, cursor := range []string{"", "&cursor="} {
			list := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(badgeURN+`:floor pr`)+"&sortBy="+sortBy+cursor, nil).List(t)
			var names []string
			for _, user := range list.Resources {
				names = append(names, user["userName"].(string))
			}
			if got := strings.Join(names, " "); got != want {
				t.Errorf("sorted by %s%s: %s, want %s", sortBy, cursor, got, want)
			}
		}
	}
	both := o.Do(t, "POST", "/.search", map[string]any{"schemas": []string{scim.SearchRequestURN}, "filter": "floor eq 10 or centre eq 5"}).List(t)
	if both.TotalResults != 2 || both.Resources[0][badgeURN] == nil || both.Resources[1][costURN] == nil {
		t.Errorf("found %v", both)
	}
	verified(t, server, o)
}

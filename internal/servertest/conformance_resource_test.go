package servertest_test

import (
	"maps"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// create posts a user and gives the answer.
func create(t testing.TB, o *servertest.Org, user map[string]any) map[string]any {
	t.Helper()
	return o.Do(t, "POST", "/Users", user).Want(t, 201).Object(t)
}

// read gets a user.
func read(t testing.TB, o *servertest.Org, id any) map[string]any {
	t.Helper()
	return o.Do(t, "GET", "/Users/"+id.(string), nil).Want(t, 200).Object(t)
}

var instant = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`)

// RFC 7643 section 3.1: what every resource has is the server's to say.
func TestResource_CommonAttributes(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	const mine = "bulkId:01a20000-0000-7000-8000-000000000000"
	answer := o.Do(t, "POST", "/Users", map[string]any{
		"userName": "ada", "id": mine, "groups": servertest.Values(mine),
		"meta": map[string]any{"resourceType": "Group", "created": "2001-01-01T00:00:00Z", "location": "https://example.org/", "version": "7"},
	}).Want(t, 201)
	user := answer.Object(t)
	id, _ := user["id"].(string)
	meta, _ := user["meta"].(map[string]any)
	created, _ := meta["created"].(string)
	if id == "" || strings.Contains(strings.ToLower(id), "bulkid") || user["groups"] != nil {
		t.Errorf("id %q, groups %v", id, user["groups"])
	}
	if !instant.MatchString(created) || strings.HasPrefix(created, "2001") || meta["lastModified"] != created {
		t.Errorf("created %v, lastModified %v", meta["created"], meta["lastModified"])
	}
	location := server.URL + servertest.SCIM + "/Users/" + id
	if meta["resourceType"] != "User" || meta["location"] != location || answer.Header.Get("Location") != location {
		t.Errorf("Location %s, meta %v", answer.Header.Get("Location"), meta)
	}
	changed := o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "add", "path": "title", "value": "Countess"})).Want(t, 200).Object(t)
	after := changed["meta"].(map[string]any)
	if modified, _ := after["lastModified"].(string); changed["id"] != id || after["created"] != created || after["version"] == meta["version"] || modified < created {
		t.Errorf("after a change: id %v, meta %v", changed["id"], after)
	}
	group := o.Do(t, "GET", "/Groups/"+o.NewGroup(t, "Night Shift"), nil).Want(t, 200).Object(t)["meta"].(map[string]any)
	if group["resourceType"] != "Group" || group["lastModified"] != group["created"] {
		t.Errorf("of a group: %v", group)
	}
}

// RFC 7643 section 3: schemas says which extensions have values.
func TestResource_SchemasAreThoseInUse(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	is := func(when string, user map[string]any, want ...any) {
		t.Helper()
		if diff := cmp.Diff(want, user["schemas"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
	values := map[string]any{"externalIds": []any{map[string]any{"authority": "a", "value": "7"}}}
	is("named without values", create(t, o, map[string]any{"userName": "a", "schemas": []any{core, genesys}}), core, enterprise)
	is("named twice, and foreign", create(t, o, map[string]any{"userName": "b", "schemas": []any{core, core, "urn:example:other"}}), core, enterprise)
	user := create(t, o, map[string]any{"userName": "c", "schemas": []any{core}, genesys: values})
	is("with values that are not named", user, core, enterprise, genesys)
	patch := func(op map[string]any) map[string]any {
		return o.Do(t, "PATCH", "/Users/"+user["id"].(string), servertest.Patch(op)).Want(t, 200).Object(t)
	}
	is("after its last value", patch(map[string]any{"op": "remove", "path": genesys + ":externalIds"}), core, enterprise)
	is("after its first value", patch(map[string]any{"op": "add", "path": genesys + ":externalIds", "value": values["externalIds"]}), core, enterprise, genesys)
}

// RFC 7643 section 2.5: null, nothing and an empty list are one state, which is
// not answered.
func TestResource_UnassignedIsAbsent(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	bare := create(t, o, map[string]any{"userName": "ada"})
	user := create(t, o, map[string]any{
		"userName": "bob", "displayName": "ada", "nickName": nil, "title": nil, "entitlements": []any{}, "addresses": nil, "photos": []any{},
		"name": map[string]any{"givenName": nil, "familyName": nil}, enterprise: map[string]any{"department": nil, "manager": nil},
	})
	assigned := map[string]any{"title": "x", "entitlements": []any{map[string]any{"value": "x"}}, "name": map[string]any{"givenName": "x"}}
	o.Do(t, "PATCH", "/Users/"+user["id"].(string), servertest.Patch(map[string]any{"op": "add", "value": assigned})).Want(t, 200)
	for name := range assigned {
		change := map[string]any{"op": "replace", "path": name, "value": nil}
		if name == "entitlements" {
			change["value"] = []any{}
		}
		o.Do(t, "PATCH", "/Users/"+user["id"].(string), servertest.Patch(change)).Want(t, 200)
	}
	for when, got := range map[string]map[string]any{"created": user, "cleared": read(t, o, user["id"])} {
		if diff := cmp.Diff(keysOf(bare), keysOf(got)); diff != "" {
			t.Errorf("%s (-of a user with nothing +got):\n%s", when, diff)
		}
	}
	noNulls(t, "", o.Do(t, "GET", "/Users", nil).Object(t))
}

// keysOf are the names in an object.
func keysOf(object map[string]any) map[string]bool {
	names := map[string]bool{}
	for name := range object {
		names[name] = true
	}
	return names
}

func noNulls(t *testing.T, path string, value any) {
	t.Helper()
	switch value := value.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case []any:
		if len(value) == 0 {
			t.Errorf("%s is empty", path)
		}
		for _, element := range value {
			noNulls(t, path+"[]", element)
		}
	case map[string]any:
		for name, member := range value {
			noNulls(t, path+"."+name, member)
		}
	}
}

// RFC 7643 section 2.1 and RFC 7644 section 3.10: names and URNs in any case.
func TestResource_NamesInAnyCase(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user := o.Do(t, "POST", "/Users", `{"USERNAME":"ada","NAME":{"GIVENname":"Ada"},"`+strings.ToUpper(enterprise)+`":{"DEPARTMENT":"Looms"}}`).Want(t, 201).Object(t)
	if diff := cmp.Diff(map[string]any{"givenName": "Ada"}, user["name"]); diff != "" || user["userName"] != "ada" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]any{"department": "Looms", "division": "Home"}, user[enterprise]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, body := range []string{
		`{"userName":"bob","title":"a","TITLE":"b"}`, `{"userName":"bob","name":{"givenName":"a","givenname":"b"}}`,
		`{"userName":"bob","` + enterprise + `":{},"` + strings.ToUpper(enterprise) + `":{}}`,
	} {
		o.Do(t, "POST", "/Users", body).Refused(t, 400, "invalidSyntax")
	}
}

// RFC 7643 section 3.1: externalId is the client's own, and exact.
func TestResource_ExternalIDIsTheClients(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	if user := create(t, o, map[string]any{"userName": "none"}); user["externalId"] != nil {
		t.Errorf("the server set %v", user["externalId"])
	}
	var same []string
	for _, name := range []string{"ada", "bob"} {
		same = append(same, create(t, o, map[string]any{"userName": name, "externalId": "HR-7"})["id"].(string))
	}
	create(t, o, map[string]any{"userName": "eve", "externalId": "hr-7"})
	if got := o.Do(t, "GET", "/Users?filter="+url.QueryEscape(`externalId eq "HR-7"`), nil).List(t).IDs(); !cmp.Equal(got, same) {
		t.Errorf("found %v, want %v", got, same)
	}
}

// RFC 7643 section 2.4: one value is primary.
func TestResource_HasOnePrimaryValue(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "ada")
	two := []any{map[string]any{"value": "a@example.org", "primary": true}, map[string]any{"value": "b@example.org", "primary": true}}
	for _, answer := range []*servertest.Answer{
		o.Do(t, "POST", "/Users", map[string]any{"userName": "bob", "emails": two}),
		o.Do(t, "PUT", "/Users/"+id, map[string]any{"userName": "ada", "emails": two}),
		o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "replace", "path": "emails", "value": two})),
	} {
		if detail := answer.Refused(t, 400, "invalidValue"); !strings.Contains(detail, "emails") {
			t.Errorf("the detail does not name the attribute: %s", detail)
		}
	}
}

// RFC 7643 section 2.4: equal values are one.
func TestResource_HoldsEqualValuesOnce(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	work := map[string]any{"value": "a", "type": "work"}
	user := create(t, o, map[string]any{"userName": "ada", "entitlements": []any{work, work}})
	add := map[string]any{"op": "add", "path": "entitlements", "value": []any{work}}
	again := o.Do(t, "PATCH", "/Users/"+user["id"].(string), servertest.Patch(add)).Want(t, 200).Object(t)
	if diff := cmp.Diff([]any{work}, again["entitlements"]); diff != "" || !cmp.Equal(user["meta"], again["meta"]) {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// What a client sends it reads again, in its order and as it was written.
func TestResource_KeepsWhatWasSent(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	want := map[string]any{
		"displayName": "Ädä  \"Countess\" <i>\u2028🧶",
		"addresses":   []any{map[string]any{"type": "work", "country": "Deutschland", "locality": "Köln"}, map[string]any{"type": "home", "country": "GB"}},
		"emails":      []any{map[string]any{"value": "Ada@EXAMPLE.org", "type": "work"}, map[string]any{"value": "a@example.org", "type": "home"}},
		"ims":         []any{map[string]any{"value": "z"}, map[string]any{"value": "a"}, map[string]any{"value": "m"}},
	}
	sent := map[string]any{"userName": "ada@example.org"}
	maps.Copy(sent, want)
	user := read(t, o, create(t, o, sent)["id"])
	for name, value := range want {
		got := user[name]
		if name == "emails" {
			got = got.([]any)[:2] // the third is the mirror of userName
		}
		if diff := cmp.Diff(value, got); diff != "" {
			t.Errorf("%s (-sent +read):\n%s", name, diff)
		}
	}
}

// RFC 7643 sections 2.2 and 7: what is required is there, and has a value.
func TestResource_RequiredAttributes(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user, group := "/Users/"+o.NewUser(t, "ada"), "/Groups/"+o.NewGroup(t, "Looms")
	for _, body := range []string{`{}`, `{"NAME":"x"}`, `{"NAME":null}`, `{"NAME":""}`} {
		for target, name := range map[string]string{"POST /Users": "userName", "PUT " + user: "userName", "PUT " + group: "displayName"} {
			method, path, _ := strings.Cut(target, " ")
			sent := strings.ReplaceAll(body, "NAME", name)
			if strings.HasSuffix(body, `"x"}`) {
				sent = `{"nickName":"x"}`
			}
			if detail := o.Do(t, method, path, sent).Refused(t, 400, "invalidValue"); !strings.Contains(detail, name) {
				t.Errorf("%s %s: the detail does not name %s: %s", target, sent, name, detail)
			}
		}
	}
}

// What no schema declares is stored nowhere.
func TestResource_UnknownAttributesAreNotStored(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	unknown := map[string]any{
		"userName": "ada", "shoeSize": 44, "name": map[string]any{"givenName": "Ada", "shoeSize": 44},
		enterprise: map[string]any{"shoeSize": 44}, "urn:example:other:User": map[string]any{"shoeSize": 44},
	}
	path := "/Users/" + create(t, o, unknown)["id"].(string)
	o.Do(t, "PUT", path, unknown).Want(t, 200)
	o.Do(t, "PATCH", path, servertest.Patch(map[string]any{"op": "add", "value": unknown})).Want(t, 200)
	if text := string(o.Do(t, "GET", path, nil).Want(t, 200).Body); strings.Contains(text, "shoeSize") || strings.Contains(text, "urn:example") {
		t.Errorf("it is stored: %s", text)
	}
}

// RFC 7643 section 2.3.7: each $ref leads from its resource to what value names.
func TestResource_ReferencesCanBeRead(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	boss := o.NewUser(t, "boss")
	ada := create(t, o, map[string]any{"userName": "ada", enterprise: map[string]any{"manager": map[string]any{"value": boss, "$ref": "https://example.org/x"}}})["id"].(string)
	group := o.NewGroup(t, "Looms", ada)
	user, team := read(t, o, ada), o.Do(t, "GET", "/Groups/"+group, nil).Object(t)
	extension, _ := user[enterprise].(map[string]any)
	manager, _ := extension["manager"].(map[string]any)
	for _, c := range []struct {
		id        string
		reference map[string]any
	}{{boss, manager}, {group, elements(user["groups"])[0]}, {ada, elements(team["members"])[0]}} {
		ref, _ := c.reference["$ref"].(string)
		path, ours := strings.CutPrefix(ref, server.URL)
		if !ours || c.reference["value"] != c.id {
			t.Errorf("a reference to %s is %v", c.id, c.reference)
			continue
		}
		if got := o.Do(t, "GET", path, nil).Want(t, 200).ID(t); got != c.id {
			t.Errorf("%s leads to %s, want %s", ref, got, c.id)
		}
	}
}

package platformapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
)

const (
	enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	genesys    = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
)

// kinds are the kinds of the catalogue: how a user names an entry, how a filter
// asks for it, and where the names are in an answer.
var kinds = []struct {
	path   string
	refer  func(name string) map[string]any
	filter string
	names  func(user map[string]any) []string
}{
	{
		roles,
		func(name string) map[string]any { return map[string]any{"roles": servertest.Values(name)} },
		"roles.value",
		func(user map[string]any) []string { return elements(user["roles"], "value") },
	},
	{
		divisions,
		func(name string) map[string]any {
			return map[string]any{enterprise: map[string]any{"division": name}}
		},
		"division",
		func(user map[string]any) []string {
			extension, _ := user[enterprise].(map[string]any)
			return []string{extension["division"].(string)}
		},
	},
	{
		skills,
		func(name string) map[string]any {
			return map[string]any{genesys: map[string]any{"routingSkills": []any{map[string]any{"name": name, "proficiency": 2.5}}}}
		},
		"routingSkills.name",
		func(user map[string]any) []string {
			return elements(user[genesys].(map[string]any)["routingSkills"], "name")
		},
	},
	{
		languages,
		func(name string) map[string]any {
			return map[string]any{genesys: map[string]any{"routingLanguages": []any{name}}}
		},
		"routingLanguages.name",
		func(user map[string]any) []string {
			return elements(user[genesys].(map[string]any)["routingLanguages"], "name")
		},
	},
}

func elements(list any, name string) (names []string) {
	for _, element := range list.([]any) {
		names = append(names, element.(map[string]any)[name].(string))
	}
	return names
}

func newUser(t *testing.T, o *servertest.Org, userName string, attributes map[string]any) string {
	t.Helper()
	attributes["userName"] = userName
	return o.Do(t, "POST", "/Users", attributes).Want(t, 201).ID(t)
}

func filtered(t *testing.T, o *servertest.Org, attribute, value string) []string {
	t.Helper()
	return o.Do(t, "GET", "/Users?filter="+url.QueryEscape(attribute+` eq "`+value+`"`), nil).List(t).IDs()
}

func version(user map[string]any) string { return user["meta"].(map[string]any)["version"].(string) }

func TestCatalogue_IsListedByPrefix(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, kind := range kinds {
		for _, name := range []string{"zürich", "Night", "NIGHTLY", "nightmare", "10%", "Knight"} {
			named(t, o, kind.path, name)
		}
		for prefix, want := range map[string][]string{
			"nIGHT": {"Night", "NIGHTLY", "nightmare"}, "ZÜ": {"zürich"}, "1": {"10%"}, "%": {}, "_": {}, "nightlyx": {},
		} {
			found := list(t, o, kind.path+"?name="+url.QueryEscape(prefix))
			expect(t, kind.path+" "+prefix, found.fields("name"), want)
			expect(t, "total", found.Total, len(want))
		}
	}
}

func TestCatalogue_EntriesAreReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, kind := range kinds {
		t.Run(kind.path, func(t *testing.T) {
			t.Parallel()
			made := o.Do(t, "POST", kind.path, map[string]any{"name": "first"}).Want(t, 200).Object(t)
			one := kind.path + "/" + made["id"].(string)
			expect(t, "read", o.Do(t, "GET", one, nil).Want(t, 200).Object(t), made)
			expect(t, "self", made["selfUri"], any(one))
			named(t, o, kind.path, "taken")
			refused(t, o.Do(t, "PUT", one, map[string]any{"name": "TAKEN"}), 409, "general.conflict")
			for _, name := range []any{nil, "", " ", 7, strings.Repeat("x", 501)} {
				message := refused(t, o.Do(t, "PUT", one, map[string]any{"name": name}), 400, "invalid.value")
				if !strings.HasPrefix(message, "name ") {
					t.Errorf("%v: %s", name, message)
				}
			}
			changed := o.Do(t, "PUT", one, map[string]any{"name": "FIRST", "more": 1}).Want(t, 200).Object(t)
			expect(t, "name", changed["name"], any("FIRST"))
			if made["version"] != nil {
				expect(t, "version", changed["version"], any("2"))
			}
			again := o.Do(t, "PUT", one, map[string]any{"name": "FIRST"}).Want(t, 200).Object(t)
			expect(t, "no change", again, changed)
			if kind.path != roles {
				refused(t, o.Do(t, "PATCH", one, map[string]any{"name": "x"}), 405, "method.not.allowed")
			}
			expect(t, "body of a deletion", len(o.Do(t, "DELETE", one, nil).Want(t, 204).Body), 0)
			for _, method := range []string{"GET", "DELETE"} {
				refused(t, o.Do(t, method, one, nil), 404, "not.found")
			}
			refused(t, o.Do(t, "PUT", one, map[string]any{"name": "x"}), 404, "not.found")
			refused(t, o.Do(t, "GET", kind.path+"/nothing", nil), 404, "not.found")
		})
	}
}

// A rename is in all documents at once: SCIM answers, filters and versions show it.
func TestCatalogue_RenamesReachTheUsers(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, others := server.NewOrg(t), server.NewOrg(t)
	for i, kind := range kinds {
		t.Run(kind.path, func(t *testing.T) {
			id := named(t, o, kind.path, "Ärzte")
			named(t, others, kind.path, "Ärzte")
			ada := newUser(t, o, fmt.Sprint("ada", i), kind.refer("ärzte"))
			eve := newUser(t, o, fmt.Sprint("eve", i), map[string]any{})
			theirs := newUser(t, others, fmt.Sprint("ada", i), kind.refer("Ärzte"))
			before := o.Do(t, "GET", "/Users/"+ada, nil).Object(t)
			expect(t, "as the catalogue writes it", kind.names(before), []string{"Ärzte"})
			message := refused(t, o.Do(t, "DELETE", kind.path+"/"+id, nil), 409, "general.conflict")
			if !strings.Contains(message, "1 users") {
				t.Errorf("the message does not tell how many refer to it: %s", message)
			}

			o.Do(t, "PUT", kind.path+"/"+id, map[string]any{"name": "Doctors"}).Want(t, 200)
			after := o.Do(t, "GET", "/Users/"+ada, nil, "If-None-Match: 1").Want(t, 200).Object(t)
			expect(t, "names", kind.names(after), []string{"Doctors"})
			expect(t, "version", version(after), "2")
			expect(t, "users of the old name", filtered(t, o, kind.filter, "Ärzte"), []string{})
			expect(t, "users of the new name", filtered(t, o, kind.filter, "doctors"), []string{ada})
			expect(t, "version of another user", version(o.Do(t, "GET", "/Users/"+eve, nil).Object(t)), "1")
			expect(t, "users of another organisation", filtered(t, others, kind.filter, "ÄRZTE"), []string{theirs})
			old := kind.refer("Ärzte")
			old["userName"] = "late"
			o.Do(t, "POST", "/Users", old).Refused(t, 400, "invalidValue")

			o.Do(t, "DELETE", "/Users/"+ada, nil).Want(t, 204)
			o.Do(t, "DELETE", kind.path+"/"+id, nil).Want(t, 204)
		})
	}
	verify(t, server, o)
}

func verify(t *testing.T, server *servertest.Server, o *servertest.Org) {
	t.Helper()
	err := server.Store.Verify(t.Context(), o.ID, schema.DefaultTypes, func(difference string) { t.Error(difference) })
	if err != nil {
		t.Error(err)
	}
}

// Two spellings of one name are one name after a rename.
func TestCatalogue_RenamesTwoSpellings(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	id := named(t, o, roles, "clerk")
	named(t, o, roles, "other")
	ada := newUser(t, o, "ada", map[string]any{"roles": servertest.Values("clerk", "other", "CLERK")})
	o.Do(t, "PATCH", roles+"/"+id, map[string]any{"name": "boss"}).Want(t, 200)
	expect(t, "roles", elements(o.Do(t, "GET", "/Users/"+ada, nil).Object(t)["roles"], "value"), []string{"boss", "other"})
	verify(t, server, o)
}

// Renames among PATCHes that keep, take and leave the name: every title that was
// acknowledged is there, and every name that is there exists.
func TestCatalogue_RenamesAmongPatches(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	id := named(t, o, roles, "clerk")
	var ids []string
	for i := range 8 {
		ids = append(ids, newUser(t, o, fmt.Sprint("user", i), map[string]any{"roles": servertest.Values("clerk")}))
	}
	var all sync.WaitGroup
	for i, user := range ids {
		all.Go(func() {
			for n := range 10 {
				title := map[string]any{"op": "replace", "path": "title", "value": fmt.Sprint("title ", n)}
				if a := o.Do(t, "PATCH", "/Users/"+user, servertest.Patch(title)); a.Status != 200 {
					t.Errorf("title: %d %s", a.Status, a.Body)
				}
				if i%2 == 0 {
					continue
				}
				name := []string{"clerk", "boss"}[n/2%2]
				change := map[string]any{"op": []string{"remove", "add"}[n%2], "path": "roles", "value": servertest.Values(name)}
				if a := o.Do(t, "PATCH", "/Users/"+user, servertest.Patch(change)); a.Status != 200 && a.Status != 400 {
					t.Errorf("roles: %d %s", a.Status, a.Body)
				}
			}
		})
	}
	all.Go(func() {
		for n := range 10 {
			name := []string{"boss", "clerk"}[n%2]
			if a := o.Do(t, "PATCH", roles+"/"+id, map[string]any{"name": name}); a.Status != 200 {
				t.Errorf("rename: %d %s", a.Status, a.Body)
			}
		}
	})
	all.Wait()
	for i, user := range ids {
		got := o.Do(t, "GET", "/Users/"+user, nil).Object(t)
		expect(t, "title", got["title"], any("title 9"))
		if i%2 == 0 {
			expect(t, "roles", elements(got["roles"], "value"), []string{"clerk"})
		}
	}
	expect(t, "users of a name that is no more", filtered(t, o, "roles.value", "boss"), []string{})
	verify(t, server, o)
}

func TestCatalogue_BuiltInEntriesStay(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	home := o.Do(t, "GET", divisions+"/home", nil).Want(t, 200).Object(t)
	expect(t, "home", []any{home["name"], home["homeDivision"]}, []any{"Home", true})
	builtIn := append(list(t, o, roles).Entities, home)
	if len(builtIn) < 4 {
		t.Fatalf("found only %v", builtIn)
	}
	for _, e := range builtIn {
		uri, name := e["selfUri"].(string), e["name"].(string)
		expect(t, "read", o.Do(t, "GET", uri, nil).Want(t, 200).Object(t), e)
		for _, other := range []string{"renamed", strings.ToLower(name) + strings.ToUpper(name)} {
			message := refused(t, o.Do(t, "PUT", uri, map[string]any{"name": other}), 409, "general.conflict")
			if !strings.HasPrefix(message, "name") {
				t.Error(message)
			}
		}
		refused(t, o.Do(t, "DELETE", uri, nil), 409, "general.conflict")
		e["description"] = "another"
		expect(t, "described", o.Do(t, "PUT", uri, e).Want(t, 200).Object(t)["description"], any("another"))
	}
}

func TestRoles_ChangeByPart(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	policy := map[string]any{"domain": "routing", "actionSet": []any{"view"}}
	made := o.Do(t, "POST", roles, map[string]any{
		"name": "clerk", "description": "Files", "permissions": []any{"a"}, "permissionPolicies": []any{policy},
	}).Want(t, 200).Object(t)
	one := made["selfUri"].(string)
	for range 3 {
		newUser(t, o, fmt.Sprint("user", len(filtered(t, o, "roles.value", "clerk"))), map[string]any{"roles": servertest.Values("CLERK")})
	}
	made["userCount"] = 3.0
	expect(t, "counted", o.Do(t, "GET", one, nil).Object(t), made)
	expect(t, "counted in a list", list(t, o, roles+"?name=clerk").Entities, []map[string]any{made})
	expect(t, "not counted", list(t, o, roles+"?name=clerk&userCount=false").Entities[0]["userCount"], any(0.0))

	made["permissions"] = []any{"b", "c"}
	expect(t, "permissions", o.Do(t, "PATCH", one, map[string]any{"permissions": made["permissions"]}).Want(t, 200).Object(t), made)
	expect(t, "nothing", o.Do(t, "PATCH", one, `{"name":null}`).Want(t, 200).Object(t), made)
	made["permissionPolicies"] = []any{}
	expect(t, "policies", o.Do(t, "PATCH", one, `{"permissionPolicies":[]}`).Want(t, 200).Object(t), made)
	made["name"], made["permissions"] = "boss", []any{}
	delete(made, "description")
	expect(t, "the whole", o.Do(t, "PUT", one, map[string]any{"name": "boss"}).Want(t, 200).Object(t), made)
	for body, field := range map[string]string{
		`{"name":""}`: "name", `{"permissions":1}`: "permissions", `{"permissionPolicies":[1]}`: "permissionPolicies", `{"description":{}}`: "description",
	} {
		if message := refused(t, o.Do(t, "PATCH", one, body), 400, "invalid.value"); !strings.HasPrefix(message, field) {
			t.Errorf("%s: %s", body, message)
		}
	}
}

// The role that may do everything goes on to: an administrator cannot take the
// last permissions from everyone.
func TestRoles_AdminKeepsItsPermissions(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	admin := list(t, o, roles+"?name=admin").Entities[0]
	one := admin["selfUri"].(string)
	for _, body := range []string{`{"permissions":[]}`, `{"permissionPolicies":[{"domain":"oauth"}]}`} {
		if message := refused(t, o.Do(t, "PATCH", one, body), 409, "general.conflict"); !strings.HasPrefix(message, "permissions") {
			t.Error(message)
		}
	}
	expect(t, "the same", o.Do(t, "PUT", one, admin).Want(t, 200).Object(t), admin)
}

package servertest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

const (
	rolesPath     = "/api/v2/authorization/roles"
	divisionsPath = "/api/v2/authorization/divisions"
)

// photos are so many values of a user, of 100 KiB each.
func photos(first, n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = map[string]any{"value": fmt.Sprintf("https://example.org/%d/%s", first+i, strings.Repeat("x", 100<<10)), "type": "photo"}
	}
	return list
}

func add(path string, value any) map[string]any {
	return servertest.Patch(map[string]any{"op": "add", "path": path, "value": value})
}

// No way of writing makes a resource larger than may be, and what is refused has
// changed nothing.
func TestLimits_HoldOnEveryWayOfWriting(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	large := map[string]any{"userName": "large", "photos": photos(0, 3)}
	long := map[string]any{"userName": "long", "title": strings.Repeat("x", 1<<17+1)}
	o.Do(t, "POST", "/Users", map[string]any{"userName": "just", "title": strings.Repeat("x", 1<<17)}).Want(t, 201)

	id := o.Do(t, "POST", "/Users", map[string]any{"userName": "ada", "photos": photos(0, 2)}).Want(t, 201).ID(t)
	group := o.NewGroup(t, "Night Shift")
	before := string(o.Do(t, "GET", "/Users/"+id, nil).Body)
	for _, test := range []struct {
		method, path string
		body         any
		attribute    string
	}{
		{"POST", "/Users", large, "photos"},
		{"POST", "/Users", long, "title"},
		{"PUT", "/Users/" + id, large, "photos"},
		{"PUT", "/Users/" + id, long, "title"},
		{"PATCH", "/Users/" + id, add("photos", photos(2, 1)), "photos"}, // each is small; all together are not
		{"PATCH", "/Users/" + id, add("title", long["title"]), "title"},
		{"PATCH", "/Users/" + id, add("name.formatted", long["title"]), "name.formatted"},
		{"PATCH", "/Groups/" + group, add("externalId", long["title"]), "externalId"},
	} {
		if detail := o.Do(t, test.method, test.path, test.body).Refused(t, 400, "invalidValue"); !strings.Contains(detail, test.attribute) || !strings.Contains(detail, "bytes") {
			t.Errorf("%s %s: %s; want the attribute %s and the limit", test.method, test.path, detail, test.attribute)
		}
	}
	do(t, o, "400", operation{Method: "PATCH", Path: "/Users/" + id, Data: add("photos", photos(2, 1))})
	if after := string(o.Do(t, "GET", "/Users/"+id, nil).Body); after != before {
		t.Error("what was refused has changed the user")
	}
}

// What was stored before there was a limit can be read and made smaller.
func TestLimits_LeaveAWayOutOfWhatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	id := o.Do(t, "POST", "/Users", map[string]any{"userName": "ada", "photos": photos(0, 2)}).Want(t, 201).ID(t)
	division := o.Do(t, "POST", divisionsPath, map[string]any{"name": "North"}).Want(t, 200).ID(t)
	grow(t, s, `update users set doc = replace(doc, 'xxxxxxxxxx', 'xxxxxxxxxxxxxxxxxxxx') where id = $1`, id)
	grow(t, s, `update catalogue set description = repeat('d', 3000) where id = $1`, division)

	o = o.At(servertest.NewWith(t, servertest.Options{Database: s.Database})) // which remembers nothing
	if n := len(o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Body); n < 400<<10 {
		t.Fatalf("the user has %d bytes", n)
	}
	o.Do(t, "PATCH", "/Users/"+id, add("title", "Countess")).Refused(t, 400, "invalidValue")
	o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "replace", "path": "photos", "value": photos(0, 1)})).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+id, add("title", "Countess")).Want(t, 200)

	o.Do(t, "PUT", divisionsPath+"/"+division, map[string]any{"name": "South", "description": strings.Repeat("e", 3001)}).Want(t, 400)
	o.Do(t, "PUT", divisionsPath+"/"+division, map[string]any{"name": "South", "description": strings.Repeat("e", 2999)}).Want(t, 200)
}

func grow(t *testing.T, s *servertest.Server, sql string, args ...any) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func TestLimits_HoldOnThePlatform(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	long := strings.Repeat("d", 2001)
	policies := []any{}
	for range 700 {
		policies = append(policies, map[string]any{"domain": "directory", "entityName": "user", "actionSet": []any{"view"}, "policyName": strings.Repeat("x", 80)})
	}
	role := o.Do(t, "POST", rolesPath, map[string]any{"name": "small", "permissionPolicies": policies[:300]}).Want(t, 200).ID(t)
	division := o.Do(t, "POST", divisionsPath, map[string]any{"name": "just", "description": long[1:]}).Want(t, 200).ID(t)
	group := o.NewGroup(t, "Night Shift")
	for _, test := range []struct {
		method, path string
		body         map[string]any
		names        string
	}{
		{"POST", rolesPath, map[string]any{"name": "large", "permissionPolicies": policies}, "permissionPolicies"},
		{"PUT", rolesPath + "/" + role, map[string]any{"name": "large", "permissionPolicies": policies}, "permissionPolicies"},
		{"PATCH", rolesPath + "/" + role, map[string]any{"permissionPolicies": policies}, "permissionPolicies"},
		{"PATCH", rolesPath + "/" + role, map[string]any{"description": long}, "description"},
		{"POST", rolesPath, map[string]any{"name": "long", "description": long}, "description"},
		{"POST", divisionsPath, map[string]any{"name": "long", "description": long}, "description"},
		{"PUT", divisionsPath + "/" + division, map[string]any{"name": "just", "description": long}, "description"},
		{"POST", divisionsPath, map[string]any{"name": strings.Repeat("n", 501)}, "name"},
		{"POST", "/api/v2/groups", map[string]any{"name": "g", "type": "official", "visibility": "public", "description": long}, "description"},
		{"PUT", "/api/v2/groups/" + group, map[string]any{"description": long}, "description"},
		{"POST", "/api/v2/oauth/clients", map[string]any{"name": "c", "authorizedGrantType": "CLIENT-CREDENTIALS", "description": long}, "description"},
	} {
		var e struct{ Code, Message string }
		o.Do(t, test.method, test.path, test.body).Want(t, 400).Decode(t, &e)
		if e.Code != "invalid.value" || !strings.Contains(e.Message, test.names) || !strings.Contains(e.Message, "bytes") {
			t.Errorf("%s %s: %s: %s; want %s and the limit", test.method, test.path, e.Code, e.Message, test.names)
		}
	}
}

// A role of few letters may name many permissions, or long ones: a policy names each of
// its actions with its domain.
func TestLimits_HoldForWhatARoleNames(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	actions := make([]any, 2001)
	for i := range actions {
		actions[i] = "view"
	}
	role := func(name, entity string, actions ...any) map[string]any {
		domain, entity, _ := strings.Cut(entity, ":")
		return map[string]any{"name": name, "permissionPolicies": []any{map[string]any{"domain": domain, "entityName": entity, "actionSet": actions}}}
	}
	const short, long = "recording:job", "employeePerformance:externalMetricDefinition"
	id := o.Do(t, "POST", rolesPath, role("a", short, actions[1:]...)).Want(t, 200).ID(t)
	for i, body := range []map[string]any{
		role("b", short, actions...),
		role("c", long, actions[1:]...),
		{"name": "d", "permissions": []any{"directory:user:add"}},
	} {
		method, path := "POST", rolesPath
		if i == 2 { // with the policies that the role has
			method, path = "PATCH", rolesPath+"/"+id
		}
		var e struct{ Code, Message string }
		o.Do(t, method, path, body).Want(t, 400).Decode(t, &e)
		if e.Code != "invalid.value" || !strings.Contains(e.Message, "permissionPolicies") || !strings.Contains(e.Message, "at most") {
			t.Errorf("%d: %s: %s", i, e.Code, e.Message)
		}
	}
	o.Do(t, "PATCH", rolesPath+"/"+id, map[string]any{"description": "as it is"}).Want(t, 200)
	o.Do(t, "PATCH", rolesPath+"/"+id, role("f", short, "view")).Want(t, 200)
}

// All tokens of a client share what its roles grant, until a role grants something else.
func TestTokens_ShareWhatTheyAreGranted(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	id := o.Do(t, "POST", rolesPath, map[string]any{"name": "large", "permissions": []any{strings.Repeat("x", 60<<10)}}).Want(t, 200).ID(t)
	o.Do(t, "POST", rolesPath, map[string]any{"name": "other", "permissions": []any{strings.Repeat("y", 60<<10)}}).Want(t, 200)
	client, _ := o.NewClient(t, "large", "other")
	granted := func() oauth.Permissions {
		t.Helper()
		token, _, err := s.OAuth.Issue(t.Context(), client, 0)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.OAuth.Verify(t.Context(), token)
		if err != nil || p.Permissions.Has("directory:user:add") {
			t.Fatalf("%v: %q", err, p.Permissions.Names())
		}
		return p.Permissions
	}
	first := granted()
	if granted() != first {
		t.Error("the second token has a set of its own")
	}
	o.Do(t, "PATCH", rolesPath+"/"+id, map[string]any{"permissions": []any{"oauth:client:view"}}).Want(t, 200)
	if now := granted(); now == first || !now.Has("oauth:client:view") || len(now.Names()) != 2 {
		t.Errorf("a token has %d permissions of before", len(now.Names()))
	}
}

func TestLimits_HoldForHowManyThereAre(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	grow(t, s, `
insert into catalogue (org_id, kind, id, version, created_at, modified_at, name, name_key, description, detail)
select $1, k, gen_random_uuid(), 1, now(), now(), 'n' || k || '-' || n, 'n' || k || '-' || n, '', '{}'
from   generate_series(1, 4) k, generate_series(1, $2 - 1 - (select count(*) from catalogue c where c.org_id = $1 and c.kind = k)) n`, int64(o.ID), directory.MaxEntries)
	grow(t, s, `
insert into oauth_clients (org_id, client_id, name, secret_hash, validity_seconds, state, roles, description, modified_at, created_at)
select $1, gen_random_uuid(), 'c', '', 300, 'active', '[]', '', now(), now()
from   generate_series(1, $2 - 1 - (select count(*) from oauth_clients c where c.org_id = $1))`, int64(o.ID), oauth.MaxClients)
	other := s.NewOrg(t)
	for _, path := range []string{rolesPath, divisionsPath, "/api/v2/routing/skills", "/api/v2/routing/languages", "/api/v2/oauth/clients"} {
		last := map[string]any{"name": "last", "authorizedGrantType": "CLIENT-CREDENTIALS"}
		o.Do(t, "POST", path, last).Want(t, 200)
		if a := o.Do(t, "POST", path, map[string]any{"name": "one more", "authorizedGrantType": "CLIENT-CREDENTIALS"}).Want(t, 400); !strings.Contains(string(a.Body), "no more are allowed") {
			t.Errorf("%s: %s", path, a.Body)
		}
		other.Do(t, "POST", path, last).Want(t, 200)
	}
}

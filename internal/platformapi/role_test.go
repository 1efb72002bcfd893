package platformapi_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// TestRoles_NobodyWidensTheirOwn has a client that may change roles change the
// one it carries: it may say what it likes of it, but not give it more.
func TestRoles_NobodyWidensTheirOwn(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	mine := []string{"authorization:role:edit", "authorization:role:add", "directory:group:view"}
	role := o.Do(t, http.MethodPost, "/api/v2/authorization/roles", map[string]any{"name": "Keeper", "permissions": mine}).Want(t, http.StatusOK).ID(t)
	keeper := o.As(t, "Keeper")
	path := "/api/v2/authorization/roles/" + role

	keeper.Do(t, http.MethodPatch, path, map[string]any{"description": "keeps the roles"}).Want(t, http.StatusOK)
	for _, wider := range []any{
		map[string]any{"permissions": []string{"*"}},
		map[string]any{"permissions": append([]string{"directory:user:delete"}, mine...)},
		map[string]any{"permissionPolicies": []any{map[string]any{"domain": "directory", "entityName": "user", "actionSet": []string{"delete"}}}},
	} {
		refused(t, keeper.Do(t, http.MethodPatch, path, wider), http.StatusForbidden, "not.authorized")
		keeper.Do(t, http.MethodPost, "/api/v2/authorization/roles", map[string]any{"name": "Wider", "permissions": []string{"*"}}).Want(t, http.StatusForbidden)
	}
	keeper.Do(t, http.MethodPatch, path, map[string]any{"permissions": mine[:2]}).Want(t, http.StatusOK)
	o.Do(t, http.MethodPatch, path, map[string]any{"permissions": []string{"directory:user:delete"}}).Want(t, http.StatusOK)
}

// A role names permissions that there are, in whole or by wildcards; the text says which
// part there is not. What it named before it may keep.
func TestRoles_NamePermissionsThatThereAre(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	const path = "/api/v2/authorization/roles"
	policy := func(domain, entity string, actions ...string) map[string]any {
		return map[string]any{"domain": domain, "entityName": entity, "actionSet": actions}
	}
	made := 0
	send := func(method, path string, policies []any, permissions ...string) *servertest.Answer {
		made++
		return o.Do(t, method, path, map[string]any{"name": fmt.Sprint("role ", made), "permissionPolicies": policies, "permissions": permissions})
	}
	for _, good := range []map[string]any{
		policy("directory", "user", "add", "setPassword"), policy("*", "*", "*"), policy("directory", "*", "setPassword"),
		policy("*", "user", "add"), policy("analytics", "conversationDetail", "*"), policy("scim", "events", "poll"), policy("directory", "user"),
		{},
	} {
		send("POST", path, []any{good}).Want(t, 200)
	}
	send("POST", path, nil, "*", "directory:*", "directory:user:*", "*:*:poll", "oauth:client:view", "group_creation").Want(t, 200)

	role := send("POST", path, []any{policy("directory", "user", "add")}).Want(t, 200).ID(t)
	for problem, bad := range map[string]map[string]any{
		"no domain directories":                      policy("directories", "user", "add"),
		"no domain Directory":                        policy("Directory", "user", "add"),
		"the domain directory has no entity users":   policy("directory", "users", "add"),
		"no entity oauth":                            policy("directory", "oauth"),
		"only add, delete, edit, erase, setPassword": policy("directory", "user", "add", "remove"),
		"no action **":                               policy("*", "*", "**"),
	} {
		for _, call := range [][2]string{{"POST", path}, {"PUT", path + "/" + role}, {"PATCH", path + "/" + role}} {
			if message := refused(t, send(call[0], call[1], []any{policy("directory", "user", "add"), bad}), 400, "invalid.value"); !strings.Contains(message, "permissionPolicies") || !strings.Contains(message, problem) {
				t.Errorf("%s: %s; want %q", call[0], message, problem)
			}
		}
	}
	for _, bad := range []string{"directory:user:fly", "directory:user", "directory:", "a:b:c", "directory:user:add:x", ":user:add:x", "*:nothing:*", ":nothing:*"} {
		if message := refused(t, send("POST", path, nil, "oauth:client:view", bad), 400, "invalid.value"); !strings.HasPrefix(message, "permissions name") {
			t.Errorf("%s: %s", bad, message)
		}
	}

	// As a release stored it that asked nobody.
	db, err := pgx.Connect(t.Context(), server.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	const before = `{"permissions": ["old:word:x"], "permissionPolicies": [{"domain": "old", "entityName": "e", "actionSet": ["a"]}]}`
	if _, err := db.Exec(t.Context(), `update catalogue set detail = $1 where id = $2`, before, role); err != nil {
		t.Fatal(err)
	}
	o.Do(t, "PATCH", path+"/"+role, map[string]any{"description": "as it was"}).Want(t, 200)
	kept := o.Do(t, "GET", path+"/"+role, nil).Want(t, 200).Object(t)
	kept["permissions"] = append(kept["permissions"].([]any), "directory:user:view")
	o.Do(t, "PUT", path+"/"+role, kept).Want(t, 200)
	refused(t, send("PATCH", path+"/"+role, []any{policy("old", "e", "b")}), 400, "invalid.value")
}

// The list has each permission that a call asks for, and all of its pages are the whole.
func TestPermissions_AreListedByDomain(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	type domain struct {
		Domain        string
		PermissionMap map[string][]struct{ Domain, EntityType, Action string }
	}
	names := func(domains []domain) (names []string) {
		for _, d := range domains {
			for entity, permissions := range d.PermissionMap {
				for _, p := range permissions {
					if p.Domain != d.Domain || p.EntityType != entity {
						t.Errorf("%+v under %s:%s", p, d.Domain, entity)
					}
					names = append(names, p.Domain+":"+p.EntityType+":"+p.Action)
				}
			}
		}
		slices.Sort(names)
		return names
	}
	get := func(query string) (domains []domain, total int) {
		var list struct {
			Entities []domain
			Total    int
		}
		o.Do(t, "GET", "/api/v2/authorization/permissions?"+query, nil).Want(t, 200).Decode(t, &list)
		return list.Entities, list.Total
	}
	all, total := get("pageSize=500")
	var paged []domain
	for number := range (total + 24) / 25 {
		page, _ := get(fmt.Sprint("pageNumber=", number+1))
		paged = append(paged, page...)
	}
	if len(all) != total || total < 50 {
		t.Errorf("%d domains of %d", len(all), total)
	}
	expect(t, "pages", names(paged), names(all))
	one, _ := get("queryType=domain&query=oauth,nothing")
	expect(t, "by domain", names(one), []string{"oauth:client:add", "oauth:client:authorize", "oauth:client:delete", "oauth:client:edit", "oauth:client:view", "oauth:token:delete"})
	few, _ := get("queryType=permission&query=oauth:token:delete,directory:user:add,oauth:token:fly")
	expect(t, "by permission", names(few), []string{"directory:user:add", "oauth:token:delete"})
	refused(t, o.Do(t, "GET", "/api/v2/authorization/permissions?queryType=x", nil), 400, "invalid.value")
	expect(t, "products", list(t, o, "/api/v2/authorization/products").Entities, []map[string]any{{"id": "collaborateFree"}})
}

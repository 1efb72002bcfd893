package servertest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// TestIsolation has one organisation try everything on what another owns.
func TestIsolation(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	owner, other := server.NewOrg(t, intolerant), server.NewOrg(t, intolerant)
	ada := owner.Do(t, "POST", "/Users", map[string]any{
		"userName": "ada@example.org", "externalId": "7", "title": "Engineer",
		enterprise: map[string]any{"employeeNumber": "0815", "department": "Looms"},
	}).Want(t, 201).ID(t)
	for _, path := range []string{"/api/v2/authorization/roles", "/api/v2/authorization/divisions", "/api/v2/routing/skills", "/api/v2/routing/languages"} {
		owner.Do(t, "POST", path, map[string]any{"name": "secret"}).Want(t, 200)
	}
	group := owner.NewGroup(t, "Night Shift", ada)
	before := snapshot(t, owner, ada, group)

	t.Run("ids", func(t *testing.T) { triesIDs(t, other, ada, group) })
	t.Run("lists", func(t *testing.T) { triesLists(t, other, ada, group) })
	t.Run("references", func(t *testing.T) { triesReferences(t, other, ada) })
	t.Run("names", func(t *testing.T) { takesNames(t, other) })

	if diff := cmp.Diff(before, snapshot(t, owner, ada, group)); diff != "" {
		t.Errorf("the owner's resources changed (-before +after):\n%s", diff)
	}
}

func snapshot(t *testing.T, o *servertest.Org, user, group string) []string {
	t.Helper()
	return []string{
		string(o.Do(t, "GET", "/Users/"+user, nil).Want(t, 200).Body),
		string(o.Do(t, "GET", "/Groups/"+group, nil).Want(t, 200).Body),
		string(o.Do(t, "GET", "/Users", nil).Want(t, 200).Body),
		string(o.Do(t, "GET", "/Groups", nil).Want(t, 200).Body),
	}
}

// triesIDs calls every endpoint that takes an id. What the other organisation
// learns is what it would learn of an id that nobody has.
func triesIDs(t *testing.T, o *servertest.Org, user, group string) {
	const nobody = "01a20000-0000-7000-8000-000000000000"
	rename := servertest.Patch(map[string]any{"op": "replace", "path": "externalId", "value": "stolen"})
	for _, mount := range []string{"/api/v2/scim/v2", "/api/v2/scim"} {
		for _, call := range []struct {
			method, endpoint, id string
			body                 any
		}{
			{"GET", "/Users/", user, nil},
			{"PUT", "/Users/", user, map[string]any{"userName": "eve@example.org"}},
			{"PATCH", "/Users/", user, rename},
			{"PATCH", "/Users/", user, servertest.Patch()},
			{"DELETE", "/Users/", user, nil},
			{"GET", "/Groups/", group, nil},
			{"PUT", "/Groups/", group, map[string]any{"displayName": "Stolen"}},
			{"PATCH", "/Groups/", group, rename},
			{"PATCH", "/Groups/", group, servertest.Patch()},
			{"PATCH", "/Groups/", group, servertest.Patch(map[string]any{"op": "remove", "path": "members", "value": servertest.Values(user)})},
			{"PATCH", "/Groups/", group, servertest.Patch(map[string]any{"op": "remove", "path": `members[display sw "ada"]`})},
			{"PATCH", "/Groups/", group, servertest.Patch(map[string]any{"op": "replace", "path": "members", "value": []any{}})},
		} {
			for _, headers := range [][]string{nil, {"If-Match: *"}, {`If-Match: "1"`}, {`If-None-Match: "1"`}} {
				detail := o.Do(t, call.method, mount+call.endpoint+call.id, call.body, headers...).Refused(t, 404, "")
				same := o.Do(t, call.method, mount+call.endpoint+nobody, call.body, headers...).Refused(t, 404, "")
				if strings.ReplaceAll(detail, call.id, nobody) != same {
					t.Errorf("%s %s: %s; of an id that nobody has: %s", call.method, call.endpoint, detail, same)
				}
			}
		}
	}
	// An id of another type is no id either.
	o.Do(t, "GET", "/Users/"+group, nil).Refused(t, 404, "")
	o.Do(t, "GET", "/Groups/"+user, nil).Refused(t, 404, "")
}

func triesLists(t *testing.T, o *servertest.Org, user, group string) {
	for endpoint, filters := range map[string][]string{
		"/Users": {
			"", "id pr", `id eq "` + user + `"`, `userName eq "ada@example.org"`, `userName sw "a"`, `emails.value eq "ada@example.org"`,
			`externalId eq "7"`, `employeeNumber eq "0815"`, `department eq "Looms"`, `title co "gin"`, "active eq true",
			`groups.value eq "` + group + `"`, `groups.display pr`, `not (userName eq "x")`, `meta.created gt "2000-01-01T00:00:00Z"`,
		},
		"/Groups": {
			"", "id pr", `id eq "` + group + `"`, `displayName eq "Night Shift"`, `members.value eq "` + user + `"`,
			`members[value eq "` + user + `"]`, "members pr", `not (displayName eq "x")`, `externalId ne "x"`,
		},
	} {
		for _, filter := range filters {
			query := "?count=1000"
			if filter != "" {
				query += "&filter=" + url.QueryEscape(filter)
			}
			if list := o.Do(t, "GET", endpoint+query, nil).List(t); list.TotalResults != 0 || len(list.Resources) != 0 {
				t.Errorf("%s %s: total %d, %v", endpoint, filter, list.TotalResults, list.Resources)
			}
		}
	}
}

// intolerant has the manager refused whom the organisation does not have (BEHAVIOUR 33a).
func intolerant(s *org.Settings) { s.Tolerate = nil }

func triesReferences(t *testing.T, o *servertest.Org, user string) {
	const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"
	eve := o.NewUser(t, "eve@example.org")
	group := o.NewGroup(t, "Day Shift")
	for name, attribute := range map[string]map[string]any{
		"manager":  {enterprise: map[string]any{"manager": map[string]any{"value": user}}},
		"division": {enterprise: map[string]any{"division": "secret"}},
		"roles":    {"roles": servertest.Values("secret")},
		"skill":    {genesys: map[string]any{"routingSkills": []any{map[string]any{"name": "secret"}}}},
		"language": {genesys: map[string]any{"routingLanguages": []any{map[string]any{"name": "secret"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			o.Do(t, "PATCH", "/Users/"+eve, servertest.Patch(map[string]any{"op": "add", "value": attribute})).Refused(t, 400, "invalidValue")
			attribute["userName"] = "eve@example.org"
			o.Do(t, "PUT", "/Users/"+eve, attribute).Refused(t, 400, "invalidValue")
			attribute["userName"] = "mallory@example.org"
			o.Do(t, "POST", "/Users", attribute).Refused(t, 400, "invalidValue")
		})
	}
	members := servertest.Values(eve, user)
	o.Do(t, "PUT", "/Groups/"+group, map[string]any{"displayName": "Day Shift", "members": members}).Refused(t, 400, "invalidValue")
	for _, op := range []string{"add", "replace"} {
		o.Do(t, "PATCH", "/Groups/"+group, servertest.Patch(map[string]any{"op": op, "path": "members", "value": members})).Refused(t, 400, "invalidValue")
	}
	// The filter of a path that creates what it does not find is a reference too.
	o.Do(t, "PATCH", "/Groups/"+group, servertest.Patch(map[string]any{
		"op": "add", "path": `members[value eq "` + user + `"].type`, "value": "User",
	})).Refused(t, 400, "invalidValue")
	if members := o.Do(t, "GET", "/Groups/"+group, nil).Object(t)["members"]; members != nil {
		t.Errorf("members are %v", members)
	}
	o.Do(t, "DELETE", "/Users/"+eve, nil).Want(t, 204)
}

// takesNames makes what has the same names: they are unique per organisation.
func takesNames(t *testing.T, o *servertest.Org) {
	o.NewUser(t, "ada@example.org")
	o.NewGroup(t, "Night Shift")
	o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{"name": "secret"}).Want(t, 200)
}

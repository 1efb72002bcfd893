package servertest_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

func TestBulk_WhatRefersToNothingFails(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	group := o.NewGroup(t, "Looms")
	add := func(id string) operation {
		return operation{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(id)})}
	}
	bad := post("bad", "/Users", map[string]any{"title": "without a name"})
	results := do(t, o, "400 201 400 409 409 400 409",
		add("bulkId:nobody"), newUser("good"), bad, managedBy("dependent", "bulkId:bad"), add("bulkId:dependent"),
		operation{Method: "DELETE", Path: "/Users/bulkId:mine", BulkID: "mine"},
		operation{Method: "PUT", Path: "/Users/bulkId:bad", Data: map[string]any{"userName": "bad"}})
	for i, want := range map[int]string{0: `"bulkId:nobody"`, 3: "operation 3", 4: "operation 4", 5: `"bulkId:mine"`, 6: "operation 3"} {
		if detail := results[i].Response.Detail; !strings.Contains(detail, want) {
			t.Errorf("operation %d: the detail does not tell of %s: %s", i+1, want, detail)
		}
	}
	if ids := memberIDs(t, o, group); len(ids) != 0 {
		t.Errorf("the group has members: %v", ids)
	}
}

func TestBulk_RefusesOperationsThatAreWrong(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := o.NewUser(t, "ada")
	patch := servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "x"})
	user := map[string]any{"userName": "bob"}
	for _, test := range []struct {
		op               any
		status, scimType string
		detail           string
	}{
		{operation{}, "400", "invalidSyntax", "method"},
		{operation{Method: "GET", Path: "/Users/" + id}, "400", "invalidSyntax", "method"},
		{map[string]any{"method": 7}, "400", "invalidSyntax", "method"},
		{operation{Method: "POST", Path: "/Users", Data: user}, "400", "invalidSyntax", "bulkId"},
		{map[string]any{"method": "POST", "path": "/Users", "bulkId": []any{7}, "data": user}, "400", "invalidSyntax", "bulkId"},
		{operation{Method: "POST", BulkID: "a", Data: user}, "400", "invalidSyntax", "path"},
		{map[string]any{"method": "DELETE", "path": []any{}}, "400", "invalidSyntax", "path"},
		{map[string]any{"method": "DELETE", "path": "/Users/" + id, "version": true}, "400", "invalidSyntax", "version"},
		{operation{Method: "POST", BulkID: "a", Path: "/Users"}, "400", "invalidSyntax", "data"},
		{operation{Method: "PUT", Path: "/Users/" + id}, "400", "invalidSyntax", "data"},
		{operation{Method: "PATCH", Path: "/Users/" + id}, "400", "invalidSyntax", "data"},
		{operation{Method: "PUT", Path: "/Users/" + id, Data: []any{}}, "400", "invalidSyntax", "data"},
		{operation{Method: "PUT", Path: "/Users/" + id, Data: "x"}, "400", "invalidSyntax", "data"},
		{operation{Method: "DELETE", Path: "/Users/" + id, Data: user}, "400", "invalidSyntax", "data"},
		{operation{Method: "PATCH", Path: "/Users/" + id, Data: user}, "400", "invalidSyntax", "Operations"},
		{operation{Method: "POST", BulkID: "a", Path: "/Bulk", Data: bulkBody(0)}, "400", "invalidValue", "path"},
		{operation{Method: "POST", BulkID: "a", Path: "/Users/.search", Data: user}, "400", "invalidValue", "path"},
		{operation{Method: "POST", BulkID: "a", Path: "/Schemas", Data: user}, "400", "invalidValue", "path"},
		{operation{Method: "POST", BulkID: "a", Path: "https://example.org/Users", Data: user}, "400", "invalidValue", "path"},
		{operation{Method: "POST", BulkID: "a", Path: "/Users/" + id, Data: user}, "400", "invalidValue", "path"},
		{operation{Method: "PATCH", Path: "/Users", Data: patch}, "400", "invalidValue", "path"},
		{operation{Method: "PATCH", Path: "/Users/" + id + "/title", Data: patch}, "404", "", "does not exist"},
		{operation{Method: "DELETE", Path: "/Users/x"}, "404", "", "does not exist"},
		{operation{Method: "PATCH", Path: "/Users/" + id, Version: `W/"7"`, Data: patch}, "412", "invalidVers", "version"},
		{operation{Method: "PUT", Path: "/Users/" + id, Version: "7", Data: user}, "412", "invalidVers", "version"},
		{operation{Method: "DELETE", Path: "/Users/" + id, Version: `"7"`}, "412", "invalidVers", "version"},
		{operation{Method: "POST", BulkID: "a", Path: "/Users", Data: map[string]any{"userName": "ADA"}}, "409", "uniqueness", "userName"},
		{operation{Method: "POST", BulkID: "a", Path: "/Groups", Data: map[string]any{"displayName": "Looms"}}, "405", "", "purescim group create"},
		{operation{Method: "DELETE", Path: "/Groups/" + id}, "405", "", "purescim group create"},
	} {
		body := map[string]any{"Operations": []any{test.op, newUser("b" + strconv.Itoa(len(test.detail)) + test.status)}}
		results := bulkResults(t, o.Do(t, "POST", "/Bulk", body))
		told := results[0].Response
		if told == nil || told.Status != test.status || told.ScimType != test.scimType || !strings.Contains(told.Detail, test.detail) {
			t.Errorf("%+v: %+v, want %s %s with %q", test.op, told, test.status, test.scimType, test.detail)
		}
	}
	if got := o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200); got.Header.Get("ETag") != `"1"` {
		t.Errorf("the user was changed: %s", got.Body)
	}
	do(t, o, "200 204",
		operation{Method: "PATCH", Path: "/Users/" + id, Version: `W/"1"`, Data: patch},
		operation{Method: "DELETE", Path: "/Users/" + id, Version: `"2"`})
}

func TestBulk_RefusesRequestsThatAreWrong(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	operations := make([]operation, 1001)
	for i := range operations {
		operations[i] = newUser(strconv.Itoa(i))
	}
	one := `{"method":"POST","bulkId":"a","path":"/Users","data":{"userName":"a"}}`
	for _, test := range []struct {
		body             any
		status           int
		scimType, detail string
	}{
		{"", 400, "invalidSyntax", "empty"},
		{"[]", 400, "invalidSyntax", "object"},
		{"{", 400, "invalidSyntax", "JSON"},
		{"{}", 400, "invalidSyntax", "Operations"},
		{`{"Operations":{}}`, 400, "invalidSyntax", "Operations"},
		{`{"Operations":[` + one + `,7]}`, 400, "invalidSyntax", "operation 2"},
		{`{"Operations":[` + one + `],"operations":[]}`, 400, "invalidSyntax", "twice"},
		{`{"Operations":[{"method":"POST","Method":"PUT"}]}`, 400, "invalidSyntax", "twice"},
		{`{"Operations":[` + one + `],"Operations":[]}`, 400, "invalidSyntax", "twice"},
		{`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + one + `]}`, 400, "invalidSyntax", "BulkRequest"},
		{`{"Operations":[` + one + `,` + one + `]}`, 400, "invalidSyntax", "bulkId"},
		{`{"failOnErrors":-1,"Operations":[` + one + `]}`, 400, "invalidValue", "failOnErrors"},
		{`{"failOnErrors":1.5,"Operations":[` + one + `]}`, 400, "invalidValue", "failOnErrors"},
		{`{"failOnErrors":"one","Operations":[` + one + `]}`, 400, "invalidValue", "failOnErrors"},
		{bulkBody(0, operations...), 413, "", "1000"},
		{`{"Operations":[` + one + `],"x":"` + strings.Repeat("x", 8<<20) + `"}`, 413, "", "8 MiB"},
	} {
		detail := o.Do(t, "POST", "/Bulk", test.body).Refused(t, test.status, test.scimType)
		if !strings.Contains(detail, test.detail) {
			t.Errorf("the detail does not tell of %s: %s", test.detail, detail)
		}
	}
	o.Do(t, "GET", "/Bulk", nil).Refused(t, 405, "")
	if list := o.Do(t, "GET", "/Users", nil).List(t); list.TotalResults != 0 {
		t.Errorf("there are %d users", list.TotalResults)
	}
	do(t, o, "")
	do(t, o, strings.TrimSpace(strings.Repeat("201 ", 1000)), operations[:1000]...)
}

func TestBulk_AsksPermissionsOfEachOperation(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id, group := o.NewUser(t, "ada"), o.NewGroup(t, "Looms")
	o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{"name": "Editor", "permissionPolicies": []any{
		map[string]any{"domain": "directory", "entityName": "user", "actionSet": []string{"edit"}},
	}}).Want(t, 200)
	operations := []operation{
		newUser("new"),
		{Method: "PATCH", Path: "/Users/" + id, Data: servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "x"})},
		{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch()},
		{Method: "DELETE", Path: "/Users/" + id},
	}
	for role, want := range map[string]string{"Editor": "403 200 403 403", "SCIM Integration": "201 200 200 204"} {
		results := do(t, o.As(t, role), want, operations...)
		for i, result := range results {
			if result.Status == "403" && !strings.Contains(result.Response.Detail, "directory:") {
				t.Errorf("operation %d: the detail names no permission: %s", i+1, result.Response.Detail)
			}
		}
		if role == "SCIM Integration" {
			break
		}
	}
	o.Do(t, "POST", "/Bulk", bulkBody(0), "Authorization: Bearer x").Refused(t, 401, "")
}

// Who may write nothing costs no reading of what is sent.
func TestRefusal_ComesBeforeTheBodyIsRead(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id, group := o.NewUser(t, "ada"), o.NewGroup(t, "Looms")
	for _, role := range []string{"employee", "SCIM Reader"} {
		reader := o.As(t, role)
		for _, call := range []string{
			"POST /Bulk", "POST /Users", "PUT /Users/" + id, "PATCH /Users/" + id, "PUT /Groups/" + group, "PATCH /Groups/" + group,
			"POST /api/v2/groups", "PUT /api/v2/groups/" + group, "POST /api/v2/groups/" + group + "/members",
			"POST /api/v2/authorization/roles", "POST /api/v2/authorization/divisions", "POST /api/v2/routing/skills",
			"POST /api/v2/oauth/clients", "POST /api/v2/directory/schemas", "PUT /api/v2/events/stream",
		} {
			method, path, _ := strings.Cut(call, " ")
			answer := reader.Do(t, method, path, "{no JSON", "If-Match: *", "Prefer: respond-async")
			if answer.Status != 403 {
				t.Errorf("%s, %s: status %d: %s", role, call, answer.Status, answer.Body)
			}
		}
	}
}

func TestBulk_ReachesNoOtherOrganisation(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	owner, other := server.NewOrg(t, intolerant), server.NewOrg(t, intolerant)
	id := owner.NewUser(t, "ada")
	group, mine := owner.NewGroup(t, "Looms", id), other.NewGroup(t, "Looms")
	add := servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(id)})
	before := string(owner.Do(t, "GET", "/Users/"+id, nil).Body)
	do(t, other, "404 404 404 404 400 400 201",
		operation{Method: "PATCH", Path: "/Users/" + id, Data: servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "x"})},
		operation{Method: "PUT", Path: "/Users/" + id, Data: map[string]any{"userName": "x"}},
		operation{Method: "DELETE", Path: "/Users/" + id},
		operation{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch()},
		operation{Method: "PATCH", Path: "/Groups/" + mine, Data: add},
		managedBy("bob", id),
		newUser("ada"),
	)
	if after := string(owner.Do(t, "GET", "/Users/"+id, nil).Body); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestBulk_IsHeldToTheStandardByStrictOrganisations(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.Strict = true })
	user := func(name string) map[string]any {
		return map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name}
	}
	const scimJSON = "Content-Type: application/scim+json"
	id := o.Do(t, "POST", "/Users", user("ada"), scimJSON).Want(t, 201).ID(t)
	change := map[string]any{"op": "replace", "path": "title", "value": "x"}
	body := bulkBody(0,
		post("a", "/Users", user("a")), post("b", "/users", user("b")), post("c", "/Users", map[string]any{"userName": "c"}),
		operation{Method: "PATCH", Path: "/Users/" + id, Data: servertest.Patch(change)},
		operation{Method: "PATCH", Path: "/Users/" + id, Data: []any{change}},
		operation{Method: "PATCH", Path: "/Users/" + id, Data: map[string]any{"Operations": []any{change}}})
	wantStatuses(t, bulkResults(t, o.Do(t, "POST", "/Bulk", body, scimJSON)), "201 400 400 200 400 400")
	delete(body, "schemas")
	o.Do(t, "POST", "/Bulk", body, scimJSON).Refused(t, 400, "invalidSyntax")
}

// A body may hold so many values and no more, wherever it is sent.
func TestRefusal_OfTooManyValues(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	body := `{"displayName":"GA","x":[` + strings.Repeat("{},", scim.MaxObjects) + `{}]}`
	for _, call := range []string{
		"POST /Users", "PUT /Groups/" + o.NewGroup(t, "Looms"), "POST /Bulk", "POST /.search", "POST /api/v2/groups", "POST /api/v2/authorization/roles",
	} {
		method, path, _ := strings.Cut(call, " ")
		if answer := o.Do(t, method, path, body); answer.Status != 413 || !strings.Contains(string(answer.Body), "250000 objects") {
			t.Errorf("%s: status %d: %s", call, answer.Status, answer.Body)
		}
	}
}

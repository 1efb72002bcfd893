package scimapi_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/servertest"
)

func query(name, value string) string { return name + "=" + url.QueryEscape(value) }

// newRole makes a role in the platform and returns its id.
func newRole(t *testing.T, o *servertest.Org, name string) string {
	t.Helper()
	return o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{"name": name}).Want(t, 200).ID(t)
}

func TestRoles_AreThoseThatUsersMayHave(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	id := newRole(t, o, "Supervisor")
	one := o.Do(t, "GET", "/Roles/"+id, nil).Want(t, 200)
	role := one.Object(t)
	meta, _ := role["meta"].(map[string]any)
	delete(role, "meta")
	want := map[string]any{
		"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:Role"},
		"id":      id, "value": "Supervisor", "display": "Supervisor", "supported": true,
	}
	if diff := cmp.Diff(want, role); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if meta["resourceType"] != "Role" || meta["location"] != server.URL+servertest.SCIM+"/Roles/"+id || meta["version"] != "1" || one.Header.Get("ETag") != `"1"` {
		t.Errorf("ETag %s, meta %v", one.Header.Get("ETag"), meta)
	}
	o.Do(t, "GET", "/Roles/"+id, nil, `If-None-Match: "1"`).Want(t, 304)
	if role := o.Do(t, "GET", "/roles/"+id+"?attributes=value", nil).Want(t, 200).Object(t); role["value"] != "Supervisor" || role["display"] != nil {
		t.Errorf("projected: %v", role)
	}
	for _, name := range []string{"x", uuid.NewString(), "Supervisor"} {
		o.Do(t, "GET", "/Roles/"+name, nil).Refused(t, 404, "")
	}

	// Every value that is listed may be given to a user, and none besides.
	ada := o.NewUser(t, "ada@example.org")
	for _, role := range o.Do(t, "GET", "/Roles?count=100", nil).List(t).Resources {
		o.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(map[string]any{"op": "replace", "path": "roles", "value": servertest.Values(role["value"].(string))})).Want(t, 200)
	}
	o.Do(t, "PUT", "/api/v2/authorization/roles/"+id, map[string]any{"name": "Team Lead"}).Want(t, 200)
	if role := o.Do(t, "GET", "/Roles/"+id, nil, `If-None-Match: "1"`).Want(t, 200).Object(t); role["value"] != "Team Lead" {
		t.Errorf("renamed: %v", role)
	}
}

func TestRoles_AreListed(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	builtIn := []string{"employee", "admin", "SCIM Integration", "SCIM Reader"}
	names := slices.Clone(builtIn)
	for i := range 5 {
		names = append(names, fmt.Sprintf("Role %d", i))
		newRole(t, o, names[len(names)-1])
	}
	values := func(path string) (values []string) {
		for _, role := range o.Do(t, "GET", path, nil).List(t).Resources {
			values = append(values, role["value"].(string))
		}
		return values
	}
	for path, want := range map[string][]string{
		"/Roles": names,
		"/Roles?" + query("filter", `value eq "ROLE 3"`):                                                                            {"Role 3"},
		"/Roles?" + query("filter", `value sw "role" and not (display ew "3")`) + "&count=2":                                        {"Role 0", "Role 1"},
		"/Roles?" + query("filter", `supported eq false`):                                                                           nil,
		"/Roles?" + query("filter", `meta.created gt "2000-01-01T00:00:00Z" and meta.resourceType eq "Role" and value co "scim r"`): {"SCIM Reader"},
		"/Roles?startIndex=8&count=5":                                                                                               names[7:],
		"/Roles?startIndex=99":                                                                                                      nil,
		"/Roles?sortBy=value&count=3":                                                                                               {"admin", "employee", "Role 0"},
		"/Roles?sortBy=value&sortOrder=descending&count=2":                                                                          {"SCIM Reader", "SCIM Integration"},
	} {
		if diff := cmp.Diff(want, values(path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if list := o.Do(t, "GET", "/Roles?count=0", nil).List(t); list.TotalResults != len(names) || len(list.Resources) != 0 {
		t.Errorf("count=0: %+v", list)
	}
	o.Do(t, "GET", "/Roles?"+query("filter", `permissions eq "x"`), nil).Refused(t, 400, "invalidFilter")
	for _, order := range []string{"", "&sortBy=value", "&sortBy=value&sortOrder=descending", "&sortBy=externalId", "&sortBy=supported"} {
		if got := slices.Sorted(slices.Values(byCursor(t, o, "/Roles?count=2"+order, "value"))); !slices.Equal(got, slices.Sorted(slices.Values(names))) {
			t.Errorf("%s: pages by cursor hold %q", order, got)
		}
	}
}

// byCursor reads a list page by page and gives one attribute of each resource.
func byCursor(t *testing.T, o *servertest.Org, path, attribute string) (values []string) {
	t.Helper()
	for cursor := "&cursor"; cursor != ""; {
		var list struct {
			servertest.List
			NextCursor string
		}
		o.Do(t, "GET", path+cursor, nil).Want(t, 200).Decode(t, &list)
		for _, resource := range list.Resources {
			value, _ := resource[attribute].(string)
			values = append(values, value)
		}
		if cursor = ""; list.NextCursor != "" {
			cursor = "&cursor=" + list.NextCursor
		}
	}
	return values
}

func TestGroupMembers_AreMemberships(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ids := newUsers(t, o, 7)
	night, day := o.NewGroup(t, "Night Shift", ids...), o.NewGroup(t, "Day Shift", ids[2])
	o.NewGroup(t, "Nobody")
	list := o.Do(t, "GET", "/GroupMembers?"+query("filter", `group.value eq "`+night+`" and member.value eq "`+ids[2]+`"`), nil).List(t)
	if list.TotalResults != 1 || len(list.Resources) != 1 {
		t.Fatalf("one membership is listed as %+v", list)
	}
	id, _ := list.Resources[0]["id"].(string)
	want := map[string]any{
		"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:GroupMember"},
		"id":      id,
		"group":   map[string]any{"value": night, "$ref": server.URL + servertest.SCIM + "/Groups/" + night, "display": "Night Shift"},
		"member":  map[string]any{"value": ids[2], "$ref": server.URL + servertest.SCIM + "/Users/" + ids[2], "type": "User", "display": "u2@example.org"},
		"meta":    map[string]any{"resourceType": "GroupMember", "location": server.URL + servertest.SCIM + "/GroupMembers/" + id},
	}
	want["member"].(map[string]any)["display"] = o.Do(t, "GET", "/Users/"+ids[2], nil).Object(t)["displayName"]
	if diff := cmp.Diff(want, list.Resources[0]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	one := o.Do(t, "GET", "/GroupMembers/"+id, nil).Want(t, 200)
	if diff := cmp.Diff(want, one.Object(t)); diff != "" || one.Header.Get("ETag") != "" {
		t.Errorf("by id: ETag %q, (-want +got):\n%s", one.Header.Get("ETag"), diff)
	}
	o.Do(t, "HEAD", "/GroupMembers/"+id, nil).Want(t, 200)

	members := func(filter string) []string {
		var found []string
		for _, m := range o.Do(t, "GET", "/GroupMembers?count=100&"+query("filter", filter), nil).List(t).Resources {
			found = append(found, m["group"].(map[string]any)["value"].(string)+" "+m["member"].(map[string]any)["value"].(string))
		}
		return found
	}
	pairs := func(group string, users ...string) (pairs []string) {
		for _, user := range users {
			pairs = append(pairs, group+" "+user)
		}
		return pairs
	}
	for filter, want := range map[string][]string{
		`group.value eq "` + night + `"`:                                       pairs(night, ids...),
		`user.value eq "` + ids[2] + `"`:                                       {night + " " + ids[2], day + " " + ids[2]},
		`member[value eq "` + ids[0] + `"] and group.value eq "` + night + `"`: pairs(night, ids[0]),
		`id eq "` + id + `"`:                                                   pairs(night, ids[2]),
		`id eq "` + id + `" and group.value eq "` + day + `"`:                  nil,
		`group.value eq "x"`:                                                   nil,
		`group.value eq "` + night + `" and group.value eq "` + day + `"`:      nil,
		`member.value eq "` + uuid.NewString() + `"`:                           nil,
		`group.value eq "00000000-0000-0000-0000-000000000000"`:                nil,
	} {
		if diff := cmp.Diff(want, members(filter)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
	for _, filter := range []string{
		`group.value ne "x"`, `group.display eq "Night Shift"`, `member.value pr`, `not (group.value eq "x")`,
		`group.value eq "x" or member.value eq "y"`, `member.value eq null`, `members.value eq "x"`,
	} {
		o.Do(t, "GET", "/GroupMembers?"+query("filter", filter), nil).Refused(t, 400, "invalidFilter")
	}
	o.Do(t, "GET", "/GroupMembers?sortBy=member.display", nil).Refused(t, 400, "invalidValue")

	o.Do(t, "PATCH", "/Groups/"+night, servertest.Patch(map[string]any{"op": "remove", "path": "members", "value": servertest.Values(ids[2])})).Want(t, 200)
	o.Do(t, "GET", "/GroupMembers/"+id, nil).Refused(t, 404, "")
	o.Do(t, "DELETE", "/Users/"+ids[0], nil).Want(t, 204)
	if got, want := members(`group.value eq "`+night+`"`), pairs(night, append(ids[1:2:2], ids[3:]...)...); !slices.Equal(got, want) {
		t.Errorf("after a removal and a deletion: %q, want %q", got, want)
	}
}

// Each page of either kind goes on where the one before ended, wherever that is.
func TestGroupMembers_InPages(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	ids := newUsers(t, o, 25)
	night := o.NewGroup(t, "Night Shift", ids...)
	o.NewGroup(t, "Day Shift", ids[:10]...)
	for filter, total := range map[string]int{"": 35, `group.value eq "` + night + `"`: 25, `member.value eq "` + ids[3] + `"`: 2} {
		path := "/GroupMembers?count=4"
		if filter != "" {
			path += "&" + query("filter", filter)
		}
		whole := o.Do(t, "GET", "/GroupMembers?count=100&"+path[len("/GroupMembers?count=4"):], nil).List(t)
		if whole.TotalResults != total || len(whole.Resources) != total {
			t.Fatalf("%q: total %d, %d resources; want %d", filter, whole.TotalResults, len(whole.Resources), total)
		}
		if got := byCursor(t, o, path, "id"); !slices.Equal(got, whole.IDs()) {
			t.Errorf("%q: pages by cursor hold %d of %d", filter, len(got), total)
		}
		var pages []string
		for start := 1; start <= total; start += 4 {
			page := o.Do(t, "GET", fmt.Sprintf("%s&startIndex=%d", path, start), nil).List(t)
			if page.TotalResults != total || page.StartIndex != start {
				t.Errorf("%q: page at %d: %+v", filter, start, page)
			}
			pages = append(pages, page.IDs()...)
		}
		if !slices.Equal(pages, whole.IDs()) {
			t.Errorf("%q: pages by index hold %d of %d", filter, len(pages), total)
		}
		// A page that no other led to.
		if total > 21 {
			if page := o.Do(t, "GET", path+"&startIndex=22", nil).List(t); !slices.Equal(page.IDs(), whole.IDs()[21:25]) {
				t.Errorf("%q: page at 22 holds %q", filter, page.IDs())
			}
		}
	}
}

// What is seen through a view belongs to one organisation like all else, and is
// only read.
func TestViews_IsolateAndOnlyRead(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	ada := o.NewUser(t, "ada@example.org")
	group := o.NewGroup(t, "Night Shift", ada)
	role := newRole(t, o, "secret")
	if list := other.Do(t, "GET", "/Roles?"+query("filter", `value eq "secret"`), nil).List(t); list.TotalResults != 0 {
		t.Errorf("the other organisation sees %v", list.Resources)
	}
	for _, filter := range []string{"", `group.value eq "` + group + `"`, `member.value eq "` + ada + `"`, `id eq "` + group + "." + ada + `"`} {
		path := "/GroupMembers"
		if filter != "" {
			path += "?" + query("filter", filter)
		}
		if list := other.Do(t, "GET", path, nil).List(t); list.TotalResults != 0 || len(list.Resources) != 0 {
			t.Errorf("%s: the other organisation sees %+v", filter, list)
		}
	}
	for _, path := range []string{"/Roles/" + role, "/GroupMembers/" + group + "." + ada} {
		o.Do(t, "GET", path, nil).Want(t, 200)
		other.Do(t, "GET", path, nil).Refused(t, 404, "")
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			if allow := o.Do(t, method, path, "{}").Want(t, 405).Header.Get("Allow"); allow != "GET, HEAD, OPTIONS" {
				t.Errorf("%s %s: Allow %q", method, path, allow)
			}
		}
	}
	for _, path := range []string{"/Roles", "/GroupMembers"} {
		o.Do(t, "POST", path, "{}").Refused(t, 405, "")
	}
	// Roles are as public among clients as the users who have them; memberships as groups.
	o.As(t).Do(t, "GET", "/Roles", nil).Want(t, 200)
	o.As(t).Do(t, "GET", "/GroupMembers", nil).Refused(t, 403, "")
	o.As(t, "SCIM Reader").Do(t, "GET", "/GroupMembers", nil).Want(t, 200)
}

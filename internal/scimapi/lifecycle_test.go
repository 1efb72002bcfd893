package scimapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

func groupLifecycle(s *org.Settings) { s.GroupLifecycle = true }

// 78
func TestGroupLifecycle_CreateAndDelete(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, groupLifecycle, func(s *org.Settings) { s.RemovalLimit = 1 })
	ids := newUsers(t, o, 3)
	created := o.Do(t, "POST", "/Groups", map[string]any{
		"displayName": "Night Shift", "externalId": "g-7", "members": servertest.Values(ids[2], ids[0], ids[2], ids[1]),
	}).Want(t, 201)
	path := "/Groups/" + created.ID(t)
	if got, want := created.Header.Get("Location"), server.URL+servertest.SCIM+path; got != want {
		t.Errorf("Location %s, want %s", got, want)
	}
	read := o.Do(t, "GET", path, nil).Want(t, 200)
	if diff := cmp.Diff(created.Object(t), read.Object(t)); diff != "" {
		t.Errorf("created (-) and read (+) differ:\n%s", diff)
	}
	if members, _ := read.Object(t)["members"].([]any); len(members) != 3 || created.Header.Get("ETag") != `"1"` {
		t.Errorf("ETag %s, members %v", created.Header.Get("ETag"), members)
	}
	platform := o.Do(t, "GET", "/api/v2/groups/"+created.ID(t), nil).Want(t, 200).Object(t)
	if platform["name"] != "Night Shift" || platform["memberCount"] != 3.0 {
		t.Errorf("the platform shows %v", platform)
	}

	o.Do(t, "DELETE", path, nil, `If-Match: "7"`).Refused(t, 412, "invalidVers")
	o.Do(t, "DELETE", path, nil, `If-Match: "1"`).Want(t, 204) // more members than one request may remove
	for _, method := range []string{"GET", "DELETE"} {
		o.Do(t, method, path, nil).Refused(t, 404, "")
	}
	if groups := o.Do(t, "GET", "/Users/"+ids[0], nil).Object(t)["groups"]; groups != nil {
		t.Errorf("a member of the deleted group still has %v", groups)
	}
	if list := o.Do(t, "GET", "/Groups", nil).List(t); list.TotalResults != 0 {
		t.Errorf("%d groups are listed", list.TotalResults)
	}
	// A group leaves nothing behind that its name could bring back.
	again := o.Do(t, "POST", "/Groups", map[string]any{"displayName": "Night Shift"}).Want(t, 201)
	if again.ID(t) == created.ID(t) || again.Object(t)["members"] != nil {
		t.Errorf("created again: %s", again.Body)
	}
}

// 71, 75, 78
func TestGroupLifecycle_RefusedWhole(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t, groupLifecycle), server.NewOrg(t)
	ada, stranger := o.NewUser(t, "ada@example.org"), other.NewUser(t, "eve@example.org")
	o.NewGroup(t, "Day Shift")
	for scimType, body := range map[string]map[string]any{
		"invalidValue another's user": {"displayName": "Night Shift", "members": servertest.Values(ada, stranger)},
		"invalidValue no user":        {"displayName": "Night Shift", "members": servertest.Values("x")},
		"invalidValue one no user":    {"displayName": "Night Shift", "members": servertest.Values(stranger)},
		"invalidValue no name":        {"members": servertest.Values(ada)},
		"invalidValue blank":          {"displayName": ""},
		"uniqueness taken":            {"displayName": "dAY shift", "members": servertest.Values(ada)},
	} {
		scimType, _, _ = strings.Cut(scimType, " ")
		status := 400
		if scimType == "uniqueness" {
			status = 409
		}
		o.Do(t, "POST", "/Groups", body).Refused(t, status, scimType)
	}
	if list := o.Do(t, "GET", "/Groups", nil).List(t); list.TotalResults != 1 || list.Resources[0]["members"] != nil {
		t.Errorf("a refused request made %v", list.Resources)
	}
	// A name is taken in one organisation only.
	other.NewGroup(t, "Night Shift")
	o.Do(t, "POST", "/Groups", map[string]any{"displayName": "Night Shift"}).Want(t, 201)
}

// A POST may leave the members out of its answer like any other request.
func TestGroupLifecycle_Projection(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, groupLifecycle)
	ada := o.NewUser(t, "ada@example.org")
	for i, query := range []string{"?excludedAttributes=members", "?attributes=displayName"} {
		created := o.Do(t, "POST", "/Groups"+query, map[string]any{
			"displayName": fmt.Sprint("Shift ", i), "members": servertest.Values(ada),
		}).Want(t, 201).Object(t)
		if created["members"] != nil || created["displayName"] == nil {
			t.Errorf("%s: %v", query, created)
		}
	}
}

// 70, 78: the setting is one organisation's, and who may use it is told by roles.
func TestGroupLifecycle_IsForWhoHasIt(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	with, without := server.NewOrg(t, groupLifecycle), server.NewOrg(t)
	group := "/Groups/" + without.NewGroup(t, "Night Shift")
	for call, allow := range map[string]string{"POST /Groups": "GET, HEAD, OPTIONS", "DELETE " + group: "GET, HEAD, OPTIONS, PATCH, PUT"} {
		method, path, _ := strings.Cut(call, " ")
		for _, client := range []*servertest.Org{without, without.As(t)} { // whatever it may do
			answer := client.Do(t, method, path, map[string]any{"displayName": "x"})
			detail := answer.Refused(t, 405, "")
			if answer.Header.Get("Allow") != allow || !strings.Contains(detail, "purescim org set --group-lifecycle") {
				t.Errorf("%s: Allow %q: %s", call, answer.Header.Get("Allow"), detail)
			}
		}
		with.As(t).Do(t, method, path, "{}").Refused(t, 403, "")
	}
	without.Do(t, "GET", group, nil).Want(t, 200)
	if allow := with.Do(t, "PUT", "/Groups", nil).Want(t, 405).Header.Get("Allow"); allow != "GET, HEAD, OPTIONS, POST" {
		t.Errorf("Allow %q", allow)
	}
	with.Do(t, "DELETE", group, nil).Refused(t, 404, "")
	for _, role := range []string{"SCIM Integration", "admin"} {
		client := with.As(t, role)
		id := client.Do(t, "POST", "/Groups", map[string]any{"displayName": role}).Want(t, 201).ID(t)
		with.As(t, "SCIM Reader").Do(t, "DELETE", "/Groups/"+id, nil).Refused(t, 403, "")
		client.Do(t, "DELETE", "/Groups/"+id, nil).Want(t, 204)
	}
}

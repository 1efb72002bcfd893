package platformapi_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

func TestGroups_AreSharedWithSCIM(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada")
	id := o.NewGroup(t, "Night Shift", ada)
	one := groups + "/" + id
	made := o.Do(t, "GET", one, nil).Want(t, 200).Object(t)
	expect(t, "members and version", []any{made["memberCount"], made["version"]}, []any{1.0, 2.0})
	expect(t, "listed", list(t, o, groups).Entities, []map[string]any{made})

	o.Do(t, "PATCH", "/Groups/"+id, servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": "Day Shift"})).Want(t, 200)
	expect(t, "name that SCIM gave", o.Do(t, "GET", one, nil).Object(t)["name"], any("Day Shift"))

	changed := o.Do(t, "PUT", one, map[string]any{
		"name": "Late Shift", "description": "Until ten", "visibility": "owners", "rulesVisible": false, "version": 3,
		"type": "social", "ownerIds": []string{}, "rolesEnabled": false, "addresses": nil, "state": "active",
	}).Want(t, 200).Object(t)
	maps.Copy(made, map[string]any{
		"name": "Late Shift", "description": "Until ten", "visibility": "owners", "rulesVisible": false, "version": 4.0,
		"type": "official", "memberCount": 1.0, "selfUri": one, "id": id, "dateModified": changed["dateModified"],
	})
	expect(t, "changed", changed, made)
	expect(t, "read again", o.Do(t, "GET", one, nil).Object(t), made)
	scim := o.Do(t, "GET", "/Groups/"+id, nil).Want(t, 200).Object(t)
	expect(t, "what SCIM sees", []any{scim["displayName"], version(scim), elements(scim["members"], "value")}, []any{"Late Shift", "4", []string{ada}})
	o.Do(t, "GET", "/Groups/"+id, nil, `If-None-Match: "3"`).Want(t, 200)
	user := o.Do(t, "GET", "/Users/"+ada, nil).Object(t)
	expect(t, "what the member sees", elements(user["groups"], "display"), []string{"Late Shift"})
	expect(t, "the old name is free", o.NewGroup(t, "Day Shift") != "", true)
	if err := server.Store.Verify(t.Context(), o.ID, server.Directory.Types(), func(difference string) { t.Error(difference) }); err != nil {
		t.Error(err)
	}
}

func TestGroups_ChangesAreChecked(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	one := groups + "/" + o.NewGroup(t, "Night Shift")
	o.NewGroup(t, "Day Shift")
	before := o.Do(t, "GET", one, nil).Want(t, 200).Object(t)
	for body, field := range map[string]string{
		`{"name":""}`: "name", `{"name":7}`: "name", `{"visibility":"nobody"}`: "visibility", `{"rulesVisible":"no"}`: "rulesVisible",
		`{"description":[]}`: "description", `{"version":"one"}`: "version", `{"version":1.5}`: "version", `{"version":1e99}`: "version",
	} {
		if message := refused(t, o.Do(t, "PUT", one, body), 400, "invalid.value"); !strings.HasPrefix(message, field) {
			t.Errorf("%s: %s", body, message)
		}
	}
	for body, field := range map[string]string{
		`{"name":"DAY SHIFT"}`: "name", `{"name":"x","version":2}`: "version", `{"name":"x","version":0}`: "version",
	} {
		if message := refused(t, o.Do(t, "PUT", one, body), 409, "general.conflict"); !strings.HasPrefix(message, field+":") {
			t.Errorf("%s: %s", body, message)
		}
	}
	for _, body := range []string{`{}`, `{"version":1}`, `{"name":"Night Shift","version":null,"visibility":"public","rulesVisible":true}`} {
		expect(t, body, o.Do(t, "PUT", one, body).Want(t, 200).Object(t), before)
	}
	expect(t, "a name that exists", refused(t, o.Do(t, "POST", groups, map[string]any{"name": "day shift", "type": "social", "visibility": "public"}), 409, "general.conflict")[:5], "name:")
}

func TestGroups_AreDeletedWithTheirMemberships(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	ada := o.NewUser(t, "ada")
	gone, kept := o.NewGroup(t, "Night Shift", ada), o.NewGroup(t, "Day Shift", ada)
	o.Do(t, "DELETE", groups+"/"+gone, nil).Want(t, 204)
	expect(t, "groups of the user", elements(o.Do(t, "GET", "/Users/"+ada, nil).Object(t)["groups"], "value"), []string{kept})
	o.Do(t, "GET", "/Groups/"+gone, nil).Refused(t, 404, "")
	expect(t, "groups", []any{o.Do(t, "GET", "/Groups", nil).List(t).TotalResults, list(t, o, groups).Total}, []any{1, 1})
	member := servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(ada)})
	o.Do(t, "PATCH", "/Groups/"+gone, member).Refused(t, 404, "")
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"GET", "", nil},
		{"PUT", "", map[string]any{"name": "x"}},
		{"DELETE", "", nil},
		{"GET", "/members", nil},
		{"POST", "/members", map[string]any{"memberIds": []string{ada}}},
		{"POST", "/members", map[string]any{"memberIds": []string{ada}, "version": 1}},
		{"DELETE", "/members?ids=" + ada, nil},
	} {
		refused(t, o.Do(t, call.method, groups+"/"+gone+call.path, call.body), 404, "not.found")
	}
	o.NewGroup(t, "Night Shift")
	if err := server.Store.Verify(t.Context(), o.ID, server.Directory.Types(), func(difference string) { t.Error(difference) }); err != nil {
		t.Error(err)
	}
}

func TestMembers_AreAddedAndRemovedByFifty(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var ids []string
	for i := range 51 {
		ids = append(ids, o.NewUser(t, fmt.Sprintf("user%02d", i)))
	}
	group := o.NewGroup(t, "Night Shift")
	members := groups + "/" + group + "/members"
	added := o.Do(t, "POST", members, map[string]any{"memberIds": ids[:50], "version": 1}).Want(t, 202)
	expect(t, "answer", string(added.Body), "{}")
	first := list(t, o, members+"?pageSize=2")
	expect(t, "members", first.fields("id"), ids[:2])
	expect(t, "total", first.Total, 50)
	expect(t, "a member", first.Entities[0], o.Do(t, "GET", users+"/"+ids[0], nil).Want(t, 200).Object(t))
	scim := o.Do(t, "GET", "/Groups/"+group, nil).Object(t)
	expect(t, "what SCIM sees", []any{version(scim), elements(scim["members"], "value")}, []any{"2", ids[:50]})

	o.Do(t, "POST", members, map[string]any{"memberIds": []string{ids[0], ids[50], ids[50]}, "version": 2}).Want(t, 202)
	expect(t, "members", list(t, o, members).Total, 51)
	o.Do(t, "DELETE", members+"?ids="+strings.Join(ids[:49], ",")+"&ids="+ids[49], nil).Want(t, 202)
	expect(t, "members left", list(t, o, members).fields("id"), ids[50:])
	o.Do(t, "DELETE", members+"?ids="+ids[0], nil).Want(t, 202)
	expect(t, "version", o.Do(t, "GET", groups+"/"+group, nil).Object(t)["version"], any(4.0))

	const nobody = "01a20000-0000-7000-8000-000000000000"
	for body, field := range map[string]any{
		"memberIds is required": map[string]any{},
		"memberIds holds 51":    map[string]any{"memberIds": ids},
		`memberIds: "nothing"`:  map[string]any{"memberIds": []string{"nothing"}},
		`memberIds: "` + nobody: map[string]any{"memberIds": []string{ids[0], nobody}},
		"memberIds is a string": map[string]any{"memberIds": ids[0]},
		"memberIds holds a":     map[string]any{"memberIds": []int{1}},
		"version is a string":   map[string]any{"memberIds": ids[:1], "version": "4"},
	} {
		if message := refused(t, o.Do(t, "POST", members, field), 400, "invalid.value"); !strings.HasPrefix(message, body) {
			t.Errorf("%s: %s", body, message)
		}
	}
	for query, begin := range map[string]string{
		"": "ids is required", "?ids=": "ids is required", "?ids=nothing": `ids: "nothing"`, "?ids=" + strings.Join(ids, ","): "ids holds 51",
	} {
		if message := refused(t, o.Do(t, "DELETE", members+query, nil), 400, "invalid.value"); !strings.HasPrefix(message, begin) {
			t.Errorf("%s: %s", query, message)
		}
	}
	stale := refused(t, o.Do(t, "POST", members, map[string]any{"memberIds": ids[:1], "version": 3}), 409, "general.conflict")
	expect(t, "stale version", strings.HasPrefix(stale, "version"), true)
	expect(t, "nothing has changed", list(t, o, members).fields("id"), ids[50:])
}

// The organisation's removal limit guards this way too.
func TestMembers_AreGuarded(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t, func(s *org.Settings) { s.RemovalLimit = 1 })
	ids := []string{o.NewUser(t, "ada"), o.NewUser(t, "eve")}
	members := groups + "/" + o.NewGroup(t, "Night Shift", ids...) + "/members"
	refused(t, o.Do(t, "DELETE", members+"?ids="+strings.Join(ids, ","), nil), 400, "bad.request")
	slices.Sort(ids)
	expect(t, "members", list(t, o, members).fields("id"), ids)
}

// Callers of individuals do not page: all members are in the answer.
func TestGroups_ListAllIndividuals(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	members := make([]string, 60)
	for i := range members {
		members[i] = o.NewUser(t, fmt.Sprintf("user%02d", i))
	}
	one := groups + "/" + o.NewGroup(t, "Night Shift", members...)
	ids := func(l listing) (ids []string) {
		for _, e := range l.Entities {
			ids = append(ids, e["id"].(string))
		}
		return ids
	}
	all := list(t, o, one+"/individuals")
	expect(t, "all", []any{ids(all), all.Total, all.PageCount, all.NextURI}, []any{members, 60, 1, ""})
	expect(t, "selfUri", ids(list(t, o, all.SelfURI)), members)
	second := list(t, o, one+"/individuals?pageSize=25&pageNumber=2")
	expect(t, "second page", []any{ids(second), second.PageCount}, []any{members[25:50], 3})
	expect(t, "as members are", all.Entities[0], list(t, o, one+"/members").Entities[0])
	expect(t, "nobody", list(t, o, groups+"/"+o.NewGroup(t, "Empty")+"/individuals").Total, 0)
	refused(t, o.Do(t, "GET", groups+"/nothing/individuals", nil), 404, "not.found")
	refused(t, o.Do(t, "GET", one+"/individuals?pageSize=0", nil), 400, "invalid.value")
}

// What is not kept of a group is refused, so that the answer is what was sent.
func TestGroups_RefuseWhatTheyDoNotKeep(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	one := groups + "/" + o.NewGroup(t, "Night Shift")
	before := o.Do(t, "GET", one, nil).Want(t, 200).Object(t)
	for field, value := range map[string]any{
		"ownerIds": []any{o.NewUser(t, "ada")}, "addresses": []any{map[string]any{"address": "+13175724245", "type": "GROUPRING", "mediaType": "PHONE"}},
		"images": []any{map[string]any{"resolution": "x48"}}, "rolesEnabled": true, "includeOwners": true, "callsEnabled": true, "state": "inactive",
	} {
		body := map[string]any{"name": "Day Shift", "type": "official", "visibility": "public", field: value}
		for _, answer := range []*servertest.Answer{o.Do(t, "POST", groups, body), o.Do(t, "PUT", one, body)} {
			if message := refused(t, answer, 400, "invalid.value"); !strings.HasPrefix(message, field) {
				t.Errorf("%s: %s", field, message)
			}
		}
		refused(t, o.Do(t, "POST", groups, map[string]any{"name": "x", "type": "official", "visibility": "public", field: 7}), 400, "invalid.value")
	}
	expect(t, "the group", o.Do(t, "GET", one, nil).Object(t), before)
	expect(t, "groups", list(t, o, groups).Total, 1)
}

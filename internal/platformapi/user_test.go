package platformapi_test

import (
	"testing"

	"github.com/purescim/purescim/internal/servertest"
)

func TestUsers_AreShownAsThePlatformDoes(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	division := named(t, o, divisions, "North")
	boss := o.NewUser(t, "boss@example.org")
	id := newUser(t, o, "ada@example.org", map[string]any{
		"displayName": "Ada King", "title": "Countess",
		"emails": []any{map[string]any{"value": "work@example.org", "type": "work"}},
		"phoneNumbers": []any{
			map[string]any{"value": "+13175724245", "type": "work", "primary": true},
			map[string]any{"value": "tel:+13175724246;ext=12", "type": "mobile"},
			map[string]any{"value": ";ext=4245", "type": "work2"},
		},
		enterprise: map[string]any{"division": "NORTH", "department": "Looms", "manager": map[string]any{"value": boss}},
	})
	contact := func(address, medium, kind string) any {
		return map[string]any{"address": address, "mediaType": medium, "type": kind}
	}
	got := o.Do(t, "GET", users+"/"+id, nil).Want(t, 200).Object(t)
	expect(t, "user", got, map[string]any{
		"id": id, "name": "Ada King", "department": "Looms", "title": "Countess", "state": "active", "version": 1.0,
		"email": "ada@example.org", "username": "ada@example.org", "selfUri": users + "/" + id, "dateLastModified": got["dateLastModified"],
		"division": map[string]any{"id": division, "name": "North", "selfUri": divisions + "/" + division},
		"manager":  map[string]any{"id": boss, "selfUri": users + "/" + boss},
		"primaryContactInfo": []any{
			contact("ada@example.org", "EMAIL", "PRIMARY"), contact("+13175724245", "PHONE", "PRIMARY"),
		},
		"addresses": []any{
			contact("work@example.org", "EMAIL", "WORK"), contact("ada@example.org", "EMAIL", "OTHER"),
			contact("+13175724245", "PHONE", "WORK"),
			map[string]any{"address": "+13175724246", "extension": "12", "mediaType": "PHONE", "type": "MOBILE"},
			map[string]any{"address": "", "extension": "4245", "mediaType": "PHONE", "type": "WORK2"},
		},
	})
	got = o.Do(t, "GET", users+"/"+boss, nil).Want(t, 200).Object(t)
	home := o.Do(t, "GET", divisions+"/home", nil).Want(t, 200).Object(t)["id"].(string)
	expect(t, "a user of nothing but a name", got, map[string]any{
		"division": map[string]any{"id": home, "name": "Home", "selfUri": divisions + "/" + home},
		"id":       boss, "name": "boss@example.org", "state": "active", "version": 1.0, "email": "boss@example.org", "username": "boss@example.org",
		"selfUri": users + "/" + boss, "dateLastModified": got["dateLastModified"],
		"primaryContactInfo": []any{contact("boss@example.org", "EMAIL", "PRIMARY")},
		"addresses":          []any{contact("boss@example.org", "EMAIL", "OTHER")},
	})
}

func TestUsers_AreFoundByState(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	active, asleep := o.NewUser(t, "active"), newUser(t, o, "asleep", map[string]any{"active": false})
	north := named(t, o, divisions, "North")
	gone := newUser(t, o, "gone", map[string]any{enterprise: map[string]any{"division": "North"}})
	o.Do(t, "DELETE", "/Users/"+gone, nil).Want(t, 204)
	all := "&id=" + active + "&id=" + asleep + "&id=" + gone
	for state, want := range map[string][]string{
		"": {active}, "active": {active}, "Inactive": {asleep}, "any": {active, asleep}, "deleted": {gone},
	} {
		for _, ids := range []string{"", all} {
			found := list(t, o, users+"?state="+state+ids)
			expect(t, "state "+state+ids, found.fields("id"), want)
			expect(t, "total of "+state+ids, found.Total, len(want))
		}
	}
	for id, states := range map[string]map[string]int{
		active: {"": 200, "active": 200, "any": 200, "deleted": 404},
		asleep: {"": 200, "active": 200, "any": 200, "deleted": 404},
		gone:   {"": 404, "active": 404, "any": 200, "deleted": 200},
	} {
		for state, status := range states {
			if answer := o.Do(t, "GET", users+"/"+id+"?state="+state, nil); answer.Status != status {
				t.Errorf("state %s: %d, want %d: %s", state, answer.Status, status, answer.Body)
			}
		}
	}
	deleted := o.Do(t, "GET", users+"/"+gone+"?state=deleted", nil).Object(t)
	expect(t, "state and name", []any{deleted["state"], deleted["username"]}, []any{"deleted", "gone"})
	o.Do(t, "DELETE", divisions+"/"+north, nil).Want(t, 204)
	deleted = o.Do(t, "GET", users+"/"+gone+"?state=deleted", nil).Object(t)
	expect(t, "a division that is no more", deleted["division"], any(map[string]any{"name": "North"}))
	expect(t, "restored", o.NewUser(t, "gone"), gone)
	expect(t, "deleted users", list(t, o, users+"?state=deleted").Total, 0)
}

func TestMe_IsForPeople(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	refused(t, o.Do(t, "GET", users+"/me", nil), 400, "not.a.user")
}

func TestOrganisation_IsTheClients(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	expect(t, "organisation", o.Do(t, "GET", organisation, nil).Want(t, 200).Object(t), map[string]any{
		"id": o.ID.String(), "name": o.Name, "defaultCountryCode": "US", "state": "active", "version": 1.0, "selfUri": organisation,
	})
}

// What one organisation has is nothing to another: not to read, not to change,
// not to refer to.
func TestPlatform_Isolation(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	owner, other := server.NewOrg(t), server.NewOrg(t)
	ada, mallory := owner.NewUser(t, "ada"), other.NewUser(t, "mallory")
	gone := owner.NewUser(t, "gone")
	owner.Do(t, "DELETE", "/Users/"+gone, nil).Want(t, 204)
	group, theirs := owner.NewGroup(t, "Night Shift", ada), other.NewGroup(t, "Night Shift")
	uris := []string{groups + "/" + group, users + "/" + ada}
	for _, path := range []string{roles, divisions, skills, languages} {
		uris = append(uris, path+"/"+named(t, owner, path, "secret"))
	}
	var before []string
	for _, uri := range uris {
		before = append(before, string(owner.Do(t, "GET", uri, nil).Want(t, 200).Body))
		refused(t, other.Do(t, "GET", uri, nil), 404, "not.found")
		if uri != users+"/"+ada {
			refused(t, other.Do(t, "PUT", uri, map[string]any{"name": "stolen"}), 404, "not.found")
			refused(t, other.Do(t, "DELETE", uri, nil), 404, "not.found")
		}
	}
	refused(t, other.Do(t, "PATCH", uris[2], map[string]any{"name": "stolen"}), 404, "not.found")
	refused(t, other.Do(t, "GET", users+"/"+gone+"?state=deleted", nil), 404, "not.found")
	members := uris[0] + "/members"
	refused(t, other.Do(t, "GET", members, nil), 404, "not.found")
	refused(t, other.Do(t, "POST", members, map[string]any{"memberIds": []string{mallory}}), 404, "not.found")
	refused(t, other.Do(t, "DELETE", members+"?ids="+ada, nil), 404, "not.found")
	refused(t, other.Do(t, "POST", groups+"/"+theirs+"/members", map[string]any{"memberIds": []string{ada}}), 400, "invalid.value")

	for _, path := range []string{roles, divisions, skills, languages} {
		expect(t, path, list(t, other, path+"?name=secret").Total, 0)
	}
	expect(t, "groups", list(t, other, groups).fields("id"), []string{theirs})
	expect(t, "groups by id", list(t, other, groups+"?id="+group).Total, 0)
	for state, want := range map[string]int{"active": 1, "any": 1, "inactive": 0, "deleted": 0} {
		expect(t, "users "+state, list(t, other, users+"?state="+state).Total, want)
		expect(t, "users by id "+state, list(t, other, users+"?state="+state+"&id="+ada+","+gone).Total, 0)
	}
	for i, uri := range uris {
		expect(t, uri, string(owner.Do(t, "GET", uri, nil).Want(t, 200).Body), before[i])
	}
}

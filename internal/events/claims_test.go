package events

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

var (
	ada    = uuid.MustParse("01900000-0000-7000-8000-00000000000a")
	bob    = uuid.MustParse("01900000-0000-7000-8000-00000000000b")
	sailor = uuid.MustParse("01900000-0000-7000-8000-00000000000c") // a group
)

func user(id uuid.UUID, set ...func(scim.Document)) scim.Document {
	doc := scim.Document{}
	schema.ID.Set(doc, id.String())
	schema.UserName.Set(doc, "ada@example.org")
	schema.Active.Set(doc, true)
	for _, f := range set {
		f(doc)
	}
	return doc
}

func with(a *schema.Attribute, value any) func(scim.Document) {
	return func(doc scim.Document) { a.Set(doc, value) }
}

func TestClaims(t *testing.T) {
	t.Parallel()
	patched := Change{
		Kind: Patched, Type: schema.User, ID: ada, Version: 7,
		Old: user(ada, with(schema.ExternalID, "e1"), with(schema.Title, "Countess"), with(schema.Department, "Engines")),
		New: user(ada, with(schema.ExternalID, "e1"), with(schema.Active, false), with(schema.Department, "Letters")), Password: true,
	}
	created := Change{Kind: Created, Type: schema.User, ID: ada, Version: 1, New: user(ada)}
	members := Change{
		Kind: Patched, Type: schema.Group, ID: sailor, Version: 2, Old: scim.Document{}, New: scim.Document{},
		Members: &MemberChange{Added: []uuid.UUID{ada}, Removed: []uuid.UUID{bob}},
	}
	replaced := members
	replaced.Kind, replaced.Members = Replaced, &MemberChange{Added: []uuid.UUID{ada}, Replaced: true, All: []uuid.UUID{ada}}
	large := replaced
	large.Members = &MemberChange{Added: []uuid.UUID{ada}, Replaced: true, All: make([]uuid.UUID, 10_000)}
	password := Change{Kind: Patched, Type: schema.User, ID: ada, Version: 3, Old: user(ada), New: user(ada), Password: true}
	for name, test := range map[string]struct {
		form   Form
		kinds  []Kind
		change Change
		want   string // of events
	}{
		"notice": {Notice, Kinds, patched, `{
			"urn:ietf:params:scim:event:prov:patch:notice": {"attributes": ["title", "active",
				"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "password"], "version": "\"7\""},
			"urn:ietf:params:scim:event:prov:deactivate": {"version": "\"7\""}}`},
		"full": {Full, Kinds, patched, `{
			"urn:ietf:params:scim:event:prov:patch:full": {"version": "\"7\"", "data": {
				"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
				"Operations": [
					{"op": "remove", "path": "title"},
					{"op": "replace", "path": "active", "value": false},
					{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Letters"}]}},
			"urn:ietf:params:scim:event:prov:deactivate": {"version": "\"7\""}}`},
		"only what is asked for":    {Full, []Kind{Deactivated}, patched, `{"urn:ietf:params:scim:event:prov:deactivate": {"version": "\"7\""}}`},
		"nothing that is asked for": {Full, []Kind{Deleted}, patched, ``},
		"created": {Notice, Kinds, created, `{
			"urn:ietf:params:scim:event:prov:create:notice": {"attributes": ["id", "userName", "active"], "version": "\"1\""}}`},
		"created in full": {Full, Kinds, created, `{
			"urn:ietf:params:scim:event:prov:create:full": {"version": "\"1\"", "data": {
				"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "id": "` + ada.String() + `", "userName": "ada@example.org", "active": true}}}`},
		"members": {Notice, Kinds, members, `{"urn:ietf:params:scim:event:prov:patch:notice": {"attributes": ["members"], "version": "\"2\""}}`},
		"members in full": {Full, Kinds, members, `{
			"urn:ietf:params:scim:event:prov:patch:full": {"version": "\"2\"", "data": {
				"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
				"Operations": [
					{"op": "add", "path": "members", "value": [{"value": "` + ada.String() + `"}]},
					{"op": "remove", "path": "members[value eq \"` + bob.String() + `\"]"}]}}}`},
		"members replaced in full": {Full, Kinds, replaced, `{
			"urn:ietf:params:scim:event:prov:put:full": {"version": "\"2\"", "data": {
				"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "members": [{"value": "` + ada.String() + `"}]}}}`},
		"too much for the full form":    {Full, Kinds, large, `{"urn:ietf:params:scim:event:prov:put:notice": {"attributes": ["members"], "version": "\"2\""}}`},
		"nothing that may be told":      {Full, Kinds, password, `{"urn:ietf:params:scim:event:prov:patch:notice": {"attributes": ["password"], "version": "\"3\""}}`},
		"deleted":                       {Full, Kinds, Change{Kind: Deleted, Type: schema.User, ID: ada}, `{"urn:ietf:params:scim:event:prov:delete": {}}`},
		"nothing that a client can see": {Full, Kinds, Change{Kind: Patched, Type: schema.User, ID: ada, Old: user(ada), New: user(ada)}, ``},
	} {
		claims := Stream{Form: test.form, Kinds: test.kinds}.Tell(test.change, "t1").Claims
		if test.want == "" {
			if claims != nil {
				t.Errorf("%s: %s", name, claims)
			}
			continue
		}
		want := map[string]any{"txn": "t1", "events": read(t, []byte(test.want)), "sub_id": subjectOf(test.change)}
		if diff := cmp.Diff(want, read(t, claims)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// subjectOf is the sub_id that is expected.
func subjectOf(c Change) any {
	subject := map[string]any{"format": "scim", "uri": c.Type.Endpoint + "/" + c.ID.String(), "id": c.ID.String()}
	if c.Old != nil && schema.ExternalID.Text(c.Old) != "" {
		subject["externalId"] = "e1"
	}
	return subject
}

func read(t *testing.T, text []byte) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return value
}

// Of a feed of one group, its members and who comes and goes are told.
func TestFeed(t *testing.T) {
	t.Parallel()
	change := func(kind Kind, id uuid.UUID) Change { return Change{Kind: kind, Type: schema.User, ID: id} }
	moved := func(added, removed []uuid.UUID) Change {
		return Change{Kind: Patched, Type: schema.Group, ID: sailor, Members: &MemberChange{Added: added, Removed: removed}}
	}
	group := Stream{Group: sailor}
	for name, test := range map[string]struct {
		stream  Stream
		changes []Change
		members []uuid.UUID
		want    []string
	}{
		"without a group":           {Stream{}, []Change{change(Patched, ada), moved([]uuid.UUID{bob}, nil)}, nil, []string{"prov:patch ada", "prov:patch sailor"}},
		"a member and a stranger":   {group, []Change{change(Patched, ada), change(Patched, bob)}, []uuid.UUID{ada}, []string{"prov:patch ada"}},
		"who joins and who leaves":  {group, []Change{moved([]uuid.UUID{ada}, []uuid.UUID{bob})}, nil, []string{"prov:patch sailor", "feed:add ada", "feed:remove bob"}},
		"a deleted member":          {group, []Change{moved(nil, []uuid.UUID{ada}), change(Deleted, ada)}, nil, []string{"prov:patch sailor", "prov:delete ada"}},
		"a stranger who is deleted": {group, []Change{change(Deleted, ada)}, nil, nil},
		"another group":             {group, []Change{change(Patched, uuid.New())}, nil, nil},
	} {
		members := map[uuid.UUID]bool{}
		for _, id := range test.members {
			members[id] = true
		}
		var changes []Told
		for _, c := range test.changes {
			changes = append(changes, Told{Change: c})
		}
		var told []string
		names := map[uuid.UUID]string{ada: "ada", bob: "bob", sailor: "sailor"}
		for _, c := range test.stream.Feed(changes, members, "t1") {
			told = append(told, string(c.Kind)+" "+names[c.ID])
		}
		if diff := cmp.Diff(test.want, told); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

package postgres

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// TestFoldAgain stores rows as the release before folded them: an organisation is found
// as one that is to be folded, its rows are made right, no version moves, and names that
// are one by now are reported and stay usable.
func TestFoldAgain(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	acme := org.Org{ID: org.ID(o.Tenant.Org), Name: "Acme  Inc", Settings: org.DefaultSettings()}
	o.must(o.Registry().CreateOrg(t.Context(), acme, nil))
	o.entry(directory.Role, "Night  Shift")
	create := func(name string) directory.Record {
		r, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc(name, roles("Night  Shift"), with(schema.Division, "ＥＵ"))})
		o.must(err)
		return r
	}
	plain, wide, twin, gone := create("ada"), create("ｂｏｂ"), create("carl"), create("dora\u200b")
	o.must(o.DeleteUser(t.Context(), schema.User, gone.ID, scim.Condition{}, func(scim.Document) {}))
	o.group("Team  A")
	for _, sql := range []string{
		`update users set user_name_key = 'ｂｏｂ', division_key = 'ｅｕ' where org_id = $1 and user_name_key = 'bob'`,
		`update users set folded = replace(folded::text, 'night shift', 'night  shift')::jsonb where org_id = $1`,
		`update users set user_name_key = ' ada', doc = replace(doc, '"carl"', '" ada"') where org_id = $1 and user_name_key = 'carl'`,
		`update user_keys set key = 'night  shift' where org_id = $1 and key = 'night shift'`,
		`update deleted_users set user_name_key = user_name_key || $$` + "\u200b" + `$$ where org_id = $1`,
		`update groups set display_name_key = 'team  a' where org_id = $1`,
		`update catalogue set name_key = 'night  shift' where org_id = $1`,
		`update orgs set name_key = 'acme  inc', fold_version = 1 where org_id = $1`,
	} {
		o.exec(sql, o.Tenant.Org)
	}
	due := func() bool {
		orgs, err := o.OrgsToFold(t.Context())
		o.must(err)
		return slices.ContainsFunc(orgs, func(found org.Org) bool { return found.ID == acme.ID })
	}
	if !due() {
		t.Fatal("the organisation is not found")
	}
	var collisions, differences []string
	o.must(o.FoldAgain(t.Context(), acme, schema.DefaultTypes, func(c string) { collisions = append(collisions, c) }))
	if due() {
		t.Error("it is to be folded still")
	}
	if len(collisions) != 1 || !strings.Contains(collisions[0], twin.ID.String()) {
		t.Errorf("collisions: %q", collisions)
	}
	o.must(o.Verify(t.Context(), acme.ID, schema.DefaultTypes, func(d string) { differences = append(differences, d) }))
	if len(differences) != 1 || !strings.Contains(differences[0], `column user_name_key is " ada" instead of "ada"`) {
		t.Errorf("verify: %q", differences)
	}
	for id, version := range map[uuid.UUID]scim.Version{plain.ID: 1, wide.ID: 1, twin.ID: 1} {
		r, err := o.Get(t.Context(), schema.User, id, false)
		if o.must(err); r.Version != version {
			t.Errorf("%s has version %d", id, r.Version)
		}
	}
	title := directory.Change{Edit: func(old directory.Resource) (directory.Edit, error) {
		doc := old.Document.Clone()
		schema.Title.Set(doc, "Dr")
		return directory.Edit{Doc: doc}, nil
	}}
	_, err := o.Update(t.Context(), schema.User, twin.ID, title)
	o.must(err)
	back, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("DORA")})
	if o.must(err); back.ID != gone.ID {
		t.Error("the deleted user is not found by the name")
	}
	var found []string
	for _, sql := range []string{
		`select key from user_keys where org_id = $1 and kind = 4 group by key`,
		`select name_key from catalogue where org_id = $1`,
		`select name_key from orgs where org_id = $1`,
		`select display_name_key from groups where org_id = $1`,
	} {
		var key string
		o.must(o.Own().QueryRow(t.Context(), sql, o.Tenant.Org).Scan(&key))
		found = append(found, key)
	}
	if diff := cmp.Diff([]string{"night shift", "night shift", "acme inc", "team a"}, found); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

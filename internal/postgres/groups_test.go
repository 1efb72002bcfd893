package postgres

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

var anyVersion scim.Condition

func (o *tenant) changeMembers(group uuid.UUID, m directory.MemberChange) directory.Record {
	o.t.Helper()
	r, err := o.ChangeMembers(o.t.Context(), group, anyVersion, m)
	o.must(err)
	return r
}

// setMembers is the edit that changes members alone.
func setMembers(m directory.MemberChange) directory.Change {
	return directory.Change{Edit: func(directory.Resource) (directory.Edit, error) {
		return directory.Edit{Members: &m}, nil
	}}
}

func TestCreateGroup_IsReadBack(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	g := o.group("Sales")
	expect(t, "read with members", o.get(schema.Group, g.ID, true), g)
	g.Links = nil
	expect(t, "read", o.get(schema.Group, g.ID, false), g)

	doc := scim.Document{}
	schema.ID.Set(doc, uuid.NewString())
	schema.GroupName.Set(doc, "SALES")
	_, err := o.CreateGroup(t.Context(), schema.Group, directory.Group{}, directory.Edit{Doc: doc})
	e := expectRefusal(t, err, 409, scim.TypeUniqueness)
	if !strings.Contains(e.Detail, `displayName: "SALES"`) {
		t.Errorf("the detail does not name the group: %s", e.Detail)
	}
	o.neighbour().group("Sales")
	o.consistent()
}

func TestCreateGroup_WithMembers(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(3)
	create := func(name string, members ...uuid.UUID) (directory.Record, error) {
		doc := scim.Document{}
		schema.ID.Set(doc, uuid.NewString())
		schema.GroupName.Set(doc, name)
		return o.CreateGroup(t.Context(), schema.Group, directory.Group{}, directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: members}})
	}
	r, err := create("Sales", ids...)
	o.must(err)
	read := o.get(schema.Group, r.ID, true)
	expect(t, "members", linkIDs(read.Links), ids)
	expect(t, "read", read, r)

	stranger := o.neighbour().users(1)[0]
	_, err = create("Support", ids[0], stranger)
	var missing *directory.MissingError
	if !errors.As(err, &missing) || len(missing.References) != 1 || missing.References[0].User != stranger {
		t.Errorf("error %v, want one that names the neighbour's user", err)
	}
	_, err = create("SALES", ids...)
	expectRefusal(t, err, 409, scim.TypeUniqueness)
	expect(t, "groups", o.number(`select count(*) from groups where org_id = $1`, o.Tenant.Org), 1)

	err = o.DeleteGroup(t.Context(), r.ID, scim.ParseCondition(`"2"`))
	expectRefusal(t, err, 412, scim.TypeInvalidVers)
	o.must(o.DeleteGroup(t.Context(), r.ID, scim.ParseCondition(`"1"`)))
	for _, match := range []scim.Condition{anyVersion, scim.ParseCondition("*")} {
		if err := o.DeleteGroup(t.Context(), r.ID, match); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
	}
	o.consistent()
}

// Users who are deleted while a group is made of them are not in it, or they are
// gone from it: none is left over.
func TestCreateGroup_WhileMembersAreDeleted(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(20)
	var work sync.WaitGroup
	work.Go(func() {
		for _, id := range ids {
			o.must(o.DeleteUser(t.Context(), schema.User, id, anyVersion, func(scim.Document) {}))
		}
	})
	for i := range ids {
		doc := scim.Document{}
		schema.ID.Set(doc, uuid.NewString())
		schema.GroupName.Set(doc, fmt.Sprint("Group ", i))
		_, err := o.CreateGroup(t.Context(), schema.Group, directory.Group{}, directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: ids[i:]}})
		if missing := (*directory.MissingError)(nil); err != nil && !errors.As(err, &missing) {
			t.Errorf("group %d: %v", i, err)
		}
	}
	work.Wait()
	expect(t, "memberships", o.number(`select count(*) from group_members where org_id = $1`, o.Tenant.Org), 0)
	o.consistent()
}

func TestUpdateGroup_Document(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(3)
	g := o.group("Sales", ids...)
	o.group("Support")
	r, err := o.Update(t.Context(), schema.Group, g.ID, directory.Change{
		Links: true,
		Match: scim.ParseCondition(g.Version.ETag()),
		Edit: func(old directory.Resource) (directory.Edit, error) {
			expect(t, "members before", linkIDs(old.Links), ids)
			return edit(with(schema.GroupName, "Sales & Marketing"))(old)
		},
	})
	o.must(err)
	expect(t, "version", r.Version, g.Version+1)
	expect(t, "read", o.get(schema.Group, g.ID, true), r)
	_, err = o.Update(t.Context(), schema.Group, g.ID, directory.Change{Edit: edit(with(schema.GroupName, "support"))})
	expectRefusal(t, err, 409, scim.TypeUniqueness)
	_, err = o.Update(t.Context(), schema.Group, g.ID, directory.Change{Match: scim.ParseCondition("1"), Edit: edit(func(scim.Document) {})})
	expectRefusal(t, err, 412, scim.TypeInvalidVers)
	unchanged, err := o.Update(t.Context(), schema.Group, g.ID, setMembers(directory.MemberChange{Replace: true, Add: ids, Limit: 1}))
	o.must(err)
	expect(t, "version of the same members", unchanged.Version, r.Version)
	o.consistent()
}

func TestUpdateGroup_ReplaceWritesOnlyDifferences(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(60)
	g := o.group("Sales", ids[:50]...)
	const untouched = `select count(distinct xmin::text) from group_members where user_id = any($1)`
	written := o.number(`select min(xmin::text::int) from group_members`)
	change := setMembers(directory.MemberChange{Replace: true, Add: ids[10:], Limit: 10})
	change.Links = true
	r, err := o.Update(t.Context(), schema.Group, g.ID, change)
	o.must(err)
	expect(t, "members", linkIDs(r.Links), ids[10:])
	expect(t, "count", r.MemberCount, 50)
	expect(t, "version", r.Version, g.Version+1)
	expect(t, "transactions of the kept members", o.number(untouched, ids[10:50]), 1)
	expect(t, "transaction of the kept members", o.number(`select xmin::text::int from group_members where user_id = $1`, ids[20]), written)
	o.consistent()
}

func TestUpdateGroup_DocumentAndMembersAreOneVersion(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(2)
	g := o.group("Sales", ids[0])
	r, err := o.Update(t.Context(), schema.Group, g.ID, directory.Change{
		Edit: func(old directory.Resource) (directory.Edit, error) {
			e, err := edit(with(schema.GroupName, "Marketing"))(old)
			e.Members = &directory.MemberChange{Add: ids[1:]}
			return e, err
		},
	})
	o.must(err)
	expect(t, "version", r.Version, g.Version+1)
	expect(t, "read", o.get(schema.Group, g.ID, false), r)
	expect(t, "count", r.MemberCount, 2)
	o.consistent()
}

func TestDeleteUser_LeavesItsGroups(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(3)
	sales, support, other := o.group("Sales", ids...), o.group("Support", ids[0]), o.group("Other", ids[1])
	o.must(o.DeleteUser(t.Context(), schema.User, ids[0], anyVersion, schema.Manager.Clear))
	r := o.get(schema.Group, sales.ID, true)
	expect(t, "members", linkIDs(r.Links), ids[1:])
	expect(t, "version", r.Version, sales.Version+1)
	expect(t, "count", o.get(schema.Group, support.ID, false).MemberCount, 0)
	expect(t, "another group", o.get(schema.Group, other.ID, false), other)
	expectNotFound(t, "again", o.DeleteUser(t.Context(), schema.User, ids[0], anyVersion, schema.Manager.Clear))
	o.consistent()
}

func TestDeleteUser_IsForgottenByItsReports(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	boss, other := o.user("boss"), o.user("other")
	managed := func(by uuid.UUID) func(scim.Document) {
		return with(schema.Manager, map[string]any{"value": by.String()})
	}
	o.update(schema.User, boss.ID, managed(boss.ID)) // one's own manager
	ada, bob := o.user("ada", managed(boss.ID)), o.user("bob", managed(other.ID))
	o.must(o.DeleteUser(t.Context(), schema.User, boss.ID, anyVersion, schema.Manager.Clear))
	r := o.get(schema.User, ada.ID, false)
	doc, err := schema.User.Load(r.Doc)
	o.must(err)
	expect(t, "manager", schema.Manager.Get(doc), nil)
	expect(t, "version", r.Version, 2)
	expect(t, "who reports to another", o.get(schema.User, bob.ID, false), bob)
	o.consistent()
}

func TestDeleteUser_WhileItsGroupsChange(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(writers)
	groups := make([]uuid.UUID, 4)
	for i := range groups {
		groups[i] = o.group(fmt.Sprint("group ", i), ids[:writers/2]...).ID
	}
	atOnce(t, func(n int) error {
		if n < writers/2 {
			return o.DeleteUser(t.Context(), schema.User, ids[n], anyVersion, schema.Manager.Clear)
		}
		for _, g := range groups {
			_, err := o.ChangeMembers(t.Context(), g, anyVersion,
				directory.MemberChange{Add: ids[n : n+1], Remove: ids[n-writers/2 : n-writers/2+1], Limit: 1})
			if err != nil {
				return err
			}
		}
		return nil
	})
	for _, g := range groups {
		expect(t, "members", linkIDs(o.get(schema.Group, g, true).Links), ids[writers/2:])
	}
	o.consistent()
}

func TestDeleteUser_WhileItIsAdded(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(writers / 2)
	g := o.group("Sales")
	atOnce(t, func(n int) error {
		id := ids[n/2]
		if n%2 == 0 {
			return o.DeleteUser(t.Context(), schema.User, id, anyVersion, schema.Manager.Clear)
		}
		_, err := o.ChangeMembers(t.Context(), g.ID, anyVersion, directory.MemberChange{Add: []uuid.UUID{id}})
		if missing := (*directory.MissingError)(nil); errors.As(err, &missing) {
			return nil
		}
		return err
	})
	expect(t, "members", o.get(schema.Group, g.ID, true).Links, []directory.Link{})
	o.consistent()
}

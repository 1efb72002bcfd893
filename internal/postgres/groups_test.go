package postgres

import (
	"errors"
	"fmt"
	"slices"
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
	expect(t, "read", o.get(schema.Group, g.ID, false), g)
	withLinks := g
	withLinks.Links = []directory.Link{}
	expect(t, "read with members", o.get(schema.Group, g.ID, true), withLinks)

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
	read.Links = nil
	expect(t, "read", read, r)

	stranger := o.neighbour().users(1)[0]
	_, err = create("Support", ids[0], stranger)
	var missing *directory.MissingError
	if !errors.As(err, &missing) || len(missing.References) != 1 || missing.References[0].User != stranger {
		t.Errorf("error %v, want one that names the neighbour's user", err)
	}
	_, err = create("SALES", ids...)
	expectRefusal(t, err, 409, scim.TypeUniqueness)
	expect(t, "groups", o.number(`select count(*) from groups where org_id = $1`, o.org), 1)

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
	expect(t, "memberships", o.number(`select count(*) from group_members where org_id = $1`, o.org), 0)
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

func TestMembers_RemovalGuard(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(12)
	g := o.group("Sales", ids[:10]...)
	refused := func(what string, err error) {
		t.Helper()
		var limit *directory.LimitError
		if !errors.As(err, &limit) || limit.Removed != 6 || limit.Limit != 5 {
			t.Errorf("%s: error %v, want the limit", what, err)
		}
	}
	_, err := o.Update(t.Context(), schema.Group, g.ID, setMembers(directory.MemberChange{Replace: true, Add: ids[6:11], Limit: 5}))
	refused("replace", err)
	_, err = o.Update(t.Context(), schema.Group, g.ID, setMembers(directory.MemberChange{Add: ids[11:], Remove: ids[:6], Limit: 5}))
	refused("update", err)
	_, err = o.ChangeMembers(t.Context(), g.ID, anyVersion, directory.MemberChange{Add: ids[11:], Remove: ids[:6], Limit: 5})
	refused("change", err)
	expect(t, "group", o.get(schema.Group, g.ID, false), g)

	// What is not a member is not removed and does not count.
	strangers := []uuid.UUID{uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())}
	r := o.changeMembers(g.ID, directory.MemberChange{Remove: slices.Concat(ids[:5], strangers), Limit: 5})
	expect(t, "count", r.MemberCount, 5)
	o.consistent()
}

func TestChangeMembers(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(5)
	g := o.group("Sales", ids[:3]...)
	r := o.changeMembers(g.ID, directory.MemberChange{Add: ids[2:], Remove: ids[:1], Limit: 10})
	expect(t, "version", r.Version, g.Version+1)
	expect(t, "document", string(r.Doc), string(g.Doc))
	expect(t, "count", r.MemberCount, 4)
	read := o.get(schema.Group, g.ID, true)
	expect(t, "members", linkIDs(read.Links), ids[1:])
	expect(t, "display", read.Links[0].Display, "Display of user00001")
	read.Links = nil
	expect(t, "read", r, read)
	expect(t, "groups of a member", o.get(schema.User, ids[4], true).Links, []directory.Link{{ID: g.ID, Display: "Sales"}})
	expect(t, "groups of another", o.get(schema.User, ids[0], true).Links, []directory.Link{})

	written := o.number(`select xmin::text::int from groups`)
	same := o.changeMembers(g.ID, directory.MemberChange{Add: ids[3:], Remove: ids[:1], Limit: 10})
	expect(t, "nothing to change", same, r)
	expect(t, "transaction", o.number(`select xmin::text::int from groups`), written)

	both := o.changeMembers(g.ID, directory.MemberChange{Add: ids[:2], Remove: ids[:2], Limit: 10})
	expect(t, "added and removed is added", both.MemberCount, 5)
	o.consistent()
}

func TestChangeMembers_UnknownUserChangesNothing(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(3)
	g := o.group("Sales", ids[0])
	deleted, stranger := ids[2], o.neighbour().user("stranger").ID
	o.must(o.DeleteUser(t.Context(), schema.User, deleted, anyVersion, schema.Manager.Clear))
	m := directory.MemberChange{Add: []uuid.UUID{ids[1], deleted, stranger}, Remove: ids[:1], Limit: 5}
	for what, change := range map[string]func() error{
		"change": func() error {
			_, err := o.ChangeMembers(t.Context(), g.ID, anyVersion, m)
			return err
		},
		"update": func() error {
			_, err := o.Update(t.Context(), schema.Group, g.ID, setMembers(m))
			return err
		},
		"replace": func() error {
			_, err := o.Update(t.Context(), schema.Group, g.ID, setMembers(directory.MemberChange{Replace: true, Add: m.Add, Limit: 5}))
			return err
		},
	} {
		var missing *directory.MissingError
		if err := change(); !errors.As(err, &missing) {
			t.Fatalf("%s: error %v, want the missing users", what, err)
		}
		expect(t, what, []uuid.UUID{missing.References[0].User, missing.References[1].User}, []uuid.UUID{deleted, stranger})
		if missing.References[0].Attr != schema.Members {
			t.Errorf("%s: the reference names %v", what, missing.References[0].Attr)
		}
	}
	expect(t, "group", o.get(schema.Group, g.ID, false), g)
	_, err := o.ChangeMembers(t.Context(), uuid.New(), anyVersion, m)
	expectNotFound(t, "unknown group", err)
	o.consistent()
}

func TestChangeMembers_ChecksTheVersion(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(2)
	g := o.group("Sales", ids[0])
	_, err := o.ChangeMembers(t.Context(), g.ID, scim.ParseCondition(`"1"`), directory.MemberChange{Add: ids})
	expectRefusal(t, err, 412, scim.TypeInvalidVers)
	r, err := o.ChangeMembers(t.Context(), g.ID, scim.ParseCondition(`"1", "2"`), directory.MemberChange{Add: ids})
	o.must(err)
	expect(t, "version", r.Version, 3)
	_, err = o.ChangeMembers(t.Context(), uuid.New(), scim.ParseCondition("*"), directory.MemberChange{Add: ids})
	expectNotFound(t, "unknown group", err)
}

func TestChangeMembers_AtOnceLosesNone(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	const each = 20
	ids := o.users(writers * each)
	g := o.group("Sales", ids[:writers*each/2]...)
	var mu sync.Mutex
	versions := map[scim.Version]bool{}
	atOnce(t, func(n int) error {
		mine := ids[n*each : (n+1)*each]
		for i, id := range mine {
			m := directory.MemberChange{Limit: 1}
			if i%2 == 0 {
				m.Add = []uuid.UUID{id}
			} else {
				m.Remove = []uuid.UUID{id}
			}
			r, err := o.ChangeMembers(t.Context(), g.ID, anyVersion, m)
			if err != nil {
				return err
			}
			mu.Lock()
			versions[r.Version] = true
			mu.Unlock()
		}
		return nil
	})
	var want []uuid.UUID
	for i, id := range ids {
		if i%each%2 == 0 {
			want = append(want, id)
		}
	}
	r := o.get(schema.Group, g.ID, true)
	expect(t, "members", linkIDs(r.Links), want)
	// Half of the additions and half of the removals change nothing.
	expect(t, "version", r.Version, g.Version+scim.Version(len(ids)/2))
	o.consistent()
}

func TestChangeMembers_TheSameAtOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(40)
	g := o.group("Sales", ids[:20]...)
	atOnce(t, func(int) error {
		_, err := o.ChangeMembers(t.Context(), g.ID, anyVersion, directory.MemberChange{Add: ids[20:], Remove: ids[:20], Limit: 20})
		return err
	})
	r := o.get(schema.Group, g.ID, true)
	expect(t, "members", linkIDs(r.Links), ids[20:])
	expect(t, "version", r.Version, g.Version+1)
	o.consistent()
}

func TestReplaceMembers_AtOnceIsOneOfThem(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(writers * 4)
	g := o.group("Sales")
	atOnce(t, func(n int) error {
		_, err := o.Update(t.Context(), schema.Group, g.ID,
			setMembers(directory.MemberChange{Replace: true, Add: ids[n*4 : n*4+4], Limit: 4}))
		return err
	})
	r := o.get(schema.Group, g.ID, true)
	i := slices.Index(ids, r.Links[0].ID)
	expect(t, "members", linkIDs(r.Links), ids[i:i+4])
	expect(t, "version", r.Version, g.Version+writers)
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

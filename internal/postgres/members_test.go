package postgres

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

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

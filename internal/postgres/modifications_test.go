package postgres

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A statement that has waited for another server's change of the group moves the row
// that the other has moved meanwhile, though it cannot see it.
func TestModifications_BehindOtherServers(t *testing.T) {
	t.Parallel()
	database := newTenant(t)
	for name, change := range map[string]func(o *tenant, group, user uuid.UUID) error{
		"members": func(o *tenant, group, user uuid.UUID) error {
			_, err := o.ChangeMembers(t.Context(), group, anyVersion, directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1})
			return err
		},
		"members under a lock": func(o *tenant, group, _ uuid.UUID) error {
			_, err := o.ChangeMembers(t.Context(), group, anyVersion, directory.MemberChange{Replace: true, Limit: 4})
			return err
		},
		"document": func(o *tenant, group, _ uuid.UUID) error {
			_, err := o.Update(t.Context(), schema.Group, group, directory.Change{Edit: edit(with(schema.GroupName, "Sold"))})
			return err
		},
		"document and members": func(o *tenant, group, user uuid.UUID) error {
			_, err := o.Update(t.Context(), schema.Group, group, directory.Change{Edit: func(old directory.Resource) (directory.Edit, error) {
				doc := old.Document.Clone()
				schema.GroupName.Set(doc, "Sold")
				return directory.Edit{Doc: doc, Members: &directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1}}, nil
			}})
			return err
		},
		"user deleted": func(o *tenant, _, user uuid.UUID) error {
			return o.DeleteUser(t.Context(), schema.User, user, anyVersion, func(scim.Document) {})
		},
		"group deleted": func(o *tenant, group, _ uuid.UUID) error {
			return o.DeleteGroup(t.Context(), group, anyVersion)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := database.neighbour() // one after the other: each looks for who waits
			o.t = t
			ids := o.users(4)
			group := o.group("Sales", ids[0], ids[1]).ID
			done := make(chan error, 1)
			o.must(o.inTx(t.Context(), nothing, func(tx pgx.Tx) error {
				for _, id := range ids[2:] { // twice: the row has moved on from where it moved to
					if _, err := o.applyMembers(t.Context(), tx, group, directory.MemberChange{Add: []uuid.UUID{id}}); err != nil {
						return err
					}
					time.Sleep(2 * time.Millisecond) // times differ
				}
				go func() { done <- change(o, group, ids[1]) }()
				o.somebodyWaits()
				return nil
			}))
			o.must(<-done)
			o.consistent()
		})
	}
}

// Clocks stand still between two changes, and go back.
func TestModifications_WhateverTheClock(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	old := directory.Resource{Record: o.user("Ada")}
	group := o.group("Sales").ID
	for i, by := range []time.Duration{0, 0, -time.Hour, 0, time.Minute} {
		at := old.Modified.Add(by)
		var err error
		old.Document, err = schema.User.Load(old.Doc)
		o.must(err)
		doc := old.Document.Clone()
		schema.Active.Set(doc, i%2 == 1)
		u, err := o.userUpdate(schema.User, old, directory.Edit{Doc: doc})
		o.must(err)
		u.record.Modified, u.args[3] = at, at
		o.exec(u.sql(false), u.args...)
		old.Record = u.record
		o.exec(changeMembers, o.org, uid(group), uids{old.ID}, uids{}, 1, at)
		o.exec(changeMembers, o.org, uid(group), uids{}, uids{old.ID}, 0, at)
		o.consistent()
	}
}

// Lists sorted by the time of modification are read in its order whatever else is
// asked of them, unless an index finds the few that are left to sort. What they ask of
// the time says where to begin. Several types are merged.
func timesUseIndexes(t *testing.T, s *shelf, org int64) {
	v := (&Store{}).view(1)
	v.org = org
	everyone, people := schema.DefaultTypes, schema.DefaultTypes[:1]
	for _, c := range []struct {
		types  []*schema.Type
		filter string
		plan   string
	}{
		{people, ``, `modifications_pkey`},
		{everyone, ``, `kind = 2`},
		{people, `active eq true`, `modifications_pkey`},
		{people, `displayName sw "User" or not (department eq "x")`, `modifications_pkey`},
		{people, `meta.lastModified gt "2026-01-21T20:00:00Z"`, `kind = 1\) AND \(modified_at > `},
		{people, `active eq true and meta.lastModified lt "2026-01-21T20:00:00Z"`, `kind = 1\) AND \(modified_at < `},
		{everyone, `meta.lastModified ge "2026-02-04T16:00:00Z"`, `kind = 2\) AND \(modified_at >= `},
		{people, `userName eq "user4711@example.org" and active eq true`, `users_name`},
		{people, `userName eq "user4711@example.org" or externalId sw "HR-4711"`, `users_external`},
	} {
		for _, order := range []string{"ascending", "descending"} {
			r := v.ranking(listOf(t, c.types, c.filter, "meta.lastModified", order), false)
			for _, from := range []directory.Position{{}, {ID: numbered(1, manyUsers/2), Value: "2026-01-21T20:00:00Z"}} {
				sql, args := r.page(r.behind(from)[0], 25)
				plan := s.explain(t, r.composed, sql, args)
				walks := strings.Contains(plan, "modifications_pkey") && !strings.Contains(plan, "->  Sort ")
				narrow := strings.HasPrefix(c.plan, "users_")
				if strings.Contains(plan, "Seq Scan") || walks == narrow || !regexp.MustCompile(c.plan).MatchString(plan) {
					t.Errorf("%q %s behind %+v is not read by %s\n%s\n%s", c.filter, order, from, c.plan, sql, plan)
				}
			}
		}
	}
}

// A filter on the time of modification finds few by the index, together with their
// total. Where there are many the page is read in the order of ids, from where it
// begins, and they are counted without the users.
func timesAreFound(t *testing.T, s *shelf, org int64) {
	const recent, old = `meta.lastModified gt "2026-02-04T16:00:00Z"`, `meta.lastModified ge "2026-01-21T20:00:00Z"`
	list := func(text string) (listing, directory.Query) {
		q := directory.Query{Start: 1, Count: 100, Filter: parsed(t, schema.User, text)}
		return newListing(schema.User, q, []any{org}), q
	}
	expectPlan := func(what, sql string, args []any, wanted, spared string) {
		t.Helper()
		plan := s.explain(t, true, sql, args)
		if !strings.Contains(plan, wanted) || regexp.MustCompile(spared).MatchString(plan) {
			t.Errorf("%s: not answered by %s\n%s\n%s", what, wanted, sql, plan)
		}
	}
	const between = `meta.lastModified ge "2026-01-11T00:00:00Z" and active eq true and meta.lastModified lt "2026-01-11T02:00:00Z"`
	expect(t, between, len(s.find(t, org, schema.User, parse(t, schema.User, between))), 117)
	for _, text := range []string{recent, recent + " and active eq true", old} {
		of, q := list(text)
		found, args := of.fewOf(q, few)
		expectPlan("few of "+text, found, args, "modifications", "Seq Scan on users")
	}
	for _, text := range []string{recent, old} {
		of, _ := list(text)
		expectPlan("count of "+text, of.count, of.args, "modifications", "users")
	}
	for _, text := range []string{old, old + " and active eq true"} {
		of, q := list(text)
		expectPlan("page of "+text, of.pageOf(of.records(), of.span(q, bookmark{}, false)), of.args, "users_", "->  Sort |Seq Scan")
	}
}

func listOf(t *testing.T, types []*schema.Type, text, by, order string) (list []directory.TypeQuery) {
	t.Helper()
	sorts, err := filter.ParseSort(types, by, order)
	if err != nil {
		t.Fatal(err)
	}
	for i, typ := range types {
		q := directory.Query{ActiveOnly: text == "", Sort: &sorts[i]}
		if text != "" {
			q.Filter = parsed(t, typ, text)
		}
		list = append(list, directory.TypeQuery{Type: typ, Query: q})
	}
	return list
}

package lists

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
)

// looking gives the look of a list, sorted by an attribute or not.
func looking(t *testing.T, typ *schema.Type, text, by string, most int) (look, bool) {
	t.Helper()
	q := directory.Query{Count: 2, After: new(directory.Position), Look: most, Filter: parsed(t, typ, text)}
	if by != "" {
		sorts, err := filter.ParseSort([]*schema.Type{typ}, by, "")
		if err != nil {
			t.Fatal(err)
		}
		q.Sort = &sorts[0]
	}
	return lookOf(directory.TypeQuery{Type: typ, Query: q})
}

// Where an index finds all that is asked for, or few, there is nothing to look through.
func TestLook_IsOfWhatNoIndexFinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		filter, by string
		looks      bool
	}{
		{`title co "a"`, "", true},
		{`displayName sw "a" and title co "a"`, "displayName", true},
		{`department eq "a" and title co "a"`, "", true},
		{`displayName sw "a"`, "displayName", false},
		{`title co "a"`, "displayName", false}, // some have no name
		{`title co "a"`, "title", false},
		{`department eq "a"`, "", false},
		{`active eq false`, "", false},
		{`userName eq "a" and title co "a"`, "", false},
		{`emails.value eq "a" and title co "a"`, "", false},
		{`manager eq "` + user4711 + `" and title co "a"`, "", false},
	} {
		if _, ok := looking(t, schema.User, c.filter, c.by, 3); ok != c.looks {
			t.Errorf("%s by %q is looked through: %t", c.filter, c.by, ok)
		}
	}
}

// A look ends behind so many, wherever it has come to, and the next goes on there. All that
// it finds is what the whole list has.
func TestLook_FindsAllInTheEnd(t *testing.T) {
	t.Parallel()
	v, ids := numberedLists(t, 9)
	for _, c := range []struct{ filter, by string }{
		{`userName co "user"`, ""},
		{`userName ew "7@example.org"`, ""},
		{`active eq true and userName co "3"`, ""},
		{`userName sw "user" and userName co "8"`, "userName"},
		{`userName sw "zz" and userName co "8"`, "userName"},
	} {
		var want []uuid.UUID
		f := parsed(t, schema.User, c.filter)
		want = append(want, v.users(t, directory.Query{Start: 1, Count: 100, Filter: f})...)
		for most := 1; most < 12; most++ {
			l, ok := looking(t, schema.User, c.filter, c.by, most)
			if !ok {
				t.Fatalf("%s is not looked through", c.filter)
			}
			var found []uuid.UUID
			pages := 0
			for next := l.of.After; next != nil; pages++ {
				l.of.After = next
				p, err := v.look(t.Context(), l)
				if err != nil || len(p.Records) > l.of.Count || p.Total < len(p.Records) || p.Next == nil && l.of.After.IsStart() == p.AtLeast {
					t.Fatalf("%s: %+v, %v", c.filter, p, err)
				}
				found, next = append(found, idsOf(p.Records)...), p.Next
			}
			expect(t, c.filter, found, want)
			if len(ids)/most > pages+len(ids)/l.of.Count && c.by == "" {
				t.Errorf("%s: %d pages look at %d each", c.filter, pages, most)
			}
		}
	}
}

// Each look follows the index that has its order, and looks everybody up one by one, also
// before anything is known of the tables.
func TestLooks_FollowTheirIndexes(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	for _, setting := range []string{"plan_cache_mode = force_generic_plan", "enable_sort = off", "enable_bitmapscan = off"} {
		s.Exec(t, "set "+setting)
	}
	empty := s.Orgs.Add(1)
	member := `groups.value eq "` + group47 + `"`
	looks := []struct {
		typ               *schema.Type
		filter, by, index string
	}{
		{schema.User, `displayName sw "user" and ` + member, "displayName", "users_display"},
		{schema.User, `userName sw "user" and not (displayName sw "user") and ` + member, "userName", "users_name"},
		{schema.User, `title co "zz"`, "", "users_pkey"},
		{schema.User, `department eq "department 17" and title co "zz"`, "", "users_department"},
		{schema.User, `active eq false and title co "zz"`, "", "users_active"},
		{schema.User, `roles.value eq "role 17" and title co "zz"`, "", "user_keys_pkey"},
		{schema.User, member + ` and displayName sw "user"`, "", "group_members_pkey"},
		{schema.Group, `displayName co "zz"`, "", "groups_pkey"},
	}
	check := func(org int64) {
		for _, c := range looks {
			l, ok := looking(t, c.typ, c.filter, c.by, 3000)
			if !ok {
				t.Fatalf("%s is not looked through", c.filter)
			}
			for _, from := range []directory.Position{{}, {ID: uuid.MustParse(user4711), Value: "user"}} {
				sql, args := l.page(org, from, 51)
				plan := s.Plan(t, false, sql, args)
				if !strings.Contains(plan, c.index+" ") || strings.Contains(plan, "Sort") || strings.Contains(plan, "Hash") || strings.Contains(plan, "Seq Scan") ||
					strings.Contains(plan, "users_external") {
					t.Errorf("%s is not looked through by %s\n%s\n%s", c.filter, c.index, sql, plan)
				}
			}
		}
	}
	check(empty)
	check(s.Fill(t))
}

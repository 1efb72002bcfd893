package lists

import (
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
)

// Lists sorted by the time of modification are read in its order whatever else is
// asked of them, unless an index finds the few that are left to sort. What they ask of
// the time says where to begin. Several types are merged.
func timesUseIndexes(t *testing.T, s *searchtest.DB, org int64) {
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
			l := newSorting(listOf(t, c.types, c.filter, "meta.lastModified", order), false, nil)
			for _, from := range []directory.Position{{}, {ID: searchtest.Numbered(1, searchtest.ManyUsers/2), Value: "2026-01-21T20:00:00Z"}} {
				sql, args := l.page(org, l.steps(from)[0], from, 25)
				plan := s.Plan(t, c.filter != "", sql, args)
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
func timesAreFound(t *testing.T, s *searchtest.DB, org int64) {
	const recent, old = `meta.lastModified gt "2026-02-04T16:00:00Z"`, `meta.lastModified ge "2026-01-21T20:00:00Z"`
	list := func(text string) source {
		q := directory.Query{Start: 1, Count: 100, Filter: parsed(t, schema.User, text)}
		return newSource(directory.TypeQuery{Type: schema.User, Query: q}, nil)
	}
	expectPlan := func(what, sql string, args []any, wanted, spared string) {
		t.Helper()
		plan := s.Plan(t, true, sql, args)
		if !strings.Contains(plan, wanted) || regexp.MustCompile(spared).MatchString(plan) {
			t.Errorf("%s: not answered by %s\n%s\n%s", what, wanted, sql, plan)
		}
	}
	const between = `meta.lastModified ge "2026-01-11T00:00:00Z" and active eq true and meta.lastModified lt "2026-01-11T02:00:00Z"`
	expect(t, between, len(s.Find(t, org, schema.User, searchtest.Parse(t, schema.User, between))), 117)
	for _, text := range []string{recent, recent + " and active eq true", old} {
		found, args := list(text).collected(org, few+1)
		expectPlan("few of "+text, found, args, "modifications", "Seq Scan on users")
	}
	for _, text := range []string{recent, old} {
		count, args := list(text).counted(org)
		expectPlan("count of "+text, count, args, "modifications", "users")
	}
	for _, text := range []string{old, old + " and active eq true"} {
		page, args := list(text).found(org, start{})
		expectPlan("page of "+text, page, args, "users_", "->  Sort |Seq Scan")
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

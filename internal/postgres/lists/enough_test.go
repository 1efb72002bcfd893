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

// Whoever asks for a total as far as enough gets the same pages, and one more where there
// is more, whichever plan finds them.
func TestList_CountsNoFurtherThanEnough(t *testing.T) {
	t.Parallel()
	v, ids := numberedLists(t, 9)
	sorts, err := filter.ParseSort([]*schema.Type{schema.User}, "userName", "")
	if err != nil {
		t.Fatal(err)
	}
	for name, q := range map[string]directory.Query{
		"collected or passed": {Filter: parsed(t, schema.User, `userName sw "user"`)},
		"looked up":           {Filter: parsed(t, schema.User, `id eq "`+ids[0].String()+`" or userName sw "user"`)},
		"sorted":              {Filter: parsed(t, schema.User, `userName sw "user"`), Sort: &sorts[0]},
	} {
		for enough, want := range map[int]int{0: 9, 3: 4, 8: 9, 9: 9, 20: 9} {
			q.Start, q.Count, q.Enough, q.After = 1, 4, enough, new(directory.Position)
			var found []uuid.UUID
			for q.After != nil {
				p, err := v.List(t.Context(), schema.User, q)
				if err == nil {
					p, err = searchtest.WholePage(p)
				}
				if err != nil {
					t.Fatal(err)
				}
				expect(t, name+": total", p.Total, want)
				found, q.After = append(found, idsOf(p.Records)...), p.Next
			}
			expect(t, name+": pages", found, ids)
			q.Count, q.After = 0, new(directory.Position)
			p, err := v.List(t.Context(), schema.User, q)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, name+": total alone", p.Total, want)
		}
	}
}

// A name is looked up by the index of names before anything is known of the table, too:
// while it is filled for the first time.
func TestNames_AreFoundBeforeTheFirstAnalyze(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	of := newSource(directory.TypeQuery{Type: schema.User, Query: directory.Query{Start: 1, Count: 1, Filter: parsed(t, schema.User, `userName eq "ada"`)}}, nil)
	sql, args := of.found(s.Orgs.Add(1), start{})
	if plan := s.Plan(t, false, sql, args); !strings.Contains(plan, "using users_name ") || strings.Contains(plan, "Sort") {
		t.Errorf("the plan is\n%s", plan)
	}
}

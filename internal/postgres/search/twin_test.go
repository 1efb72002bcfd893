package search_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// twinFilters is how many filters each world is asked.
const twinFilters = 30

// The two evaluators of filters are twins: whatever the documents and the
// filter, the database finds those that filter.Match accepts.
func TestTwin(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := searchtest.DrawWorld(rt)
		org := s.Orgs.Add(1)
		s.Add(t, org, searchtest.TestUser, w.Users)
		s.Add(t, org, schema.Group, w.Groups)
		s.Link(t, org, w.Members)
		for range twinFilters {
			typ, docs := searchtest.TestUser, w.Users
			if rapid.IntRange(0, 4).Draw(rt, "of groups") == 0 {
				typ, docs = schema.Group, w.Groups
			}
			text := w.DrawFilter(rt, typ)
			n := searchtest.Parse(rt, typ, text)
			if diff := cmp.Diff(matching(n, docs), s.Find(t, org, typ, n)); diff != "" {
				sql, args := searchtest.Selection(org, typ, n)
				rt.Fatalf("%s (-in memory +in the database)\n%s\n%s %v\n%s", text, diff, sql, args, searchtest.Printed(docs))
			}
		}
	})
}

func matching(n filter.Node, docs []scim.Document) []string {
	ids := []string{}
	for _, doc := range docs {
		if filter.Match(n, doc) {
			ids = append(ids, schema.ID.Text(doc))
		}
	}
	slices.Sort(ids)
	return ids
}

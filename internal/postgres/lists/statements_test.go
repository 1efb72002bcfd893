package lists

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/sqlrules"
	"github.com/purescim/purescim/internal/schema"
)

// The statements that are put together keep the rules, too.
func TestLists_SayTheOrganisation(t *testing.T) {
	t.Parallel()
	for name, sql := range listStatements(t) {
		for _, fault := range sqlrules.Faults(sql) {
			t.Errorf("%s: %s\n%s", name, fault, sql)
		}
	}
}

// listStatements are those that lists put together.
func listStatements(t *testing.T) map[string]string {
	t.Helper()
	statements := map[string]string{}
	for _, c := range []struct {
		typ    *schema.Type
		filter string
	}{
		{schema.User, ""},
		{schema.Group, ""},
		{schema.User, `userName sw "a" and not (emails.value eq "b" or roles[value eq "c" and primary eq true])`},
		{schema.User, `groups[display sw "a"] and meta.created gt "2026-01-01T00:00:00Z" and title co "b"`},
		{schema.User, `meta.lastModified ge "2026-01-01T00:00:00Z" and title pr and not (meta.lastModified gt "2026-02-01T00:00:00Z")`},
		{schema.Group, `members[display sw "a" and value ne "b"] or not (members.value pr) or members pr`},
	} {
		q := directory.Query{Start: 3, Count: 2, ActiveOnly: true, Links: true}
		if c.filter != "" {
			q.Filter = parsed(t, c.typ, c.filter)
		}
		s := newSource(directory.TypeQuery{Type: c.typ, Query: q}, nil)
		name := c.typ.Plural + " " + c.filter
		statements[name+" counted"], _ = s.counted(1)
		statements[name+" collected"], _ = s.collected(1, few)
		statements[name+" collected, of ids"], _ = s.sizes().collected(1, few)
		if q.Filter == nil {
			statements[name+" jumped to"], _ = s.strides(1, 3)
		}
		for way, at := range map[string]start{" counted to": {skip: 2}, " by bookmark": {known: true}, " behind a bookmark": {known: true, skip: 2}} {
			statements[name+way], _ = s.found(1, at)
			linked := s
			linked.columns = linkedUserColumns
			statements[name+way+" linked"], _ = linked.found(1, at)
			statements[name+way+" with groups"], _ = s.groupsFrom(1, s.rows(s.condition()), at)
		}
	}
	for way, q := range map[string]directory.MembershipQuery{"": {}, " of group": {Group: uuid.New()}, " of both": {Group: uuid.New(), Member: uuid.New()}} {
		statements["memberships"+way], _ = membershipPage(1, q, start{known: true, skip: 2, after: directory.Position{Value: uuid.NewString()}})
		statements["memberships counted"+way], _ = countOf(1, q)
	}
	statements["groups of those"], _ = groupsOfThose.Fill(1, db.In("ids", db.ThoseIDs(nil)))
	maps.Copy(statements, sortedStatements(t))
	return statements
}

// sortedStatements are those of sorted lists.
func sortedStatements(t *testing.T) map[string]string {
	t.Helper()
	statements := map[string]string{}
	types := []*schema.Type{schema.User, schema.Group}
	for _, by := range []string{"userName", "externalId", "emails", "members.display", "groups.type", "meta.lastModified", "active", "meta.created", "schemas"} {
		for _, order := range []string{"ascending", "descending"} {
			sorts, err := filter.ParseSort(types, by, order)
			if err != nil {
				t.Fatal(err)
			}
			var list []directory.TypeQuery
			for i, typ := range types {
				list = append(list, directory.TypeQuery{Type: typ, Query: directory.Query{Filter: parsed(t, typ, `displayName co "a"`), Sort: &sorts[i], Links: true}})
			}
			l := newSorting(list, false, nil)
			for i, from := range []directory.Position{{}, {ID: uuid.New(), Value: "x"}, {ID: uuid.New(), Absent: true}} {
				for j, s := range l.steps(from) {
					name := fmt.Sprint(by, " ", order, " ", i, " ", j)
					statements[name], _ = l.page(1, s, from, 10)
				}
			}
			statements["place by "+by+" "+order], _ = l.before(1, 3)
		}
	}
	return statements
}

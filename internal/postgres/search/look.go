package search

import (
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
)

// Candidates are the resources among which a list looks for what its filter selects: those
// that an index finds of it, or all, in the order of the list. A statement reads their ID from
// Rows, those whose Key has the Value if there is one, and tests Rest of each resource, which
// it calls r.
type Candidates struct {
	ID    string
	Rows  db.Fragment
	Key   string
	Value any
	Rest  db.Fragment
}

// Candidates splits a filter on resources in the order of an attribute, nil being that of their
// ids. There are none where an index finds all that the filter asks for, or few resources, or
// where none has the order.
func (c Conditions) Candidates(n filter.Node, by *schema.Attribute) (found Candidates, ok bool) {
	tests := conjuncts(n)
	walked := func(n filter.Node) bool { return c.walk(n).ID != "" }
	if by != nil {
		walked = func(n filter.Node) bool { return isRange(n, by) }
	}
	at := slices.IndexFunc(tests, walked)
	switch {
	case by != nil && (at < 0 || !IsOrdered(by)):
		return found, false
	case by == nil && slices.ContainsFunc(tests, func(n filter.Node) bool { return Finds(n, IsIndexed) && (!walked(n) || Finds(n, c.table.IsSelective)) }):
		return found, false
	case at < 0:
		found = Candidates{ID: "r.id", Rows: c.table.Rows(db.Fragment{})}
	case by == nil:
		found, tests = c.walk(tests[at]), slices.Delete(tests, at, at+1)
	default:
		found.ID = "r.id"
		found.Rows = c.table.Rows(db.SQL(" and $?", tree(tests[at], c.leaf)))
		tests = slices.Delete(tests, at, at+1)
	}
	rest := make([]db.Fragment, len(tests))
	for i, test := range tests {
		rest[i] = tree(test, c.Passed().leaf)
	}
	found.Rest = db.Join(" and ", rest...)
	return found, len(rest) > 0
}

// isRange reports whether a test asks for a range of the values of an attribute.
func isRange(n filter.Node, a *schema.Attribute) bool {
	c, ok := n.(filter.Compare)
	return ok && c.Attr == a && c.Value != nil && slices.Contains([]filter.Op{filter.Eq, filter.Sw, filter.Gt, filter.Ge, filter.Lt, filter.Le}, c.Op)
}

// walk gives the rows that an index has in the order of the ids for the value of a test; none,
// with no ID, where there is no such index.
func (c Conditions) walk(n filter.Node) (found Candidates) {
	test, ok := n.(filter.Compare)
	if !ok || test.Op != filter.Eq || test.Value == nil || c.table != Users {
		return found
	}
	switch a := test.Attr; {
	case c.table.isWalked(a):
		return Candidates{ID: "r.id", Rows: c.table.Rows(db.Fragment{}), Key: "r." + c.table.columnOf(a), Value: test.Value}
	case c.table.KindOf(a) != 0:
		kind := db.Number(int(c.table.KindOf(a)))
		return Candidates{ID: "k.user_id", Rows: db.SQL("from user_keys k where k.org_id = $1 and k.kind = $?", kind), Key: "k.key", Value: test.Value}
	case a == schema.UserGroups.SubAttribute("value"):
		if group, err := uuid.Parse(test.Value.(string)); err == nil && group.String() == test.Value {
			return Candidates{ID: "m.user_id", Rows: db.SQL("from group_members m where m.org_id = $1"), Key: "m.group_id", Value: db.ID(group)}
		}
	}
	return found
}

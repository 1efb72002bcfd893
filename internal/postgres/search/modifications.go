package search

import (
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
)

// Each user and group has a row in modifications, which says again when it was last
// modified: lists by that time, and filters on it, read its index. users.modified_at
// and groups.modified_at have none, so that an update of them stays heap-only.
//
// A row moves in the statement that changes the resource, and is found by the time
// from which it moves. Of a user, and of a group that an earlier statement has locked,
// that is the time that was read. The deletion of a group may have waited for a change
// of it: then the group's time is newer than what the statement sees of modifications.
// It names both, the one that finds the row and the one that the row has now. Rows are
// moved and not made anew, so that PostgreSQL follows them from one to the other. They
// are found by sub-selects, which cost less than joins.

// The kinds of modifications. The numbers are stored, and written in statements.
const (
	modifiedUsers  int16 = 1
	modifiedGroups int16 = 2
)

var lastModified = schema.Meta.SubAttribute("lastModified")

// modified is the time in a row of modifications, where a statement reads it as t.
var modified = operand{sql: "t.modified_at", as: timestamp}

// times tells how a statement knows the times of modification that a filter asks for,
// whatever else it asks for. Those inside of "or" and "not" find nothing: they are
// compared where the resources are read.
type times int

const (
	timesFound  times = iota // the rows of modifications tell whose they are
	timesJoined              // each resource has its row of modifications beside it
	timesPassed              // they are compared like others, resource after resource
)

// split gives the conditions of a filter, and apart those on the rows of
// modifications that are to be found.
func (c Conditions) split(n filter.Node) (others, times []db.Fragment) {
	for _, n := range conjuncts(n) {
		if isModification(n) && c.times == timesFound {
			times = append(times, modified.test(n))
		} else {
			others = append(others, tree(n, c.leaf))
		}
	}
	return others, times
}

// Joined has the times compared where each resource has its row of modifications beside it.
func (c Conditions) Joined() Conditions {
	c.times = timesJoined
	return c
}

// Passed has the times compared like other values.
func (c Conditions) Passed() Conditions {
	c.times = timesPassed
	return c
}

// TimesOnly gives the rows of modifications, called t, that a filter selects which asks for
// times of modification alone.
func (c Conditions) TimesOnly(n filter.Node) (rows db.Fragment, ok bool) {
	if !isModification(conjuncts(n)...) {
		return rows, false
	}
	_, times := c.split(n)
	return c.table.modifiedWhere(times), true
}

// Rows is the end of a statement that reads rows of the table, called r: those that a
// condition selects, which begins with "and" or is empty.
func (t *Table) Rows(condition db.Fragment) db.Fragment {
	return db.Join("", db.SQL(t.from), condition)
}

// RowsWithTimes are rows that have theirs of modifications beside them, called t.
func (t *Table) RowsWithTimes(condition db.Fragment) db.Fragment {
	return db.SQL("from "+t.Name+" r join modifications t on t.org_id = $1 and t.kind = $? and t.id = r.id where r.org_id = $1$?",
		db.Number(int(t.Modified)), condition)
}

// modifiedWhere selects the rows of modifications that satisfy all conditions.
func (t *Table) modifiedWhere(times []db.Fragment) db.Fragment {
	return db.SQL("from modifications t where t.org_id = $1 and t.kind = $? and $?", db.Number(int(t.Modified)), db.Join(" and ", times...))
}

// ByModification reports whether a list sorted by the attribute walks modifications:
// unless an index finds the few that are to be sorted.
func ByModification(a *schema.Attribute, q directory.Query) bool {
	return a == lastModified && (q.Filter == nil || !isNarrow(q.Filter.Root()))
}

// isNarrow reports whether an index finds what a filter lets through, and some more.
func isNarrow(n filter.Node) bool {
	switch n := n.(type) {
	case filter.And:
		return isNarrow(n.Left) || isNarrow(n.Right)
	case filter.Or:
		return isNarrow(n.Left) && isNarrow(n.Right)
	case filter.Compare:
		return Finds(n, IsIndexed) || n.Op == filter.Sw && n.Attr.Search == schema.Column
	default:
		return Finds(n, IsIndexed)
	}
}

// isModification reports whether all tests compare the time of modification.
func isModification(tests ...filter.Node) bool {
	for _, n := range tests {
		c, ok := n.(filter.Compare)
		if !ok || c.Attr != lastModified || c.Value == nil || c.Op == filter.Ne {
			return false
		}
	}
	return true
}

// operand is table.operand, but for the time in joined modifications.
func (c Conditions) operand(a *schema.Attribute) (operand, bool) {
	if c.times == timesJoined && a == lastModified {
		return modified, true
	}
	return c.table.operand(a)
}

package postgres

import (
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
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

const (
	// moveGroup moves the row of a group that is locked, from $10.
	moveGroup = `moved as (
  update modifications t
  set    modified_at = $4
  where  t.org_id = $1 and t.kind = 2 and t.modified_at = $10 and t.id = $2
)`

	// timeOfGroup is the time of group $2 as the statement sees it.
	timeOfGroup = `(select g.modified_at from groups g where g.org_id = $1 and g.id = $2)`
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
func (w *writer) split(n filter.Node) (conditions, times []string) {
	for _, n := range conjuncts(n) {
		if isModification(n) && w.times == timesFound {
			times = append(times, w.test(modified, n))
		} else {
			conditions = append(conditions, sqlWords.join(n, w.leaf))
		}
	}
	return conditions, times
}

// allOf selects the rows of modifications that satisfy all conditions.
func (t *table) allOf(times []string) string {
	return strings.Join(append([]string{"t.kind = " + strconv.Itoa(int(t.modified))}, times...), " and ")
}

// What a filter finds that asks for nothing but times.
const (
	countModifications = `select count(*) from modifications t where t.org_id = $1 and `
	listModifications  = `select t.id from modifications t where t.org_id = $1 and `
)

// byModification reports whether a list sorted by the attribute walks modifications:
// unless an index finds the few that are to be sorted.
func byModification(a *schema.Attribute, q directory.Query) bool {
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
		return finds(n, isIndexed) || n.Op == filter.Sw && n.Attr.Search == schema.Column
	default:
		return finds(n, isIndexed)
	}
}

func isModification(n filter.Node) bool {
	c, ok := n.(filter.Compare)
	return ok && c.Attr == lastModified && c.Value != nil && c.Op != filter.Ne
}

// operand is table.operand, but for the time in joined modifications.
func (w *writer) operand(a *schema.Attribute) (operand, bool) {
	if w.times == timesJoined && a == lastModified {
		return modified, true
	}
	return w.table.operand(a)
}

// readModified is for a filter that asks for times of modification. A page that is
// read, and not found among few, lies close to where it begins, because many are there:
// so the resources are passed. For times alone no resource is looked at to count, or to
// find few.
func (s *listing) readModified(t *schema.Type, q directory.Query, args []any) {
	if !s.composed {
		return
	}
	conditions, times := newWriter(t, args).split(q.Filter.Root())
	if times == nil {
		return
	}
	if conditions == nil && !q.ActiveOnly {
		s.count, s.found = countModifications+s.table.allOf(times), listModifications+s.table.allOf(times)
	}
	passing := newWriter(t, args)
	passing.times = timesPassed
	s.from = s.fromAll + passing.condition(q)
}

package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// writer writes conditions on the rows of a type's table, which the statement calls
// table.alias. $1 is the organisation; what is compared becomes further arguments.
type writer struct {
	t     *schema.Type
	table *table
	args  []any
	times times
}

func newWriter(t *schema.Type, args []any) *writer {
	return &writer{t: t, table: tableOf(t), args: slices.Clip(args)}
}

// condition is what a list asks of the resources, to go behind other conditions.
func (w *writer) condition(q directory.Query) (sql string) {
	if q.ActiveOnly && w.table == users {
		sql = activeOnly
	}
	if q.Filter != nil {
		sql += " and " + w.where(q.Filter.Root())
	}
	return sql
}

const activeOnly = " and u.active"

// where turns a bound filter into a condition, which is true exactly for the
// documents that filter.Match accepts; for others it may be false or null, which a
// WHERE clause takes alike.
func (w *writer) where(n filter.Node) string {
	conditions, times := w.split(n)
	if times != nil {
		conditions = append(conditions, w.table.alias+".id in (select t.id from modifications t where t.org_id = $1 and "+
			w.table.allOf(times)+")")
	}
	return strings.Join(conditions, " and ")
}

// param adds an argument and gives its placeholder.
func (w *writer) param(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

// words are how a language combines conditions.
type words struct{ and, or, not, end string }

var (
	// Null counts as false: "and" and "or" keep that by themselves.
	sqlWords  = words{" and ", " or ", "(", ") is not true"}
	pathWords = words{" && ", " || ", "!(", ")"}
)

// join combines what test makes of the leaves.
func (w words) join(n filter.Node, test func(leaf filter.Node) string) string {
	switch n := n.(type) {
	case filter.And:
		return "(" + w.join(n.Left, test) + w.and + w.join(n.Right, test) + ")"
	case filter.Or:
		return "(" + w.join(n.Left, test) + w.or + w.join(n.Right, test) + ")"
	case filter.Not:
		return w.not + w.join(n.Node, test) + w.end
	default:
		return test(n)
	}
}

// leaf is one test of a resource: of what columns, keys and rows tell, or else
// of the folded copy.
func (w *writer) leaf(leaf filter.Node) string {
	a := attributeOf(leaf)
	if l, ok := w.table.links[topOf(a)]; ok {
		return w.linked(l, leaf)
	}
	if a == schema.Schemas {
		return w.schemas(leaf)
	}
	if o, ok := w.operand(a); ok {
		return w.test(o, leaf)
	}
	if found, ok := w.find(leaf); ok {
		return found
	}
	if text, ok := w.search(leaf); ok {
		return text
	}
	sql := w.scan(predicateOf(leaf))
	if each, ok := leaf.(filter.Each); ok {
		// Keys narrow the search, but do not tell which element they are of.
		for _, leaf := range conjuncts(each.Node) {
			if found, ok := w.find(leaf); ok {
				sql = "(" + found + " and " + sql + ")"
			}
		}
	}
	return sql
}

// find answers `eq` on an attribute that has key rows.
func (w *writer) find(leaf filter.Node) (sql string, ok bool) {
	c, ok := leaf.(filter.Compare)
	if !ok || c.Op != filter.Eq || c.Value == nil || w.table.kindOf(c.Attr) == 0 {
		return "", false
	}
	return fmt.Sprintf("exists (select from user_keys k where k.org_id = $1 and k.kind = %d and k.key = %s and k.user_id = %s.id)",
		w.table.kindOf(c.Attr), hidden(w.param(c.Value)+"::text"), w.table.alias), true
}

// search answers `co` and `ew` on a text of the folded copy: a path would need a regular
// expression, which costs eight times as much.
func (w *writer) search(leaf filter.Node) (sql string, ok bool) {
	c, ok := leaf.(filter.Compare)
	if !ok || c.Op != filter.Co && c.Op != filter.Ew || topOf(c.Attr).MultiValued {
		return "", false
	}
	text := w.table.alias + ".folded #>> " + w.param(keysOf(c.Attr)) + "::text[]"
	return w.compare(collated(text, "text"), c.Op, c.Value), true
}

// scan tests the folded copy.
func (w *writer) scan(predicate string) string {
	return w.table.alias + ".folded @@ " + w.param(predicate) + "::jsonpath"
}

// linked is a leaf on the elements of an attribute that relates resources: one
// of them passes, or there is none and what is unassigned passes.
func (w *writer) linked(l link, leaf filter.Node) string {
	one := func(leaf filter.Node) string { return w.test(l.values[attributeOf(leaf).Name], leaf) }
	if each, ok := leaf.(filter.Each); ok {
		return l.exists(sqlWords.join(each.Node, one))
	}
	if attributeOf(leaf).Parent() == nil {
		return l.exists("true") // only pr asks for the elements themselves
	}
	sql := l.exists(one(leaf))
	if filter.MatchElement(leaf, nil) {
		return "(" + sql + " or not " + l.exists("true") + ")"
	}
	return sql
}

// schemas is a leaf on the list of URNs, which follows from the extensions in use.
func (w *writer) schemas(leaf filter.Node) string {
	matches := func(s *schema.Schema) bool {
		return filter.Match(leaf, scim.Document{schema.Schemas.Name: []any{s.ID}})
	}
	if matches(w.t.Core) {
		return "true"
	}
	used := []string{}
	for _, ext := range w.t.Extensions {
		if matches(ext) {
			used = append(used, ext.ID)
		}
	}
	return w.table.alias + ".folded ?| " + w.param(used)
}

func conjuncts(n filter.Node) []filter.Node {
	if and, ok := n.(filter.And); ok {
		return append(conjuncts(and.Left), conjuncts(and.Right)...)
	}
	return []filter.Node{n}
}

func attributeOf(leaf filter.Node) *schema.Attribute {
	switch n := leaf.(type) {
	case filter.Compare:
		return n.Attr
	case filter.Each:
		return n.Attr
	default:
		return leaf.(filter.Present).Attr
	}
}

// topOf gives the attribute itself, or that which it is a sub-attribute of.
func topOf(a *schema.Attribute) *schema.Attribute {
	if a.Parent() != nil {
		return a.Parent()
	}
	return a
}

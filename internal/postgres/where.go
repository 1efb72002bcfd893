package postgres

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// where turns a bound filter into a condition on the rows of the type's table,
// which the statement calls table.alias. $1 is the organisation; the values of
// the filter become further arguments.
//
// The condition is true exactly for the documents that filter.Match accepts; for
// others it may be false or null, which a WHERE clause takes alike.
func where(t *schema.Type, n filter.Node, args []any) (sql string, _ []any) {
	w := &writer{t: t, table: tableOf(t), args: args}
	sql = w.join(n, w.document)
	return sql, w.args
}

type writer struct {
	t     *schema.Type
	table *table
	args  []any
}

// param adds an argument and gives its placeholder.
func (w *writer) param(value any) string {
	w.args = append(w.args, value)
	return "$" + strconv.Itoa(len(w.args))
}

// join combines what test makes of the leaves. NULL counts as false: and, or
// keep that by themselves, Not by asking for "is not true".
func (w *writer) join(n filter.Node, test func(leaf filter.Node) string) string {
	switch n := n.(type) {
	case filter.And:
		return "(" + w.join(n.Left, test) + " and " + w.join(n.Right, test) + ")"
	case filter.Or:
		return "(" + w.join(n.Left, test) + " or " + w.join(n.Right, test) + ")"
	case filter.Not:
		return "(" + w.join(n.Node, test) + ") is not true"
	default:
		return test(n)
	}
}

// document is a leaf of a filter on a whole resource.
func (w *writer) document(leaf filter.Node) string {
	if each, ok := leaf.(filter.Each); ok {
		return w.each(each)
	}
	a := attributeOf(leaf)
	top := a
	if a.Parent() != nil {
		top = a.Parent()
	}
	switch {
	case a == schema.Schemas:
		return w.schemas(leaf)
	case !top.MultiValued:
		return w.test(w.operand(a), leaf)
	case a == top && isPresent(leaf):
		return w.elements(top).some
	default:
		return w.any(top, leaf)
	}
}

// any is a leaf on the values of a multi-valued attribute: one of them passes,
// or there is none and what is unassigned passes.
func (w *writer) any(top *schema.Attribute, leaf filter.Node) string {
	if found, ok := w.find(leaf); ok {
		return found
	}
	elements := w.elements(top)
	sql := elements.exists(w.test(elements.operand(attributeOf(leaf)), leaf))
	if filter.MatchElement(leaf, nil) {
		return "(" + sql + " or " + elements.none + ")"
	}
	return sql
}

// elements is where the values of a multi-valued attribute are: in an array of
// the folded copy, or in rows that relate two resources.
type elements struct {
	from, where string // of a sub-select with a row for each
	operand     func(*schema.Attribute) operand
	some, none  string // whether there are any
}

func (w *writer) elements(a *schema.Attribute) elements {
	if l, ok := w.table.links[a]; ok {
		some := "exists (select from " + l.from + " where " + l.where + ")"
		operand := func(a *schema.Attribute) operand { return l.values[a.Name] }
		return elements{l.from, l.where + " and ", operand, some, "not " + some}
	}
	array := w.container(a) + "->" + literal(a.Name)
	return elements{
		from:    "jsonb_array_elements(" + array + ") e(v)",
		operand: func(a *schema.Attribute) operand { return elementOf("e.v", a) },
		some:    array + " is not null",
		none:    array + " is null",
	}
}

func (e elements) exists(test string) string {
	return "exists (select from " + e.from + " where " + e.where + test + ")"
}

// each is a test of single elements as a whole. Where key rows narrow the
// search they go first; they alone do not tell which element it was.
func (w *writer) each(n filter.Each) string {
	elements := w.elements(n.Attr)
	sql := elements.exists(w.join(n.Node, func(leaf filter.Node) string {
		return w.test(elements.operand(attributeOf(leaf)), leaf)
	}))
	for _, leaf := range conjuncts(n.Node) {
		if found, ok := w.find(leaf); ok {
			sql = "(" + found + " and " + sql + ")"
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
		w.table.kindOf(c.Attr), w.param(c.Value), w.table.alias), true
}

// schemas is a leaf on the list of URNs, which follows from the extensions in use.
func (w *writer) schemas(leaf filter.Node) string {
	matches := func(s *schema.Schema) bool {
		return filter.Match(leaf, scim.Document{schema.Schemas.Name: []any{s.ID}})
	}
	if matches(w.t.Core) {
		return "true"
	}
	tests := []string{"false"}
	for _, ext := range w.t.Extensions {
		if matches(ext) {
			tests = append(tests, w.table.alias+".folded ? "+literal(ext.ID))
		}
	}
	return "(" + strings.Join(tests, " or ") + ")"
}

// operand reads a singular attribute, or a sub-attribute of one.
func (w *writer) operand(a *schema.Attribute) operand {
	if o, ok := w.table.kept[a]; ok {
		return o
	}
	if name := w.table.columnOf(a); name != "" {
		return operand{sql: w.table.alias + "." + name}
	}
	if a.Parent() == schema.Meta {
		return fixed("resourceType", w.t.Name)
	}
	return memberOf(w.container(a), a)
}

// container is the object of the folded copy that holds the attribute.
func (w *writer) container(a *schema.Attribute) string {
	sql := w.table.alias + ".folded"
	if urn := a.Extension(); urn != "" {
		sql += "->" + literal(urn)
	}
	if a.Parent() != nil {
		sql += "->" + literal(a.Parent().Name)
	}
	return sql
}

func conjuncts(n filter.Node) []filter.Node {
	if and, ok := n.(filter.And); ok {
		return append(conjuncts(and.Left), conjuncts(and.Right)...)
	}
	return []filter.Node{n}
}

func isPresent(leaf filter.Node) bool {
	_, ok := leaf.(filter.Present)
	return ok
}

func attributeOf(leaf filter.Node) *schema.Attribute {
	if c, ok := leaf.(filter.Compare); ok {
		return c.Attr
	}
	return leaf.(filter.Present).Attr
}

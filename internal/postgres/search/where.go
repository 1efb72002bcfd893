package search

import (
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Conditions makes SQL of filters on the resources of a type, whose rows a statement
// calls r.
type Conditions struct {
	t     *schema.Type
	table *Table
	times times
}

// On makes conditions on the resources of a type.
func On(t *schema.Type) Conditions { return Conditions{t: t, table: TableOf(t)} }

// Of is what a list asks of the resources, to go behind other conditions.
func (c Conditions) Of(q directory.Query) db.Fragment {
	active := ""
	if q.ActiveOnly && c.table == Users {
		active = " and r.active"
	}
	if q.Filter == nil {
		return db.SQL(active)
	}
	return db.Join("", db.SQL(active+" and "), c.Where(q.Filter.Root()))
}

// Where turns a bound filter into a condition, which is true exactly for the
// documents that filter.Match accepts; for others it may be false or null, which a
// WHERE clause takes alike.
func (c Conditions) Where(n filter.Node) db.Fragment {
	conditions, times := c.split(n)
	if times != nil {
		conditions = append(conditions, db.SQL("r.id in (select t.id $?)", c.table.modifiedWhere(times)))
	}
	return db.Join(" and ", conditions...)
}

// tree combines what test makes of the leaves. Null counts as false: "and" and "or" keep
// that by themselves.
func tree(n filter.Node, test func(leaf filter.Node) db.Fragment) db.Fragment {
	switch n := n.(type) {
	case filter.And:
		return db.SQL("($? and $?)", tree(n.Left, test), tree(n.Right, test))
	case filter.Or:
		return db.SQL("($? or $?)", tree(n.Left, test), tree(n.Right, test))
	case filter.Not:
		return db.SQL("($?) is not true", tree(n.Node, test))
	default:
		return test(n)
	}
}

// leaf is one test of a resource: of what columns, keys and rows tell, or else
// of the folded copy.
func (c Conditions) leaf(leaf filter.Node) db.Fragment {
	a := attributeOf(leaf)
	if l, ok := c.table.links[topOf(a)]; ok {
		return linked(l, leaf)
	}
	if a == schema.Schemas {
		return c.schemas(leaf)
	}
	if o, ok := c.operand(a); ok {
		return o.test(leaf)
	}
	if found, ok := c.find(leaf); ok {
		return found
	}
	if text, ok := search(leaf); ok {
		return text
	}
	sql := db.SQL("r.folded @@ $?::jsonpath", predicateOf(leaf))
	if each, ok := leaf.(filter.Each); ok {
		// Keys narrow the search, but do not tell which element they are of.
		for _, leaf := range conjuncts(each.Node) {
			if found, ok := c.find(leaf); ok {
				sql = db.SQL("($? and $?)", found, sql)
			}
		}
	}
	return sql
}

// find answers `eq` on an attribute that has key rows.
func (c Conditions) find(leaf filter.Node) (sql db.Fragment, ok bool) {
	compare, ok := leaf.(filter.Compare)
	if !ok || compare.Op != filter.Eq || compare.Value == nil || c.table.KindOf(compare.Attr) == 0 {
		return sql, false
	}
	kind := db.Number(int(c.table.KindOf(compare.Attr)))
	return db.SQL("exists (select from user_keys k where k.org_id = $1 and k.kind = $? and k.key = "+db.HiddenText+" and k.user_id = r.id)",
		kind, compare.Value), true
}

// search answers `co` and `ew` on a text of the folded copy: a path would need a regular
// expression, which costs eight times as much.
func search(leaf filter.Node) (sql db.Fragment, ok bool) {
	c, ok := leaf.(filter.Compare)
	if !ok || c.Op != filter.Co && c.Op != filter.Ew || topOf(c.Attr).MultiValued {
		return sql, false
	}
	return compare(db.SQL(`(r.folded #>> $?::text[]) collate "C"`, keysOf(c.Attr)), c.Op, c.Value), true
}

// linked is a leaf on the elements of an attribute that relates resources: one
// of them passes, or there is none and what is unassigned passes.
func linked(l link, leaf filter.Node) db.Fragment {
	one := func(leaf filter.Node) db.Fragment { return l.values[attributeOf(leaf).Name].test(leaf) }
	if each, ok := leaf.(filter.Each); ok {
		return l.exists(tree(each.Node, one))
	}
	if attributeOf(leaf).Parent() == nil {
		return l.exists(db.SQL("true")) // only pr asks for the elements themselves
	}
	sql := l.exists(one(leaf))
	if filter.MatchElement(leaf, nil) {
		return db.SQL("($? or not $?)", sql, l.exists(db.SQL("true")))
	}
	return sql
}

// schemas is a leaf on the list of URNs, which follows from the extensions in use.
func (c Conditions) schemas(leaf filter.Node) db.Fragment {
	matches := func(s *schema.Schema) bool {
		return filter.Match(leaf, scim.Document{schema.Schemas.Name: []any{s.ID}})
	}
	if matches(c.t.Core) {
		return db.SQL("true")
	}
	used := []string{}
	for _, ext := range c.t.Extensions {
		if matches(ext) {
			used = append(used, ext.ID)
		}
	}
	return db.SQL("r.folded ?| $?", used)
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

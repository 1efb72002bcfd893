package search

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// The folded copy is tested with predicates of the SQL/JSON path language: one
// reads all elements of an array, and PostgreSQL lets several processes share a
// scan, which a sub-select on the elements forbids. A predicate is one argument
// of the statement; the values of the filter are quoted in it as JSON.

// predicateOf turns a leaf of a filter into a predicate on the folded copy ($).
func predicateOf(leaf filter.Node) string {
	a := attributeOf(leaf)
	top := topOf(a)
	list := pathOf(top)
	if each, ok := leaf.(filter.Each); ok {
		return someElement(list, elementTree(each.Node))
	}
	if !top.MultiValued {
		return predicate(pathOf(a), leaf)
	}
	p := someElement(list, elementPredicate(leaf))
	if filter.MatchElement(leaf, nil) {
		p += " || !exists(" + list + ")"
	}
	return p
}

func someElement(list, test string) string {
	return "exists(" + list + "[*] ? (" + test + "))"
}

// elementTree is a filter on one element (@).
func elementTree(n filter.Node) string {
	switch n := n.(type) {
	case filter.And:
		return "(" + elementTree(n.Left) + " && " + elementTree(n.Right) + ")"
	case filter.Or:
		return "(" + elementTree(n.Left) + " || " + elementTree(n.Right) + ")"
	case filter.Not:
		return "!(" + elementTree(n.Node) + ")"
	default:
		return elementPredicate(n)
	}
}

// elementPredicate is a leaf on one element (@) of a multi-valued attribute: on
// a sub-attribute of it, or on itself.
func elementPredicate(leaf filter.Node) string {
	a := attributeOf(leaf)
	if a.Parent() == nil {
		return predicate("@", leaf)
	}
	if c, compares := leaf.(filter.Compare); compares && c.Value != nil && a.Assumed() == c.Value {
		return predicate("@."+quote(a.Name), otherwise(c))
	}
	return predicate("@."+quote(a.Name), leaf)
}

// otherwise asks of a boolean the same by its other value, which one that is not there
// does not equal.
func otherwise(c filter.Compare) filter.Node {
	equal := map[filter.Op]filter.Op{filter.Eq: filter.Ne, filter.Ne: filter.Eq}
	return filter.Compare{Attr: c.Attr, Op: equal[c.Op], Value: c.Value == false}
}

// pathOf leads from the folded copy to the value of an attribute.
func pathOf(a *schema.Attribute) string {
	path := []string{"$"}
	for _, key := range keysOf(a) {
		path = append(path, quote(key))
	}
	return strings.Join(path, ".")
}

// keysOf are the keys on the way from the folded copy to the value of an attribute.
func keysOf(a *schema.Attribute) (keys []string) {
	if urn := a.Extension(); urn != "" {
		keys = append(keys, urn)
	}
	if a.Parent() != nil {
		keys = append(keys, a.Parent().Name)
	}
	return append(keys, a.Name)
}

// predicate is a test of the value at a path, which holds nothing when the
// attribute is unassigned: then every comparison is false.
func predicate(path string, leaf filter.Node) string {
	c, compares := leaf.(filter.Compare)
	switch {
	case !compares, c.Value == nil && c.Op == filter.Ne:
		return "exists(" + path + ")"
	case c.Value == nil:
		return "!exists(" + path + ")"
	}
	value := jsonLiteral(c.Value)
	switch c.Op {
	case filter.Eq:
		return path + " == " + value
	case filter.Ne:
		return "!(" + path + " == " + value + ")"
	case filter.Co:
		return path + " like_regex " + value + ` flag "q"`
	case filter.Sw:
		return path + " starts with " + value
	case filter.Ew:
		return path + " like_regex " + quote(regexp.QuoteMeta(c.Value.(string))+"$")
	default:
		return path + " " + operators[c.Op] + " " + value
	}
}

func jsonLiteral(value any) string {
	switch v := value.(type) {
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case time.Time:
		return quote(v.UTC().Format(timeLayout))
	default:
		return quote(value.(string))
	}
}

func quote(s string) string { return string(appendText(nil, s)) }

package filter

import (
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Match reports whether the document satisfies the expression. `schemas` need
// not be in the document; id, groups and meta are compared as they are in it.
func Match(n Node, doc scim.Document) bool {
	return evaluate(n, func(leaf Node) bool {
		switch n := leaf.(type) {
		case Compare:
			if n.of != nil && doc[n.Attr.Name] == nil {
				return n.matchSchemas(doc)
			}
			return anyValue(n.Attr, doc, n.holds)
		case Present:
			return n.Attr == schema.Schemas || anyValue(n.Attr, doc, n.holds)
		case Each:
			for _, element := range n.Attr.Values(doc) {
				if !schema.IsEmpty(element) && MatchElement(n.Node, element) {
					return true
				}
			}
		}
		return false
	})
}

// MatchElement reports whether one element of an attribute satisfies the node of
// an Each, or of the value filter of a Path.
func MatchElement(n Node, element any) bool {
	return evaluate(n, func(leaf Node) bool {
		switch n := leaf.(type) {
		case Compare:
			return n.holds(element)
		case Present:
			return n.holds(element)
		}
		return false
	})
}

// evaluate joins what test says of the leaves.
func evaluate(n Node, test func(leaf Node) bool) bool {
	switch n := n.(type) {
	case And:
		return evaluate(n.Left, test) && evaluate(n.Right, test)
	case Or:
		return evaluate(n.Left, test) || evaluate(n.Right, test)
	case Not:
		return !evaluate(n.Node, test)
	default:
		return test(n)
	}
}

// Comparisons is how many leaves an expression has: so many a test of an element makes at most.
func Comparisons(n Node) int {
	switch n := n.(type) {
	case And:
		return Comparisons(n.Left) + Comparisons(n.Right)
	case Or:
		return Comparisons(n.Left) + Comparisons(n.Right)
	case Not:
		return Comparisons(n.Node)
	default:
		return 1
	}
}

// anyValue reports whether one value of the attribute, or of that which it is part of,
// passes the test. Where there are no values, null is tested, once.
func anyValue(a *schema.Attribute, doc scim.Document, test func(any) bool) bool {
	top := a
	if below := a.Parent(); below != nil {
		top = below
	}
	if !top.MultiValued {
		return test(top.Get(doc))
	}
	assigned := false
	for _, element := range top.Values(doc) {
		if schema.IsEmpty(element) {
			continue
		}
		if assigned = true; test(element) {
			return true
		}
	}
	return !assigned && test(nil)
}

// part is what a test of an attribute sees of a value: a sub-attribute, or all of it.
func part(value any, a *schema.Attribute) any {
	if a.Parent() == nil {
		return value
	}
	object, _ := value.(map[string]any)
	return object[a.Name]
}

func (p Present) holds(value any) bool { return !schema.IsEmpty(part(value, p.Attr)) }

// holds tests the attribute in a value. `primary` that an element lacks compares as false.
func (c Compare) holds(value any) bool {
	of := part(value, c.Attr)
	if of == nil && value != nil && c.Value != nil {
		of = c.Attr.Assumed()
	}
	return c.matches(of)
}

func (c Compare) matchSchemas(doc scim.Document) bool {
	for _, urn := range c.of.SchemasOf(doc) {
		if c.matches(urn) {
			return true
		}
	}
	return false
}

// matches compares one value of a document.
func (c Compare) matches(value any) bool {
	if schema.IsEmpty(value) || c.Value == nil {
		same := schema.IsEmpty(value) && c.Value == nil
		return c.Op == Eq && same || c.Op == Ne && !same
	}
	switch want := c.Value.(type) {
	case string:
		if have, ok := value.(string); ok {
			return c.matchText(c.Attr.Fold(have), want)
		}
	case bool:
		if have, ok := value.(bool); ok {
			return (have == want) == (c.Op == Eq)
		}
	case int64:
		if have, ok := value.(int64); ok {
			return c.Op.holds(cmp.Compare(have, want))
		}
		return c.matchNumber(value, float64(want))
	case float64:
		return c.matchNumber(value, want)
	case time.Time:
		if have, ok := instant(value); ok {
			return c.Op.holds(have.Compare(want))
		}
	}
	return c.Op == Ne
}

func (c Compare) matchText(have, want string) bool {
	switch c.Op {
	case Co:
		return strings.Contains(have, want)
	case Sw:
		return strings.HasPrefix(have, want)
	case Ew:
		return strings.HasSuffix(have, want)
	default:
		return c.Op.holds(strings.Compare(have, want))
	}
}

func (c Compare) matchNumber(value any, want float64) bool {
	var have float64
	switch v := value.(type) {
	case int64:
		have = float64(v)
	case float64:
		have = v
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return c.Op == Ne
		}
		have = f
	default:
		return c.Op == Ne
	}
	return c.Op.holds(cmp.Compare(have, want))
}

func instant(value any) (time.Time, bool) {
	switch v := value.(type) {
	case time.Time:
		return v, true
	case string:
		t, err := schema.ParseTime(v)
		return t, err == nil
	default:
		return time.Time{}, false
	}
}

// holds reports whether the operator accepts the order of two values.
func (op Op) holds(order int) bool {
	switch op {
	case Eq:
		return order == 0
	case Ne:
		return order != 0
	case Gt:
		return order > 0
	case Ge:
		return order >= 0
	case Lt:
		return order < 0
	case Le:
		return order <= 0
	default:
		return false
	}
}

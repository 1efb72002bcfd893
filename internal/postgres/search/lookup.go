package search

import (
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// Finds reports whether a filter asks, whatever else it asks for, for one value of an
// attribute that satisfies by. If that is indexed, one plan is right for all values.
func Finds(n filter.Node, by func(a *schema.Attribute) bool) bool {
	switch n := n.(type) {
	case filter.And:
		return Finds(n.Left, by) || Finds(n.Right, by)
	case filter.Each:
		return Finds(n.Node, by)
	case filter.Compare:
		return n.Op == filter.Eq && n.Value != nil && by(n.Attr)
	default:
		return false
	}
}

// IsIndexed reports whether an index finds one value of an attribute.
func IsIndexed(a *schema.Attribute) bool {
	parent := a.Parent()
	return (a.Search != schema.Scan || parent != nil && parent.Search == schema.Link) && a.Kind != schema.Boolean
}

// MostTests is how many tests a look-up may have: a value that should be selective may be that
// of many resources, and each test is made on all of them.
const MostTests = 4

// Leaves counts the tests of a filter.
func Leaves(n filter.Node) int {
	switch n := n.(type) {
	case filter.And:
		return Leaves(n.Left) + Leaves(n.Right)
	case filter.Or:
		return Leaves(n.Left) + Leaves(n.Right)
	case filter.Not:
		return Leaves(n.Node)
	case filter.Each:
		return Leaves(n.Node)
	default:
		return 1
	}
}

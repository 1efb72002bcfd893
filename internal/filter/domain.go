package filter

import (
	parser "github.com/scim2/filter-parser/v2"

	"github.com/purescim/purescim/internal/schema"
)

// ofDomain tests the externalId that who asks has given, where that is an element beside
// the document's own. An element either is there or is not, and has a value: so what is
// true of none of them is the opposite of what is true of one.
func (b binder) ofDomain(op parser.CompareOperator, value literal) (Node, error) {
	list := b.t.Domains()
	name := schema.AuthorityOf(b.o.Domain)
	there := Compare{Attr: list.SubAttribute("authority"), Op: Eq, Value: name, Text: name}
	if op == parser.PR {
		return Each{list, there}, nil
	}
	test, err := b.conditionOf(schema.ExternalID, op, value)
	if err != nil {
		return nil, err
	}
	c, _ := test.(Compare)
	switch unassigned := c.Value == nil; {
	case unassigned && c.Op == Ne:
		return Each{list, there}, nil
	case unassigned:
		return Not{Each{list, there}}, nil
	case c.Op == Ne:
		c.Attr, c.Op = list.SubAttribute("value"), Eq
		return Not{Each{list, And{there, c}}}, nil
	default:
		c.Attr = list.SubAttribute("value")
		return Each{list, And{there, c}}, nil
	}
}

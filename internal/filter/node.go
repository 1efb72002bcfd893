package filter

import "github.com/purescim/purescim/internal/schema"

// Node is a bound filter expression: And, Or, Not, Compare, Present or Each.
type Node interface{ node() }

// And matches when both sides do.
type And struct{ Left, Right Node }

// Or matches when one side does.
type Or struct{ Left, Right Node }

// Not matches when its node does not.
type Not struct{ Node Node }

// Compare tests one attribute against a value. Attr is the leaf: a simple
// attribute, or a sub-attribute (Attr.Parent() != nil). Outside an Each, a leaf
// below a multi-valued attribute matches if any element matches; inside an Each
// it is the element's own sub-attribute, or Attr is that of the Each, for an
// element that is simple.
//
// An attribute without a value compares as null: only `ne` a value, and `eq`
// null, match it (RFC 7643 section 2.5). `primary` compares as false where an element
// lacks it (section 2.4).
type Compare struct {
	Attr *schema.Attribute
	Op   Op
	// Value is made for Attr's kind: a string folded as Attr.Fold does (string,
	// reference, binary), bool, int64 (integer), float64 (decimal), time.Time in
	// UTC (dateTime), or nil for null, which only Eq and Ne compare with.
	Value any
	// Text is Value before it was folded: what a PATCH writes when it makes an
	// element for a filter that matches none.
	Text string

	// of is set for `schemas` only, which documents need not carry: the type
	// tells which schemas a document uses.
	of *schema.Type
}

// Present is `pr`: Attr has a value that is not empty. Attr may be complex and
// multi-valued too.
type Present struct{ Attr *schema.Attribute }

// Each is `attr[...]`: one element of Attr, which is multi-valued, satisfies Node
// as a whole. Node holds no other Each.
type Each struct {
	Attr *schema.Attribute
	Node Node
}

func (And) node()     {}
func (Or) node()      {}
func (Not) node()     {}
func (Compare) node() {}
func (Present) node() {}
func (Each) node()    {}

// Op is a comparison (RFC 7644 section 3.4.2.2, table 3).
type Op string

// The comparisons, as filters spell them.
const (
	Eq Op = "eq"
	Ne Op = "ne"
	Co Op = "co"
	Sw Op = "sw"
	Ew Op = "ew"
	Gt Op = "gt"
	Ge Op = "ge"
	Lt Op = "lt"
	Le Op = "le"
)

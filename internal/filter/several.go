package filter

import (
	"strings"

	parser "github.com/scim2/filter-parser/v2"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Selection is what a filter over several types selects of one of them.
type Selection struct {
	// Filter selects; nil selects all, unless None.
	Filter *Filter
	// None tells that no resource of the type can match.
	None bool
}

// ParseEach reads a filter over a list of several types (RFC 7644 section
// 3.4.2.1) and gives for each what it selects. An attribute that only some of
// them have is unassigned in the others; one that none has is an error, as all
// that Parse refuses.
func ParseEach(types []*schema.Type, text string, o schema.Options) ([]Selection, error) {
	if problem := checkText(text); problem != "" {
		return nil, scim.InvalidFilter("the filter %s", problem)
	}
	c, err := scan(text)
	if err != nil {
		return nil, err
	}
	selections := make([]Selection, len(types))
	for i, t := range types {
		root, err := binder{t: t, o: o, others: types}.clause(c)
		if err != nil {
			return nil, err
		}
		if root = simplify(root); root == constant(true) || root == constant(false) {
			selections[i].None = root == constant(false)
			continue
		}
		selections[i].Filter = &Filter{root: root}
	}
	return selections, nil
}

// constant stands for a term on an attribute that the type does not have: it
// holds as for a resource without a value, or it does not. simplify takes it out.
type constant bool

func (constant) node() {}

// elsewhere is a term on an attribute that the type lacks; err says so when no
// other type has it either.
func (b binder) elsewhere(t term, op parser.CompareOperator, err error) (Node, error) {
	if b.in != nil || !isKnown(b.others, t.name) {
		return nil, err
	}
	null := t.value.quoted && t.value.text == "" || !t.value.quoted && strings.EqualFold(t.value.text, "null")
	return constant(Op(op) == Eq && null || Op(op) == Ne && !null), nil
}

// simplify gives a node without constants, or a constant.
func simplify(n Node) Node {
	switch n := n.(type) {
	case And:
		left, right := simplify(n.Left), simplify(n.Right)
		switch {
		case left == constant(false), right == constant(true):
			return left
		case right == constant(false), left == constant(true):
			return right
		}
		return And{left, right}
	case Or:
		left, right := simplify(n.Left), simplify(n.Right)
		switch {
		case left == constant(true), right == constant(false):
			return left
		case right == constant(true), left == constant(false):
			return right
		}
		return Or{left, right}
	case Not:
		inner := simplify(n.Node)
		if c, ok := inner.(constant); ok {
			return !c
		}
		return Not{inner}
	default:
		return n
	}
}

package filter

import (
	"strconv"
	"strings"

	parser "github.com/scim2/filter-parser/v2"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// binder turns clauses into nodes: names become attributes, literals values of
// the attribute's kind.
type binder struct {
	t *schema.Type
	o schema.Options
	// in is the attribute in whose brackets the clause stands, or nil.
	in *schema.Attribute
	// others are the types that are listed with t; see ParseEach.
	others []*schema.Type
}

func (b binder) clause(c *clause) (Node, error) {
	tree, err := treeOf(c.shape)
	if err != nil {
		return nil, err
	}
	return b.node(tree, c.terms)
}

func (b binder) node(e parser.Expression, terms []term) (Node, error) {
	switch e := e.(type) {
	case *parser.LogicalExpression:
		left, err := b.node(e.Left, terms)
		if err != nil {
			return nil, err
		}
		right, err := b.node(e.Right, terms)
		if err != nil {
			return nil, err
		}
		if e.Operator == parser.OR {
			return Or{left, right}, nil
		}
		return And{left, right}, nil
	case *parser.NotExpression:
		n, err := b.node(e.Expression, terms)
		if err != nil {
			return nil, err
		}
		return Not{n}, nil
	case *parser.AttributeExpression:
		i, err := strconv.Atoi(strings.TrimPrefix(e.AttributePath.AttributeName, "t"))
		if err != nil || i >= len(terms) {
			return nil, scim.InvalidFilter("the filter cannot be read").Because(err)
		}
		return b.term(terms[i], e.Operator)
	default:
		return nil, scim.InvalidFilter("the filter cannot be read")
	}
}

func (b binder) term(t term, op parser.CompareOperator) (Node, error) {
	if err := b.strictTerm(t); err != nil {
		return nil, err
	}
	if t.inner != nil {
		return b.brackets(t, op)
	}
	a, err := b.attribute(t.name)
	if err != nil {
		return b.elsewhere(t, op, err)
	}
	return b.condition(a, op, t.value)
}

// condition is one test of an attribute.
func (b binder) condition(a *schema.Attribute, op parser.CompareOperator, value literal) (Node, error) {
	if a == schema.ExternalID && b.o.Domain != "" && b.t.Domains() != nil {
		return b.ofDomain(op, value)
	}
	return b.conditionOf(a, op, value)
}

func (b binder) conditionOf(a *schema.Attribute, op parser.CompareOperator, value literal) (Node, error) {
	if err := checkFilterable(a); err != nil {
		return nil, err
	}
	if op == parser.PR {
		return Present{a}, nil
	}
	leaf := a
	if a.Kind == schema.Complex {
		if leaf = a.SubAttribute("value"); leaf == nil {
			return nil, scim.InvalidFilter("%s has sub-attributes and is not compared itself; name one of them: %s", a, subNames(a))
		}
	}
	return b.compare(leaf, Op(op), value)
}

// brackets binds `attr[filter]` and `attr[filter].sub op value`, which is what
// Entra sends for attr[filter and sub op value].
func (b binder) brackets(t term, op parser.CompareOperator) (Node, error) {
	if b.in != nil {
		return nil, scim.InvalidFilter("%s[...]: brackets inside brackets are not allowed", b.in)
	}
	a, err := b.attribute(t.name)
	if err != nil {
		return b.elsewhere(t, parser.PR, err)
	}
	if problem := checkBrackets(a); problem != "" {
		return nil, scim.InvalidFilter("%s", problem)
	}
	b.in = a
	n, err := b.clause(t.inner)
	if err != nil {
		return nil, err
	}
	if t.sub != "" {
		sub, err := b.attribute(t.sub)
		if err != nil {
			return nil, err
		}
		tail, err := b.condition(sub, op, t.value)
		if err != nil {
			return nil, err
		}
		n = And{n, tail}
	}
	if !a.MultiValued {
		return And{Present{a}, n}, nil
	}
	return Each{a, n}, nil
}

package filter

import (
	"fmt"
	"strconv"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/schema"
)

// appendNode prints a node. Inside brackets a sub-attribute has its own name,
// elsewhere its full one.
func appendNode(b []byte, n Node, inside bool) []byte {
	switch n := n.(type) {
	case And:
		b = appendOperand(b, n.Left, inside)
		b = append(b, " and "...)
		return appendOperand(b, n.Right, inside)
	case Or:
		b = appendNode(b, n.Left, inside)
		b = append(b, " or "...)
		return appendNode(b, n.Right, inside)
	case Not:
		b = append(b, "not ("...)
		b = appendNode(b, n.Node, inside)
		return append(b, ')')
	case Compare:
		b = appendName(b, n.Attr, inside)
		b = append(append(append(b, ' '), n.Op...), ' ')
		return appendValue(b, n.Value)
	case Present:
		return append(appendName(b, n.Attr, inside), " pr"...)
	case Each:
		b = append(appendName(b, n.Attr, inside), '[')
		return append(appendNode(b, n.Node, true), ']')
	default:
		panic(fmt.Sprintf("filter: a node of type %T", n))
	}
}

// appendOperand prints one side of an And, which binds tighter than an Or.
func appendOperand(b []byte, n Node, inside bool) []byte {
	if _, or := n.(Or); !or {
		return appendNode(b, n, inside)
	}
	return append(appendNode(append(b, '('), n, inside), ')')
}

func appendName(b []byte, a *schema.Attribute, inside bool) []byte {
	switch {
	case !inside:
		return append(b, a.String()...)
	case a.Parent() == nil:
		return append(b, element...)
	default:
		return append(b, a.Name...)
	}
}

func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...)
	case bool:
		return strconv.AppendBool(b, v)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case time.Time:
		return append(v.AppendFormat(append(b, '"'), time.RFC3339Nano), '"')
	case string:
		b, _ = jsontext.AppendQuote(b, v) // fails on invalid UTF-8 only, which Parse refuses
		return b
	default:
		panic(fmt.Sprintf("filter: a value of type %T", v))
	}
}

// Literal writes a text as a value of a filter: a JSON string (RFC 7644 section 3.4.2.2).
// Bytes that are no UTF-8 become the replacement character.
func Literal(text string) string {
	b, _ := jsontext.AppendQuote(nil, text) // the error tells of such bytes
	return string(b)
}

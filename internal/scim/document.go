package scim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Document is one resource in memory. Keys are canonical attribute names;
// an extension is an object under its URN. Values are
//
//	string           string, reference, binary (base64) and dateTime (UTC, RFC 3339)
//	bool             boolean
//	int64, float64   integer, decimal
//	map[string]any   complex
//	[]any            multi-valued
//
// An unassigned attribute has no key: absent, null and empty are one state
// (RFC 7643 section 2.5). Documents are made by package schema only.
type Document map[string]any

// Clone returns a deep copy.
func (d Document) Clone() Document {
	return Document(CloneValue(map[string]any(d)).(map[string]any))
}

// CloneValue returns a deep copy of one value of a document.
func CloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for name, x := range v {
			c[name] = CloneValue(x)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, x := range v {
			c[i] = CloneValue(x)
		}
		return c
	default:
		return v
	}
}

// Equal reports whether both documents hold the same values. The order of
// multi-valued attributes carries no meaning (RFC 7643 section 2.4).
func (d Document) Equal(other Document) bool {
	return EqualValue(map[string]any(d), map[string]any(other))
}

// EqualValue compares two values of a document; lists are compared without
// regard to order.
func EqualValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, EqualValue)
	case []any:
		b, ok := b.([]any)
		return ok && len(a) == len(b) && (slices.EqualFunc(a, b, EqualValue) || sameElements(a, b))
	default:
		// A comparison of uncomparable kinds cannot panic: the two kinds above
		// are the only ones, and a mixed pair has differing dynamic types.
		return a == b
	}
}

// sameElements compares lists of one length by the keys of their elements, which
// stays quick for lists as long as a body may hold.
func sameElements(a, b []any) bool {
	count := make(map[string]int, len(a))
	for _, x := range a {
		count[ValueKey(x)]++
	}
	for _, y := range b {
		key := ValueKey(y)
		if count[key] == 0 {
			return false
		}
		count[key]--
	}
	return true
}

// ValueKey renders a value of a document so that two have the same key exactly
// when EqualValue holds.
func ValueKey(v any) string { return string(appendKey(nil, v)) }

func appendKey(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, 'n')
	case bool:
		return strconv.AppendBool(dst, v)
	case string:
		return strconv.AppendQuote(dst, v)
	case int64:
		return strconv.AppendInt(append(dst, 'i'), v, 10)
	case float64:
		return strconv.AppendFloat(append(dst, 'd'), v, 'g', -1, 64)
	case []any:
		keys := make([]string, len(v))
		for i, x := range v {
			keys[i] = ValueKey(x)
		}
		slices.Sort(keys)
		dst = append(dst, '[')
		for _, key := range keys {
			dst = append(append(dst, key...), ',')
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			dst = append(strconv.AppendQuote(dst, name), ':')
			dst = append(appendKey(dst, v[name]), ',')
		}
		return append(dst, '}')
	default:
		return fmt.Appendf(dst, "%T %v", v, v)
	}
}

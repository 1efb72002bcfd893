package scim

import (
	"maps"
	"slices"
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
	return Document(cloneValue(map[string]any(d)).(map[string]any))
}

// Equal reports whether both documents hold the same values. The order of
// multi-valued attributes carries no meaning (RFC 7643 section 2.4), but a
// change of order alone is kept equal only when the elements pair up exactly.
func (d Document) Equal(other Document) bool {
	return EqualValue(map[string]any(d), map[string]any(other))
}

// EqualValue compares two values of a document; lists are compared as sets.
func EqualValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && maps.EqualFunc(a, b, EqualValue)
	case []any:
		b, ok := b.([]any)
		return ok && equalSet(a, b)
	default:
		// A comparison of uncomparable kinds cannot panic: the two kinds above
		// are the only ones, and a mixed pair has differing dynamic types.
		return a == b
	}
}

func equalSet(a, b []any) bool {
	if len(a) != len(b) {
		return false
	}
	if slices.EqualFunc(a, b, EqualValue) {
		return true
	}
	taken := make([]bool, len(b))
	for _, x := range a {
		found := false
		for i, y := range b {
			if !taken[i] && EqualValue(x, y) {
				taken[i], found = true, true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// CloneValue returns a deep copy of one value of a document.
func CloneValue(v any) any { return cloneValue(v) }

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, x := range v {
			c[k] = cloneValue(x)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, x := range v {
			c[i] = cloneValue(x)
		}
		return c
	default:
		return v
	}
}

package schema

import (
	"fmt"
	"slices"
	"time"
)

// The functions of this file are the spellings of single values that clients
// use beside the schema's own, one function a case.

// typed reads a bare value, such as the address that Saviynt sends, as that of a type.
func typed(name string) func(any) any {
	return func(value any) any {
		if s, ok := value.(string); ok {
			return map[string]any{"value": s, "type": name}
		}
		return value
	}
}

// bare reads a string that stands for a whole value, such as the name of a role
// or skill, as the sub-attribute name.
func bare(name string) func(any) any {
	return func(value any) any {
		if s, ok := value.(string); ok {
			return map[string]any{name: s}
		}
		return value
	}
}

// abbreviate has a text that stands for a whole element read as its `value`, where the
// declaration has no shorthand of its own and nothing else is required.
func (a *Attribute) abbreviate() {
	value := a.sub.find("value")
	if !a.MultiValued || a.Shorthand != nil || value == nil {
		return
	}
	if !slices.ContainsFunc(a.Sub, func(sub *Attribute) bool { return sub.Required && sub != value }) {
		a.Shorthand = bare(value.Name)
	}
}

// date accepts any ISO 8601 date or date with time and keeps the date; strict
// options take the date alone.
func date(value string, o Options) (string, error) {
	layouts := []string{time.DateOnly, time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "20060102"}
	if o.Strict {
		layouts = layouts[:1]
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t.Format(time.DateOnly), nil
		}
	}
	return "", fmt.Errorf("a date is expected, YYYY-MM-DD, not %q", value)
}

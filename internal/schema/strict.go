package schema

import (
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// The functions of this file refuse, for strict organisations, what clients send
// beside the standard and others are forgiven.

// checkSchemas holds the `schemas` of a body against what the body uses: the
// core schema, each extension that it has values of, and none that the type does
// not have (RFC 7643 section 3).
func (d *decoder) checkSchemas(object map[string]any) error {
	if !d.o.Strict {
		return nil
	}
	var list []any
	for name, value := range object {
		if strings.EqualFold(name, Schemas.Name) {
			list, _ = value.([]any)
		}
	}
	named := make(map[*Schema]bool, len(list))
	for _, v := range list {
		urn, _ := v.(string)
		s := d.t.Schema(urn)
		if s == nil {
			return scim.InvalidSyntax("schemas: %q is not a schema of %s; GET /ResourceTypes lists those that are", urn, d.t.Name)
		}
		named[s] = true
	}
	if !named[d.t.Core] {
		return scim.InvalidSyntax("schemas must be an array that holds %q", d.t.Core.ID)
	}
	for _, s := range d.used {
		if !named[s] {
			return scim.InvalidSyntax("schemas does not hold %q, of which the body has attributes", s.ID)
		}
	}
	return nil
}

// checkList refuses a single value of a multi-valued attribute.
func (o Options) checkList(a *Attribute, value any) error {
	if _, list := value.([]any); o.Strict && a.MultiValued && !list && value != nil {
		return scim.InvalidValue("%s is %s; it is multi-valued, and an array is expected", a, scim.KindOf(value))
	}
	return nil
}

// unassigns reports whether a value of the attribute means that there is none:
// null, an empty text where a text is expected, and an empty object where one is.
// Others are forgiven whatever is empty, and a text of blanks is (BEHAVIOUR 11).
func (o Options) unassigns(a *Attribute, value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case string:
		return v == "" && (!o.Strict || a.IsText()) || !o.Strict && IsBlank(v)
	case map[string]any:
		return IsEmpty(v) && (!o.Strict || a.Kind == Complex)
	default:
		return IsEmpty(value) && !o.Strict
	}
}

// Misspelt says what the standard has instead of a path that has been resolved to the
// reference (RFC 7644 section 3.10), or "": of an attribute of an extension without its
// URN, of a former URN, and of a dot behind a URN.
func (r Ref) Misspelt(path string) string {
	switch {
	case r.former != nil:
		return "has a URN of before the standard; that of the schema is " + r.former.ID
	case r.dotted != nil:
		return "has a dot behind the URN, where a colon is expected: " + r.dotted.ID + ":" + r.Leaf().Path()
	case r.Attr != nil && r.Attr.Extension() != "" && !hasURNPrefix(path):
		return "is an attribute of an extension and is named with its URN: " + r.Leaf().String()
	default:
		return ""
	}
}

package filter

import (
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// The functions of this file refuse, for strict organisations, the spellings
// that RFC 7644 does not have and others are forgiven.

// strictTerm refuses names and brackets.
func (b binder) strictTerm(t term) error {
	if !b.o.Strict || b.in != nil {
		return nil
	}
	ref, ok := resolve(b.t, t.name)
	switch {
	case !ok:
		return nil // nobody is forgiven that
	case ref.Misspelt(t.name) != "":
		return scim.InvalidFilter("%q %s", shorten(t.name), ref.Misspelt(t.name))
	case shortNames[strings.ToLower(t.name)] != "":
		return scim.InvalidFilter("%q is not an attribute of %s; %s is", shorten(t.name), b.t.Name, ref.Leaf())
	case t.inner != nil && t.sub != "":
		return scim.InvalidFilter("%s[...].%s: a comparison cannot follow brackets; it stands inside, as in %s[type eq \"work\" and %s pr]",
			ref.Leaf(), shorten(t.sub), ref.Leaf(), shorten(t.sub))
	case t.inner != nil && ref.Attr != nil:
		return checkStrictBrackets(ref.Leaf(), b.o, scim.InvalidFilter)
	default:
		return nil
	}
}

// checkStrictBrackets refuses a value filter on an attribute with one value.
func checkStrictBrackets(a *schema.Attribute, o schema.Options, refuse func(format string, args ...any) *scim.Error) error {
	if !o.Strict || a.MultiValued {
		return nil
	}
	return refuse("%s has one value only, so a value filter in brackets cannot follow it", a)
}

// checkStrictName refuses the name in a path that the standard writes otherwise.
func checkStrictName(name string, ref schema.Ref, o schema.Options) error {
	if instead := ref.Misspelt(name); o.Strict && instead != "" {
		return scim.InvalidPath("path %q %s", shorten(name), instead)
	}
	return nil
}

// strictLiteral refuses values that are not as JSON has them.
func (b binder) strictLiteral(a *schema.Attribute, l literal) error {
	switch {
	case !b.o.Strict:
		return nil
	case !l.quoted && l.text == "null":
		return nil
	case a.Kind == schema.Boolean && (l.quoted || l.text != strings.ToLower(l.text)):
		return scim.InvalidFilter("%s is compared with true or false, in lower case and without quotes", a)
	case (a.IsText() || a.Kind == schema.DateTime) && !l.quoted:
		return scim.InvalidFilter(`the value of %s is not in double quotes, as in %s eq "x"`, a, a)
	case !l.quoted && strings.EqualFold(l.text, "null"):
		return scim.InvalidFilter("%s is compared with null, in lower case", a)
	default:
		return nil
	}
}

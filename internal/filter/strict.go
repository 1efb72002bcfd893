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
	case ref.Short(t.name):
		return scim.InvalidFilter("%q is an attribute of an extension and is named with its URN: %s", shorten(t.name), ref.Leaf())
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

// checkStrictName refuses a path without the URN that belongs to it, unless
// there is an error already.
func (p Path) checkStrictName(path string, o schema.Options, err error) error {
	if err == nil && o.Strict && (schema.Ref{Attr: p.Attr}).Short(path) {
		return scim.InvalidPath("path: %s belongs to an extension and is named with its URN: %s", p.Attr.Name, p.Attr)
	}
	return err
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

package filter

import (
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Path is the path of a PATCH operation (RFC 7644 section 3.5.2), bound to a
// resource type.
type Path struct {
	// Extension is set for the bare URN of a schema; all else is nil then.
	Extension *schema.Schema
	// Attr is the top-level attribute.
	Attr *schema.Attribute
	// Filter is the value filter, to be tested with MatchElement; nil when
	// there is none. Attr is multi-valued, or has one value with a
	// sub-attribute `value`.
	Filter Node
	// Sub is the sub-attribute; nil when there is none.
	Sub *schema.Attribute
}

// Leaf is the attribute that the path ends at: Sub when given, else Attr.
func (p Path) Leaf() *schema.Attribute {
	if p.Sub != nil {
		return p.Sub
	}
	return p.Attr
}

// String prints the path in one canonical spelling. Parsing it gives the same path.
func (p Path) String() string {
	if p.Extension != nil {
		return p.Extension.ID
	}
	b := []byte(p.Attr.String())
	if p.Filter != nil {
		b = append(appendNode(append(b, '['), p.Filter, true), ']')
	}
	if p.Sub != nil {
		b = append(append(b, '.'), p.Sub.Name...)
	}
	return string(b)
}

// ParsePath reads the path of a PATCH operation on resources of type t. Every
// error is a *scim.Error: invalidPath, or invalidFilter when the path is sound
// but for what stands in its brackets.
func ParsePath(t *schema.Type, text string) (Path, error) {
	return ParsePathWith(t, text, schema.Options{})
}

// ParsePathWith is ParsePath with the options of an organisation; see ParseWith.
func ParsePathWith(t *schema.Type, text string, o schema.Options) (Path, error) {
	if problem := checkText(text); problem != "" {
		return Path{}, scim.InvalidPath("the path %s", problem)
	}
	text = strings.Trim(text, " \t\r\n")
	if text == "" {
		return Path{}, scim.InvalidPath("the path is empty; the name of an attribute is expected, or no path at all")
	}
	start := strings.IndexByte(text, '[')
	if start < 0 {
		return plainPath(t, text, o)
	}
	p, err := plainPath(t, strings.TrimRight(text[:start], " \t\r\n"), o)
	if err != nil {
		return Path{}, err
	}
	inner, end, ok := cutBrackets(text, start)
	if !ok {
		return Path{}, scim.InvalidPath("path %q: the bracket is not closed", shorten(text))
	}
	if err := p.checkBrackets(inner); err != nil {
		return Path{}, err
	}
	if err := checkStrictBrackets(p.Attr, o, scim.InvalidPath); err != nil {
		return Path{}, err
	}
	if p.Sub, err = subAfter(p.Attr, text[end:]); err != nil {
		return Path{}, err
	}
	p.Filter, err = valueFilter(t, p.Attr, inner, o)
	return p, err
}

// plainPath reads a path without brackets.
func plainPath(t *schema.Type, name string, o schema.Options) (Path, error) {
	ref, ok := t.Resolve(name)
	switch {
	case ok:
		return Path{Extension: ref.Extension, Attr: ref.Attr, Sub: ref.Sub}, checkStrictName(name, ref, o)
	case strings.HasPrefix(name, "/"):
		return Path{}, scim.InvalidPath("path %q: a path begins with the name of an attribute, not with a slash", shorten(name))
	case strings.ContainsAny(name, " ]"):
		return Path{}, scim.InvalidPath(`path %q: a path is one name, as in title or name.givenName; `+
			`a filter stands in brackets, as in emails[type eq "work"].value`, shorten(name))
	default:
		return Path{}, scim.InvalidPath("path: %s", unknown(t, name))
	}
}

func (p Path) checkBrackets(inner string) error {
	switch {
	case p.Extension != nil:
		return scim.InvalidPath("path: %q is a whole schema, so a value filter in brackets cannot follow it", p.Extension.ID)
	case p.Sub != nil:
		return scim.InvalidPath("path: brackets cannot follow %s, but they can follow %s", p.Sub, p.Attr)
	}
	if problem := checkBrackets(p.Attr); problem != "" {
		return scim.InvalidPath("path: %s", problem)
	}
	if inner != "" && strings.Trim(inner, "-0123456789 ") == "" {
		return scim.InvalidPath(`path %s[%s]: a value cannot be chosen by its position; choose it by a filter, as in %s[%s eq "x"]`,
			p.Attr, shorten(inner), p.Attr, firstSub(p.Attr))
	}
	return nil
}

// subAfter reads what follows the brackets.
func subAfter(a *schema.Attribute, rest string) (*schema.Attribute, error) {
	if rest == "" {
		return nil, nil
	}
	name, dotted := strings.CutPrefix(rest, ".")
	if !dotted {
		return nil, scim.InvalidPath("path: %s[...] is followed by %q; a sub-attribute is expected, as in %s[...].%s",
			a, shorten(rest), a, firstSub(a))
	}
	switch sub := inElement(a, name); sub {
	case nil:
		return nil, scim.InvalidPath("path: %s", unknownSub(a, name))
	case a:
		return nil, nil
	default:
		return sub, nil
	}
}

func valueFilter(t *schema.Type, a *schema.Attribute, text string, o schema.Options) (Node, error) {
	if isBlank(text) {
		return nil, scim.InvalidFilter(`path %s[]: the brackets are empty; a condition such as %s eq "x" is expected`, a, firstSub(a))
	}
	c, err := scanInner(text)
	if err != nil {
		return nil, err
	}
	return binder{t: t, o: o, in: a}.clause(c)
}

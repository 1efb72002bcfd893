package filter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// attribute finds what a name in a filter stands for: inside brackets a part of
// an element, else any attribute of the type.
func (b binder) attribute(name string) (*schema.Attribute, error) {
	if b.in != nil {
		sub := inElement(b.in, name)
		if sub == nil {
			return nil, scim.InvalidFilter("%q is not a sub-attribute of %s; allowed are %s", shorten(name), b.in, subNames(b.in))
		}
		return sub, nil
	}
	ref, ok := resolve(b.t, name)
	switch {
	case !ok:
		return nil, scim.InvalidFilter("%s", unknown(b.t, name))
	case ref.Extension != nil:
		return nil, scim.InvalidFilter("%q is a whole schema; a filter needs one of its attributes, as in %s:%s",
			shorten(name), ref.Extension.ID, ref.Extension.Attributes[0].Name)
	default:
		return ref.Leaf(), nil
	}
}

// inElement finds what a name stands for in one element of a multi-valued attribute:
// a sub-attribute; or, for `value`, a simple element itself, which the attribute
// stands for (RFC 7643 section 2.4). It is nil for other names.
func inElement(a *schema.Attribute, name string) *schema.Attribute {
	if a.Kind != schema.Complex && strings.EqualFold(name, element) {
		return a
	}
	return a.SubAttribute(name)
}

// element is the name of a simple element inside brackets.
const element = "value"

// resolve finds what a name stands for outside of brackets.
func resolve(t *schema.Type, name string) (schema.Ref, bool) {
	if ref, ok := t.Resolve(name); ok {
		return ref, true
	}
	return t.Resolve(shortNames[strings.ToLower(name)])
}

// isKnown reports whether one of the types has what the name stands for.
func isKnown(types []*schema.Type, name string) bool {
	return slices.ContainsFunc(types, func(t *schema.Type) bool {
		_, ok := resolve(t, name)
		return ok
	})
}

// shortNames are names for filters beside the schema's own: those that Genesys
// documents, and user for a member that is always one.
var shortNames = map[string]string{"email": "emails.value", "user.value": "member.value"}

// unknown tells why a name is not an attribute of the type, and what is.
func unknown(t *schema.Type, name string) string {
	i := strings.LastIndexByte(name, ':')
	parent, sub, hasSub := strings.Cut(name[i+1:], ".")
	if hasSub {
		if ref, ok := t.Resolve(name[:i+1] + parent); ok && ref.Attr != nil {
			return unknownSub(ref.Attr, sub)
		}
	}
	if i > 0 && t.Schema(name[:i]) == nil {
		return fmt.Sprintf("%q is not a schema of %s; allowed are %s", shorten(name[:i]), t.Name, strings.Join(urns(t), ", "))
	}
	return fmt.Sprintf("%q is not an attribute of %s; GET /Schemas lists those that are%s", shorten(name), t.Name, schema.Instead(t, name))
}

func unknownSub(a *schema.Attribute, name string) string {
	if len(a.Sub) == 0 {
		return fmt.Sprintf("%s has no sub-attributes, so %q names nothing below it", a, shorten(name))
	}
	return fmt.Sprintf("%q is not a sub-attribute of %s; allowed are %s", shorten(name), a, subNames(a))
}

func urns(t *schema.Type) []string {
	list := []string{t.Core.ID}
	for _, ext := range t.Extensions {
		list = append(list, ext.ID)
	}
	return list
}

// subNames are the names that inElement knows.
func subNames(a *schema.Attribute) string {
	if len(a.Sub) == 0 {
		return element
	}
	names := make([]string, len(a.Sub))
	for i, sub := range a.Sub {
		names[i] = sub.Name
	}
	return strings.Join(names, ", ")
}

// firstSub is the first of subNames, for examples.
func firstSub(a *schema.Attribute) string {
	name, _, _ := strings.Cut(subNames(a), ",")
	return name
}

// checkFilterable refuses secrets, which a filter would help to guess, and what
// is not kept but computed when a resource is answered.
func checkFilterable(a *schema.Attribute) error {
	switch {
	case a.Returned == schema.ReturnedNever:
		return scim.InvalidFilter("%s is never returned and cannot be filtered on; "+
			"only attributes that are returned, such as userName, can", a)
	case a.Name == "$ref":
		return scim.InvalidFilter("%s is computed and cannot be filtered on; use %s.value", a, a.Parent())
	case a == location:
		return scim.InvalidFilter("%s is computed and cannot be filtered on; use id", a)
	default:
		return nil
	}
}

var (
	location = schema.Meta.SubAttribute("location")
	version  = schema.Meta.SubAttribute("version")
)

// checkBrackets tells why the attribute takes no value filter, or "". One that
// is singular takes it when it has a value to compare: Entra removes a manager
// with manager[value eq "id"]. No document holds what schemas lists.
func checkBrackets(a *schema.Attribute) string {
	switch {
	case a.Kind != schema.Complex && !a.MultiValued, a == schema.Schemas:
		return fmt.Sprintf("%s has no sub-attributes, so a value filter in brackets cannot follow it", a)
	case !a.MultiValued && a.SubAttribute("value") == nil:
		return fmt.Sprintf("%s has one value only, so a value filter in brackets cannot follow it; name a sub-attribute, as in %s.%s",
			a, a, a.Sub[0].Name)
	default:
		return ""
	}
}

// checkOp refuses comparisons that have no meaning for the attribute's kind.
func checkOp(a *schema.Attribute, op Op) error {
	allowed := allowedOps(a)
	if slices.Contains(allowed, op) {
		return nil
	}
	names := make([]string, len(allowed))
	for i, op := range allowed {
		names[i] = string(op)
	}
	return scim.InvalidFilter("%s cannot be compared with %s; allowed are %s and pr", a, op, strings.Join(names, ", "))
}

func allowedOps(a *schema.Attribute) []Op {
	switch {
	case a == version, a.Kind == schema.Boolean, a.Kind == schema.Binary:
		return []Op{Eq, Ne}
	case a.IsText():
		return []Op{Eq, Ne, Co, Sw, Ew, Gt, Ge, Lt, Le}
	default:
		return []Op{Eq, Ne, Gt, Ge, Lt, Le}
	}
}

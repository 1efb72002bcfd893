package filter

import (
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Sort is the order of a list by one attribute (RFC 7644 section 3.4.2.3),
// bound to a resource type. Texts are in the order of code points, folded unless
// the attribute is exact; false comes before true. Of several values the primary
// one counts, else the first. Resources without a value come last; equal ones
// are in the order of their ids. Descending is all of that read backwards.
type Sort struct {
	// Attr is a simple attribute, or a simple sub-attribute. It is nil when the
	// type has no such attribute and another type of the list does.
	Attr *schema.Attribute
	// Authority is that of the one element, of those that Attr is a part of, which counts;
	// empty where it is the primary one or the first.
	Authority string
	// Kind is what the values are.
	Kind       schema.Kind
	Descending bool
}

// String prints the order in one canonical spelling.
func (s Sort) String() string {
	text := "nothing"
	if s.Attr != nil {
		text = s.Attr.String()
	}
	if s.Authority != "" {
		text += " of " + s.Authority
	}
	if s.Descending {
		return text + " descending"
	}
	return text
}

// SeenFrom is the order as a provisioning domain sees it, which has an externalId of its
// own; the empty domain is the home.
func (s Sort) SeenFrom(t *schema.Type, domain string) Sort {
	if s.Attr == schema.ExternalID && domain != "" && t.Domains() != nil {
		s.Attr, s.Authority = t.Domains().SubAttribute("value"), schema.AuthorityOf(domain)
	}
	return s
}

// ParseSort reads sortBy and sortOrder for a list of one or several types, and
// gives the order for each. It is nil when by is empty: then there is no order
// but the list's own. Every error is a *scim.Error of type invalidValue.
func ParseSort(types []*schema.Type, by, order string) ([]Sort, error) {
	descending, err := readOrder(order)
	if by = strings.TrimSpace(by); err != nil || by == "" {
		return nil, err
	}
	if problem := checkText(by); problem != "" {
		return nil, scim.InvalidValue("sortBy %s", problem)
	}
	sorts := make([]Sort, len(types))
	var found *schema.Attribute
	for i, t := range types {
		a, err := sortAttribute(t, types, by)
		if err != nil {
			return nil, err
		}
		switch {
		case a == nil:
		case found == nil:
			found = a
		case a.Kind != found.Kind && (!a.IsText() || !found.IsText()):
			return nil, scim.InvalidValue("sortBy: %s is of type %s in one resource type and of type %s in another; "+
				"list one of them by itself", a, found.Kind, a.Kind)
		}
		sorts[i] = Sort{Attr: a, Descending: descending}
	}
	for i := range sorts {
		sorts[i].Kind = found.Kind
	}
	return sorts, nil
}

func readOrder(order string) (descending bool, err error) {
	switch strings.ToLower(strings.TrimSpace(order)) {
	case "", "ascending":
		return false, nil
	case "descending":
		return true, nil
	default:
		return false, scim.InvalidValue("sortOrder: %q is not allowed; ascending or descending is expected", order)
	}
}

// sortAttribute finds the attribute to sort by, or nil when only another of the
// types has it.
func sortAttribute(t *schema.Type, all []*schema.Type, by string) (*schema.Attribute, error) {
	ref, ok := resolve(t, by)
	switch {
	case !ok && isKnown(all, by):
		return nil, nil
	case !ok:
		return nil, scim.InvalidValue("sortBy: %s", unknown(t, by))
	case ref.Extension != nil:
		return nil, scim.InvalidValue("sortBy: %q is a whole schema; one of its attributes is expected, as in %s:%s",
			shorten(by), ref.Extension.ID, ref.Extension.Attributes[0].Name)
	}
	a := ref.Leaf()
	if a.Kind == schema.Complex {
		if a = ref.Attr.SubAttribute("value"); a == nil {
			return nil, scim.InvalidValue("sortBy: %s has sub-attributes and no order itself; name one of them: %s", ref.Attr, subNames(ref.Attr))
		}
	}
	return a, checkSortable(a)
}

// checkSortable refuses secrets, whose order would tell of them, what is
// computed when a resource is answered, and what has no order.
func checkSortable(a *schema.Attribute) error {
	switch {
	case a.Returned == schema.ReturnedNever:
		return scim.InvalidValue("sortBy: %s is never returned and cannot be sorted by", a)
	case a.Name == "$ref":
		return scim.InvalidValue("sortBy: %s is computed and cannot be sorted by; use %s.value", a, a.Parent())
	case a == location:
		return scim.InvalidValue("sortBy: %s is computed and cannot be sorted by; use id", a)
	case a == version:
		return scim.InvalidValue("sortBy: %s has no order; use meta.lastModified", a)
	case a.Kind == schema.Binary:
		return scim.InvalidValue("sortBy: %s is binary and has no order", a)
	default:
		return nil
	}
}

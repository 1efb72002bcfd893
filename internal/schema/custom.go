package schema

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What a custom schema, by which an organisation extends a type, may hold.
const (
	MaxSchema     = 64 << 10 // bytes of its definition
	MaxAttributes = 200      // attributes and sub-attributes
	MaxName       = 100      // bytes of the name of an attribute
	MaxURN        = 200      // bytes of the id
)

var (
	customURN  = regexp.MustCompile(`(?i)^urn:[a-z0-9][a-z0-9-]{0,31}(:[a-z0-9._-]+)+$`)
	customName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9$_-]*$`)
)

// reserved are the namespaces of the standard's own schemas and messages.
var reserved = []string{"urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:"}

// CheckCustom tells why a schema, as ParseSchema gives it, cannot extend one of
// the types: its id is taken, or it asks for what the server does not hold.
func (types Types) CheckCustom(s *Schema) error {
	if err := types.checkURN(s.ID); err != nil {
		return err
	}
	count := 0
	for _, a := range s.Attributes {
		if err := a.checkCustom(); err != nil {
			return err
		}
		count += 1 + len(a.Sub)
	}
	if count > MaxAttributes {
		return wrongAttribute("", "the schema has %d attributes and sub-attributes; at most %d are allowed", count, MaxAttributes)
	}
	return nil
}

// checkURN refuses an id that cannot be told from another in the path of an
// attribute, which is the id, a colon and a name.
func (types Types) checkURN(id string) error {
	switch {
	case len(id) > MaxURN:
		return wrongID("id is longer than the %d bytes allowed", MaxURN)
	case !customURN.MatchString(id):
		return wrongID("id is %q; a URN of letters, digits, dots, hyphens, underscores and colons is expected", id)
	}
	lower := strings.ToLower(id)
	for _, space := range reserved {
		if strings.HasPrefix(lower, space) {
			return wrongID("id is %q; what begins with %s belongs to the standard", id, space)
		}
	}
	for _, s := range types.Schemas() {
		other := strings.ToLower(s.ID)
		switch {
		case lower == other:
			return wrongID("id is %q, which is the id of another schema", id)
		case strings.HasPrefix(lower, other+":"), strings.HasPrefix(other, lower+":"):
			return wrongID("id is %q, which cannot be told from the schema %s in the path of an attribute; choose another", id, s.ID)
		}
	}
	return nil
}

func (a *Attribute) checkCustom() error {
	if problem := a.customProblem(); problem != "" {
		return wrongAttribute(a.path, "attribute %s: %s", a.path, problem)
	}
	for _, sub := range a.Sub {
		if err := sub.checkCustom(); err != nil {
			return err
		}
	}
	return nil
}

// customProblem tells which characteristic the server does not hold, or "".
func (a *Attribute) customProblem() string {
	switch {
	case !customName.MatchString(a.Name):
		return "the name must begin with a letter"
	case len(a.Name) > MaxName:
		return fmt.Sprintf("the name is longer than the %d bytes allowed", MaxName)
	case a.parent != nil && a.MultiValued:
		return "it is multi-valued and inside a complex attribute; a sub-attribute must have one value"
	case a.Uniqueness != NotUnique:
		return fmt.Sprintf("uniqueness is %s, which is not held for custom attributes; none is expected", a.Uniqueness)
	case a.Mutability == WriteOnly:
		return "mutability is writeOnly, but the server keeps what it can answer; readWrite, immutable or readOnly is expected"
	case a.Returned == ReturnedNever:
		return "returned is never, but the server keeps what it can answer; default, always or request is expected"
	case a.Required && a.Mutability == ReadOnly:
		return "it is required and readOnly, so nobody could give it the value it must have"
	default:
		return ""
	}
}

// CheckReplacement tells why next cannot take the place of a custom schema whose
// values are stored: they must stay valid, and be found by filters as they were.
func (s *Schema) CheckReplacement(next *Schema) error {
	if s.ID != next.ID {
		return wrongID("id is %q; it cannot change, and is %q", next.ID, s.ID)
	}
	return checkReplaced(s.Attributes, next.Attributes)
}

func checkReplaced(old, next []*Attribute) error {
	for _, a := range old {
		i := slices.IndexFunc(next, func(b *Attribute) bool { return b.Name == a.Name })
		if i < 0 {
			return wrongAttribute(a.path, "attribute %s is missing; it cannot be removed", a.path)
		}
		if err := a.checkReplacement(next[i]); err != nil {
			return err
		}
	}
	for _, b := range next {
		added := !slices.ContainsFunc(old, func(a *Attribute) bool { return a.Name == b.Name })
		if added && b.Required {
			return wrongAttribute(b.path, "attribute %s is new and required, and no stored value has it; it must be optional", b.path)
		}
	}
	return nil
}

func (a *Attribute) checkReplacement(b *Attribute) error {
	switch {
	case a.Kind != b.Kind:
		return wrongAttribute(a.path, "attribute %s: type cannot change from %s to %s", a.path, a.Kind, b.Kind)
	case a.MultiValued != b.MultiValued:
		return wrongAttribute(a.path, "attribute %s: multiValued cannot change", a.path)
	case a.CaseExact != b.CaseExact && a.IsText():
		return wrongAttribute(a.path, "attribute %s: caseExact cannot change", a.path)
	case b.Required && !a.Required:
		return wrongAttribute(a.path, "attribute %s: it cannot become required", a.path)
	default:
		return checkReplaced(a.Sub, b.Sub)
	}
}

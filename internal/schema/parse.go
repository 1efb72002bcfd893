package schema

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/scim"
)

// ParseSchema reads the definition of an extension, as Describe and discovery
// give it. What the definition leaves out has the defaults of RFC 7643 section
// 2.2; a member that the RFC does not know is refused, because it may be a
// misspelt one. The error names the attribute and what is allowed; where a
// part of the definition is wrong, it is a *DefinitionError.
//
// Filters find the attributes by Scan.
func ParseSchema(text []byte) (*Schema, error) {
	var d struct {
		SchemaDocument
		Meta jsontext.Value `json:"meta"` // of whoever wrote it
	}
	if err := json.Unmarshal(text, &d, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("the schema is not a definition as of RFC 7643 section 7: %w", plain(err))
	}
	switch {
	case len(d.Schemas) > 0 && !slices.Contains(d.Schemas, scim.SchemaURN):
		return nil, fmt.Errorf("schemas is %q; %q is expected", d.Schemas, scim.SchemaURN)
	case !urn.MatchString(d.ID):
		return nil, wrongID("id is %q; a URN is expected, such as urn:example:params:scim:schemas:extension:2.0:User", d.ID)
	case len(d.Attributes) == 0:
		return nil, wrongAttribute("", "the schema has no attributes; one at least is expected")
	}
	attributes, err := parseAttributes(d.Attributes, nil)
	if err != nil {
		return nil, err
	}
	return NewExtension(Schema{ID: d.ID, Name: d.Name, Description: d.Description, Attributes: attributes}), nil
}

// plain tells where a definition has another value than is expected, in the words
// of JSON.
func plain(err error) error {
	wrong := (*json.SemanticError)(nil)
	if !errors.As(err, &wrong) || wrong.GoType == nil {
		return err
	}
	if errors.Is(wrong.Err, json.ErrUnknownName) {
		return fmt.Errorf("%s: %w", wrong.JSONPointer, wrong.Err)
	}
	expected := map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false", reflect.Slice: "an array", reflect.Struct: "an object"}
	return fmt.Errorf("%s is of the wrong type; %s is expected", wrong.JSONPointer, expected[baseOf(wrong.GoType).Kind()])
}

// baseOf is the type that a pointer leads to.
func baseOf(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

var (
	urn = regexp.MustCompile(`(?i)^urn:[a-z0-9][a-z0-9-]{0,31}:[a-z0-9()+,.:=@;$_!*'%/-]+$`)
	// attributeName is ATTRNAME of RFC 7643 section 2.1, and $ref.
	attributeName = regexp.MustCompile(`^[A-Za-z$][A-Za-z0-9$_-]*$`)
)

// parseAttributes reads the attributes of a schema, or the sub-attributes of parent.
func parseAttributes(documents []AttributeDocument, parent *Attribute) ([]*Attribute, error) {
	attributes := make([]*Attribute, len(documents))
	seen := make(map[string]bool, len(documents))
	for i, d := range documents {
		path := d.Name
		if parent != nil {
			path = parent.Name + "." + d.Name
		}
		key := strings.ToLower(d.Name)
		switch {
		case !attributeName.MatchString(d.Name):
			return nil, wrongAttribute(path, "%q is not a name for an attribute: a letter, then letters, digits, -, _ and $ are expected", path)
		case seen[key]:
			return nil, wrongAttribute(path, "attribute %s is declared twice; names do not differ by case", path)
		case parent != nil && d.Type == Complex:
			return nil, wrongAttribute(path, "attribute %s is complex and inside a complex one; a sub-attribute must be simple", path)
		}
		seen[key] = true
		a, err := parseAttribute(d)
		if err != nil {
			return nil, wrongAttribute(path, "attribute %s: %w", path, err)
		}
		if a.Sub, err = parseAttributes(d.SubAttributes, a); err != nil {
			return nil, err
		}
		attributes[i] = a
	}
	return attributes, nil
}

func parseAttribute(d AttributeDocument) (*Attribute, error) {
	a := &Attribute{
		Name:        d.Name,
		Kind:        orDefault(d.Type, String),
		MultiValued: d.MultiValued,
		Required:    d.Required,
		Mutability:  orDefault(d.Mutability, ReadWrite),
		Returned:    orDefault(d.Returned, ReturnedDefault),
		Uniqueness:  orDefault(d.Uniqueness, NotUnique),
		Canonical:   d.CanonicalValues,
		References:  d.ReferenceTypes,
		Description: d.Description,
	}
	a.CaseExact = a.Kind == Reference || a.Kind == Binary
	if d.CaseExact != nil {
		a.CaseExact = *d.CaseExact
	}
	return a, errors.Join(
		oneOf("type", a.Kind, String, Boolean, Decimal, Integer, DateTime, Reference, Binary, Complex),
		oneOf("mutability", a.Mutability, ReadWrite, ReadOnly, Immutable, WriteOnly),
		oneOf("returned", a.Returned, ReturnedDefault, ReturnedAlways, ReturnedNever, ReturnedRequest),
		oneOf("uniqueness", a.Uniqueness, NotUnique, UniqueServer, UniqueGlobal),
		checkShape(a, len(d.SubAttributes)),
	)
}

// checkShape tells of characteristics that contradict each other.
func checkShape(a *Attribute, subAttributes int) error {
	switch {
	case a.Kind == Complex && subAttributes == 0:
		return errors.New("it is complex but has no subAttributes; one at least is expected")
	case a.Kind != Complex && subAttributes > 0:
		return fmt.Errorf("it has subAttributes but its type is %s; complex is expected", a.Kind)
	case a.Mutability == WriteOnly && a.Returned != ReturnedNever:
		return fmt.Errorf("it is writeOnly but returned is %s; never is expected", a.Returned)
	default:
		return nil
	}
}

func orDefault[Word ~string](word, otherwise Word) Word {
	if word == "" {
		return otherwise
	}
	return word
}

func oneOf[Word ~string](characteristic string, word Word, allowed ...Word) error {
	if slices.Contains(allowed, word) {
		return nil
	}
	return fmt.Errorf("%s is %q; one of %q is expected", characteristic, word, allowed)
}

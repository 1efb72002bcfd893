package schema

import "github.com/purescim/purescim/internal/scim"

// SchemaDocument is a schema as discovery gives it (RFC 7643 section 7).
type SchemaDocument struct {
	Schemas     []string            `json:"schemas"`
	ID          string              `json:"id"`
	Name        string              `json:"name"`
	Description string              `json:"description"`
	Attributes  []AttributeDocument `json:"attributes"`
	Meta        *MetaDocument       `json:"meta,omitempty"`
}

// AttributeDocument is an attribute's definition in a SchemaDocument. What does
// not apply to the attribute's kind is left out, never null.
type AttributeDocument struct {
	Name            string              `json:"name"`
	Type            Kind                `json:"type"`
	MultiValued     bool                `json:"multiValued"`
	Description     string              `json:"description"`
	Required        bool                `json:"required"`
	CanonicalValues []string            `json:"canonicalValues,omitempty"`
	CaseExact       *bool               `json:"caseExact,omitempty"` // text only
	Mutability      Mutability          `json:"mutability"`
	Returned        Returned            `json:"returned"`
	Uniqueness      Uniqueness          `json:"uniqueness,omitempty"` // simple only, and never boolean
	ReferenceTypes  []string            `json:"referenceTypes,omitempty"`
	SubAttributes   []AttributeDocument `json:"subAttributes,omitempty"`
}

// MetaDocument is the meta of a discovery resource: it has no times and no version.
type MetaDocument struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

// Describe gives the schema's definition, without meta. ParseSchema is its inverse.
func (s *Schema) Describe() SchemaDocument {
	return SchemaDocument{
		Schemas:     []string{scim.SchemaURN},
		ID:          s.ID,
		Name:        s.Name,
		Description: s.Description,
		Attributes:  describe(s.Attributes),
	}
}

func describe(attributes []*Attribute) []AttributeDocument {
	documents := make([]AttributeDocument, 0, len(attributes))
	for _, a := range attributes {
		if !a.Private {
			documents = append(documents, a.describe())
		}
	}
	return documents
}

func (a *Attribute) describe() AttributeDocument {
	d := AttributeDocument{
		Name:            a.Name,
		Type:            a.Kind,
		MultiValued:     a.MultiValued,
		Description:     a.Description,
		Required:        a.Required,
		CanonicalValues: a.Canonical,
		Mutability:      a.Mutability,
		Returned:        a.Returned,
		ReferenceTypes:  a.References,
	}
	if a.Kind == Complex {
		d.SubAttributes = describe(a.Sub)
		return d
	}
	if a.IsText() {
		d.CaseExact = new(a.CaseExact)
	}
	if a.Kind != Boolean {
		d.Uniqueness = a.Uniqueness
	}
	return d
}

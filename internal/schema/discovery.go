package schema

import (
	"slices"

	"github.com/purescim/purescim/internal/scim"
)

// The paths of the discovery endpoints below a mount (RFC 7644 section 4).
const (
	SchemasEndpoint               = "/Schemas"
	ResourceTypesEndpoint         = "/ResourceTypes"
	ServiceProviderConfigEndpoint = "/ServiceProviderConfig"
)

// Schemas lists every schema in use: those of the types, each once, the core
// schemas first; then those of discovery itself.
func (types Types) Schemas() []*Schema {
	var list []*Schema
	for _, t := range types {
		list = append(list, t.Core)
	}
	seen := make(map[*Schema]bool)
	for _, t := range types {
		for _, ext := range t.Extensions {
			if !seen[ext] {
				seen[ext] = true
				list = append(list, ext)
			}
		}
	}
	return append(list, serviceProviderConfigSchema, resourceTypeSchema, schemaSchema)
}

// SchemaDocuments gives the resources of /Schemas. mount is the absolute URL of
// the SCIM root, service what /ServiceProviderConfig describes.
func (types Types) SchemaDocuments(mount string, service Service) []SchemaDocument {
	var documents []SchemaDocument
	for _, s := range types.Schemas() {
		d := s.Describe()
		if s == serviceProviderConfigSchema {
			d.Attributes = slices.DeleteFunc(d.Attributes, func(a AttributeDocument) bool { return service.hides(a.Name) })
		}
		d.Meta = &MetaDocument{"Schema", mount + SchemasEndpoint + "/" + s.ID}
		documents = append(documents, d)
	}
	return documents
}

// ResourceTypeDocument is a resource type as discovery gives it (RFC 7643 section 6).
type ResourceTypeDocument struct {
	Schemas          []string            `json:"schemas"`
	ID               string              `json:"id"`
	Name             string              `json:"name"`
	Description      string              `json:"description"`
	Endpoint         string              `json:"endpoint"`
	Schema           string              `json:"schema"`
	SchemaExtensions []ExtensionDocument `json:"schemaExtensions,omitempty"`
	Meta             MetaDocument        `json:"meta"`
}

// ExtensionDocument names an extension of a resource type.
type ExtensionDocument struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

// ResourceTypeDocuments gives the resources of /ResourceTypes. mount is the
// absolute URL of the SCIM root.
func (types Types) ResourceTypeDocuments(mount string) []ResourceTypeDocument {
	documents := make([]ResourceTypeDocument, len(types))
	for i, t := range types {
		documents[i] = t.Describe(mount)
	}
	return documents
}

// DiscoveryTypes describes the types of discovery's own resources. They are found by
// name and not listed, since they are not provisioned.
func DiscoveryTypes(mount string) []ResourceTypeDocument {
	return Types{
		{Name: "ServiceProviderConfig", Description: serviceProviderConfigSchema.Description, Endpoint: ServiceProviderConfigEndpoint, Core: serviceProviderConfigSchema},
		{Name: "ResourceType", Description: resourceTypeSchema.Description, Endpoint: ResourceTypesEndpoint, Core: resourceTypeSchema},
		{Name: "Schema", Description: schemaSchema.Description, Endpoint: SchemasEndpoint, Core: schemaSchema},
	}.ResourceTypeDocuments(mount)
}

// Describe gives the resource of the type in /ResourceTypes. No extension is required.
func (t *Type) Describe(mount string) ResourceTypeDocument {
	d := ResourceTypeDocument{
		Schemas:     []string{scim.ResourceTypeURN},
		ID:          t.Name,
		Name:        t.Name,
		Description: t.Description,
		Endpoint:    t.Endpoint,
		Schema:      t.Core.ID,
		Meta:        MetaDocument{"ResourceType", mount + ResourceTypesEndpoint + "/" + t.Name},
	}
	for _, ext := range t.Extensions {
		d.SchemaExtensions = append(d.SchemaExtensions, ExtensionDocument{Schema: ext.ID})
	}
	return d
}

package schema

import (
	"slices"

	"github.com/purescim/purescim/internal/scim"
)

// The schemas of discovery's own resources (RFC 7643 section 8.7.2, with the
// errata: etag, authenticationSchemes.type and .primary are declared (section
// 5); binary is a type, but complex not one of a sub-attribute (5606, 8415,
// 8435); referenceTypes and schemaExtensions are multi-valued (5607, 7522); a
// resource type's name is exact, its name and endpoint are unique (8475)).
var (
	serviceProviderConfigSchema = NewSchema(Schema{
		ID: scim.ServiceProviderConfigURN, Name: "ServiceProviderConfig",
		Description: "What the server offers of the protocol's options.",
		Attributes: []*Attribute{
			reference("documentationUri", "The URL of the documentation.", []string{"external"}, readOnly),
			feature("patch", "The option PATCH."),
			feature("bulk", "The option bulk.",
				number("maxOperations", "How many operations a request may hold."),
				number("maxPayloadSize", "How many bytes a request may hold.")),
			feature("filter", "The option filter.",
				number("maxResults", "How many resources an answer may hold.")),
			feature("changePassword", "The option to change a password."),
			feature("sort", "The option to sort."),
			feature("etag", "The option to tell versions apart by ETag."),
			complexOne("pagination", "The ways to page through a list.", []*Attribute{
				boolean("cursor", "Whether pages may be asked for by cursor.", required, readOnly),
				boolean("index", "Whether pages may be asked for by index.", required, readOnly),
				text("defaultPaginationMethod", "How a list is paged when the request names no way.", readOnly, canonical("cursor", "index")),
				limit("defaultPageSize", "How many resources a page has when the request names no number."),
				limit("maxPageSize", "How many resources a page may have."),
				limit("cursorTimeout", "For how many seconds a cursor is good."),
			}, readOnly),
			complexMany("authenticationSchemes", "The ways to authenticate.", []*Attribute{
				text("type", "The kind of scheme.", required, readOnly,
					canonical("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest")),
				text("name", "The name of the scheme.", required, readOnly),
				text("description", "What the scheme is.", required, readOnly),
				reference("specUri", "The URL of the scheme's specification.", []string{"external"}, readOnly),
				reference("documentationUri", "The URL of the scheme's documentation.", []string{"external"}, readOnly),
				boolean("primary", "Whether this is the preferred scheme.", readOnly),
			}, required, readOnly),
			complexOne("securityEvents", "The security events that a receiver may be told.", []*Attribute{
				text("asyncRequest", "Whether a request may be answered by an event.", readOnly, canonical("none", "long", "request")),
				text("eventUris", "The URIs of the events.", readOnly, multiValued),
			}, readOnly),
			complexOne("RolesAndEntitlements", "What can be listed that roles and entitlements of users may be.", []*Attribute{
				feature("roles", "The list of roles.",
					boolean("multipleRolesSupported", "Whether a user may have more than one role.", readOnly),
					boolean("primarySupported", "Whether one role of a user may be the primary one.", readOnly),
					boolean("typeSupported", "Whether roles of a user may have a type.", readOnly)),
				feature("entitlements", "The list of entitlements."),
			}, required, readOnly),
		},
	})

	resourceTypeSchema = NewSchema(Schema{
		ID: scim.ResourceTypeURN, Name: "ResourceType", Description: "A type of resources and its schemas.",
		Attributes: []*Attribute{
			text("id", "The identifier, equal to the name.", readOnly),
			text("name", "The name of the type.", required, caseExact, readOnly, uniqueServer),
			text("description", "What the type is for.", readOnly),
			reference("endpoint", "The path of the type below the SCIM root.", []string{"uri"}, required, readOnly, uniqueServer),
			reference("schema", "The URN of the core schema.", []string{"uri"}, required, readOnly),
			complexMany("schemaExtensions", "The extensions of the type.", []*Attribute{
				reference("schema", "The URN of the extension.", []string{"uri"}, required, readOnly),
				boolean("required", "Whether each resource must have the extension.", required, readOnly),
			}, readOnly),
		},
	})

	schemaSchema = NewSchema(Schema{
		ID: scim.SchemaURN, Name: "Schema", Description: "A set of attributes.",
		Attributes: []*Attribute{
			text("id", "The URN of the schema.", required, readOnly),
			text("name", "The name of the schema.", required, readOnly),
			text("description", "What the schema is for.", readOnly),
			complexMany("attributes", "The attributes of the schema.",
				append(definition(Complex), complexMany("subAttributes", "The sub-attributes of a complex attribute.",
					definition(), readOnly)),
				required, readOnly),
		},
	})
)

func feature(name, description string, limits ...*Attribute) *Attribute {
	supported := boolean("supported", "Whether the server offers it.", required, readOnly)
	return complexOne(name, description, append([]*Attribute{supported}, limits...), required, readOnly)
}

func limit(name, description string) *Attribute {
	return attr(Integer, name, description, []option{readOnly})
}

func number(name, description string) *Attribute {
	return attr(Integer, name, description, []option{required, readOnly})
}

// definition gives the sub-attributes that define an attribute; kinds are those
// it may have beside the simple ones.
func definition(kinds ...Kind) []*Attribute {
	kinds = slices.Concat([]Kind{String, Boolean, Decimal, Integer, DateTime, Reference, Binary}, kinds)
	return []*Attribute{
		text("name", "The name.", required, caseExact, readOnly),
		text("type", "The data type.", required, readOnly, canonical(words(kinds...)...)),
		boolean("multiValued", "Whether there may be more than one value.", required, readOnly),
		text("description", "What the attribute is.", readOnly),
		boolean("required", "Whether there must be a value.", required, readOnly),
		text("canonicalValues", "Suggested values.", caseExact, readOnly, multiValued),
		boolean("caseExact", "Whether comparison heeds upper and lower case.", readOnly),
		text("mutability", "Who may write it.", required, readOnly,
			canonical(words(ReadOnly, ReadWrite, Immutable, WriteOnly)...)),
		text("returned", "When it is in an answer.", required, readOnly,
			canonical(words(ReturnedAlways, ReturnedNever, ReturnedDefault, ReturnedRequest)...)),
		text("uniqueness", "How far a value is unique.", readOnly,
			canonical(words(NotUnique, UniqueServer, UniqueGlobal)...)),
		text("referenceTypes", "What a reference may refer to.", caseExact, readOnly, multiValued),
	}
}

func words[Word ~string](list ...Word) []string {
	words := make([]string, len(list))
	for i, w := range list {
		words[i] = string(w)
	}
	return words
}

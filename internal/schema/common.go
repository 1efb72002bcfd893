package schema

// The common attributes (RFC 7643 section 3.1). They belong to every resource
// and to no schema, so discovery does not list them.
var (
	Schemas    = text("schemas", "The URNs of the schemas in use.", required, caseExact, readOnly, always, multiValued)
	ID         = text("id", "The identifier that the server gives; it never changes.", caseExact, readOnly, always, uniqueServer, search(Column))
	ExternalID = text("externalId", "The identifier that the client gives.", caseExact, search(Column))
	Meta       = complexOne("meta", "What the server keeps about the resource.", []*Attribute{
		text("resourceType", "The name of the resource type.", caseExact, readOnly),
		dateTime("created", "When the resource was created.", readOnly, search(Column)),
		dateTime("lastModified", "When the resource last changed.", readOnly, search(Column)),
		reference("location", "The URL of the resource.", []string{"uri"}, readOnly),
		text("version", "The version, equal to the ETag without its quotes.", caseExact, readOnly, search(Column)),
	}, readOnly, always)
)

var common = NewSchema(Schema{Attributes: []*Attribute{Schemas, ID, ExternalID, Meta}})

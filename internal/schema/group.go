package schema

import "github.com/purescim/purescim/internal/scim"

// Attributes of the core Group (RFC 7643 section 4.2).
var (
	GroupName = text("displayName", "The name of the group; unique in the organisation, whatever its case.",
		required, uniqueServer, named, normalize(groupName), search(Column))
	Members = complexMany("members", "The members, users of the organisation.", []*Attribute{
		text("value", "The id of the user.", required, caseExact, immutable),
		reference("$ref", "The URL of the user.", []string{"User"}, immutable, computed),
		text("type", "The type of the member.", immutable, canonical("User")),
		text("display", "The display name of the user, as it is now.", readOnly),
	}, search(Link), shorthand(bare("value")))
)

// Group is the Group resource type.
var Group = NewType(Type{
	Name: "Group", Plural: "groups", Endpoint: "/Groups", Description: "A set of users.",
	Core: NewSchema(Schema{
		ID: scim.GroupURN, Name: "Group", Description: "A set of users.",
		Attributes: []*Attribute{GroupName, Members, groupExternalIDs},
	}),
})

// Types are the resource types that the server offers, in the order of discovery.
type Types []*Type

// Of gives the resource type that t is, with the extensions that it has in
// types; it is nil when there is none.
func (types Types) Of(t *Type) *Type {
	for _, own := range types {
		if own.Is(t) {
			return own
		}
	}
	return nil
}

// DefaultTypes are User and Group.
var DefaultTypes = Types{User, Group}

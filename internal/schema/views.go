package schema

import "github.com/purescim/purescim/internal/scim"

// Attributes of a role (draft-ietf-scim-roles-entitlements-01 section 3.2).
var (
	RoleValue = text("value", "The name of the role, as roles of users carry it; unique in the organisation, whatever its case.",
		required, readOnly, uniqueServer, named)
	RoleDisplay = text("display", "The name of the role, for display.", readOnly, named)
	// RoleSupported is true for every role: one that may not be given is not there.
	RoleSupported = boolean("supported", "Whether the role may be given to users.", required, readOnly)
)

// Role is the type of what the roles of users may be.
var Role = NewType(Type{
	Name: "Role", Plural: "roles", Endpoint: "/Roles", Description: "A role that users may have.",
	Core: NewSchema(Schema{
		ID: scim.RoleURN, Name: "Role", Description: "A role that users may have.",
		Attributes: []*Attribute{RoleValue, RoleDisplay, RoleSupported},
	}),
})

// Attributes of a membership (draft-zollner-scim-group-members-01 section 3).
var (
	MembershipGroup = complexOne("group", "The group.", []*Attribute{
		text("value", "The id of the group.", required, caseExact, readOnly),
		reference("$ref", "The URL of the group.", []string{"Group"}, readOnly),
		text("display", "The name of the group.", readOnly, named),
	}, required, readOnly)
	MembershipMember = complexOne("member", "The user who is a member.", []*Attribute{
		text("value", "The id of the user.", required, caseExact, readOnly),
		reference("$ref", "The URL of the user.", []string{"User"}, readOnly),
		text("type", "The type of the member.", readOnly, canonical("User")),
		text("display", "The display name of the user.", readOnly),
	}, required, readOnly)
)

// GroupMember is the type of memberships: one member of one group.
var GroupMember = NewType(Type{
	Name: "GroupMember", Plural: "group members", Endpoint: "/GroupMembers", Description: "One member of one group.",
	Core: NewSchema(Schema{
		ID: scim.GroupMemberURN, Name: "GroupMember", Description: "One member of one group.",
		Attributes: []*Attribute{MembershipGroup, MembershipMember},
	}),
})

// Views are the types of resources that are only read: other resources, and what
// the platform keeps, seen in another way.
var Views = Types{Role, GroupMember}

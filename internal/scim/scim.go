// Package scim holds the protocol's words: URNs, documents, versions, PATCH
// operations and errors (RFC 7643, RFC 7644); and reads JSON, strictly.
//
// It knows no attribute by name beyond the protocol's envelopes; what a
// resource may hold is the business of package schema.
package scim

// Schema URNs (RFC 7643 section 10.3 and Genesys Cloud).
const (
	UserURN           = "urn:ietf:params:scim:schemas:core:2.0:User"
	GroupURN          = "urn:ietf:params:scim:schemas:core:2.0:Group"
	EnterpriseUserURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	GenesysUserURN    = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"

	RoleURN        = "urn:ietf:params:scim:schemas:core:2.0:Role"        // draft-ietf-scim-roles-entitlements
	GroupMemberURN = "urn:ietf:params:scim:schemas:core:2.0:GroupMember" // draft-zollner-scim-group-members

	ServiceProviderConfigURN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	ResourceTypeURN          = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	SchemaURN                = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

// Message URNs (RFC 7644 section 8.2). They never appear in /Schemas.
const (
	ListResponseURN  = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	SearchRequestURN = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
	PatchOpURN       = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	ErrorURN         = "urn:ietf:params:scim:api:messages:2.0:Error"
)

// MediaType is the SCIM media type (RFC 7644 section 8.1).
const MediaType = "application/scim+json"

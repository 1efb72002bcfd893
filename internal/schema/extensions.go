package schema

import "github.com/purescim/purescim/internal/scim"

// Attributes of the enterprise extension (RFC 7643 section 4.3) and of the
// Genesys extension that the rules name.
var (
	EmployeeNumber = text("employeeNumber", "The number the organisation gave the person.", search(Column))
	Division       = text("division", "The division by name; it must exist in the organisation.", named, search(Column))
	Department     = text("department", "The department.", search(Column))
	Manager        = complexOne("manager", "The person's manager, a user of the organisation.", []*Attribute{
		text("value", "The id of the manager.", caseExact, search(Column)),
		reference("$ref", "The URL of the manager.", []string{"User"}, readOnly, computed),
		text("displayName", "Not kept by the server.", readOnly),
	}, shorthand(bare("value")))

	RoutingSkills = complexMany("routingSkills", "Routing skills by name; each must exist in the organisation.",
		proficiencies("skill"), once("name"), atMost(50), shorthand(bare("name")))
	RoutingLanguages = complexMany("routingLanguages", "Routing languages by name; each must exist in the organisation.",
		proficiencies("language"), once("name"), atMost(50), shorthand(bare("name")))
	ExternalIDs = complexMany("externalIds", "The person's identifiers in other systems.", []*Attribute{
		text("authority", "The system.", required, caseExact, canonical("microsoftteams", "zoomphone", "ringcentral", "eightbyeight")),
		text("value", "The identifier in that system.", required, caseExact, search(Key)),
	}, once("authority"))
)

var enterpriseUser = NewExtension(Schema{
	ID: scim.EnterpriseUserURN, Name: "EnterpriseUser", Description: "A person's place in the enterprise.",
	Former: []string{ // of SCIM 1.1 and of drafts of 2.0
		"urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0",
		"urn:scim:schemas:extension:enterprise:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0",
	},
	Attributes: []*Attribute{
		EmployeeNumber,
		text("costCenter", "The cost centre."),
		text("organization", "The organisation."),
		Division,
		Department,
		Manager,
		text("dateHire", "The date of hire, as YYYY-MM-DD, such as 2026-03-01; a time that is sent with it is left out.", normalize(date)),
	},
})

var genesysUser = NewExtension(Schema{
	ID: scim.GenesysUserURN, Name: "GenesysUser", Description: "What Genesys Cloud adds to a person.",
	Attributes: []*Attribute{RoutingSkills, RoutingLanguages, ExternalIDs},
})

func proficiencies(what string) []*Attribute {
	return []*Attribute{
		text("name", "The name of the "+what+".", required, named, search(Key)),
		decimal("proficiency", "How well, from 0.0 to 5.0.", between(0, 5)),
	}
}

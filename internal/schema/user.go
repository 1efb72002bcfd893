package schema

import (
	"strings"

	"github.com/purescim/purescim/internal/phone"
	"github.com/purescim/purescim/internal/scim"
)

// Attributes of the core User (RFC 7643 section 4.1) that the rules name.
var (
	UserName = text("userName", "The name to sign in with; unique in the organisation, whatever its case.",
		required, uniqueServer, always, named, normalize(userName), search(Column))
	Name = complexOne("name", "The parts of the person's name.", []*Attribute{
		text("formatted", "The whole name, for display."),
		text("familyName", "The family name."),
		text("givenName", "The given name."),
		text("middleName", "The middle names."),
		text("honorificPrefix", "The title before the name."),
		text("honorificSuffix", "The suffix after the name."),
	})
	DisplayName = text("displayName", "The name shown to others.", search(Column))
	Title       = text("title", "The title in the organisation.")
	Active      = boolean("active", "Whether the person may sign in.", always, search(Column))
	Password    = text("password", "Write-only; kept as a hash.", writeOnly)
	Emails      = complexMany("emails", "E-mail addresses. A userName that is an address, and none of them, is shown as one of type other.",
		plural(text("value", "The address.", normalize(address), doubt(noAddress), search(Key)), "work", "home", "other"), bareType("work"), mirrors(UserName))
	PhoneNumbers = complexMany("phoneNumbers", "Phone numbers in E.164, an extension as tel:+number;ext=extension.",
		plural(text("value", "The number.", normalize(phoneNumber), doubt(unassignedNumber), search(Key)),
			"work", "work2", "work3", "work4", "home", "mobile", "other", "fax", "pager",
			"microsoftteams", "zoomphone", "ringcentral", "eightbyeight"))
	UserGroups = complexMany("groups", "The groups the person belongs to; changed through the group.", []*Attribute{
		text("value", "The id of the group.", caseExact, readOnly),
		reference("$ref", "The URL of the group.", []string{"Group"}, readOnly),
		text("display", "The name of the group.", readOnly, named),
		text("type", "How the person belongs to the group.", readOnly, canonical("direct")),
	}, readOnly, search(Link))
	Roles = complexMany("roles", "Roles by name; each must exist in the organisation.",
		plural(text("value", "The name of the role.", named, search(Key))), once("value"), shorthand(bare("value")))
)

// User is the User resource type with the enterprise and Genesys extensions.
var User = NewType(Type{
	Name: "User", Plural: "users", Endpoint: "/Users", Description: "User Account",
	Core: NewSchema(Schema{
		ID: scim.UserURN, Name: "User", Description: "User Account",
		Attributes: []*Attribute{
			UserName,
			Name,
			DisplayName,
			text("nickName", "The casual name."),
			reference("profileUrl", "The URL of the person's page.", []string{"external"}),
			Title,
			text("userType", "The relation to the organisation."),
			text("preferredLanguage", "The preferred written or spoken language."),
			text("locale", "The locale, for dates and numbers."),
			text("timezone", "The time zone, as in the tz database."),
			Active,
			Password,
			Emails,
			PhoneNumbers,
			complexMany("ims", "Instant messaging addresses.",
				plural(text("value", "The address."), "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other")),
			complexMany("photos", "URLs of photos.",
				plural(reference("value", "The URL.", []string{"external"}), "photo", "thumbnail")),
			complexMany("addresses", "Postal addresses.", []*Attribute{
				text("formatted", "The whole address, for display."),
				text("streetAddress", "Street and number."),
				text("locality", "The city."),
				text("region", "The state or region."),
				text("postalCode", "The postal code."),
				text("country", "The country."),
				text("type", "A label that tells the function of the address.", listed("work", "home", "other")),
				boolean("primary", "Whether this is the preferred address; at most one is."),
			}),
			UserGroups,
			complexMany("entitlements", "Things the person is entitled to.", plural(text("value", "The entitlement."))),
			Roles,
			complexMany("x509Certificates", "Certificates.", plural(binary("value", "The DER certificate in base64."))),
		},
	}),
	Extensions: []*Schema{enterpriseUser, genesysUser},
})

func phoneNumber(value string, o Options) (string, error) {
	return phone.Normalize(value, o.Region)
}

func unassignedNumber(value string) string {
	if phone.IsAssigned(value) {
		return ""
	}
	return "stored, though it is in no range of numbers that is known to be assigned"
}

func noAddress(value string) string {
	if strings.Contains(value, "@") {
		return ""
	}
	return "stored, though an e-mail address has an @"
}

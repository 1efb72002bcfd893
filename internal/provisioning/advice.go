package provisioning

import (
	"cmp"
	"net/http"
	"strings"
)

// Advice is what an administrator does about a refusal: a text, parts of which name an
// Action that each surface words in its own way.
type Advice struct {
	Parts []AdvicePart
	// Guide is the page of the documentation that tells more.
	Guide string
}

// AdvicePart is a piece of text or, where Action is not empty, stands for an action.
type AdvicePart struct {
	Text   string
	Action Action
}

// Text is the advice with a command for each action, for terminals and programs.
func (a Advice) Text() string {
	var text strings.Builder
	for _, p := range a.Parts {
		text.WriteString(p.Text + p.Action.Command())
	}
	return text.String()
}

// Advice tells what to do about a refusal, in the terms of the identity system that was
// refused. There is none for what was done.
func (e Entry) Advice() (Advice, bool) {
	if e.Error == nil || e.Result != Refused && e.Result != Held {
		return Advice{}, false
	}
	for _, rule := range advices {
		if !rule.fits(e) {
			continue
		}
		text := rule.system[e.System]
		if text == "" {
			text = rule.text
		}
		return Advice{Parts: partsOf(text), Guide: rule.guide(e.System)}, true
	}
	return Advice{}, false
}

// partsOf splits a text at its actions, which are written {name}.
func partsOf(text string) (parts []AdvicePart) {
	for {
		before, rest, found := strings.Cut(text, "{")
		parts = append(parts, AdvicePart{Text: before})
		if !found {
			return parts
		}
		name, after, _ := strings.Cut(rest, "}")
		parts, text = append(parts, AdvicePart{Action: Action(name)}), after
	}
}

// guides are the pages about identity systems below guidesPath. They have the same sections.
var guides = map[System]string{
	Entra: "entra.md", Okta: "okta.md", Saviynt: "saviynt.md", OneLogin: "onelogin.md", Ping: "pingone.md", Google: "google.md",
	SailPoint: "sailpoint.md", Authentik: "authentik.md", JumpCloud: "jumpcloud.md",
}

const (
	guidesPath = "docs/guides/"
	// anyGuide lists the guides, for a system that is not known.
	anyGuide = "README.md"
)

// The sections of guides.
const (
	onErrors  = "errors"
	onGroups  = "groups"
	onRoles   = "roles"
	onMapping = "mapping"
	onCustom  = "custom-attributes"
)

// guide is the section of a system's guide that tells more.
func (a advice) guide(s System) string {
	page, ok := guides[s]
	if !ok {
		return guidesPath + anyGuide
	}
	return guidesPath + page + "#" + cmp.Or(a.section, onErrors)
}

// advice is what to do about one kind of refusal. The first that fits is given. Its texts
// name actions as {name}.
type advice struct {
	status int        // 0 is any
	types  string     // the scimType; empty is any
	target TargetType // empty is any
	words  []string   // all of which the text of the error has
	// section is that of the guides; none is onErrors.
	section string
	text    string // for a system that is not named
	system  map[System]string
}

func (a advice) fits(e Entry) bool {
	if a.status != 0 && a.status != e.Status || a.types != "" && a.types != e.Error.Type || a.target != "" && a.target != e.Target.Type {
		return false
	}
	for _, word := range a.words {
		if !strings.Contains(e.Error.Detail, word) {
			return false
		}
	}
	return true
}

// advices has the particular kinds first, and then one for each status.
var advices = []advice{
	{
		status: http.StatusForbidden, words: []string{"held: "},
		text: "A brake held it: more would go within an hour than the organisation expects. See whether that is meant. " +
			"If so, release it ({release-hold}), and send it again. If not, mend the assignment in the identity system.",
		system: map[System]string{
			Entra: "A brake held it: more would go within an hour than the organisation expects. See in Entra whether users or groups fell out of the scope " +
				"by mistake, and put them back. If it is meant, release it ({release-hold}); Entra tries again by itself.",
			Okta: "A brake held it: more would go within an hour than the organisation expects. See in Okta whether people or a group were unassigned " +
				"by mistake, and assign them again. If it is meant, release it ({release-hold}); then use Push Now, or retry the tasks.",
		},
	},
	{
		status: http.StatusMethodNotAllowed, target: Group, words: []string{"groups are made and deleted"}, section: onGroups,
		text: "Make the group here ({create-group}) and let the identity system link it by its name, " +
			"or let SCIM make and delete groups ({allow-group-lifecycle}).",
		system: map[System]string{
			Entra: "In Entra, clear Create and Delete under Target Object Actions of the group mapping. " +
				"Make the group here ({create-group}) with the same name: Entra links it in its next cycle.",
			Okta: "In Okta, use Push Groups, By name, and choose Link Group with the group that exists here instead of Create Group. " +
				"Make the group here first ({create-group}).",
		},
	},
	{
		words: []string{"the organisation has no role named"}, section: onRoles,
		text: "Send the name of a role that exists, or make the role ({create-role}).",
		system: map[System]string{
			Entra: "In Entra, map the value of the app role, not its id: SingleAppRoleAssignment([appRoleAssignments]) to " +
				`roles[primary eq "True"].value. The value must be the name of a role here; or make the role ({create-role}).`,
			Okta: "In Okta, the profile attribute that is mapped to roles must hold the name of a role here; " +
				"or make the role ({create-role}).",
		},
	},
	missingEntry("division", CreateDivision),
	missingEntry("routing skill", CreateSkill),
	missingEntry("routing language", CreateLanguage),
	{
		words: []string{"phoneNumbers", "region"}, section: onMapping,
		text: "Set the region that national numbers are read by ({set-region}), " +
			"or send the number with + and the country code.",
		system: map[System]string{
			Entra: "Set the region that national numbers are read by ({set-region}), or correct the number in Entra: " +
				"+ and the country code first.",
		},
	},
	{
		words: []string{"manager", "is not the id of a user of the organisation"},
		text:  "Provision the manager first: a manager must be a user of the organisation. Then send the user again.",
		system: map[System]string{
			Entra: "Assign the manager to the enterprise application too, so that Entra provisions the manager first. It sets the manager in a later cycle by itself.",
			Okta:  "Map manager to the id that the manager has here, not to a name or an e-mail address, and assign the manager to the application first.",
		},
	},
	{
		words: []string{"is not the id of a user of the organisation"},
		text:  "A member must be a user of the organisation: provision the user first, then push the group again. Ids of deleted users are not members.",
		system: map[System]string{
			Entra: "Assign the user to the enterprise application, not only the group, or the user was deleted here: restart provisioning, so that Entra looks all users up again.",
			Okta:  "In Okta, assign the people to the application before the group is pushed, then use Push Now.",
		},
	},
	{
		status: http.StatusConflict, types: "uniqueness", target: User,
		text: "Another user has this userName. Link that one by userName instead of creating a second, or change the name of one of them.",
		system: map[System]string{
			Entra: "In Entra, make userName a matching attribute with precedence 1, so that the user who exists is linked. " +
				"If two people have the name, change the userPrincipalName of one.",
			Okta: "In Okta, set the application's username format to the userName here; then import the users, and confirm the match, instead of creating.",
		},
	},
	{
		status: http.StatusConflict, types: "uniqueness", target: Group, section: onGroups,
		text: "Another group has this name. Link that one by its name, or rename one of them.",
		system: map[System]string{
			Okta: "In Okta, choose Link Group with the group that has this name, instead of another name for it.",
		},
	},
	{
		types: "tooMany",
		text: "Nothing was changed. If so many are to leave, do it in several requests, or raise the limit for a while " +
			"({set-removal-limit}).",
		system: map[System]string{
			Okta: "Nothing was changed. See in Okta whether the group was emptied by mistake. If not, raise the limit " +
				"({set-removal-limit}), and use Push Now.",
			Entra: "Nothing was changed. See in Entra whether the group or the scope was changed by mistake. If not, raise the limit " +
				"({set-removal-limit}); Entra tries again by itself.",
		},
	},
	{
		status: http.StatusForbidden, words: []string{"permissions"},
		text: `Use a client whose roles permit this. For an identity system, make one ({create-client}).`,
	},
	{
		types: "invalidPath", section: onCustom,
		text: "The path names an attribute that is not known here. Correct its name in the mapping, remove the mapping, or declare the attribute " +
			"({add-schema}).",
		system: map[System]string{
			Entra: "In Entra, edit the attribute mapping: remove this attribute, or choose the target attribute with its whole name, " +
				"with urn:...:User: before it for an extension.",
		},
	},
	{
		types: "mutability", section: onMapping,
		text: "The attribute is kept by the server, or can be set but once. Remove it from the mapping.",
		system: map[System]string{
			Entra: "In Entra, remove this attribute from the mapping, or set Apply this mapping to Only during object creation.",
			Okta:  "In Okta, unmap the attribute in the application's profile, or set it to Create only.",
		},
	},
	{
		types: "noTarget",
		text:  "The path selects a value that the user does not have. Send the value first, or use add instead of replace.",
	},
	{
		types: "invalidFilter",
		text:  "The filter cannot be read. Correct the matching attribute, or what is between the brackets of the path.",
	},
	{
		types: "invalidSyntax", words: []string{"GET /Schemas lists"},
		text: "The organisation is strict and refuses attributes that it does not know. Remove the attribute from the mapping, declare it " +
			"({add-schema}), or tolerate it ({leave-strict-mode}).",
	},
	{
		types: "invalidSyntax",
		text: "The body is not what SCIM has in this place; the text says where. If the client cannot be changed and the organisation is strict, " +
			"tolerate it ({leave-strict-mode}).",
	},
	{
		words: []string{"is required"}, section: onMapping,
		text: "Send a value: the attribute is missing or empty in the identity system, or is not mapped.",
		system: map[System]string{
			Entra: "In Entra, fill the attribute of this user, or give its mapping a default value if null.",
			Okta:  "In Okta, fill the attribute of this person, or map it in the application's profile.",
		},
	},
	{
		words: []string{"primary"},
		text:  "Send at most one value with primary true.",
	},
	{
		status: http.StatusPreconditionFailed,
		text:   "Somebody else has changed it meanwhile. Read it again and repeat the change; identity systems do so by themselves.",
	},
	{
		status: http.StatusConflict,
		text:   "It is in use, or the name is taken; the text says which. Change that first, or read it again if it has changed meanwhile.",
	},
	{
		status: http.StatusRequestEntityTooLarge,
		text:   "Send less in one request: fewer operations, or fewer members of a group at a time.",
	},
	{
		status: http.StatusUnsupportedMediaType,
		text:   "Have the client send Content-Type: application/scim+json and the body as it is, without compression.",
	},
	{
		status: http.StatusNotFound, target: User,
		text: "The user was deleted here or never made. Have the identity system look the user up again, or restore the user by creating the same userName.",
		system: map[System]string{
			Entra: "Entra keeps the id of a user who is gone. Restart provisioning of the application, so that it looks the user up by name again.",
			Okta:  "Okta keeps the id of a user who is gone. Unassign the person from the application and assign the person again.",
		},
	},
	{
		status: http.StatusNotFound,
		text:   "It was deleted here or never made. Have the identity system look it up again by its name.",
		system: map[System]string{
			Entra: "Entra keeps the id of a group that is gone. Make the group here again and restart provisioning of the application.",
			Okta:  "Okta keeps the id of a group that is gone. Unlink the pushed group, make it here again and link it.",
		},
	},
	{
		status: http.StatusMethodNotAllowed,
		text:   "The client uses a method that is not offered here. Turn the action off in the client.",
	},
	{
		status: http.StatusForbidden,
		text:   "The client may not do this. The text says what it takes.",
	},
	{
		status: http.StatusNotAcceptable,
		text:   "Have the client accept application/scim+json or application/json.",
	},
	{
		text: "Correct the value that the text names, in the identity system or in the mapping of the attribute, and send it again.",
		system: map[System]string{
			Entra: "Correct the value that the text names, in Entra or in the expression of its mapping; then use Provision on demand for this user.",
			Okta:  "Correct the value that the text names, in the Okta profile or in the mapping of the application; Okta does not try again by itself: push it again.",
		},
	},
}

// missingEntry is about a name that the catalogue does not have.
func missingEntry(kind string, create Action) advice {
	return advice{
		words: []string{"the organisation has no " + kind + " named"},
		text: "Make it first ({" + string(create) + "}), or correct the name in the identity system. " +
			"Names are compared without regard to case.",
		system: map[System]string{
			Entra: "In Entra, correct the attribute that is mapped, or make it here ({" + string(create) + "}). " +
				"Then use Provision on demand for this user.",
		},
	}
}

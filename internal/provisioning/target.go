package provisioning

import (
	"net/http"
	"strings"
)

// TargetType is what kind of thing a change was made to.
type TargetType string

// The kinds of targets.
const (
	User     TargetType = "User"
	Group    TargetType = "Group"
	Role     TargetType = "Role"
	Division TargetType = "Division"
	Skill    TargetType = "Skill"
	Language TargetType = "Language"
	Schema   TargetType = "Schema"
	OAuth    TargetType = "Client"
	Token    TargetType = "Token"
	Stream   TargetType = "Stream"
	Accepted TargetType = "Request" // that is carried out later
	Issuer   TargetType = "Issuer"
	Settings TargetType = "Organization"
	Account  TargetType = "Account" // of the console
	Brakes   TargetType = "Hold"    // what a brake holds
	Requests TargetType = "Bulk"    // a bulk request
)

// TargetTypes are all of them.
var TargetTypes = []TargetType{
	User, Group, Role, Division, Skill, Language, Schema, OAuth, Token, Stream, Accepted, Issuer, Settings, Requests, Account, Brakes,
}

// collections are the types of what a path is about, by the name of its collection. Of
// several in a path the last decides.
var collections = map[string]TargetType{
	"users": User, "me": User, "groups": Group, "bulk": Requests,
	"roles": Role, "divisions": Division, "skills": Skill, "languages": Language, "schemas": Schema,
	"clients": OAuth, "tokens": Token, "stream": Stream, "deadletters": Stream, "requests": Accepted, "holds": Brakes,
}

// Asked tells what a request asks for by its method and the pattern of its path, such as
// "/Users/{id}". There is no type where the path is about nothing that the log knows.
func Asked(method, pattern string) (Operation, TargetType) {
	var of TargetType
	members, requeue, restore, erase := false, false, false, false
	decided := Operation("")
	for segment := range strings.SplitSeq(strings.ToLower(pattern), "/") {
		if t, ok := collections[segment]; ok && (segment != "me" || of == "") {
			of = t
		}
		if segment == ".search" { // which changes nothing
			return Create, ""
		}
		members = members || segment == "members"
		requeue = requeue || segment == "requeue"
		erase = erase || segment == "erase"
		restore = restore || segment == "restore" || segment == "undo"
		if of == Brakes && (segment == string(Release) || segment == string(Reject)) {
			decided = Operation(segment)
		}
	}
	switch {
	case decided != "":
		return decided, of
	case requeue:
		return Requeue, of
	case restore:
		return Restore, of
	case erase:
		return Erase, of
	case members && method == http.MethodPost:
		return MemberAdd, of
	case members:
		return MemberRemove, of
	case of == Requests:
		return Bulk, of
	case of == Token && method == http.MethodDelete:
		return Revoke, of
	case of == Accepted && method == http.MethodDelete:
		return Cancel, of
	case method == http.MethodDelete:
		return Delete, of
	case method == http.MethodPost && !strings.Contains(pattern, "{"):
		return Create, of
	default:
		return Update, of
	}
}

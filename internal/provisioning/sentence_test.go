package provisioning_test

import (
	"regexp"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/provisioning"
)

// Each sentence reads as somebody would say it.
func TestSentence(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("0190a3c4-0000-7000-8000-000000000001")
	one, two := make([]uuid.UUID, 1), make([]uuid.UUID, 2)
	after := func(attribute string, value any) []provisioning.Change {
		return []provisioning.Change{{Attribute: attribute, After: value}}
	}
	ada, claims, entra := provisioning.Target{provisioning.User, id, "ada"}, provisioning.Target{provisioning.Group, id, "Claims"}, provisioning.Target{provisioning.OAuth, id, "Entra"}
	vera, stream, acme := provisioning.Target{provisioning.Account, id, "vera"}, provisioning.Target{Type: provisioning.Stream}, provisioning.Target{provisioning.Settings, uuid.Nil, "acme"}
	for want, e := range map[string]provisioning.Entry{
		"created ada":                       {Operation: provisioning.Create, Target: ada, Changes: after("title", "x")},
		"changed title of ada":              {Operation: provisioning.Update, Target: ada, Changes: after("title", "x")},
		"changed department of ada":         {Operation: provisioning.Update, Target: ada, Changes: after(enterprise+":department", "x")},
		"changed ada":                       {Operation: provisioning.Update, Target: ada, Result: provisioning.Warning},
		"renamed ada to eve":                {Operation: provisioning.Rename, Target: ada, Changes: after("userName", "eve")},
		"activated ada":                     {Operation: provisioning.Activate, Target: ada, Changes: after("active", true)},
		"deactivated ada":                   {Operation: provisioning.Deactivate, Target: ada, Changes: after("active", false)},
		"deleted ada":                       {Operation: provisioning.Delete, Target: ada},
		"restored ada":                      {Operation: provisioning.Restore, Target: ada},
		"erased person " + id.String():      {Operation: provisioning.Erase, Target: provisioning.Target{Type: provisioning.User, ID: id}, Erased: true},
		"tried to create ada, and was held": {Operation: provisioning.Create, Target: ada, Result: provisioning.Held},

		"created group Claims":                                                      {Operation: provisioning.Create, Target: claims},
		"renamed group Claims to Team":                                              {Operation: provisioning.Rename, Target: claims, Changes: after("displayName", "Team")},
		"added 1 member to group Claims":                                            {Operation: provisioning.MemberAdd, Target: claims, Members: provisioning.Members{Added: one}},
		"removed 2 members from group Claims":                                       {Operation: provisioning.MemberRemove, Target: claims, Members: provisioning.Members{Removed: two}},
		"added 2 members to group Claims and removed 1":                             {Operation: provisioning.MemberChange, Target: claims, Members: provisioning.Members{Added: two, Removed: one}},
		"tried to remove members from group Claims, and was held":                   {Operation: provisioning.MemberRemove, Target: claims, Result: provisioning.Held},
		"tried to create a group, and was refused":                                  {Operation: provisioning.Create, Target: provisioning.Target{Type: provisioning.Group}, Result: provisioning.Refused},
		"tried to change group " + id.String() + ", and was refused":                {Operation: provisioning.Update, Target: provisioning.Target{Type: provisioning.Group, ID: id}, Result: provisioning.Refused},
		"tried to create a person, and was refused":                                 {Operation: provisioning.Create, Target: provisioning.Target{Type: provisioning.User}, Result: provisioning.Refused},
		"tried to send a bulk request, and was refused":                             {Operation: provisioning.Bulk, Target: provisioning.Target{Type: provisioning.Requests}, Result: provisioning.Refused},
		"tried to queue again what failed in the stream of events, and was refused": {Operation: provisioning.Requeue, Target: stream, Result: provisioning.Refused},

		"created role Supervisor":        {Operation: provisioning.Create, Target: provisioning.Target{provisioning.Role, id, "Supervisor"}},
		"renamed division Home to North": {Operation: provisioning.Rename, Target: provisioning.Target{provisioning.Division, id, "Home"}, Changes: after("name", "North")},
		"deleted skill Fire":             {Operation: provisioning.Delete, Target: provisioning.Target{provisioning.Skill, id, "Fire"}},
		"restored language German":       {Operation: provisioning.Restore, Target: provisioning.Target{provisioning.Language, id, "German"}},
		"changed fields of schema Cars":  {Operation: provisioning.Update, Target: provisioning.Target{provisioning.Schema, id, "Cars"}, Changes: after("fields", "x")},

		"created connection Entra":                     {Operation: provisioning.Create, Target: entra, Changes: after("name", "Entra")},
		"changed roles, secret of connection Entra":    {Operation: provisioning.Update, Target: entra, Changes: append(after("roles", "x"), after("secret", nil)...)},
		"made a setup link for Entra":                  {Operation: provisioning.Update, Target: entra, Changes: after("setupLink", "made")},
		"was opened for Entra":                         {Operation: provisioning.Update, Target: entra, Changes: after("setupLink", "opened")},
		"ended a setup link for Entra":                 {Operation: provisioning.Update, Target: entra, Changes: after("setupLink", "ended")},
		"created a token":                              {Operation: provisioning.Create, Target: provisioning.Target{Type: provisioning.Token, ID: id}, Changes: after("client", id.String())},
		"revoked a token":                              {Operation: provisioning.Revoke, Target: provisioning.Target{Type: provisioning.Token, ID: id}},
		"revoked 3 tokens":                             {Operation: provisioning.Revoke, Target: provisioning.Target{Type: provisioning.Token}, Changes: after("tokens", "3")},
		"added issuer https://login.example":           {Operation: provisioning.Create, Target: provisioning.Target{provisioning.Issuer, id, "https://login.example"}},
		"removed issuer https://login.example":         {Operation: provisioning.Delete, Target: provisioning.Target{provisioning.Issuer, id, "https://login.example"}},
		"set up the stream of events":                  {Operation: provisioning.Create, Target: stream},
		"changed endpoint of the stream of events":     {Operation: provisioning.Update, Target: stream, Changes: after("endpoint", "x")},
		"deleted the stream of events":                 {Operation: provisioning.Delete, Target: stream},
		"queued 1 event again":                         {Operation: provisioning.Requeue, Target: stream, Changes: after("events", "1")},
		"queued 7 events again":                        {Operation: provisioning.Requeue, Target: stream, Changes: after("events", "7")},
		"cancelled accepted request " + id.String():    {Operation: provisioning.Cancel, Target: provisioning.Target{Type: provisioning.Accepted, ID: id}},
		"created organisation acme":                    {Operation: provisioning.Create, Target: acme},
		"renamed organisation acme to Acme":            {Operation: provisioning.Rename, Target: acme, Changes: after("name", "Acme")},
		"changed defaultRegion of organisation acme":   {Operation: provisioning.Update, Target: acme, Changes: after("defaultRegion", "DE")},
		"released held removals from group A by Entra": {Operation: provisioning.Release, Target: provisioning.Target{provisioning.Brakes, id, "removals from group A by Entra"}},
		"rejected held removals from group A by Entra": {Operation: provisioning.Reject, Target: provisioning.Target{provisioning.Brakes, id, "removals from group A by Entra"}},

		"invited vera to the console as viewer":    {Operation: provisioning.Invite, Target: vera, Changes: after("role", "viewer")},
		"took back the invitation of account vera": {Operation: provisioning.Revoke, Target: vera, Changes: after("role", "viewer")},
		"joined the console":                       {Operation: provisioning.Create, Target: vera, Actor: provisioning.Actor{Type: provisioning.Person, Name: "vera"}},
		"created account vera":                     {Operation: provisioning.Create, Target: vera},
		"signed in to the console":                 {Operation: provisioning.SignIn, Target: vera},
		"changed role of account vera":             {Operation: provisioning.Update, Target: vera, Changes: after("role", "owner")},
		"deleted account vera":                     {Operation: provisioning.Delete, Target: vera},
	} {
		if got := e.What(); got != want {
			t.Errorf("%s of %s %q is %q, want %q", e.Operation, e.Target.Type, e.Target.Name, got, want)
		}
	}
}

// No operation on any kind of target, with a name, an id or neither, is without words.
func TestSentence_OfEverything(t *testing.T) {
	t.Parallel()
	bad := regexp.MustCompile(`_|  |^ | $|to ,|[a-z][A-Z]| (update|requeue)|organization|00000000-0000`)
	for _, of := range provisioning.TargetTypes {
		for _, target := range []provisioning.Target{{of, uuid.New(), "x"}, {Type: of, ID: uuid.New()}, {Type: of}} {
			for _, operation := range provisioning.Operations {
				for _, result := range provisioning.Results {
					if text := (provisioning.Entry{Operation: operation, Target: target, Result: result}).What(); bad.MatchString(text) {
						t.Errorf("%s of %+v, %s: %q", operation, target, result, text)
					}
				}
			}
		}
	}
}

package provisioning

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/google/uuid"
)

// Sentence tells an entry in words: "Entra changed title of jane@example.org".
func (e Entry) Sentence() string {
	return e.Actor.String() + " " + e.What()
}

// What is the sentence without its actor.
func (e Entry) What() string {
	if e.Result == Refused || e.Result == Held {
		return "tried to " + e.verb().to + " " + e.Target.String() + ", and was " + string(e.Result)
	}
	if text := e.special(); text != "" {
		return text
	}
	switch e.Operation {
	case MemberAdd, MemberRemove, MemberChange:
		return e.memberWords() + e.otherChanges()
	case Update:
		if len(e.Changes) > 0 {
			return "changed " + e.attributes() + " of " + e.Target.String()
		}
	case Rename:
		return "renamed " + e.Target.String() + e.newName()
	}
	return e.verb().past + " " + e.Target.String()
}

// verb is an operation on a target, in the infinitive and in the past tense.
type verb struct{ to, past string }

var verbs = map[Operation]verb{
	Create: {"create", "created"}, Update: {"change", "changed"}, Rename: {"rename", "renamed"}, Delete: {"delete", "deleted"},
	Activate: {"activate", "activated"}, Deactivate: {"deactivate", "deactivated"}, Restore: {"restore", "restored"}, Erase: {"erase", "erased"},
	MemberAdd: {"add members to", "added members to"}, MemberRemove: {"remove members from", "removed members from"},
	MemberChange: {"change members of", "changed members of"},
	Bulk:         {"send", "sent"}, Revoke: {"revoke", "revoked"}, Requeue: {"queue again what failed in", "queued again what failed in"}, Cancel: {"cancel", "cancelled"},
	Invite: {"invite", "invited"}, SignIn: {"sign in with", "signed in with"}, Release: {"release", "released"}, Reject: {"reject", "rejected"},
}

// verbsOf are those that a kind of target has instead.
var verbsOf = map[TargetType]map[Operation]verb{
	Issuer:  {Create: {"add", "added"}, Delete: {"remove", "removed"}},
	Stream:  {Create: {"set up", "set up"}},
	Account: {Invite: {"invite", "invited"}, Revoke: {"take back the invitation of", "took back the invitation of"}},
}

func (e Entry) verb() verb {
	if v, ok := verbsOf[e.Target.Type][e.Operation]; ok {
		return v
	}
	return verbs[e.Operation]
}

// special is what an entry says that is made of more than an operation and its target;
// empty for others.
func (e Entry) special() string {
	switch (deed{e.Operation, e.Target.Type}) {
	case deed{SignIn, Account}:
		return "signed in to the console"
	case deed{Create, Account}:
		if e.Actor.Name == e.Target.Name {
			return "joined the console"
		}
	case deed{Invite, Account}:
		text := "invited " + cmp.Or(e.Target.Name, e.Target.String()) + " to the console"
		if role := e.after("role"); role != "" {
			text += " as " + role
		}
		return text
	case deed{Revoke, Token}:
		if n := e.after("tokens"); n != "" && n != "1" {
			return "revoked " + n + " tokens"
		}
	case deed{Update, Token}:
		if at := e.after("ends"); at != "" {
			return "set the end of a token to " + at
		}
		return "had a token end with the first use of another"
	case deed{Requeue, Stream}:
		switch n := e.after("events"); n {
		case "":
		case "1":
			return "queued 1 event again"
		default:
			return "queued " + n + " events again"
		}
	case deed{Update, OAuth}:
		if text := linkWords[e.after("setupLink")]; text != "" {
			return text + " " + e.Target.Name
		}
	}
	return ""
}

// deed is an operation on a kind of target.
type deed struct {
	operation Operation
	of        TargetType
}

// linkWords tell what has become of the link that sets a connection up. Who opens one has no
// name: the actor is the link.
var linkWords = map[string]string{"made": "made a setup link for", "opened": "was opened for", "ended": "ended a setup link for"}

// after is the text that an attribute got, or empty.
func (e Entry) after(attribute string) string {
	for _, c := range e.Changes {
		if text, ok := c.After.(string); ok && c.Attribute == attribute {
			return text
		}
	}
	return ""
}

// memberWords tells how many members a group has got and lost.
func (e Entry) memberWords() string {
	added, removed := len(e.Members.Added), len(e.Members.Removed)
	switch {
	case removed == 0:
		return fmt.Sprintf("added %s to %s", people(added), e.Target)
	case added == 0:
		return fmt.Sprintf("removed %s from %s", people(removed), e.Target)
	default:
		return fmt.Sprintf("added %s to %s and removed %d", people(added), e.Target, removed)
	}
}

func (e Entry) otherChanges() string {
	if len(e.Changes) == 0 {
		return ""
	}
	return ", and changed " + e.attributes()
}

func people(n int) string {
	if n == 1 {
		return "1 member"
	}
	return fmt.Sprintf("%d members", n)
}

// mostNamed is how many attributes a sentence names.
const mostNamed = 4

// attributes names what has changed, without the URNs of extensions.
func (e Entry) attributes() string {
	names := make([]string, 0, mostNamed)
	for i, c := range e.Changes {
		if i == mostNamed {
			return strings.Join(names, ", ") + fmt.Sprintf(" and %d more", len(e.Changes)-mostNamed)
		}
		name := c.Attribute
		if strings.HasPrefix(name, "urn:") {
			name = name[strings.LastIndexByte(name, ':')+1:]
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// newName is the name that a target got, where it is told.
func (e Entry) newName() string {
	for _, attribute := range []string{"displayName", "userName", "name"} {
		if name := e.after(attribute); name != "" {
			return " to " + name
		}
	}
	return ""
}

// String names the actor.
func (a Actor) String() string {
	switch {
	case a.Type == CLI:
		return "cli:" + a.Name
	case a.Type == Server:
		return "the server"
	case a.Type == Person:
		return a.Name
	case a.Name != "":
		return a.Name
	default:
		return "client " + a.ID.String()
	}
}

// kinds are the words for kinds of targets that differ from the names of their types, and
// nameless those for one of which there is neither name nor id.
var (
	kinds = map[TargetType]string{
		User: "person", OAuth: "connection", Settings: "organisation", Stream: "stream of events", Accepted: "accepted request", Brakes: "held", Requests: "bulk request",
	}
	nameless = map[TargetType]string{
		Settings: "the organisation", Stream: "the stream of events", Accepted: "an accepted request", Issuer: "an issuer", Account: "an account", Brakes: "what is held",
	}
)

// String names the target with its kind, unless the name implies it. The id of a token is left
// out: the entry has it.
func (t Target) String() string {
	kind := cmp.Or(kinds[t.Type], strings.ToLower(string(t.Type)))
	switch {
	case t.Type == User && t.Name != "":
		return t.Name
	case t.Name != "":
		return kind + " " + t.Name
	case t.ID != uuid.Nil && t.Type != Token && t.Type != Brakes:
		return kind + " " + t.ID.String()
	default:
		return cmp.Or(nameless[t.Type], "a "+kind)
	}
}

package provisioning

import (
	"fmt"
	"strings"
)

// Sentence tells an entry in words: "Entra changed title of jane@example.org".
func (e Entry) Sentence() string {
	return e.Actor.String() + " " + e.What()
}

// What is the sentence without who did it.
func (e Entry) What() string {
	if e.Result == Refused || e.Result == Held {
		return "was " + refusedWords[e.Result] + ": " + string(e.Operation) + " " + e.Target.String()
	}
	switch e.Operation {
	case MemberAdd, MemberRemove, MemberChange:
		return e.memberWords() + e.otherChanges()
	case Update:
		return "changed " + e.attributes() + " of " + e.Target.String()
	case SignIn:
		return "signed in to the console"
	case Rename:
		return "renamed " + e.Target.String() + e.newName()
	}
	return pastOf(e.Operation) + " " + e.Target.String()
}

var refusedWords = map[Result]string{Refused: "refused", Held: "held"}

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
	if len(names) == 0 {
		return "nothing that is shown"
	}
	return strings.Join(names, ", ")
}

// newName is the name that a target got, where it is told.
func (e Entry) newName() string {
	for _, c := range e.Changes {
		if text, ok := c.After.(string); ok && (c.Attribute == "displayName" || c.Attribute == "userName" || c.Attribute == "name") {
			return " to " + text
		}
	}
	return ""
}

// pastOf is what was done by an operation.
func pastOf(o Operation) string {
	switch word := strings.ReplaceAll(string(o), "_", " "); {
	case o == Cancel:
		return "cancelled"
	case o == Bulk:
		return "sent"
	case strings.HasSuffix(word, "e"):
		return word + "d"
	default:
		return word + "ed"
	}
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

// String names the target with its kind, unless the name tells it.
func (t Target) String() string {
	name := t.Name
	if name == "" {
		name = idText(t.ID)
	}
	if t.Type == User && name != "" {
		return name
	}
	return strings.TrimSpace(strings.ToLower(string(t.Type)) + " " + name)
}

package servertest_test

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"testing"

	"github.com/google/uuid"
)

// maker makes values from declarations.
type maker struct {
	people []any // ids of two users
}

// special are the values where the rules ask for more than the declaration
// tells: two of each.
func (m maker) special(path string) []any {
	return map[string][]any{
		"userName":              {"first@example.org", "second@example.org"},
		"displayName":           {"First " + m.unique(), "Second " + m.unique()},
		"phoneNumbers.value":    {"+13172222222", "+13172222223"},
		"emails.type":           {"work", "home"}, // other is the server's own
		"roles.value":           {"employee", "admin"},
		"division":              {"Home", "Sales"},
		"dateHire":              {"2024-02-29", "2026-11-21"},
		"manager.value":         m.people,
		"members.value":         m.people,
		"members.type":          {"User", "User"},
		"routingSkills.name":    {m.names()[0], m.names()[1]},
		"routingLanguages.name": {m.names()[0], m.names()[1]},
		"active":                {false, true},
	}[path]
}

// names are those of skills and languages.
func (maker) names() []string { return []string{"Juggling", "Knitting"} }

func (maker) unique() string { return uuid.NewString() }

// value makes the nth value of a whole attribute, n being 0 or 1: a list of one
// when it is multi-valued.
func (m maker) value(a declared, n int) any {
	if a.MultiValued {
		return []any{m.one(a, n)}
	}
	return m.one(a, n)
}

// one makes one value of an attribute. What is readOnly is left out, unless the
// whole attribute is, and so is the $ref of a member, which the server makes.
func (m maker) one(a declared, n int) any {
	if a.Type != "complex" {
		return m.single(a, a.Name, n)
	}
	object := map[string]any{}
	for _, sub := range a.SubAttributes {
		path := a.Name + "." + sub.Name
		if path == "members.$ref" || sub.Mutability == "readOnly" && a.Mutability != "readOnly" {
			continue
		}
		object[sub.Name] = m.single(sub, path, n)
	}
	return object
}

func (m maker) single(a declared, path string, n int) any {
	if values := m.special(path); values != nil {
		return values[n]
	}
	switch {
	case len(a.CanonicalValues) > 0:
		return a.CanonicalValues[n%len(a.CanonicalValues)]
	case a.Type == "boolean":
		return n == 0
	case a.Type == "decimal":
		return 2.5 + float64(n)
	case a.Type == "reference":
		return fmt.Sprintf("https://example.org/%d", n)
	case a.Type == "binary":
		return base64.StdEncoding.EncodeToString([]byte{1, 2, byte(n)})
	default:
		return fmt.Sprintf("%s %d", path, n)
	}
}

// free makes sure that nobody has the userName.
func (s subject) free(t *testing.T, userName any) {
	t.Helper()
	filter := "?attributes=id&filter=" + url.QueryEscape(fmt.Sprintf("userName eq %q", userName))
	for _, id := range s.Do(t, "GET", "/Users"+filter, nil).List(t).IDs() {
		s.Do(t, "DELETE", "/Users/"+id, nil).Want(t, 204)
	}
}

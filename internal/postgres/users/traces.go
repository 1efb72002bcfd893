package users

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// mostTraces is how many values of a person are looked for, the newest first.
const mostTraces = 50

// traces are the values, of now and of before, by which entries about others may tell of a
// person. A first or last name alone is none: it is that of many.
type traces struct {
	known map[string]bool
	keys  []string // logins and addresses, folded
	// texts are what an entry must hold, and patterns what that must stand between, so that
	// the address of another is not taken for a part of it.
	texts, patterns []string
}

// of adds the values of a document.
func (s *traces) of(doc scim.Document) {
	s.name(schema.UserName.Text(doc))
	for _, email := range valuesOf(schema.Emails, doc) {
		s.name(email)
	}
	s.text(schema.DisplayName.Text(doc))
	s.text(schema.ExternalID.Text(doc))
	for _, attribute := range []*schema.Attribute{schema.ExternalIDs, schema.PhoneNumbers} {
		for _, value := range valuesOf(attribute, doc) {
			s.text(value)
		}
	}
}

// before adds the values that changes have taken away or brought.
func (s *traces) before(changes []provisioning.Change) {
	old, now := scim.Document{}, scim.Document{}
	provisioning.Revert(old, changes)
	provisioning.Redo(now, changes)
	s.of(now)
	s.of(old)
}

// name adds what somebody may be called by in a request that was refused.
func (s *traces) name(name string) {
	if s.text(name) {
		s.keys = append(s.keys, schema.FoldName(name))
	}
}

// text adds a value, and reports whether it is new. In the log it stands in JSON within JSON,
// or in an error as it is.
func (s *traces) text(value string) (added bool) {
	if value == "" || s.known[value] || len(s.known) == mostTraces {
		return false
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.known[value] = true
	inner, _ := jsontext.AppendQuote(nil, value)
	outer, _ := json.Marshal(string(inner[1 : len(inner)-1])) // a string can always be written
	s.add(value, value)
	if escaped := string(outer[1 : len(outer)-1]); escaped != value {
		s.add(value, escaped)
	}
	return true
}

// add looks for a value as it is written: an address anywhere, and other values whole.
func (s *traces) add(value, written string) {
	before, after := `"`, `\\*"`
	if strings.Contains(value, "@") {
		before, after = `(^|[^a-z0-9.+_-])`, `([^a-z0-9-]|$)`
	}
	s.texts, s.patterns = append(s.texts, written), append(s.patterns, before+regexp.QuoteMeta(written)+after)
}

// valuesOf are the `value`s of a multi-valued attribute.
func valuesOf(a *schema.Attribute, doc scim.Document) (values []string) {
	for _, element := range a.Values(doc) {
		if element, ok := element.(map[string]any); ok {
			value, _ := element["value"].(string)
			values = append(values, value)
		}
	}
	return values
}

package schema

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/purescim/purescim/internal/scim"
)

// The functions of this file read the forms of a value that clients use whatever the
// attribute is (BEHAVIOUR 28a). Those of single attributes are in spelling.go.

// One gives one value of the attribute in the form that the schema has for it: out of a
// list of exactly one, out of an object that is nothing but its value, out of JSON in a
// text. What is none of that, and everything when options are strict, stays as it is.
func (a *Attribute) One(value any, o Options) any {
	if o.Strict {
		return value
	}
	if a.Kind != Complex {
		return a.simple(Only(value))
	}
	value = Unwrapped(value)
	if a.Shorthand == nil {
		return value
	}
	if a.SubAttribute("value") == nil {
		value = inner(value) // of a skill: its name
	}
	return a.Shorthand(textOf(value))
}

// Whole is One for the whole value of an attribute: of one that is multi-valued, a list
// that is JSON in a text.
func (a *Attribute) Whole(value any, o Options) any {
	switch text, ok := value.(string); {
	case o.Strict:
		return value
	case !a.MultiValued:
		return a.One(value, o)
	case ok && a.Kind == Complex:
		return inText(text)
	default:
		return value
	}
}

// Only gives the one element of a list that has no other.
func Only(value any) any {
	if list, ok := value.([]any); ok && len(list) == 1 {
		return list[0]
	}
	return value
}

// Unwrapped takes an object out of a list that has no other, and out of a text that is JSON.
func Unwrapped(value any) any {
	value = Only(value)
	if text, ok := value.(string); ok {
		value = Only(inText(text))
	}
	return value
}

// simple reads {"value": x} as x. What stands for the whole of a complex value, such as
// the value of a role, may be such an object in a text.
func (a *Attribute) simple(value any) any {
	value = inner(value)
	text, ok := value.(string)
	for ok && looksLikeJSON(text) && a.parent != nil && (a.Name == "value" || a.Name == "name" && a.parent.Shorthand != nil) {
		object, _ := inText(text).(map[string]any)
		part, _ := object[a.Name].(string)
		if part == "" {
			break
		}
		text, value = part, part // shorter each time
	}
	return value
}

// inner gives x of an object that is nothing but {"value": x}.
func inner(value any) any {
	if object, ok := value.(map[string]any); ok && len(object) == 1 {
		for name, x := range object {
			if strings.EqualFold(name, "value") {
				return x
			}
		}
	}
	return value
}

// Container gives the object of attributes that stands under the URN of a schema, itself,
// in a list of one or as JSON in a text; or nil where there is nothing: null, and what is
// empty or blank.
func (s *Schema) Container(value any, o Options) (map[string]any, error) {
	if !o.Strict {
		value = Unwrapped(value)
	}
	object, ok := value.(map[string]any)
	if !ok && value != nil && (o.Strict || !isBlank(value)) {
		return nil, scim.InvalidValue("%s is %s; an object of its attributes is expected", s.ID, scim.KindOf(value))
	}
	return object, nil
}

// inText gives the object or list that a text holds as JSON, else the text.
func inText(text string) any {
	if !looksLikeJSON(text) {
		return text
	}
	if value, err := scim.ParseJSON([]byte(text)); err == nil {
		return value
	}
	return text
}

// looksLikeJSON reports whether a text begins as a JSON object or list.
func looksLikeJSON(text string) bool {
	text = strings.TrimLeft(text, " \t\r\n")
	if text == "" || text[0] != '{' && text[0] != '[' {
		return false
	}
	next := strings.TrimLeft(text[1:], " \t\r\n")
	return next == "" || strings.IndexByte(`"{[}]`, next[0]) >= 0
}

// textOf reads a number where a text is expected as its digits, as they were sent.
func textOf(value any) any {
	if n, ok := value.(json.Number); ok {
		return string(n)
	}
	return value
}

// numberOf reads a text that is a number of JSON as the number.
func numberOf(value any) any {
	text, _ := value.(string)
	text = strings.TrimSpace(text)
	if text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') && json.Valid([]byte(text)) {
		return json.Number(text)
	}
	return value
}

// address refuses an e-mail address that is JSON, which a client has written where it
// meant an object.
func address(value string, _ Options) (string, error) {
	if looksLikeJSON(value) {
		return "", errors.New("an address is expected, not JSON")
	}
	return value, nil
}

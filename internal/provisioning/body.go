package provisioning

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	// MaxBody is how many bytes of a refused body are kept.
	MaxBody = 16 << 10
	// readBody is the size up to which a body is looked at: a larger one would cost more
	// than it tells.
	readBody = 256 << 10
	// maxNested is how deep objects and arrays are looked into.
	maxNested = 24
)

// Removed is what stands for a secret that was taken out.
const Removed = "(removed)"

// Clean gives a body as it may be kept: as it was sent, without anything that may be a
// secret. For a body that is too large or not JSON it gives a note instead, since its secrets
// cannot be found.
func Clean(body []byte) string {
	switch {
	case len(bytes.TrimSpace(body)) == 0:
		return ""
	case len(body) > readBody:
		return fmt.Sprintf("(a body of %d bytes, too large to be kept)", len(body))
	}
	raw := jsontext.Value(bytes.Clone(body))
	if err := raw.Compact(jsontext.AllowDuplicateNames(true)); err != nil {
		return fmt.Sprintf("(a body of %d bytes that is not JSON)", len(body))
	}
	c := cleaner{}
	c.value(raw, false, 0)
	if len(c.out) <= MaxBody {
		return string(c.out)
	}
	const more = "…"
	end := MaxBody - len(more)
	for !utf8.RuneStart(c.out[end]) {
		end--
	}
	return string(c.out[:end]) + more
}

// cleaner writes a value without its secrets, and not much more than is kept.
type cleaner struct{ out []byte }

func (c *cleaner) value(raw jsontext.Value, secret bool, depth int) {
	switch {
	case len(c.out) > MaxBody:
	case secret && raw.Kind() != 'n', depth > maxNested && (raw.Kind() == '{' || raw.Kind() == '['):
		c.text(Removed)
	case raw.Kind() == '{':
		c.object(raw, depth)
	case raw.Kind() == '[':
		c.array(raw, depth)
	case raw.Kind() == '"':
		text, _ := jsontext.AppendUnquote(nil, raw)
		c.text(CleanText(string(text)))
	default:
		c.out = append(c.out, raw...)
	}
}

func (c *cleaner) text(s string) { c.out, _ = jsontext.AppendQuote(c.out, s) }

// member is one of an object.
type member struct {
	name  string
	value jsontext.Value
}

// text is the value, if it is a string.
func (m member) text() string {
	if m.value.Kind() != '"' {
		return ""
	}
	text, _ := jsontext.AppendUnquote(nil, m.value) // it was read as JSON
	return string(text)
}

// object writes the members of an object. The values of one that names a secret beside
// them, such as an operation by its path, are secrets, and so is what a key is made of.
func (c *cleaner) object(raw jsontext.Value, depth int) {
	members := membersOf(raw)
	named, isKey := false, false
	for _, m := range members {
		switch strings.ToLower(m.name) {
		case "path", "name", "attribute", "attributename", "field", "key", "type":
			named = named || IsSecret(m.text())
		case "kty":
			isKey = true
		}
	}
	c.out = append(c.out, '{')
	for i, m := range members {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.text(m.name)
		c.out = append(c.out, ':')
		isValue := strings.EqualFold(m.name, "value") || strings.EqualFold(m.name, "values")
		c.value(m.value, IsSecret(m.name) || named && isValue || isKey && slices.Contains(keyParts, m.name), depth+1)
	}
	c.out = append(c.out, '}')
}

func (c *cleaner) array(raw jsontext.Value, depth int) {
	d := decoder(raw)
	_, _ = d.ReadToken()
	c.out = append(c.out, '[')
	for n := 0; d.PeekKind() != ']' && len(c.out) <= MaxBody; n++ {
		element, err := d.ReadValue()
		if err != nil {
			break
		}
		if n > 0 {
			c.out = append(c.out, ',')
		}
		c.value(element.Clone(), false, depth+1)
	}
	c.out = append(c.out, ']')
}

func membersOf(raw jsontext.Value) (members []member) {
	d := decoder(raw)
	_, _ = d.ReadToken()
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return members
		}
		m := member{name: name.String()}
		if m.value, err = d.ReadValue(); err != nil {
			return members
		}
		m.value = m.value.Clone()
		members = append(members, m)
	}
	return members
}

func decoder(raw jsontext.Value) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true))
}

// NameIn gives the name that a body has for what it is about: the userName of a user, the
// displayName or name of anything else. It is empty where there is none.
func NameIn(body []byte, t TargetType) string {
	raw := jsontext.Value(body)
	if len(body) > readBody || raw.Kind() != '{' || !raw.IsValid(jsontext.AllowDuplicateNames(true)) {
		return ""
	}
	wanted := []string{"displayName", "name", "id"}
	if t == User {
		wanted = []string{"userName"}
	}
	members := membersOf(raw)
	for _, name := range wanted {
		for _, m := range members {
			if text := m.text(); text != "" && strings.EqualFold(m.name, name) {
				return CleanName(text)
			}
		}
	}
	return ""
}

// maxName is how many bytes of a name are kept.
const maxName = 256

// CleanName gives a name as it may be kept: without secrets, and not too long.
func CleanName(name string) string {
	name = CleanText(name)
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "…"
}

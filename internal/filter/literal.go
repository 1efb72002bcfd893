package filter

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/scim"
)

// literal is a value. What a bare one means, the attribute's type decides:
// clients leave the quotes off names and numbers alike.
type literal struct {
	text   string
	quoted bool
}

// literal reads a value, quoted or bare. Its errors do not show the value: it
// may be meant for an attribute that is a secret.
func (s *scanner) literal(t *term, op string) error {
	if s.next() == '"' {
		return s.quoted(t)
	}
	t.value.text = s.word()
	switch {
	case t.value.text == "":
		return scim.InvalidFilter(`%q %s must be followed by a value, as in %s %s "x"`, shorten(t.name), op, shorten(t.name), op)
	case strings.HasPrefix(t.value.text, "'"):
		return scim.InvalidFilter(`the value of %q is in single quotes; put it in double quotes: "x"`, shorten(t.name))
	case strings.IndexAny(t.value.text, "‘’“”") == 0:
		return scim.InvalidFilter(`the value of %q is in typographic quotes; put it in plain double quotes: "x"`, shorten(t.name))
	default:
		return nil
	}
}

func (s *scanner) quoted(t *term) error {
	start, plain := s.pos, true
	for i := start + 1; i < len(s.text); i++ {
		switch c := s.text[i]; {
		case c == '\\':
			i++
			plain = false
		case c < ' ':
			plain = false
		case c == '"':
			s.pos = i + 1
			t.value = literal{text: s.text[start+1 : i], quoted: true}
			if plain {
				return nil
			}
			return s.unescape(t, s.text[start:s.pos])
		}
	}
	return scim.InvalidFilter("the value of %q has no closing double quote", shorten(t.name))
}

func (s *scanner) unescape(t *term, quoted string) error {
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return scim.InvalidFilter(`the value of %q is not a valid JSON string; `+
			`a backslash is written \\, a double quote \", a control character \u0009`, shorten(t.name))
	}
	t.value.text = string(text)
	if strings.IndexByte(t.value.text, 0) >= 0 {
		return scim.InvalidFilter("the value of %q holds a NUL character, which is not allowed", shorten(t.name))
	}
	return nil
}

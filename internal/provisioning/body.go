package provisioning

import (
	"bytes"
	"fmt"
	"regexp"
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

// Clean gives a body as it may be kept: as it was sent, without what may be a secret. Of
// one that is too large, or no JSON, it tells that and nothing else, since nobody can say
// where its secrets are.
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

// object writes the members of an object. The value of an operation whose path names a
// secret is one, wherever the path stands.
func (c *cleaner) object(raw jsontext.Value, depth int) {
	members := membersOf(raw)
	hidden := false
	for _, m := range members {
		if strings.EqualFold(m.name, "path") && IsSecret(string(m.value)) {
			hidden = true
		}
	}
	c.out = append(c.out, '{')
	for i, m := range members {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.text(m.name)
		c.out = append(c.out, ':')
		c.value(m.value, IsSecret(m.name) || hidden && strings.EqualFold(m.name, "value"), depth+1)
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

// secretWords are in the names of what nobody may read later.
var secretWords = []string{"password", "passwd", "secret", "token", "authorization", "credential", "assertion", "privatekey", "private_key", "apikey", "api_key"}

// IsSecret reports whether what has the name, or the path, may be a secret.
func IsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range secretWords {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Values that are secrets whatever their name is: user and password of a URL, signed
// tokens, and the values of an Authorization header.
var (
	userInfo   = regexp.MustCompile(`(://)[^/@\s]+@`)
	signed     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	authorized = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*`)
)

// CleanText takes secrets out of a text. One that holds JSON with a secret goes as a
// whole.
func CleanText(text string) string {
	if begin := strings.TrimLeft(text, " \t\r\n"); begin != "" && (begin[0] == '{' || begin[0] == '[') && IsSecret(text) {
		return Removed
	}
	text = userInfo.ReplaceAllString(text, "${1}"+Removed+"@")
	text = signed.ReplaceAllString(text, Removed)
	return authorized.ReplaceAllString(text, Removed)
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
			if strings.EqualFold(m.name, name) && m.value.Kind() == '"' {
				text, _ := jsontext.AppendUnquote(nil, m.value)
				return clipName(CleanText(string(text)))
			}
		}
	}
	return ""
}

// maxName is how many bytes of a name are kept.
const maxName = 256

func clipName(name string) string {
	if len(name) <= maxName {
		return name
	}
	end := maxName
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return name[:end] + "…"
}

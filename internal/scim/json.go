package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"sync"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep the JSON of a request may nest.
const MaxDepth = 32

// ParseJSON reads exactly one JSON value: objects as map[string]any, arrays as
// []any, numbers as json.Number. Duplicate keys, invalid UTF-8, NUL characters,
// a byte order mark, nesting deeper than MaxDepth and trailing data are refused
// with invalidSyntax; more than MaxObjects or MaxValues are too large, and refused
// before anything is made of them.
func ParseJSON(text []byte) (any, error) {
	switch {
	case len(bytes.TrimSpace(text)) == 0:
		return nil, InvalidSyntax("the body is empty; a JSON object is expected")
	case bytes.HasPrefix(text, []byte("\xEF\xBB\xBF")):
		return nil, InvalidSyntax("the body begins with a byte order mark, which JSON does not allow")
	}
	if len(text) > 2*MaxObjects { // each takes two bytes at least
		if err := SizeOf(text).check(); err != nil {
			return nil, err
		}
	}
	r := readers.Get().(*reader)
	defer r.release()
	r.body = *bytes.NewBuffer(text)
	v, err := r.value()
	if err != nil {
		return nil, syntaxError(err)
	}
	end := r.dec.InputOffset()
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, InvalidSyntax("the body goes on after the end of its JSON value (byte %d)", end)
	}
	return v, nil
}

// ParseObject is ParseJSON for a body that must be an object.
func ParseObject(text []byte) (map[string]any, error) {
	v, err := ParseJSON(text)
	if err != nil {
		return nil, err
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, InvalidSyntax("the body is %s; a JSON object is expected", KindOf(v))
	}
	return o, nil
}

// KindOf names the JSON type of a parsed or document value, for error texts.
func KindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case string:
		return "a string"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	default:
		return "a number"
	}
}

// readers are used again, since bodies are many and short: each reader costs as much as
// what it reads.
var readers = sync.Pool{New: func() any {
	r := new(reader)
	r.forget()
	return r
}}

type reader struct {
	dec  jsontext.Decoder
	body bytes.Buffer // of which dec reads
	// names holds the last names seen, so that those that elements of a list and other
	// bodies repeat are one string.
	names [64]string
}

// longestName is how many bytes a name has that is kept: that of an attribute, or the URN
// of an extension.
const longestName = 80

// release lets others use the reader.
func (r *reader) release() {
	r.forget()
	readers.Put(r)
}

// forget leaves nothing of a body but names.
func (r *reader) forget() {
	r.body = bytes.Buffer{}
	// Names that occur twice are found when the map is filled.
	r.dec.Reset(&r.body, jsontext.AllowDuplicateNames(true))
}

func (r *reader) value() (any, error) {
	switch r.dec.PeekKind() {
	case '{':
		return r.object()
	case '[':
		return r.array()
	case '"':
		raw, err := r.dec.ReadValue()
		if err != nil {
			return nil, err
		}
		return r.text(raw)
	}
	token, err := r.dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '0':
		return json.Number(token.String()), nil
	case 'n':
		return nil, nil
	default:
		return token.Bool(), nil
	}
}

func (r *reader) array() (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	list := []any{}
	for r.dec.PeekKind() != ']' {
		v, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := r.dec.ReadToken()
	return list, err
}

func (r *reader) object() (any, error) {
	if err := r.enter(); err != nil {
		return nil, err
	}
	object := make(map[string]any)
	for r.dec.PeekKind() != '}' {
		name, err := r.name()
		if err != nil {
			return nil, err
		}
		if _, twice := object[name]; twice {
			return nil, InvalidSyntax("the body names the key %q twice in one object (byte %d)", name, r.dec.InputOffset())
		}
		if object[name], err = r.value(); err != nil {
			return nil, err
		}
	}
	_, err := r.dec.ReadToken()
	return object, err
}

// enter reads the opening brace or bracket.
func (r *reader) enter() error {
	if r.dec.StackDepth() >= MaxDepth {
		return InvalidSyntax("the JSON nests deeper than the %d levels allowed", MaxDepth)
	}
	_, err := r.dec.ReadToken()
	return err
}

func (r *reader) name() (string, error) {
	raw, err := r.dec.ReadValue()
	if err != nil {
		return "", err
	}
	slot := &r.names[(len(raw)*7+int(raw[len(raw)/2]))%len(r.names)]
	if n := len(raw) - 2; len(*slot) == n && *slot == string(raw[1:n+1]) {
		return *slot, nil // a name without escapes, as those that are kept
	}
	name, err := r.text(raw)
	if err == nil && len(name) == len(raw)-2 && len(name) <= longestName {
		*slot = name
	}
	return name, err
}

func (r *reader) text(raw jsontext.Value) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(text, 0) >= 0 {
		return "", InvalidSyntax("the string that ends at byte %d holds a NUL character, which is not allowed", r.dec.InputOffset())
	}
	return string(text), nil
}

func syntaxError(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return InvalidSyntax("the body is not valid JSON: it ends too early").Because(err)
	}
	if e := (*jsontext.SyntacticError)(nil); errors.As(err, &e) {
		return InvalidSyntax("the body is not valid JSON (byte %d): %s", e.ByteOffset, e.Err).Because(err)
	}
	return InvalidSyntax("the body is not valid JSON").Because(err)
}

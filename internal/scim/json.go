package scim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep the JSON of a request may nest.
const MaxDepth = 32

// ParseJSON reads exactly one JSON value: objects as map[string]any, arrays as
// []any, numbers as json.Number. Duplicate keys, invalid UTF-8, NUL characters,
// nesting deeper than MaxDepth and trailing data are refused with invalidSyntax.
func ParseJSON(text []byte) (any, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, InvalidSyntax("the body is empty; a JSON object is expected")
	}
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := readValue(dec)
	if err != nil {
		return nil, syntaxError(err)
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, InvalidSyntax("the body goes on after the end of its JSON value (byte %d)", dec.InputOffset())
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

func readValue(dec *jsontext.Decoder) (any, error) {
	token, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return token.Bool(), nil
	case '0':
		return json.Number(token.String()), nil
	case '"':
		return readString(dec, token)
	case '[':
		return readArray(dec)
	default:
		return readObject(dec)
	}
}

func readString(dec *jsontext.Decoder, token jsontext.Token) (string, error) {
	s := token.String()
	if strings.IndexByte(s, 0) >= 0 {
		return "", InvalidSyntax("the string that ends at byte %d holds a NUL character, which is not allowed", dec.InputOffset())
	}
	return s, nil
}

func readArray(dec *jsontext.Decoder) (any, error) {
	if err := checkDepth(dec); err != nil {
		return nil, err
	}
	list := []any{}
	for dec.PeekKind() != ']' {
		v, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.ReadToken()
	return list, err
}

func readObject(dec *jsontext.Decoder) (any, error) {
	if err := checkDepth(dec); err != nil {
		return nil, err
	}
	object := make(map[string]any)
	for dec.PeekKind() != '}' {
		token, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		key, err := readString(dec, token)
		if err != nil {
			return nil, err
		}
		if object[key], err = readValue(dec); err != nil {
			return nil, err
		}
	}
	_, err := dec.ReadToken()
	return object, err
}

func checkDepth(dec *jsontext.Decoder) error {
	if dec.StackDepth() > MaxDepth {
		return InvalidSyntax("the JSON nests deeper than the %d levels allowed", MaxDepth)
	}
	return nil
}

func syntaxError(err error) error {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e
	}
	if e := (*jsontext.SyntacticError)(nil); errors.As(err, &e) {
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return InvalidSyntax("the body names the same key twice (byte %d)", e.ByteOffset).Because(err)
		}
		return InvalidSyntax("the body is not valid JSON (byte %d): %s", e.ByteOffset, e.Err).Because(err)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return InvalidSyntax("the body is not valid JSON: it ends too early").Because(err)
	}
	return InvalidSyntax("the body is not valid JSON").Because(err)
}

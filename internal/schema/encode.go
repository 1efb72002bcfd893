package schema

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/scim"
)

// Encode renders a document as it is stored and answered: schemas, id, then the
// attributes in the order of the schema. meta, linked attributes (groups,
// members) and what is never returned are left out; Append adds the first two.
func (t *Type) Encode(doc scim.Document) []byte {
	dst := make([]byte, 0, 2048)
	dst = append(dst, `{"schemas":[`...)
	for _, urn := range t.SchemasOf(doc) {
		dst = appendString(separate(dst), urn)
	}
	dst = append(dst, ']')
	dst = appendMembers(dst, identifiers, doc)
	dst = appendMembers(dst, t.Core.Attributes, doc)
	for _, ext := range t.Extensions {
		container, _ := doc[ext.ID].(map[string]any)
		if len(container) == 0 {
			continue
		}
		before := len(dst)
		dst = append(appendString(separate(dst), ext.ID), ':')
		start := len(dst)
		if dst = appendObject(dst, ext.Attributes, container); len(dst) == start {
			dst = dst[:before]
		}
	}
	return append(dst, '}')
}

// identifiers are the common attributes that a document carries itself.
var identifiers = []*Attribute{ID, ExternalID}

// separate writes the comma before a member or element, except the first.
func separate(dst []byte) []byte {
	if last := dst[len(dst)-1]; last == '{' || last == '[' {
		return dst
	}
	return append(dst, ',')
}

// appendObject writes an object, or nothing when it would be empty.
func appendObject(dst []byte, attributes []*Attribute, object map[string]any) []byte {
	before := len(dst)
	dst = append(dst, '{')
	if dst = appendMembers(dst, attributes, object); len(dst) == before+1 {
		return dst[:before]
	}
	return append(dst, '}')
}

// appendMembers writes each attribute that has a value into an open object.
func appendMembers(dst []byte, attributes []*Attribute, object map[string]any) []byte {
	for _, a := range attributes {
		value := object[a.Name]
		if value == nil || a.Search == Link || a.Returned == ReturnedNever {
			continue
		}
		before := len(dst)
		dst = append(separate(dst), a.key...)
		start := len(dst)
		if dst = a.appendValue(dst, value); len(dst) == start {
			dst = dst[:before]
		}
	}
	return dst
}

// appendValue writes a value, or nothing when it is empty.
func (a *Attribute) appendValue(dst []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		if v == "" {
			return dst
		}
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return appendFloat(dst, v)
	case map[string]any:
		return appendObject(dst, a.Sub, v)
	case []any:
		before := len(dst)
		dst = append(dst, '[')
		for _, x := range v {
			mark := len(dst)
			dst = separate(dst)
			start := len(dst)
			if dst = a.appendValue(dst, x); len(dst) == start {
				dst = dst[:mark]
			}
		}
		if len(dst) == before+1 {
			return dst[:before]
		}
		return append(dst, ']')
	default:
		return dst
	}
}

func appendString(dst []byte, s string) []byte {
	dst, err := jsontext.AppendQuote(dst, s)
	if err != nil {
		// Invalid UTF-8 was replaced; ParseJSON lets none in.
		return dst
	}
	return dst
}

// appendFloat writes very large and very small numbers with an exponent, for a
// few digits that were sent shall not become hundreds.
func appendFloat(dst []byte, f float64) []byte {
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64)
}

// ErrUndeclared is what Load returns for a document that holds more than the
// type declares: the organisation has extended the type since.
var ErrUndeclared = errors.New("the document holds attributes that the resource type does not declare")

// Load decodes a stored document, which Encode has rendered, to change it: no
// value is checked again, and none would be lost.
func (t *Type) Load(stored []byte) (scim.Document, error) {
	doc, err := t.Read(stored)
	if err == nil && !t.declares(doc) {
		err = ErrUndeclared
	}
	delete(doc, Schemas.Name)
	return doc, err
}

// declares reports whether the type knows every extension in a document, and
// every attribute of the custom ones: others do not change while the server runs.
func (t *Type) declares(doc scim.Document) bool {
	for _, urn := range Schemas.Values(doc) {
		urn, _ := urn.(string)
		s := t.urns[urn]
		if s == nil {
			return false
		}
		if object, ok := doc[urn].(map[string]any); ok && s.Revision != 0 && !s.names.declare(object) {
			return false
		}
	}
	return true
}

// declare reports whether every name in a value is declared.
func (n names) declare(value any) bool {
	switch v := value.(type) {
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { return !n.declare(x) })
	case map[string]any:
		for name, x := range v {
			if a := n[name]; a == nil || !a.sub.declare(x) {
				return false
			}
		}
	}
	return true
}

// Read decodes a stored document to look at it. What the type does not declare
// is in it as it is stored; Schemas too.
func (t *Type) Read(stored []byte) (scim.Document, error) {
	object, err := scim.ParseObject(stored)
	if err != nil {
		return nil, err
	}
	doc := scim.Document(object)
	for _, a := range t.numeric {
		if value := a.Get(doc); value != nil {
			a.Set(doc, a.numbers(value))
		}
	}
	return doc, nil
}

// numbers turns json.Number into the Go type of the attribute.
func (a *Attribute) numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if a.Kind == Integer {
			n, _ := v.Int64()
			return n
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = a.numbers(v[i])
		}
	case map[string]any:
		for _, sub := range a.Sub {
			if x, ok := v[sub.Name]; ok && sub.numeric {
				v[sub.Name] = sub.numbers(x)
			}
		}
	}
	return value
}

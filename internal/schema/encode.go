package schema

import (
	"encoding/json"
	"math"
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

// Load decodes a stored document, which Encode has rendered: no value is
// checked again.
func (t *Type) Load(stored []byte) (scim.Document, error) {
	object, err := scim.ParseObject(stored)
	if err != nil {
		return nil, err
	}
	doc := scim.Document(object)
	delete(doc, Schemas.Name)
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

package schema

import (
	"encoding/json"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/scim"
)

// Encode renders a document as it is stored and answered: schemas, id, then the
// attributes in the order of the schema. meta, linked attributes (groups,
// members) and what is never returned are left out; Append adds the first two.
func (t *Type) Encode(doc scim.Document) []byte {
	dst := make([]byte, 0, 1024)
	dst = append(dst, `{"schemas":[`...)
	for i, urn := range t.SchemasOf(doc) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, urn)
	}
	dst = append(dst, ']')
	dst = appendMembers(dst, common.Attributes, doc)
	dst = appendMembers(dst, t.Core.Attributes, doc)
	for _, ext := range t.Extensions {
		container, _ := doc[ext.ID].(map[string]any)
		if IsEmpty(container) {
			continue
		}
		dst = append(dst, ',')
		dst = appendString(dst, ext.ID)
		dst = append(dst, ':', '{')
		mark := len(dst)
		dst = appendMembers(dst, ext.Attributes, container)
		dst = append(dst[:mark], dst[mark+1:]...) // the comma before the first member
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

// appendMembers writes `,"name":value` for each attribute that has a value.
func appendMembers(dst []byte, attributes []*Attribute, object map[string]any) []byte {
	for _, a := range attributes {
		if a == Schemas || a == Meta || a.Search == Link || a.Returned == ReturnedNever {
			continue
		}
		value := object[a.Name]
		if IsEmpty(value) {
			continue
		}
		dst = append(dst, ',')
		dst = appendString(dst, a.Name)
		dst = append(dst, ':')
		dst = a.appendValue(dst, value)
	}
	return dst
}

func (a *Attribute) appendValue(dst []byte, value any) []byte {
	switch v := value.(type) {
	case string:
		return appendString(dst, v)
	case bool:
		return strconv.AppendBool(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case float64:
		return strconv.AppendFloat(dst, v, 'f', -1, 64)
	case []any:
		dst = append(dst, '[')
		for i, x := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = a.appendValue(dst, x)
		}
		return append(dst, ']')
	case map[string]any:
		dst = append(dst, '{')
		first := true
		for _, sub := range a.Sub {
			x, ok := v[sub.Name]
			if !ok {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendString(dst, sub.Name)
			dst = append(dst, ':')
			dst = sub.appendValue(dst, x)
		}
		return append(dst, '}')
	default:
		return append(dst, "null"...)
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

// Load decodes a stored document, which Encode has rendered: no value is
// checked again.
func (t *Type) Load(stored []byte) (scim.Document, error) {
	object, err := scim.ParseObject(stored)
	if err != nil {
		return nil, err
	}
	doc := scim.Document(object)
	delete(doc, Schemas.Name)
	for _, list := range t.lists() {
		for _, a := range list {
			if value := a.Get(doc); value != nil && a.hasNumbers() {
				a.Set(doc, a.numbers(value))
			}
		}
	}
	return doc, nil
}

func (a *Attribute) hasNumbers() bool {
	if a.Kind == Integer || a.Kind == Decimal {
		return true
	}
	for _, sub := range a.Sub {
		if sub.hasNumbers() {
			return true
		}
	}
	return false
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
			if x, ok := v[sub.Name]; ok {
				v[sub.Name] = sub.numbers(x)
			}
		}
	}
	return value
}

package schema

import "github.com/purescim/purescim/internal/scim"

// Tidy takes out of a document, in place, what says nothing: empty values, and
// elements of multi-valued attributes that lack their `value`, such as an
// e-mail without an address. An attribute or extension that is left empty goes
// too (RFC 7643 section 2.5).
func (t *Type) Tidy(doc scim.Document) { t.TidyOnly(doc, t.composite) }

// TidyOnly is Tidy for a document of which only some attributes may have changed since
// it was tidy.
func (t *Type) TidyOnly(doc scim.Document, attributes []*Attribute) {
	for _, a := range attributes {
		if value := a.Get(doc); value != nil {
			a.Set(doc, a.tidy(value))
		}
	}
	for _, ext := range t.Extensions {
		if container, ok := doc[ext.ID].(map[string]any); ok {
			dropEmpty(container)
		}
	}
	dropEmpty(doc)
}

func dropEmpty(object map[string]any) {
	for name, value := range object {
		if IsEmpty(value) {
			delete(object, name)
		}
	}
}

// tidy gives what is left of a value, or nil.
func (a *Attribute) tidy(value any) any {
	switch v := value.(type) {
	case []any:
		kept := v[:0]
		for _, element := range v {
			if element = a.tidy(element); !IsEmpty(element) && !a.lacksValue(element) {
				kept = append(kept, element)
			}
		}
		clear(v[len(kept):])
		return kept
	case map[string]any:
		dropEmpty(v)
	}
	return value
}

// lacksValue reports whether an element has no `value` though its attribute
// declares one.
func (a *Attribute) lacksValue(element any) bool {
	object, ok := element.(map[string]any)
	value := a.SubAttribute("value")
	return ok && value != nil && object[value.Name] == nil
}

// TellLost warns of a value of which nothing is kept though it says something: a client has
// left out what it is, or has another name for it. Who sends that empty has cleared it.
func (o Options) TellLost(a *Attribute, sent, kept any) {
	object, ok := sent.(map[string]any)
	if o.Doubt == nil || !ok || a.Kind != Complex || !IsEmpty(kept) && (!a.MultiValued || !a.lacksValue(kept)) {
		return
	}
	lost := false
	for key, value := range object {
		sub := a.SubAttribute(key)
		if sub != nil && (sub.Name == "value" || sub.Required) {
			return
		}
		label := sub != nil && (sub.Name == "type" || sub.Name == "primary")
		lost = lost || !label && !isBlank(value)
	}
	switch {
	case !lost:
	case a.SubAttribute("value") != nil:
		o.Doubt(a, "left out: it has no value")
	default:
		o.Doubt(a, "left out: it has none of "+a.subNames())
	}
}

package schema

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/purescim/purescim/internal/scim"
)

// Answer is what a stored resource and its request say about its representation.
type Answer struct {
	ID       string
	Version  scim.Version
	Created  time.Time
	Modified time.Time
	// Doc is the stored document as Encode rendered it.
	Doc []byte
	// Links are the groups of a user or the members of a group.
	Links []AnswerLink
	// Mount is the absolute URL of the SCIM root that the request came through.
	Mount string
}

// AnswerLink is one value of a linked attribute.
type AnswerLink struct{ ID, Display string }

// Append writes the representation of a resource: the stored bytes as they are,
// with the linked attribute and meta spliced in. Only a projection that leaves
// something out looks inside.
func (t *Type) Append(dst []byte, r Answer, p Projection) []byte {
	if p.IsDefault() {
		dst = append(dst, r.Doc[:len(r.Doc)-1]...)
	} else {
		dst = t.appendProjected(dst, r.Doc, p)
	}
	if a := t.linked(); a != nil && len(r.Links) > 0 && p.Wants(a) {
		dst = appendLinks(dst, a, r, p)
	}
	return append(t.appendMeta(dst, r), '}')
}

// Location is the absolute URL of the resource.
func (t *Type) Location(mount, id string) string { return mount + t.Endpoint + "/" + id }

func (t *Type) linked() *Attribute {
	for _, a := range t.Core.Attributes {
		if a.Search == Link {
			return a
		}
	}
	return nil
}

func (t *Type) appendMeta(dst []byte, r Answer) []byte {
	dst = append(dst, `,"meta":{"resourceType":"`...)
	dst = append(dst, t.Name...)
	dst = append(dst, `","created":"`...)
	dst = r.Created.UTC().AppendFormat(dst, TimeLayout)
	dst = append(dst, `","lastModified":"`...)
	dst = r.Modified.UTC().AppendFormat(dst, TimeLayout)
	dst = append(dst, `","location":`...)
	dst = appendString(dst, t.Location(r.Mount, r.ID))
	dst = append(dst, `,"version":"`...)
	dst = append(dst, r.Version.String()...)
	return append(dst, `"}`...)
}

// appendLinks writes groups or members. Which words belong to the other end is
// told by the attribute's reference type.
func appendLinks(dst []byte, a *Attribute, r Answer, p Projection) []byte {
	ref := a.SubAttribute("$ref")
	endpoint, kind := r.Mount+"/"+ref.References[0]+"s/", a.SubAttribute("type").Canonical[0]
	want := map[string]bool{}
	for _, sub := range a.Sub {
		want[sub.Name] = p.wantsSub(a, sub)
	}
	value, reference, word, display := want["value"], want["$ref"], want["type"], want["display"]
	dst = append(dst, ',')
	dst = appendString(dst, a.Name)
	dst = append(dst, ':', '[')
	for i, link := range r.Links {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, '{')
		mark := len(dst)
		if value {
			dst = append(append(append(dst, `,"value":"`...), link.ID...), '"')
		}
		if reference {
			dst = appendString(append(dst, `,"$ref":`...), endpoint+link.ID)
		}
		if word {
			dst = append(append(append(dst, `,"type":"`...), kind...), '"')
		}
		if display && link.Display != "" {
			dst = appendString(append(dst, `,"display":`...), link.Display)
		}
		if len(dst) > mark {
			dst = append(dst[:mark], dst[mark+1:]...) // the comma before the first
		}
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendProjected copies the members of a stored document that are wanted, and
// leaves the object open.
func (t *Type) appendProjected(dst, doc []byte, p Projection) []byte {
	dst = append(dst, '{')
	mark := len(dst)
	eachMember(doc, func(name string, value jsontext.Value) {
		if ext := t.Schema(name); ext != nil {
			dst = appendExtension(dst, ext, value, p)
			return
		}
		if a := t.Attribute(name); a != nil && p.Wants(a) {
			dst = appendMember(dst, a, value, p)
		}
	})
	if len(dst) > mark {
		dst = append(dst[:mark], dst[mark+1:]...)
	}
	return dst
}

func appendExtension(dst []byte, ext *Schema, object jsontext.Value, p Projection) []byte {
	start := len(dst)
	dst = append(dst, ',')
	dst = appendString(dst, ext.ID)
	dst = append(dst, ':', '{')
	mark := len(dst)
	eachMember(object, func(name string, value jsontext.Value) {
		if a := ext.Attribute(name); a != nil && p.Wants(a) {
			dst = appendMember(dst, a, value, p)
		}
	})
	if len(dst) == mark {
		return dst[:start]
	}
	dst = append(dst[:mark], dst[mark+1:]...)
	return append(dst, '}')
}

func appendMember(dst []byte, a *Attribute, value jsontext.Value, p Projection) []byte {
	start := len(dst)
	dst = append(dst, ',')
	dst = appendString(dst, a.Name)
	dst = append(dst, ':')
	if !p.partial(a) {
		return append(dst, value...)
	}
	mark := len(dst)
	switch value.Kind() {
	case '{':
		dst = appendSubs(dst, a, value, p)
	case '[':
		dst = append(dst, '[')
		inner := len(dst)
		eachElement(value, func(element jsontext.Value) {
			before := len(dst)
			dst = append(dst, ',')
			if dst = appendSubs(dst, a, element, p); len(dst) == before+1 {
				dst = dst[:before]
			}
		})
		if len(dst) == inner {
			return dst[:start]
		}
		dst = append(dst[:inner], dst[inner+1:]...)
		dst = append(dst, ']')
	default:
		dst = append(dst, value...)
	}
	if len(dst) == mark {
		return dst[:start]
	}
	return dst
}

// appendSubs writes the wanted sub-attributes of one complex value, or nothing
// when none is left.
func appendSubs(dst []byte, a *Attribute, object jsontext.Value, p Projection) []byte {
	start := len(dst)
	dst = append(dst, '{')
	mark := len(dst)
	eachMember(object, func(name string, value jsontext.Value) {
		if sub := a.SubAttribute(name); sub != nil && p.wantsSub(a, sub) {
			dst = append(dst, ',')
			dst = appendString(dst, sub.Name)
			dst = append(append(dst, ':'), value...)
		}
	})
	if len(dst) == mark {
		return dst[:start]
	}
	dst = append(dst[:mark], dst[mark+1:]...)
	return append(dst, '}')
}

// eachMember walks an object that Encode has written; value is valid during the call.
func eachMember(object []byte, visit func(name string, value jsontext.Value)) {
	dec := jsontext.NewDecoder(bytes.NewReader(object))
	if _, err := dec.ReadToken(); err != nil {
		return
	}
	for dec.PeekKind() == '"' {
		token, err := dec.ReadToken()
		if err != nil {
			return
		}
		name := token.String()
		value, err := dec.ReadValue()
		if err != nil {
			return
		}
		visit(name, value)
	}
}

func eachElement(array []byte, visit func(jsontext.Value)) {
	dec := jsontext.NewDecoder(bytes.NewReader(array))
	if _, err := dec.ReadToken(); err != nil {
		return
	}
	for dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if err != nil {
			return
		}
		visit(value)
	}
}

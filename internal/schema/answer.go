package schema

import (
	"time"

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
	if p.keepsDocument() && !t.onRequest {
		dst = append(dst, r.Doc[:len(r.Doc)-1]...)
	} else {
		dst = t.appendProjected(dst, r.Doc, p)
	}
	if a := t.linked; a != nil && p.Wants(a) {
		dst = appendLinks(dst, a, r, p)
	}
	return append(t.appendMeta(dst, r), '}')
}

// Location is the absolute URL of the resource.
func (t *Type) Location(mount, id string) string { return mount + t.Endpoint + "/" + id }

func (t *Type) appendMeta(dst []byte, r Answer) []byte {
	dst = append(dst, `,"meta":{"resourceType":"`...)
	dst = append(dst, t.Name...)
	dst = append(dst, `","created":"`...)
	dst = appendTime(dst, r.Created)
	dst = append(dst, `","lastModified":"`...)
	dst = appendTime(dst, r.Modified)
	dst = append(dst, `","location":`...)
	dst = appendString(dst, t.Location(r.Mount, r.ID))
	dst = append(dst, `,"version":"`...)
	dst = append(dst, r.Version.String()...)
	return append(dst, `"}`...)
}

// appendLinks writes groups or members. Which words belong to the other end is
// told by the attribute's reference type.
func appendLinks(dst []byte, a *Attribute, r Answer, p Projection) []byte {
	wanted := make([]*Attribute, 0, len(a.Sub))
	for _, sub := range a.Sub {
		if p.wantsSub(a, sub) {
			wanted = append(wanted, sub)
		}
	}
	endpoint := appendString(nil, r.Mount+"/"+a.SubAttribute("$ref").References[0]+"s/")
	endpoint = endpoint[:len(endpoint)-1] // an id and the closing quote follow
	before := len(dst)
	dst = append(append(append(dst, ','), a.key...), '[')
	first := len(dst)
	for _, link := range r.Links {
		mark := len(dst)
		dst = append(separate(dst), '{')
		start := len(dst)
		for _, sub := range wanted {
			dst = link.append(dst, sub, endpoint)
		}
		if len(dst) == start {
			dst = dst[:mark]
			continue
		}
		dst = append(dst, '}')
	}
	if len(dst) == first {
		return dst[:before]
	}
	return append(dst, ']')
}

// append writes one sub-attribute of a link; an id needs no escapes.
func (l AnswerLink) append(dst []byte, sub *Attribute, endpoint []byte) []byte {
	if sub.Name == "display" && l.Display == "" {
		return dst
	}
	dst = append(separate(dst), sub.key...)
	switch sub.Name {
	case "value":
		dst = append(append(dst, '"'), l.ID...)
		return append(dst, '"')
	case "$ref":
		dst = append(append(dst, endpoint...), l.ID...)
		return append(dst, '"')
	case "type":
		return appendString(dst, sub.Canonical[0])
	default:
		return appendString(dst, l.Display)
	}
}

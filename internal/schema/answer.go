package schema

import (
	"strconv"
	"time"

	"github.com/purescim/purescim/internal/scim"
)

// Answer is what a stored resource and its request say about its representation.
//
// A Version of 0 and times that are zero are not answered.
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
	parts := t.Parts(r, p)
	return parts.AppendEnd(parts.AppendLinks(parts.AppendBegin(dst), r.Links))
}

// Parts write a representation piece by piece, for a resource whose links are more
// than it is good to hold at once. They do not look at what was written before.
type Parts struct {
	t          *Type
	answer     Answer
	projection Projection
	link       *linkWriter // nil before the first link
	opened     bool        // a link is written
}

// Parts makes what Append writes in the order of AppendBegin, AppendLinks, as often
// as there are some, and AppendEnd. Links of r are not looked at.
func (t *Type) Parts(r Answer, p Projection) Parts {
	return Parts{t: t, answer: r, projection: p}
}

// AppendBegin writes what comes before the links.
func (x *Parts) AppendBegin(dst []byte) []byte {
	if x.projection.keepsDocument() && !x.t.onRequest {
		return append(dst, x.answer.Doc[:len(x.answer.Doc)-1]...)
	}
	return x.t.appendProjected(dst, x.answer.Doc, x.projection)
}

// AppendLinks writes groups or members; those of which nothing is wanted are not
// there.
func (x *Parts) AppendLinks(dst []byte, links []AnswerLink) []byte {
	a := x.t.linked
	if len(links) == 0 || a == nil || !x.projection.Wants(a) {
		return dst
	}
	if x.link == nil {
		x.link = newLinkWriter(a, x.answer.Mount, x.projection)
	}
	for _, link := range links {
		before := len(dst)
		dst = append(dst, ',')
		if !x.opened {
			dst = append(append(dst, x.link.key...), '[')
		}
		start := len(dst)
		if dst = x.link.append(dst, link); len(dst) == start {
			dst = dst[:before]
			continue
		}
		x.opened = true
	}
	return dst
}

// AppendEnd writes what comes after the links.
func (x *Parts) AppendEnd(dst []byte) []byte {
	if x.opened {
		dst = append(dst, ']')
	}
	return append(x.t.appendMeta(dst, x.answer), '}')
}

// Location is the absolute URL of the resource.
func (t *Type) Location(mount, id string) string { return mount + t.Endpoint + "/" + id }

func (t *Type) appendMeta(dst []byte, r Answer) []byte {
	dst = append(dst, `,"meta":{"resourceType":"`...)
	dst = append(dst, t.Name...)
	if !r.Created.IsZero() {
		dst = append(dst, `","created":"`...)
		dst = appendTime(dst, r.Created)
		dst = append(dst, `","lastModified":"`...)
		dst = appendTime(dst, r.Modified)
	}
	dst = append(dst, `","location":`...)
	dst = appendString(dst, r.Mount)
	dst = append(dst[:len(dst)-1], t.Endpoint...) // before the closing quote
	dst = append(append(append(dst, '/'), r.ID...), '"')
	if r.Version == 0 {
		return append(dst, '}')
	}
	dst = append(dst, `,"version":"`...)
	dst = strconv.AppendInt(dst, int64(r.Version), 10)
	return append(dst, `"}`...)
}

// linkWriter writes the elements of a linked attribute that are wanted. Which words belong to the
// other end is told by the attribute's reference type.
type linkWriter struct {
	key      string
	wanted   []*Attribute
	endpoint []byte // an id and the closing quote follow
}

func newLinkWriter(a *Attribute, mount string, p Projection) *linkWriter {
	w := &linkWriter{key: a.key, wanted: make([]*Attribute, 0, len(a.Sub))}
	for _, sub := range a.Sub {
		if p.wantsSub(a, sub) {
			w.wanted = append(w.wanted, sub)
		}
	}
	endpoint := appendString(nil, mount+"/"+a.SubAttribute("$ref").References[0]+"s/")
	w.endpoint = endpoint[:len(endpoint)-1]
	return w
}

// append writes one element, or nothing when it would be empty.
func (w *linkWriter) append(dst []byte, link AnswerLink) []byte {
	before := len(dst)
	dst = append(dst, '{')
	for _, sub := range w.wanted {
		dst = link.append(dst, sub, w.endpoint)
	}
	if len(dst) == before+1 {
		return dst[:before]
	}
	return append(dst, '}')
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

package schema

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/scim"
)

// Answer is what is stored of a resource that is answered.
//
// A Version of 0 and times that are zero are not answered.
type Answer struct {
	ID uuid.UUID
	// Key is the id of what has no ID of its own; else it is empty.
	Key      string
	Version  scim.Version
	Created  time.Time
	Modified time.Time
	// Doc is the stored document as Encode rendered it.
	Doc []byte
	// Links are the groups of a user or the members of a group.
	Links []AnswerLink
}

// AnswerLink is one value of a linked attribute: the other end of a membership.
type AnswerLink struct {
	ID      uuid.UUID
	Display string
}

// Renderer writes representations of resources of one type, as one request asks for
// them: the stored bytes as they are, with the linked attribute and meta spliced in. Only
// a projection that leaves something out looks inside.
type Renderer struct {
	t          *Type
	projection Projection
	mount      string
	asStored   bool         // nothing of a document is left out
	view       *view        // of a domain; nil where there are none
	linked     bool         // something of the linked attribute is wanted
	links      []linkMember // of each link; nil before the first
	root       []byte       // mount as it stands inside of a JSON string
	location   string       // the beginning of meta.location
}

// Renderer makes the renderer for a request that came through the SCIM root whose
// absolute URL is mount.
func (t *Type) Renderer(mount string, p Projection) *Renderer {
	root := appendString(nil, mount)
	root = root[:len(root)-1]
	return &Renderer{
		t:          t,
		projection: p,
		mount:      mount,
		asStored:   p.keepsDocument() && !t.onRequest,
		linked:     t.linked != nil && p.Wants(t.linked),
		root:       root[1:],
		location:   t.Location(string(root), ""),
	}
}

// SeenFrom has documents shown as a provisioning domain sees them, which is empty for the
// home. It is for organisations that have several. only has it see no externalId of others.
func (r *Renderer) SeenFrom(domain string, only bool) {
	if r.t.Domains() != nil {
		r.view = newView(r.t, domain, only)
	}
}

// WantsLinks reports whether anything of the linked attribute is in the answers.
func (r *Renderer) WantsLinks() bool { return r.linked }

// Append writes the representation of a resource.
func (r *Renderer) Append(dst []byte, a Answer) []byte {
	parts := r.Parts(a)
	return parts.AppendEnd(parts.AppendLinks(parts.AppendBegin(dst), a.Links))
}

// Parts write a representation piece by piece, for a resource whose links are more
// than it is good to hold at once. They do not look at what was written before.
type Parts struct {
	*Renderer
	answer Answer
	opened bool // a link is written
}

// Parts makes what Append writes in the order of AppendBegin, AppendLinks, as often
// as there are some, and AppendEnd. Links of a are not looked at.
func (r *Renderer) Parts(a Answer) Parts { return Parts{Renderer: r, answer: a} }

// AppendBegin writes what comes before the links.
func (x *Parts) AppendBegin(dst []byte) []byte {
	start, doc := len(dst), x.answer.Doc
	if x.view != nil {
		doc = x.view.of(doc)
	}
	if x.asStored {
		dst = append(dst, doc[:len(doc)-1]...)
	} else {
		dst = x.t.appendProjected(dst, doc, x.projection)
	}
	return x.makeAbsolute(dst, start)
}

// relativeRef begins a reference as it is stored: from one endpoint to another. No
// client's text looks like it, for its quotes would be escaped.
//
// Its quotation mark is left out: it is everywhere, and would make each search slow.
const relativeRef = `$ref":"..`

// makeAbsolute makes the references behind start absolute (RFC 7643 section 2.3.7).
func (r *Renderer) makeAbsolute(dst []byte, start int) []byte {
	for {
		at := bytes.Index(dst[start:], []byte(relativeRef))
		if at < 0 {
			return dst
		}
		at, start = start+at, start+at+len(relativeRef)
		if dst[at-1] != '"' { // another name that ends so
			continue
		}
		dst = slices.Replace(dst, start-len(".."), start, r.root...)
	}
}

// AppendLinks writes groups or members; those of which nothing is wanted are not
// there.
func (x *Parts) AppendLinks(dst []byte, links []AnswerLink) []byte {
	if !x.linked || len(links) == 0 {
		return dst
	}
	if x.links == nil {
		x.links = x.t.linkMembers(x.mount, x.projection)
	}
	for _, link := range links {
		before := len(dst)
		dst = append(dst, ',')
		if !x.opened {
			dst = append(append(dst, x.t.linked.key...), '[')
		}
		start := len(dst)
		if dst = link.append(dst, x.links); len(dst) == start {
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
	return append(x.appendMeta(dst), '}')
}

func (x *Parts) appendMeta(dst []byte) []byte {
	a := &x.answer
	dst = append(dst, `,"meta":{"resourceType":"`...)
	dst = append(append(dst, x.t.Name...), '"')
	if !a.Created.IsZero() {
		dst = append(dst, `,"created":"`...)
		dst = appendTime(dst, a.Created)
		dst = append(dst, `","lastModified":"`...)
		dst = append(appendTime(dst, a.Modified), '"')
	}
	dst = append(append(dst, `,"location":`...), x.location...)
	if a.Key != "" {
		dst = append(dst, a.Key...)
	} else {
		dst = appendID(dst, a.ID)
	}
	if a.Version != 0 {
		dst = append(dst, `","version":"`...)
		dst = strconv.AppendInt(dst, int64(a.Version), 10)
	}
	return append(dst, `"}`...)
}

// Location is the absolute URL of the resource.
func (t *Type) Location(mount, id string) string { return mount + t.Endpoint + "/" + id }

// linkMember is a sub-attribute that is wanted of each link: text, and what follows it.
type linkMember struct {
	text  string
	value linkValue
}

type linkValue int

const (
	noValue    linkValue = iota // the text is all
	idOfLink                    // the id and a closing quote
	nameOfLink                  // the display name, unless there is none: then the text neither
)

// linkMembers are the members of each link that a projection wants. Which words belong to
// the other end is told by the attribute's reference type.
func (t *Type) linkMembers(mount string, p Projection) (members []linkMember) {
	members = make([]linkMember, 0, len(t.linked.Sub))
	for _, sub := range t.linked.Sub {
		if !p.wantsSub(t.linked, sub) {
			continue
		}
		switch sub.Name {
		case "value":
			members = append(members, linkMember{sub.key + `"`, idOfLink})
		case "$ref":
			members = append(members, linkMember{sub.key + open(mount+"/"+sub.References[0]+"s/"), idOfLink})
		case "type":
			members = append(members, linkMember{sub.key + quoted(sub.Canonical[0]), noValue})
		default:
			members = append(members, linkMember{sub.key, nameOfLink})
		}
	}
	return members
}

// append writes one element, or nothing when it would be empty; an id needs no escapes.
func (l AnswerLink) append(dst []byte, members []linkMember) []byte {
	before := len(dst)
	dst = append(dst, '{')
	for _, m := range members {
		if m.value == nameOfLink && l.Display == "" {
			continue
		}
		dst = append(separate(dst), m.text...)
		switch m.value {
		case idOfLink:
			dst = append(appendID(dst, l.ID), '"')
		case nameOfLink:
			dst = appendString(dst, l.Display)
		}
	}
	if len(dst) == before+1 {
		return dst[:before]
	}
	return append(dst, '}')
}

// appendID writes the 36 characters of an id.
func appendID(dst []byte, id uuid.UUID) []byte {
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:])
}

// quoted is a JSON string; open is one that goes on.
func quoted(s string) string { return string(appendString(nil, s)) }

func open(s string) string {
	text := quoted(s)
	return text[:len(text)-1]
}

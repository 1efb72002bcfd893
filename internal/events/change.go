package events

import (
	"encoding/json"
	"slices"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Kind is what an event tells: the last part of its URI, without the form.
type Kind string

// The kinds of events (RFC 9967 sections 2.3 and 2.4).
const (
	Added       Kind = "feed:add"    // joined the group of the stream
	Removed     Kind = "feed:remove" // left the group of the stream
	Created     Kind = "prov:create"
	Patched     Kind = "prov:patch" // changed in part, by whatever means
	Replaced    Kind = "prov:put"
	Deleted     Kind = "prov:delete"
	Activated   Kind = "prov:activate"
	Deactivated Kind = "prov:deactivate"
	// Answered is no change: an operation that was to be answered later is done
	// (RFC 9967 section 2.5.1.2).
	Answered Kind = "misc:asyncresp"
)

// Kinds are all kinds.
var Kinds = []Kind{Added, Removed, Created, Patched, Replaced, Deleted, Activated, Deactivated, Answered}

const uriPrefix = "urn:ietf:params:scim:event:"

// uri is that of an event of the kind in a form.
func (k Kind) uri(f Form) string {
	switch k {
	case Created, Patched, Replaced:
		return uriPrefix + string(k) + ":" + string(f)
	default:
		return uriPrefix + string(k)
	}
}

// Change is what a transaction has done to one resource.
type Change struct {
	Kind    Kind // but for Activated and Deactivated, which Event finds itself
	Type    *schema.Type
	ID      uuid.UUID
	Version scim.Version // the new one
	// Old and New are the documents before and after. For a resource that was
	// deleted or moved in or out of the feed, either will do.
	Old, New scim.Document
	Password bool          // it was set to another
	Members  *MemberChange // of a group; nil when they stay
}

// MemberChange tells which members a group got and lost. With Replaced all were
// sent: the members are exactly All.
type MemberChange struct {
	Added, Removed []uuid.UUID
	Replaced       bool
	All            []uuid.UUID
}

// maxData bounds the bytes of an event in the full form. A larger one, such as a
// PUT of a large group, has the form of a notice instead (RFC 9967 section 5).
const maxData = 256 << 10

// Told is a change with what a stream tells of it. The documents are gone: a
// transaction may change many.
type Told struct {
	Change
	Claims []byte // as Event.Claims; nil when nothing is told
}

// Tell renders what the stream tells of a change. txn names the transaction.
func (s Stream) Tell(c Change, txn string) Told {
	claims := s.claims(c, txn)
	c.Old, c.New = nil, nil
	return Told{c, claims}
}

func (s Stream) claims(c Change, txn string) []byte {
	told := map[string]any{}
	if slices.Contains(s.Kinds, c.Kind) {
		if uri, payload := s.payload(c); payload != nil {
			told[uri] = payload
		}
	}
	if k := c.activation(); k != "" && slices.Contains(s.Kinds, k) {
		told[k.uri(s.Form)] = map[string]any{"version": c.Version.ETag()}
	}
	if len(told) == 0 {
		return nil
	}
	return tell(c.subject(), txn, told)
}

// tell renders Event.Claims: what is told, of what, and in which transaction it was.
func tell(of subject, txn string, told map[string]any) []byte {
	text, _ := json.Marshal(map[string]any{"sub_id": of, "txn": txn, "events": told}) // maps, texts and JSON
	return text
}

// Tells are what an event is of, and the path of the resource that it is about, as its
// claims have them.
func (e Event) Tells() (kinds []Kind, path string) {
	var claims struct {
		Subject subject                    `json:"sub_id"`
		Events  map[string]json.RawMessage `json:"events"`
	}
	_ = json.Unmarshal(e.Claims, &claims) // written by tell
	for _, kind := range Kinds {
		for _, form := range []Form{Notice, Full} {
			if _, told := claims.Events[kind.uri(form)]; told && !slices.Contains(kinds, kind) {
				kinds = append(kinds, kind)
			}
		}
	}
	return kinds, claims.Subject.URI
}

// subject is the `sub_id` (RFC 9967 section 2.1).
type subject struct {
	Format     string `json:"format"`
	URI        string `json:"uri"`
	ID         string `json:"id,omitempty"`
	ExternalID string `json:"externalId,omitempty"`
}

func (c Change) subject() subject {
	doc := c.New
	if doc == nil {
		doc = c.Old
	}
	id := c.ID.String()
	return subject{Format: "scim", URI: c.Type.Endpoint + "/" + id, ID: id, ExternalID: schema.ExternalID.Text(doc)}
}

// activation is what a change does to whether the resource is active.
func (c Change) activation() Kind {
	if c.Kind != Patched && c.Kind != Replaced {
		return ""
	}
	switch was, is := schema.Active.Get(c.Old) == true, schema.Active.Get(c.New) == true; {
	case was == is:
		return ""
	case is:
		return Activated
	default:
		return Deactivated
	}
}

// payload gives the event in the form that the stream has. It is nil when
// nothing has changed that a client could see.
func (s Stream) payload(c Change) (uri string, payload map[string]any) {
	switch c.Kind {
	case Created, Patched, Replaced:
	default:
		return c.Kind.uri(s.Form), map[string]any{}
	}
	names := c.changed()
	if len(names) == 0 {
		return "", nil
	}
	if s.Form == Full {
		if data := c.data(); data != nil && len(data) <= maxData {
			return c.Kind.uri(Full), map[string]any{"data": data, "version": c.Version.ETag()}
		}
	}
	return c.Kind.uri(Notice), map[string]any{"attributes": names, "version": c.Version.ETag()}
}

// changed names the attributes that have changed, as paths.
func (c Change) changed() []string {
	var names []string
	for a := range c.attributes {
		names = append(names, a.String())
	}
	if c.Password {
		names = append(names, schema.Password.String())
	}
	if c.Members != nil && len(c.Members.Added)+len(c.Members.Removed) > 0 {
		names = append(names, schema.Members.String())
	}
	return names
}

// attributes are those of the documents that differ.
func (c Change) attributes(yield func(*schema.Attribute) bool) {
	for a := range c.Type.Attributes {
		switch {
		case a == schema.Schemas || a == schema.Meta || a.Search == schema.Link:
		case !scim.EqualValue(a.Get(c.Old), a.Get(c.New)) && !yield(a):
			return
		}
	}
}

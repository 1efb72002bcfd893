package writes

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Change is what a statement does to one resource, entry or schema of an organisation.
// It is made once, by who stores it, and read by all who are told of it: events, and
// the outcomes of steps. The zero change is a part of one that a later statement of the
// transaction completes; nobody is told of it.
type Change struct {
	kind    events.Kind  // Created, Patched, Replaced or Deleted
	what    string       // "User", "Group", "role" and so on
	typ     *schema.Type // of users and groups; nil of all else
	id      uuid.UUID
	name    string       // of what has no document: its name as it was
	version scim.Version // the new one, as the statement answers it; 0 when deleted

	// The documents before and after. A nil before is that of text, which is the document
	// as it was read, if it was; a nil after is as before.
	before, after scim.Document
	text          []byte

	password bool // it was set to another
	restored bool // what is created was deleted before
	erased   bool // of who is deleted, only the id is left
	// What only the log is told: the document as it is stored of what was created, the
	// members of a group that is deleted, and what was changed that is in no document.
	whole   []byte
	lost    []uuid.UUID
	changes []provisioning.Change
	last    scim.Version // of what is deleted
	groups  []uuid.UUID  // of a user who is deleted
	// members are those that a group got and lost, if moves. Where nobody is told of
	// them they may be what was asked for: the statement tells what was changed of it.
	moves   bool
	members events.MemberChange
}

// KindOf is the kind of an update.
func KindOf(put bool) events.Kind {
	if put {
		return events.Replaced
	}
	return events.Patched
}

// OfUser is the change of a user who was read.
func OfUser(kind events.Kind, t *schema.Type, old directory.Resource, e directory.Edit) Change {
	return Change{kind: kind, what: t.Name, typ: t, id: old.ID, before: old.Document, after: e.Doc, password: e.PasswordHash != ""}
}

// OfGroup is the change of a group that was read.
func OfGroup(kind events.Kind, t *schema.Type, old directory.Resource, doc scim.Document) Change {
	return Change{kind: kind, what: t.Name, typ: t, id: old.ID, before: old.Document, text: old.Doc, after: doc}
}

// Moving adds what becomes of the members. A PUT that leaves them out does not replace
// the group.
func (c Change) Moving(m events.MemberChange) Change {
	c.moves, c.members = true, m
	if c.kind == events.Replaced && !m.Replaced {
		c.kind = events.Patched
	}
	return c
}

// Storing adds the document of what is created, as it is stored, and whether it was deleted
// before.
func (c Change) Storing(doc []byte, restored bool) Change {
	c.whole, c.restored = doc, restored
	return c
}

// Besides adds what was changed that is in no document.
func (c Change) Besides(changes []provisioning.Change) Change {
	c.changes = changes
	return c
}

// Leaving adds the state of a user who is deleted, and the groups.
func (c Change) Leaving(last directory.Record, groups []uuid.UUID) Change {
	c.text, c.last, c.groups = last.Doc, last.Version, groups
	return c
}

// Losing adds the state of a group that is deleted, and the members.
func (c Change) Losing(last directory.Record, members []uuid.UUID) Change {
	c.last, c.lost = last.Version, members
	return c
}

// HasDocument reports whether the document is changed.
func (c Change) HasDocument() bool { return c.after != nil }

// OfErased is the change of a deleted user of whom but the id is erased.
func OfErased(id uuid.UUID) Change {
	return Change{kind: events.Deleted, what: schema.User.Name, id: id, erased: true}
}

// OfEntry is the change of an entry of the catalogue.
func OfEntry(kind events.Kind, e directory.Entry) Change {
	c := Change{kind: kind, what: e.Kind.String(), id: e.ID, name: e.Name, last: scim.Version(e.Version)}
	switch kind {
	case events.Created:
		c.changes, c.restored = EntryChanges(directory.Entry{}, e), e.Version > 1
	case events.Deleted:
		c.changes = EntryChanges(e, directory.Entry{})
	}
	return c
}

// OfSchema is the change of a custom schema, of which one definition may be missing.
func OfSchema(kind events.Kind, urn string, before, after []byte) Change {
	c := provisioning.Change{Attribute: "definition"}
	if before != nil {
		c.Before = json.RawMessage(before)
	}
	if after != nil {
		c.After = json.RawMessage(after)
	}
	return Change{kind: kind, what: "schema", name: urn, changes: []provisioning.Change{c}}
}

// event is the change as events tell it.
func (c Change) event() events.Change {
	e := events.Change{Kind: c.kind, Type: c.typ, ID: c.id, Version: c.version, Old: c.before, New: c.after, Password: c.password}
	if e.Old == nil && c.text != nil {
		e.Old, _ = c.typ.Load(c.text) // as it was stored
	}
	if e.New == nil && c.kind != events.Deleted {
		e.New = e.Old
	}
	if c.moves {
		e.Members = &c.members
	}
	return e
}

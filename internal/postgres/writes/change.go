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
	Kind    events.Kind  // Created, Patched, Replaced or Deleted
	What    string       // "User", "Group", "role" and so on
	Type    *schema.Type // of users and groups; nil of all else
	ID      uuid.UUID
	Name    string       // of what has no document: its name as it was
	version scim.Version // the new one, as the statement answers it; 0 when deleted

	// Old and New are the documents before and after. A nil Old is that of Text, which
	// is the document as it was read, if it was; a nil New is as before.
	Old, New scim.Document
	Text     []byte

	Password bool // it was set to another
	Restored bool // what is created was deleted before
	Erased   bool // of who is deleted, only the id is left
	// What only the log is told: the document as it is stored of what was created, the
	// members of a group that is deleted, and what was changed that is in no document.
	Whole   []byte
	Lost    []uuid.UUID
	Changes []provisioning.Change
	Last    scim.Version // of what is deleted
	Groups  []uuid.UUID  // of a user who is deleted
	// Members are those that a group got and lost, if Moves. Where nobody is told of
	// them they may be what was asked for: the statement tells what was changed of it.
	Moves   bool
	Members events.MemberChange
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
	return Change{Kind: kind, What: t.Name, Type: t, ID: old.ID, Old: old.Document, New: e.Doc, Password: e.PasswordHash != ""}
}

// OfGroup is the change of a group that was read.
func OfGroup(kind events.Kind, t *schema.Type, old directory.Resource, doc scim.Document) Change {
	return Change{Kind: kind, What: t.Name, Type: t, ID: old.ID, Old: old.Document, Text: old.Doc, New: doc}
}

// Moving adds what becomes of the members. A PUT that leaves them out does not replace
// the group.
func (c Change) Moving(m events.MemberChange) Change {
	c.Moves, c.Members = true, m
	if !m.Replaced {
		c.Kind = events.Patched
	}
	return c
}

// OfEntry is the change of an entry of the catalogue.
func OfEntry(kind events.Kind, e directory.Entry) Change {
	c := Change{Kind: kind, What: e.Kind.String(), ID: e.ID, Name: e.Name, Last: scim.Version(e.Version)}
	switch kind {
	case events.Created:
		c.Changes, c.Restored = EntryChanges(directory.Entry{}, e), e.Version > 1
	case events.Deleted:
		c.Changes = EntryChanges(e, directory.Entry{})
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
	return Change{Kind: kind, What: "schema", Name: urn, Changes: []provisioning.Change{c}}
}

// event is the change as events tell it.
func (c Change) event() events.Change {
	e := events.Change{Kind: c.Kind, Type: c.Type, ID: c.ID, Version: c.version, Old: c.Old, New: c.New, Password: c.Password}
	if e.Old == nil && c.Text != nil {
		e.Old, _ = c.Type.Load(c.Text) // as it was stored
	}
	if e.New == nil && c.Kind != events.Deleted {
		e.New = e.Old
	}
	if c.Moves {
		e.Members = &c.Members
	}
	return e
}

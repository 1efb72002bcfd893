package directory

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// undoEntry takes back what an entry of the log tells of one of the catalogue.
func (d *Directory) undoEntry(ctx context.Context, o org.Org, kind Kind, e provisioning.Entry, r Recovery) error {
	id := e.Target.ID.String()
	l, err := d.laterThan(ctx, o, e)
	if err != nil {
		return err
	}
	switch e.Operation {
	case provisioning.Delete:
		return d.undoEntryDeletion(ctx, o, kind, e, r)
	case provisioning.Create, provisioning.Restore:
		if len(l) > 0 && l[0].Operation != provisioning.Delete && !r.Force {
			return wouldBeLost(theOne(e.Target), &l[0])
		}
		err := d.DeleteEntry(ctx, o, kind, id)
		if gone := (*scim.Error)(nil); errors.As(err, &gone) && gone.Status == 404 {
			return nil // it is as it was
		}
		return err
	}
	_, err = d.UpdateEntry(ctx, o, kind, id, func(now *Entry) error {
		old := *now
		doc := entryDocument(old)
		before, after := doc.Clone(), doc.Clone()
		provisioning.Revert(before, e.Changes)
		provisioning.Redo(after, e.Changes)
		before, after = plain(before), plain(after)
		if lost := checkLost(e.Changes, l, plain(doc), before, after); lost != nil && !r.Force {
			return lost
		}
		setEntry(now, before)
		return r.allow(old, *now)
	})
	if gone := (*scim.Error)(nil); errors.As(err, &gone) && gone.Status == 404 {
		return scim.Conflict("the %s is deleted; take that back first", strings.ToLower(e.Target.String()))
	}
	return err
}

func (r Recovery) allow(old, now Entry) error {
	if r.Allow == nil {
		return nil
	}
	return r.Allow(old, now)
}

// undoEntryDeletion makes an entry again, under the same id.
func (d *Directory) undoEntryDeletion(ctx context.Context, o org.Org, kind Kind, e provisioning.Entry, r Recovery) error {
	view := d.store.Org(o.ID)
	if _, err := view.Entry(ctx, kind, e.Target.ID); err == nil {
		return scim.Conflict("the %s is there again; nothing was changed", e.Target)
	} else if !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := d.checkStill(ctx, o, e, false, r); err != nil {
		return err
	}
	last, err := d.lastOf(ctx, o, string(e.Target.Type), e.Target.ID)
	if err != nil {
		return err
	}
	again := newEntry(d.store, Entry{Kind: kind, Name: e.Target.Name})
	doc := scim.Document{}
	provisioning.Revert(doc, e.Changes)
	setEntry(&again, plain(doc))
	again.ID, again.Version, again.Created = e.Target.ID, int64(last)+1, provisioning.TimeOf(e.Target.ID)
	if err := checkName(again.Name); err != nil {
		return err
	}
	if err := again.checkSize(Entry{}); err != nil {
		return err
	}
	if err := r.allow(Entry{Kind: kind}, again); err != nil {
		return err
	}
	_, err = view.CreateEntry(ctx, again)
	return explainFull(kind, err)
}

// entryDocument is an entry as the log tells of it.
func entryDocument(e Entry) scim.Document {
	doc := scim.Document{"name": e.Name}
	if e.Description != "" {
		doc["description"] = e.Description
	}
	var detail map[string]any
	if json.Unmarshal(e.Detail, &detail) == nil && len(detail) > 0 {
		doc["permissions"] = detail
	}
	return doc
}

// setEntry gives an entry the values of such a document.
func setEntry(e *Entry, doc scim.Document) {
	if name := text(doc["name"]); name != "" {
		e.Name = name
	}
	e.Description = text(doc["description"])
	e.Detail = []byte("{}")
	if detail, ok := doc["permissions"].(map[string]any); ok {
		e.Detail, _ = json.Marshal(detail) // it was read from JSON
	}
}

// plain gives a document the types of values that are read from JSON, and leaves out what
// is unassigned.
func plain(doc scim.Document) scim.Document {
	text, err := json.Marshal(doc)
	var same scim.Document
	if err != nil || json.Unmarshal(text, &same) != nil {
		return doc
	}
	if same["description"] == "" {
		delete(same, "description")
	}
	return same
}

package catalogue

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/authstore"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// lockEntry keeps others from referring to the entry: who writes a name that the
// user did not have locks its entry too (lockReferenced), and finds it changed or
// gone when this transaction has ended.
var lockEntry = db.New(selectEntries + ` and c.id = @id
for    update of c`)

var updateEntry = writes.NewStatement(`
with changed as (
  update catalogue
  set    version     = @version,
         modified_at = @modified,
         name        = @name,
         name_key    = @name_key,
         description = @description,
         detail      = @detail
  where  org_id = @org and kind = @kind and id = @id
  returning id, version
)[outbox]
select changed.version
from   changed`)

var deleteEntry = writes.NewStatement(`
with changed as (
  delete from catalogue
  where  org_id = @org and kind = @kind and id = @id
  returning id, version
)[outbox]
select changed.version
from   changed`)

// UpdateEntry implements directory.Catalogue.
func (v Catalogue) UpdateEntry(ctx context.Context, t *schema.Type, kind directory.Kind, id uuid.UUID, c directory.EntryChange) (e directory.Entry, err error) {
	err = v.withEntry(ctx, "update ", kind, id, func(w *writes.Write, tx pgx.Tx, old directory.Entry) error {
		e = old
		if err := c.Edit(&e); err != nil || e.SameAs(old) {
			return err
		}
		if kind == directory.Role {
			if err := authstore.Narrowed(ctx, tx, w.Org, old, e, w.Clock.Stamp()); err != nil {
				return err
			}
		}
		e.Version, e.Modified = old.Version+1, w.Clock.Since(old.Modified)
		change := writes.OfEntry(events.Patched, old).Besides(writes.EntryChanges(old, e))
		err := w.Store(ctx, updateEntry, change, func([][]byte) {}, newEntry(e)...)
		if err != nil || e.Name == old.Name {
			return entryUniqueness(err, e)
		}
		return v.rewriteUsers(ctx, w, tx, t, old, func(user directory.Resource) directory.Edit {
			doc := user.Document.Clone()
			c.Rename(doc, old.Name, e.Name)
			return directory.Edit{Doc: doc}
		})
	})
	return e, err
}

// DeleteEntry implements directory.Catalogue.
func (v Catalogue) DeleteEntry(ctx context.Context, kind directory.Kind, id uuid.UUID, allow func(directory.Entry) error) error {
	return v.withEntry(ctx, "delete ", kind, id, func(w *writes.Write, tx pgx.Tx, e directory.Entry) error {
		if err := allow(e); err != nil {
			return err
		}
		use, err := v.useOf(ctx, tx, e)
		if err != nil {
			return err
		}
		if use != (directory.InUseError{}) {
			return &use
		}
		return w.Store(ctx, deleteEntry, writes.OfEntry(events.Deleted, e), func([][]byte) {}, newEntry(e)...)
	})
}

// withEntry runs work in a transaction that has locked the entry.
func (v Catalogue) withEntry(ctx context.Context, doing string, kind directory.Kind, id uuid.UUID, work func(w *writes.Write, tx pgx.Tx, e directory.Entry) error) error {
	return v.Write(ctx, doing+kind.String(), func(w *writes.Write) error {
		var e directory.Entry
		lock := func(b *pgx.Batch) {
			lockEntry.With(db.Org(w.Org), db.Named("kind", int16(kind)), db.Named("id", db.ID(id))).Queue(b).Query(db.One(func(raw [][]byte) { e = readEntry(kind, raw) }))
		}
		return w.InTx(ctx, lock, func(w *writes.Write, tx pgx.Tx) error { return work(w, tx, e) })
	})
}

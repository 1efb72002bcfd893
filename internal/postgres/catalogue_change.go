package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// lockEntry keeps others from referring to the entry: who writes a name that the
// user did not have locks its entry too (lockReferenced), and finds it changed or
// gone when this transaction has ended.
const lockEntry = selectEntry + `
for    update of c`

const updateEntry = `
update catalogue
set    version     = $4,
       modified_at = $5,
       name        = $6,
       name_key    = $7,
       description = $8,
       detail      = $9
where  org_id = $1 and kind = $2 and id = $3`

const deleteEntry = `
delete from catalogue
where  org_id = $1 and kind = $2 and id = $3`

// UpdateEntry implements directory.Catalogue.
func (v view) UpdateEntry(ctx context.Context, t *schema.Type, kind directory.Kind, id uuid.UUID, c directory.EntryChange) (e directory.Entry, err error) {
	if v, err = v.recording(ctx); err != nil {
		return e, err
	}
	err = v.withEntry(ctx, kind, id, func(tx pgx.Tx, old directory.Entry) error {
		e = old
		if err := c.Edit(&e); err != nil || e.SameAs(old) {
			return err
		}
		if kind == directory.Role {
			if err := narrowed(ctx, tx, v.org, old, e, v.clock.stamp()); err != nil {
				return err
			}
		}
		e.Version, e.Modified = old.Version+1, v.clock.since(old.Modified)
		_, err := tx.Exec(ctx, updateEntry, v.org, int16(kind), uid(id),
			e.Version, e.Modified, e.Name, schema.Fold(e.Name), e.Description, e.Detail)
		if err != nil || e.Name == old.Name {
			return explainEntry(err, e)
		}
		return v.rewriteUsers(ctx, tx, t, old, func(user directory.Resource) directory.Edit {
			doc := user.Document.Clone()
			c.Rename(doc, old.Name, e.Name)
			return directory.Edit{Doc: doc}
		})
	})
	return e, wrap("update "+kind.String(), err)
}

// DeleteEntry implements directory.Catalogue.
func (v view) DeleteEntry(ctx context.Context, kind directory.Kind, id uuid.UUID, allow func(directory.Entry) error) error {
	err := v.withEntry(ctx, kind, id, func(tx pgx.Tx, e directory.Entry) error {
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
		_, err = tx.Exec(ctx, deleteEntry, v.org, int16(kind), uid(id))
		return err
	})
	return wrap("delete "+kind.String(), err)
}

// withEntry runs work in a transaction that has locked the entry.
func (v view) withEntry(ctx context.Context, kind directory.Kind, id uuid.UUID, work func(tx pgx.Tx, e directory.Entry) error) error {
	return retry(ctx, func() error {
		var e directory.Entry
		lock := func(b *pgx.Batch) {
			b.Queue(lockEntry, v.org, int16(kind), uid(id)).Query(func(rows pgx.Rows) error {
				return readOne(rows, func(raw [][]byte) { e = readEntry(kind, raw) })
			})
		}
		return v.inTx(ctx, lock, func(tx pgx.Tx) error { return work(tx, e) })
	})
}

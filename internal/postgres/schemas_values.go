package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// The folded copy of a document has a member for each extension in use. Schemas
// change rarely enough to look at each resource.
const (
	countCarryingUsers  = `select count(*) from users u where u.org_id = $1 and u.folded ? $2`
	countCarryingGroups = `select count(*) from groups g where g.org_id = $1 and g.folded ? $2`

	lockCarryingUsers = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1 and u.folded ? $2 and u.id > $3
order  by u.id
limit  $4
for    no key update of u`

	lockCarryingGroups = `
select g.id, g.version, g.created_at, g.modified_at, g.doc
from   groups g
where  g.org_id = $1 and g.folded ? $2 and g.id > $3
order  by g.id
limit  $4
for    no key update of g`
)

// dropValues takes the values of a schema that is locked out of every resource of
// the type.
func (v view) dropValues(ctx context.Context, tx pgx.Tx, t *schema.Type, urn string) error {
	lock, store := lockCarryingUsers, v.queueUser
	if tableOf(t) == groups {
		lock, store = lockCarryingGroups, v.queueGroupUpdate
	}
	after := uuid.Nil
	for {
		page, err := v.carriers(ctx, tx, lock, urn, after)
		if err != nil || len(page) == 0 {
			return err
		}
		b := new(pgx.Batch)
		for _, r := range page {
			if r.Document, err = t.Load(r.Doc); err != nil {
				return err
			}
			doc := r.Document.Clone()
			delete(doc, urn)
			if err := store(b, t, r, directory.Edit{Doc: doc}); err != nil {
				return err
			}
		}
		if err := tx.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
		after = page[len(page)-1].ID
	}
}

func (v view) carriers(ctx context.Context, tx pgx.Tx, lock, urn string, after uuid.UUID) (page []directory.Resource, err error) {
	rows, err := tx.Query(ctx, lock, v.org, urn, uid(after), rewrittenAtOnce)
	if err == nil {
		err = readAll(rows, func(raw [][]byte) { page = append(page, directory.Resource{Record: readRecord(raw)}) })
	}
	return page, err
}

// queueUser stores the edit of a user who is locked.
func (v view) queueUser(b *pgx.Batch, t *schema.Type, old directory.Resource, e directory.Edit) error {
	u, err := v.userUpdate(t, old, e)
	if err == nil {
		v.told.user(t, old, e, u.record.Version)
		b.Queue(u.sql(false), u.args...)
	}
	return err
}

// queueGroupUpdate stores the document of a group that is locked.
func (v view) queueGroupUpdate(b *pgx.Batch, t *schema.Type, old directory.Resource, e directory.Edit) error {
	old.Version++
	args, err := v.groupUpdate(t, &old.Record, e.Doc)
	if err == nil {
		v.told.group(t, old, old.Version, e.Doc, nil)
		b.Queue(updateGroup, args...)
	}
	return err
}

package users

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/groups"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// DeletedUserNamed implements directory.History.
func (v Users) DeletedUserNamed(ctx context.Context, name string) (id uuid.UUID, err error) {
	err = selectDeletedUser.With(db.Org(v.Org), db.Named("user_name_key", schema.UserName.Fold(name))).
		ReadOne(ctx, v.DB, func(raw [][]byte) { id = db.ReadID(raw[0]) })
	return id, pgerr.Wrap("find deleted user", err)
}

// RestoreUser implements directory.History.
func (v Users) RestoreUser(ctx context.Context, t *schema.Type, id uuid.UUID, u directory.UserRestoration) (r directory.Record, lost []uuid.UUID, err error) {
	err = v.Write(ctx, "restore user", func(w *writes.Write) error {
		return w.InTx(ctx, pool.Nothing, func(w *writes.Write, tx pgx.Tx) error {
			change := v.resetUser
			if u.Deleted {
				change = v.bringBack
			}
			if r, err = change(ctx, w, tx, t, id, u); err != nil {
				return err
			}
			lost, err = v.moveUser(ctx, w, tx, id, u)
			return err
		})
	})
	return r, lost, err
}

// resetUser changes a user who is not deleted.
func (v Users) resetUser(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, id uuid.UUID, u directory.UserRestoration) (directory.Record, error) {
	c := directory.Change{Match: u.Match, Put: true, Edit: u.Edit}
	old, edit, err := v.editUser(ctx, w, v.lock, t, id, c)
	if err != nil || edit.IsZero() {
		return old.Record, err
	}
	if edit, err = w.LockReferences(ctx, tx, edit); err != nil {
		return old.Record, err
	}
	return v.writeUser(ctx, w, t, old, edit, c)
}

var lockDeleted = db.New(`
select d.id, d.version, d.created_at, d.deleted_at, d.doc
from   deleted_users d
where  d.org_id = @org and d.id = @id
for    update of d`)

// lockDeletion reads a deleted user and locks it until the transaction ends.
func lockDeletion(ctx context.Context, w *writes.Write, tx pgx.Tx, id uuid.UUID) (r directory.Record, err error) {
	err = lockDeleted.With(db.Org(w.Org), db.Named("id", db.ID(id))).ReadOne(ctx, tx, func(raw [][]byte) { r = records.Read(raw) })
	return r, err
}

// bringBack stores a deleted user under the same id.
func (v Users) bringBack(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, id uuid.UUID, u directory.UserRestoration) (r directory.Record, err error) {
	var old directory.Resource
	if old.Record, err = lockDeletion(ctx, w, tx, id); err != nil {
		return r, err
	}
	if old.Document, err = t.Load(old.Doc); err != nil {
		return r, err
	}
	edit, err := u.Edit(old)
	if err != nil {
		return r, err
	}
	if edit, err = w.LockReferences(ctx, tx, edit); err != nil {
		return r, err
	}
	stored, err := search.NewRow(t, edit.Doc)
	if err != nil {
		return r, err
	}
	r = directory.Record{ID: id, Modified: w.Clock.Since(old.Modified), Doc: t.Encode(edit.Doc)}
	err = v.insertUser(ctx, w, restoreUser, pool.Check{}, t, &r, edit, stored)
	return r, uniqueness(err, edit.Doc)
}

var lockGroups = db.New(`
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count
from   groups g
where  g.org_id = @org and g.id = any(@ids::uuid[])
order  by g.id
for    no key update of g`)

// moveUser has the user join and leave groups, each of which is a change of its own.
// Groups that are not there are answered.
func (v Users) moveUser(ctx context.Context, w *writes.Write, tx pgx.Tx, user uuid.UUID, u directory.UserRestoration) (lost []uuid.UUID, err error) {
	if len(u.Join)+len(u.Leave) == 0 {
		return nil, nil
	}
	var found []directory.Resource
	err = lockGroups.With(db.Org(w.Org), db.Named("ids", db.IDs(slices.Concat(u.Join, u.Leave)))).
		ReadAll(ctx, tx, func(raw [][]byte) { found = append(found, directory.Resource{Record: records.ReadGroup(raw)}) })
	if err != nil {
		return nil, err
	}
	for _, group := range found {
		m := directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1}
		if slices.Contains(u.Join, group.ID) {
			m = directory.MemberChange{Add: []uuid.UUID{user}}
		}
		if _, _, err := groups.EditMembers(ctx, w, tx, group, m, writes.OfGroup(events.Patched, schema.Group, group, nil)); err != nil {
			return nil, err
		}
	}
	for _, id := range u.Join {
		if !slices.ContainsFunc(found, func(g directory.Resource) bool { return g.ID == id }) {
			lost = append(lost, id)
		}
	}
	return lost, nil
}

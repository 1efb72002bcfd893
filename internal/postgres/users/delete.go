package users

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// lockDeletedUser keeps others from referring to the user.
var lockDeletedUser = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = @org and u.id = @id
for    update of u`)

// lockUserGroups comes before leaveGroups, so that two users of the same groups
// who are deleted at once do not wait for each other.
var lockUserGroups = db.New(`
select g.id
from   groups g
join   group_members m on m.org_id = @org and m.group_id = g.id
where  g.org_id = @org and m.user_id = @id
order  by g.id
for    no key update of g`)

var leaveGroups = writes.NewStatement(`
with gone as (
  delete from group_members m
  where  m.org_id = @org and m.user_id = @id
  returning m.group_id
), moved as (
  update modifications t
  set    modified_at = greatest(g.modified_at, @at)
  from   gone
  join   groups g on g.org_id = @org and g.id = gone.group_id
  where  t.org_id = @org and t.kind = 2 and t.modified_at = g.modified_at and t.id = g.id
), changed as (
  update groups g
  set    version      = g.version + 1,
         modified_at  = greatest(g.modified_at, @at),
         member_count = g.member_count - 1
  from   gone
  where  g.org_id = @org and g.id = gone.group_id
  returning g.id, g.version, g.external_id
)[outbox]
select changed.version, changed.id, changed.external_id
from   changed`)

var lockReports = db.New(`
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = @org and u.manager_id = @manager and u.id <> @id
order  by u.id
for    no key update of u`)

var deleteUser = writes.NewTelling(writes.UserOutbox, `
with changed as (
  delete from users
  where  org_id = @org and id = @id
  returning id, user_name_key, version, created_at, modified_at, doc, active
), kept as (
  insert into deleted_users (org_id, user_name_key, id, version, created_at, deleted_at, doc)
  select @org, user_name_key, id, version, created_at, @at::timestamptz, doc
  from   changed
), forgotten as (
  delete from modifications t
  using  changed
  where  t.org_id = @org and t.kind = 1 and t.modified_at = changed.modified_at and t.id = changed.id
), dropped as (
  delete from user_keys k
  using  changed, unnest(@kinds::smallint[], @keys::text[]) as old (kind, key)
  where  k.org_id = @org and k.kind = old.kind and k.key = old.key and k.user_id = changed.id
), counted as (
  insert into count_changes (org_id, kind, id, n, resource_id)
  select @org, case when active then 1 else 2 end, @count_id::uuid, -1, changed.id
  from   changed
)[outbox]
select changed.version
from   changed`)

// DeleteUser implements directory.View.
func (v Users) DeleteUser(ctx context.Context, t *schema.Type, id uuid.UUID, match scim.Condition, forget func(report scim.Document)) error {
	return v.Write(ctx, "delete user", func(w *writes.Write) error {
		var u directory.Resource
		counts := w.UserBrake()
		lock := func(b *pgx.Batch) {
			counts.Queue(b, w)
			lockDeletedUser.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b).Query(db.One(func(raw [][]byte) { u.Record = records.Read(raw) }))
		}
		return w.InTx(ctx, lock, func(w *writes.Write, tx pgx.Tx) error {
			if err := match.CheckMatch(u.Version); err != nil {
				return err
			}
			if err := counts.Check(); err != nil {
				return err
			}
			return v.DeleteLocked(ctx, w, tx, t, u, forget)
		})
	})
}

// DeleteLocked deletes a user that the transaction has locked and read.
func (v Users) DeleteLocked(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, u directory.Resource, forget func(report scim.Document)) (err error) {
	deleted := w.Clock.Since(u.Modified)
	if u.Document, err = t.Load(u.Doc); err != nil {
		return err
	}
	reports, left, err := v.leave(ctx, w, tx, u.ID, deleted)
	if err != nil {
		return err
	}
	b := new(pgx.Batch)
	for _, report := range reports {
		if report.Document, err = t.Load(report.Doc); err != nil {
			return err
		}
		doc := report.Document.Clone()
		forget(doc)
		if err := QueueUpdate(b, w, t, report, directory.Edit{Doc: doc}); err != nil {
			return err
		}
	}
	kinds, keys := search.ArraysOf(search.Users.KeysOf(u.Document))
	c := writes.OfUser(events.Deleted, t, u, directory.Edit{}).Leaving(u.Record, left)
	w.Queue(b, deleteUser, c, func([][]byte) {},
		db.Named("id", db.ID(u.ID)), db.Named("at", deleted), db.Named("kinds", kinds), db.Named("keys", keys), db.Named("count_id", db.NewID()))
	return tx.SendBatch(ctx, b).Close()
}

// leave takes the user out of its groups, each of which is a change of its own, and locks
// and reads those who report to it. left are the groups.
func (v Users) leave(ctx context.Context, w *writes.Write, tx pgx.Tx, id uuid.UUID, at time.Time) (reports []directory.Resource, left []uuid.UUID, err error) {
	b := new(pgx.Batch)
	lockUserGroups.With(db.Org(w.Org), db.Named("id", db.ID(id))).Queue(b)
	leaving := w.Arguments(leaveGroups, []db.Arg{db.Named("id", db.ID(id)), db.Named("at", at)}, writes.Change{})
	b.Queue(leaveGroups.String(), leaving...).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) {
			w.Add(leftBy(id, raw), scim.Version(db.ReadInt(raw[0])))
			w.Left(db.ReadID(raw[1]), id)
			left = append(left, db.ReadID(raw[1]))
		})
	})
	lockReports.With(db.Org(w.Org), db.Named("manager", id.String()), db.Named("id", db.ID(id))).Queue(b).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) {
			reports = append(reports, directory.Resource{Record: records.Read(raw)})
		})
	})
	err = tx.SendBatch(ctx, b).Close()
	return reports, left, err
}

// leftBy is the change of a group that a deleted user has left, from a row of leaveGroups.
func leftBy(user uuid.UUID, raw [][]byte) writes.Change {
	doc := scim.Document{}
	schema.ExternalID.Set(doc, string(raw[2]))
	group := directory.Resource{Record: directory.Record{ID: db.ReadID(raw[1])}, Document: doc}
	return writes.OfGroup(events.Patched, schema.Group, group, nil).Moving(events.MemberChange{Removed: []uuid.UUID{user}})
}

var findDeleted = db.New(`
select count(*)
from   deleted_users d
where  d.org_id = @org and d.id = @id`)

// Deleted implements directory.Reader.
func (v Users) Deleted(ctx context.Context, id uuid.UUID) (deleted bool, err error) {
	err = findDeleted.With(db.Org(v.Org), db.Named("id", db.ID(id))).
		ReadOne(ctx, v.DB, func(raw [][]byte) { deleted = db.ReadInt(raw[0]) > 0 })
	return deleted, pgerr.Wrap("find deleted user", err)
}

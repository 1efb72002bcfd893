package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// lockDeletedUser keeps others from referring to the user.
const lockDeletedUser = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1 and u.id = $2
for    update of u`

// lockUserGroups comes before leaveGroups, so that two users of the same groups
// who are deleted at once do not wait for each other.
const lockUserGroups = `
select g.id
from   groups g
join   group_members m on m.org_id = $1 and m.group_id = g.id
where  g.org_id = $1 and m.user_id = $2
order  by g.id
for    no key update of g`

const leaveGroups = `
with gone as (
  delete from group_members m
  where  m.org_id = $1 and m.user_id = $2
  returning m.group_id
), moved as (
  update modifications t
  set    modified_at = greatest(g.modified_at, $3)
  from   gone
  join   groups g on g.org_id = $1 and g.id = gone.group_id
  where  t.org_id = $1 and t.kind = 2 and t.modified_at = g.modified_at and t.id = g.id
)
update groups g
set    version      = g.version + 1,
       modified_at  = greatest(g.modified_at, $3),
       member_count = g.member_count - 1
from   gone
where  g.org_id = $1 and g.id = gone.group_id
returning g.id, g.version, g.external_id`

const lockReports = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1 and u.manager_id = $2 and u.id <> $3
order  by u.id
for    no key update of u`

const deleteUser = `
with gone as (
  delete from users
  where  org_id = $1 and id = $2
  returning id, user_name_key, version, created_at, modified_at, doc, active
), kept as (
  insert into deleted_users (org_id, user_name_key, id, version, created_at, deleted_at, doc)
  select $1, user_name_key, id, version, created_at, $3::timestamptz, doc
  from   gone
), forgotten as (
  delete from modifications t
  using  gone
  where  t.org_id = $1 and t.kind = 1 and t.modified_at = gone.modified_at and t.id = gone.id
), dropped as (
  delete from user_keys k
  using  gone, unnest($4::smallint[], $5::text[]) as old (kind, key)
  where  k.org_id = $1 and k.kind = old.kind and k.key = old.key and k.user_id = gone.id
)
insert into count_changes (org_id, kind, id, n)
select $1, case when active then 1 else 2 end, $6::uuid, -1
from   gone`

// DeleteUser implements directory.View.
func (v view) DeleteUser(ctx context.Context, t *schema.Type, id uuid.UUID, match scim.Condition, forget func(report scim.Document)) error {
	v, err := v.recording(ctx)
	if err != nil {
		return err
	}
	err = retry(ctx, func() error {
		var u directory.Resource
		lock := func(b *pgx.Batch) {
			b.Queue(lockDeletedUser, v.org, uid(id)).Query(func(rows pgx.Rows) error {
				return readOne(rows, func(raw [][]byte) { u.Record = readRecord(raw) })
			})
		}
		return v.inTx(ctx, lock, func(tx pgx.Tx) error {
			if err := match.CheckMatch(u.Version); err != nil {
				return err
			}
			return v.deleteLockedUser(ctx, tx, t, u, forget)
		})
	})
	return wrap("delete user", err)
}

func (v view) deleteLockedUser(ctx context.Context, tx pgx.Tx, t *schema.Type, u directory.Resource, forget func(report scim.Document)) (err error) {
	deleted := v.clock.since(u.Modified)
	if u.Document, err = t.Load(u.Doc); err != nil {
		return err
	}
	reports, err := v.leave(ctx, tx, u.ID, deleted)
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
		if err := v.queueUser(b, t, report, directory.Edit{Doc: doc}); err != nil {
			return err
		}
	}
	v.told.add(events.Change{Kind: events.Deleted, Type: t, ID: u.ID, Old: u.Document})
	args := appendKeys([]any{v.org, uid(u.ID), deleted}, rowOf(t, u.Document).keys)
	b.Queue(deleteUser, append(args, newID())...)
	return tx.SendBatch(ctx, b).Close()
}

// leave takes the user out of its groups, and locks and reads those who report to it.
func (v view) leave(ctx context.Context, tx pgx.Tx, id uuid.UUID, at time.Time) (reports []directory.Resource, err error) {
	b := new(pgx.Batch)
	b.Queue(lockUserGroups, v.org, uid(id))
	b.Queue(leaveGroups, v.org, uid(id), at).Query(func(rows pgx.Rows) error {
		return readAll(rows, func(raw [][]byte) { v.told.leaves(id, raw) })
	})
	b.Queue(lockReports, v.org, id.String(), uid(id)).Query(func(rows pgx.Rows) error {
		return readAll(rows, func(raw [][]byte) {
			reports = append(reports, directory.Resource{Record: readRecord(raw)})
		})
	})
	err = tx.SendBatch(ctx, b).Close()
	return reports, err
}

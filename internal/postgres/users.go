package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// insertUser stores a user, unless a deleted one had the name: then it stores
// nothing and answers that user's id, which the document must carry.
const insertUser = `
with deleted as (
  select id
  from   deleted_users
  where  org_id = $1 and user_name_key = $10
  order  by deleted_at desc, id desc
  limit  1
), created as (
  insert into users (org_id, id, version, created_at, modified_at, password_hash, doc, folded,
                     active, user_name_key, display_name, display_name_key, external_id,
                     employee_number_key, department_key, division_key, manager_id)
  select $1, $2::uuid, 1, $3::timestamptz, $3::timestamptz, nullif($4, ''), $5::text, $6::jsonb,
         $9::boolean, $10, $11::text, $12::text, $13::text, $14::text, $15::text, $16::text, $17::text
  where  not exists (select from deleted)
  returning id, active
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select $1, k.kind, k.key, created.id
  from   created, unnest($7::smallint[], $8::text[]) as k (kind, key)
), counted as (
  insert into count_changes (org_id, kind, id, n)
  select $1, case when active then 1 else 2 end, $18::uuid, 1
  from   created
)
select id from deleted`

// reviveUser stores a user under the id of a deleted one.
const reviveUser = `
with deleted as (
  delete from deleted_users
  where  org_id = $1 and user_name_key = $10 and id = $2
  returning id, version, created_at
), created as (
  insert into users (org_id, id, version, created_at, modified_at, password_hash, doc, folded,
                     active, user_name_key, display_name, display_name_key, external_id,
                     employee_number_key, department_key, division_key, manager_id)
  select $1, id, version + 1, created_at, $3::timestamptz, nullif($4, ''), $5::text, $6::jsonb,
         $9::boolean, $10, $11::text, $12::text, $13::text, $14::text, $15::text, $16::text, $17::text
  from   deleted
  returning id, active, version, created_at
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select $1, k.kind, k.key, created.id
  from   created, unnest($7::smallint[], $8::text[]) as k (kind, key)
), counted as (
  insert into count_changes (org_id, kind, id, n)
  select $1, case when active then 1 else 2 end, $18::uuid, 1
  from   created
)
select version, created_at from created`

// CreateUser implements directory.View.
func (v view) CreateUser(ctx context.Context, t *schema.Type, e directory.Edit) (r directory.Record, err error) {
	err = retry(ctx, func() error {
		return v.referring(ctx, e.References, func(q querier) error {
			r, err = v.createUser(ctx, q, t, e.Doc, e.PasswordHash)
			return err
		})
	})
	return r, wrap("create user", err)
}

func (v view) createUser(ctx context.Context, q querier, t *schema.Type, doc scim.Document, password string) (directory.Record, error) {
	found, err := newRow(t, doc)
	if err != nil {
		return directory.Record{}, err
	}
	for {
		id, err := uuid.Parse(schema.ID.Text(doc))
		if err != nil {
			return directory.Record{}, fmt.Errorf("read id of new user: %w", err)
		}
		r := directory.Record{ID: id, Version: 1, Created: now(), Doc: t.Encode(doc)}
		r.Modified = r.Created
		var deleted uuid.UUID
		rows, err := q.Query(ctx, insertUser, v.newUser(r, found, password)...)
		if err == nil {
			err = readAll(rows, func(raw [][]byte) { deleted = readID(raw[0]) })
		}
		if err != nil || deleted == uuid.Nil {
			return r, explain(err, doc)
		}
		r, err = v.reviveUser(ctx, q, t, deleted, doc, password)
		// Not found: another request revived it, or a newer one of the name is
		// deleted. Looking again tells.
		if !isNotFound(err) {
			return r, explain(err, doc)
		}
	}
}

func (v view) reviveUser(ctx context.Context, q querier, t *schema.Type, id uuid.UUID, doc scim.Document, password string) (directory.Record, error) {
	doc = maps.Clone(doc)
	schema.ID.Set(doc, id.String())
	r := directory.Record{ID: id, Modified: now(), Doc: t.Encode(doc)}
	rows, err := q.Query(ctx, reviveUser, v.newUser(r, rowOf(t, doc), password)...)
	if err != nil {
		return r, err
	}
	err = readOne(rows, func(raw [][]byte) {
		r.Version, r.Created = scim.Version(readInt(raw[0])), readTime(raw[1])
	})
	return r, err
}

// newUser gives the arguments of insertUser and reviveUser.
func (v view) newUser(r directory.Record, found row, password string) []any {
	args := append(make([]any, 0, 18), v.org, uid(r.ID), r.Modified, password, r.Doc, found.folded)
	args = append(appendKeys(args, found.keys), found.columns...)
	return append(args, newID())
}

const selectUser = `
select u.id, u.version, u.created_at, u.modified_at, u.doc, u.password_hash
from   users u
where  u.org_id = $1 and u.id = $2`

const selectUserAndGroups = `
select u.id, u.version, u.created_at, u.modified_at, u.doc, u.password_hash,
       array(select m.group_id::text || g.display_name
             from   group_members m
             join   groups g on g.org_id = $1 and g.id = m.group_id
             where  m.org_id = $1 and m.user_id = $2
             order  by m.group_id)
from   users u
where  u.org_id = $1 and u.id = $2`

const (
	lockUser          = selectUser + ` for no key update of u`
	lockUserAndGroups = selectUserAndGroups + ` for no key update of u`
)

// optimisticTries is how often an update may find that another was faster,
// before it makes the others wait.
const optimisticTries = 3

// updateUser reads, edits and writes without holding a lock meanwhile; a write
// of a version that is no longer the current one stores nothing.
func (v view) updateUser(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (directory.Record, error) {
	for range optimisticTries {
		old, edit, err := v.editUser(ctx, v.pool, false, t, id, c)
		if err != nil || isZero(edit) {
			return old.Record, err
		}
		r, err := v.storeUser(ctx, t, old, edit)
		if !errors.Is(err, errOutrun) {
			return r, err
		}
	}
	return v.updateLockedUser(ctx, t, id, c)
}

// updateLockedUser makes other writers wait while it edits.
func (v view) updateLockedUser(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	err = v.inTx(ctx, nothing, func(tx pgx.Tx) error {
		old, edit, err := v.editUser(ctx, tx, true, t, id, c)
		r = old.Record
		if err != nil || isZero(edit) {
			return err
		}
		if err := v.lockReferences(ctx, tx, edit.References); err != nil {
			return err
		}
		r, err = v.writeUser(ctx, tx, t, old, edit)
		return err
	})
	return r, err
}

// editUser reads the user and computes its new state.
func (v view) editUser(ctx context.Context, q querier, lock bool, t *schema.Type, id uuid.UUID, c directory.Change) (old directory.Resource, e directory.Edit, err error) {
	if old, err = v.readUser(ctx, q, lock, t, id, c.Links); err != nil {
		return old, e, err
	}
	if err = c.Match.CheckMatch(old.Version); err != nil {
		return old, e, err
	}
	e, err = c.Edit(old)
	return old, e, err
}

func (v view) readUser(ctx context.Context, q querier, lock bool, t *schema.Type, id uuid.UUID, links bool) (u directory.Resource, err error) {
	sql := selectUser
	switch {
	case lock && links:
		sql = lockUserAndGroups
	case lock:
		sql = lockUser
	case links:
		sql = selectUserAndGroups
	}
	rows, err := q.Query(ctx, sql, v.org, uid(id))
	if err != nil {
		return u, err
	}
	err = readOne(rows, func(raw [][]byte) {
		u.Record = readRecord(raw)
		u.PasswordHash = string(raw[5])
		if links {
			u.Links = readLinks(raw[6])
		}
	})
	if err != nil {
		return u, err
	}
	u.Document, err = t.Load(u.Doc)
	return u, err
}

// updateUser and updateUserAndKeys store a new state of the version that was
// read; the second also what changes beside the row.
const (
	updateUser = `
update users
set    version             = version + 1,
       modified_at         = $4,
       password_hash       = coalesce(nullif($5, ''), password_hash),
       doc                 = $6,
       folded              = $7,
       active              = $8,
       user_name_key       = $9,
       display_name        = $10,
       display_name_key    = $11,
       external_id         = $12,
       employee_number_key = $13,
       department_key      = $14,
       division_key        = $15,
       manager_id          = $16
where  org_id = $1 and id = $2 and version = $3`

	updateUserAndKeys = `
with changed as (` + updateUser + `
  returning id
), dropped as (
  delete from user_keys k
  using  changed, unnest($17::smallint[], $18::text[]) as old (kind, key)
  where  k.org_id = $1 and k.kind = old.kind and k.key = old.key and k.user_id = changed.id
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select $1, new.kind, new.key, changed.id
  from   changed, unnest($19::smallint[], $20::text[]) as new (kind, key)
  on conflict do nothing
), counted as (
  insert into count_changes (org_id, kind, id, n)
  select $1, c.kind, c.id, c.n
  from   changed, unnest($21::smallint[], $22::uuid[], $23::integer[]) as c (kind, id, n)
)
select id from changed`
)

// errOutrun says that the resource has changed since it was read.
var errOutrun = errors.New("another writer was faster")

func (v view) storeUser(ctx context.Context, t *schema.Type, old directory.Resource, e directory.Edit) (r directory.Record, err error) {
	err = v.referring(ctx, e.References, func(q querier) error {
		r, err = v.writeUser(ctx, q, t, old, e)
		return err
	})
	return r, err
}

func (v view) writeUser(ctx context.Context, q querier, t *schema.Type, old directory.Resource, e directory.Edit) (directory.Record, error) {
	r, sql, args, err := v.userUpdate(t, old, e)
	if err != nil {
		return r, err
	}
	tag, err := q.Exec(ctx, sql, args...)
	if err != nil {
		return r, explain(err, e.Doc)
	}
	if tag.RowsAffected() == 0 {
		return r, errOutrun
	}
	return r, nil
}

// userUpdate gives the state that an edit leads to and the statement that stores it.
func (v view) userUpdate(t *schema.Type, old directory.Resource, e directory.Edit) (r directory.Record, sql string, args []any, err error) {
	doc := e.Doc
	if doc == nil {
		doc = old.Document
	}
	r = old.Record
	r.Version, r.Modified, r.Doc = old.Version+1, now(), t.Encode(doc)
	found, err := newRow(t, doc)
	args = append(make([]any, 0, 23), v.org, uid(old.ID), int64(old.Version), r.Modified, e.PasswordHash, r.Doc, found.folded)
	args = append(args, found.columns...)
	gone, added := changedKeys(tableOf(t).keysOf(old.Document), found.keys)
	counts := activation(schema.Active.Get(old.Document) == true, schema.Active.Get(doc) == true)
	if len(gone)+len(added)+len(counts) == 0 {
		return r, updateUser, args, err
	}
	args = appendKeys(appendKeys(args, gone), added)
	return r, updateUserAndKeys, appendCounts(args, counts), err
}

// activation is what an update changes in the numbers of users.
func activation(was, is bool) []count {
	switch {
	case was == is:
		return nil
	case is:
		return []count{{inactiveUsers, -1}, {activeUsers, 1}}
	default:
		return []count{{activeUsers, -1}, {inactiveUsers, 1}}
	}
}

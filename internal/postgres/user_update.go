package postgres

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

const selectUser = `
select u.id, u.version, u.created_at, u.modified_at, u.doc, u.password_hash
from   users u
where  u.org_id = $1 and u.id = $2`

const selectUserAndGroups = `
select u.id, u.version, u.created_at, u.modified_at, u.doc, u.password_hash, ` + groupsOfUser + `
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
	r, err := v.updateRecentUser(ctx, t, id, c)
	for try := 0; errors.Is(err, errOutrun) && try < optimisticTries; try++ {
		var old directory.Resource
		var edit directory.Edit
		if old, edit, err = v.editUser(ctx, nil, t, id, c); err != nil || isZero(edit) {
			return old.Record, err
		}
		r, err = v.storeUser(ctx, t, old, edit, c.Links)
	}
	if errors.Is(err, errOutrun) {
		return v.updateLockedUser(ctx, t, id, c)
	}
	return r, err
}

// updateRecentUser edits a user that was read lately without reading it again:
// identity systems look a user up before they change it. What is remembered may be
// out of date. So it decides nothing: the edit counts only when it is stored, which
// it is if the version is still the same. Else the error is errOutrun.
func (v view) updateRecentUser(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (directory.Record, error) {
	known, ok := v.recent.Get(userOf{v.org, id})
	if !ok || c.Password {
		return directory.Record{}, errOutrun
	}
	old := directory.Resource{Record: known}
	var err error
	if old.Document, err = t.Load(known.Doc); err != nil {
		return old.Record, errOutrun // it may have values of a schema that is gone
	}
	if c.Match.CheckMatch(old.Version) != nil {
		return old.Record, errOutrun
	}
	edit, err := c.Edit(old)
	if err != nil || isZero(edit) {
		return old.Record, errOutrun
	}
	return v.storeUser(ctx, t, old, edit, c.Links)
}

// updateLockedUser makes other writers wait while it edits.
func (v view) updateLockedUser(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	err = v.inTx(ctx, nothing, func(tx pgx.Tx) error {
		old, edit, err := v.editUser(ctx, tx, t, id, c)
		r = old.Record
		if err != nil || isZero(edit) {
			return err
		}
		if err := v.lockReferences(ctx, tx, edit.References); err != nil {
			return err
		}
		r, err = v.writeUser(ctx, through(tx), t, old, edit, c.Links)
		return err
	})
	return v.remembered(r, err)
}

// editUser reads the user, with a lock when there is a transaction, and computes its
// new state.
func (v view) editUser(ctx context.Context, tx pgx.Tx, t *schema.Type, id uuid.UUID, c directory.Change) (old directory.Resource, e directory.Edit, err error) {
	if old, err = v.readUser(ctx, tx, t, id, c.Links); err != nil {
		return old, e, err
	}
	if err = c.Match.CheckMatch(old.Version); err != nil {
		return old, e, err
	}
	e, err = c.Edit(old)
	return old, e, err
}

func (v view) readUser(ctx context.Context, tx pgx.Tx, t *schema.Type, id uuid.UUID, links bool) (u directory.Resource, err error) {
	query, sql := queryFunc(v.lookUps.query), selectUser
	if tx != nil {
		query = through(tx)
	}
	switch {
	case tx != nil && links:
		sql = lockUserAndGroups
	case tx != nil:
		sql = lockUser
	case links:
		sql = selectUserAndGroups
	}
	read := func(raw [][]byte) {
		u.Record = readRecord(raw)
		u.PasswordHash = string(raw[5])
		if links {
			u.Links = readLinks(raw[6])
		}
	}
	if err := query(ctx, one(read), sql, v.org, uid(id)); err != nil {
		return u, err
	}
	u.Document, err = t.Load(u.Doc)
	return u, err
}

// updateUser and updateUserAndKeys store a new state of the version that was
// read; the second also what changes in keys and counts. What they answer goes after
// them: there is a row if the state was stored.
const (
	updateUser = `
with changed as (
  update users u
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
  where  u.org_id = $1 and u.id = $2 and u.version = $3
  returning u.id
), moved as (
  update modifications t
  set    modified_at = $4
  where  t.org_id = $1 and t.kind = 1 and t.modified_at = $17 and t.id = (select id from changed)
)`

	updateUserAndKeys = updateUser + `, dropped as (
  delete from user_keys k
  using  changed, unnest($18::smallint[], $19::text[]) as old (kind, key)
  where  k.org_id = $1 and k.kind = old.kind and k.key = old.key and k.user_id = changed.id
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select $1, new.kind, new.key, changed.id
  from   changed, unnest($20::smallint[], $21::text[]) as new (kind, key)
  on conflict do nothing
), counted as (
  insert into count_changes (org_id, kind, id, n)
  select $1, c.kind, c.id, c.n
  from   changed, unnest($22::smallint[], $23::uuid[], $24::integer[]) as c (kind, id, n)
)`

	answerNothing = `
select null::text[] from changed`
	answerGroups = `
select ` + groupsOfUser + ` from changed`

	updateUserAndReturn  = updateUser + answerNothing
	updateUserWithGroups = updateUser + answerGroups
	updateKeysAndReturn  = updateUserAndKeys + answerNothing
	updateKeysWithGroups = updateUserAndKeys + answerGroups
)

// errOutrun says that the resource has changed since it was read.
var errOutrun = errors.New("another writer was faster")

func (v view) storeUser(ctx context.Context, t *schema.Type, old directory.Resource, e directory.Edit, links bool) (r directory.Record, err error) {
	err = v.referring(ctx, e.References, func(query queryFunc) error {
		r, err = v.writeUser(ctx, query, t, old, e, links)
		return err
	})
	return v.remembered(r, err)
}

// writeUser stores an edit. The answer has the links when they are wanted.
func (v view) writeUser(ctx context.Context, query queryFunc, t *schema.Type, old directory.Resource, e directory.Edit, links bool) (directory.Record, error) {
	u, err := v.userUpdate(t, old, e)
	if err != nil {
		return u.record, err
	}
	err = query(ctx, one(func(raw [][]byte) {
		if raw[0] != nil {
			u.record.Links = readLinks(raw[0])
		}
	}), u.sql(links && old.Links == nil), u.args...)
	switch {
	case isNotFound(err):
		return u.record, errOutrun
	case err != nil:
		return u.record, explain(err, e.Doc)
	}
	v.told.user(t, old, e, u.record.Version)
	return u.record, nil
}

// userUpdate is what stores an edit, and the state that it leads to.
type userUpdate struct {
	record directory.Record
	keys   bool // more than the row changes
	args   []any
}

func (u userUpdate) sql(links bool) string {
	switch {
	case u.keys && links:
		return updateKeysWithGroups
	case u.keys:
		return updateKeysAndReturn
	case links:
		return updateUserWithGroups
	default:
		return updateUserAndReturn
	}
}

func (v view) userUpdate(t *schema.Type, old directory.Resource, e directory.Edit) (u userUpdate, err error) {
	doc := e.Doc
	if doc == nil {
		doc = old.Document
	}
	r := old.Record
	r.Version, r.Modified, r.Doc = old.Version+1, v.clock.since(old.Modified), t.Encode(doc)
	found, err := newRow(t, doc)
	u.record, u.args = r, append(make([]any, 0, 24), v.org, uid(old.ID), int64(old.Version), r.Modified, e.PasswordHash, r.Doc, found.folded)
	u.args = append(append(u.args, found.columns...), old.Modified)
	gone, added := changedKeys(tableOf(t).keysOf(old.Document), found.keys)
	counts := activation(schema.Active.Get(old.Document) == true, schema.Active.Get(doc) == true)
	if u.keys = len(gone)+len(added)+len(counts) > 0; u.keys {
		u.args = appendCounts(appendKeys(appendKeys(u.args, gone), added), counts)
	}
	return u, err
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

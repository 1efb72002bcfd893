package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// insertUser stores a user, unless a deleted one had the name: then it stores
// nothing, because the document must carry that user's id. reviveUser stores a user
// under the id of the last one who was deleted. What was stored is answered.
//
// Neither stores anything while it sees a user of the name: who is being deleted
// would be gone when the insertion has waited, and is not yet among the deleted users
// that the statement sees. So it waits for that user, and tells what has become of it.
const (
	insertUser = `
with ` + seenUser + createdUser + `$2::uuid, 1, $3::timestamptz, ` + newValues + `
  where  not (select it from seen)
  and    not exists (select from deleted_users d where d.org_id = $1 and d.user_name_key = $10)` + besideUser

	reviveUser = `
with ` + seenUser + `deleted as (
  delete from deleted_users
  where  org_id = $1 and user_name_key = $10 and id = $2 and not (select it from seen)
  and    id = (` + deletedUser + `$10` + lastFirst + `)
  returning id, version, created_at
), ` + createdUser + `id, version + 1, created_at, ` + newValues + `
  from   deleted` + besideUser

	seenUser = `seen as materialized (
  select exists (select from users s where s.org_id = $1 and s.user_name_key = $10) as it
), named as materialized (
  select u.id
  from   users u
  where  u.org_id = $1 and u.user_name_key = $10
  for    key share of u
), `
	createdUser = `created as (
  insert into users (org_id, id, version, created_at, modified_at, password_hash, doc, folded,
                     active, user_name_key, display_name, display_name_key, external_id,
                     employee_number_key, department_key, division_key, manager_id)
  select $1, `
	newValues = `$3::timestamptz, nullif($4, ''), $5::text, $6::jsonb,
         $9::boolean, $10, $11::text, $12::text, $13::text, $14::text, $15::text, $16::text, $17::text`
	besideUser = `
  returning id, active, version, created_at
), modified as (
  insert into modifications (org_id, kind, modified_at, id)
  select $1, 1, $3::timestamptz, created.id
  from   created
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select $1, k.kind, k.key, created.id
  from   created, unnest($7::smallint[], $8::text[]) as k (kind, key)
), counted as (
  insert into count_changes (org_id, kind, id, n)
  select $1, case when active then 1 else 2 end, $18::uuid, 1
  from   created
)
select c.version, c.created_at, seen.it, case when seen.it then exists (select from named) else false end
from   seen
left   join created c on true`

	selectDeletedUser = `
select d.id, d.deleted_at` + ofDeleted + `$2` + lastFirst

	deletedUser = `
select d.id` + ofDeleted
	ofDeleted = `
from   deleted_users d
where  d.org_id = $1 and d.user_name_key = `
	lastFirst = `
order  by d.deleted_at desc, d.id desc
limit  1`
)

// CreateUser implements directory.View.
func (v view) CreateUser(ctx context.Context, t *schema.Type, e directory.Edit) (r directory.Record, err error) {
	if v, err = v.recording(ctx); err != nil {
		return r, err
	}
	err = retry(ctx, func() error {
		return v.referring(ctx, e.References, func(query queryFunc) error {
			r, err = v.createUser(ctx, query, t, e)
			return err
		})
	})
	r, err = v.remembered(r, err)
	return r, wrap("create user", err)
}

func (v view) createUser(ctx context.Context, query queryFunc, t *schema.Type, e directory.Edit) (directory.Record, error) {
	doc, password := e.Doc, e.PasswordHash
	found, err := newRow(t, doc)
	if err != nil {
		return directory.Record{}, err
	}
	id, err := uuid.Parse(schema.ID.Text(doc))
	if err != nil {
		return directory.Record{}, fmt.Errorf("read id of new user: %w", err)
	}
	r := directory.Record{ID: id, Modified: v.clock.madeAt(id), Doc: t.Encode(doc)}
	for {
		err := v.insertUser(ctx, query, insertUser, t, &r, doc, found, password)
		switch {
		case errors.Is(err, errOutrun):
			continue
		case !isNotFound(err):
			return r, explain(err, doc)
		case e.New:
			return r, directory.ErrDeleted
		}
		revived, err := v.reviveUser(ctx, query, t, e)
		// Not found: another request revived it, or a newer one of the name is
		// deleted. Trying again tells.
		if !isNotFound(err) && !errors.Is(err, errOutrun) {
			return revived, explain(err, doc)
		}
	}
}

// reviveUser stores a user under the id of the last one of the name who was deleted.
func (v view) reviveUser(ctx context.Context, query queryFunc, t *schema.Type, e directory.Edit) (directory.Record, error) {
	var id uuid.UUID
	var deleted time.Time
	name := schema.UserName.Fold(schema.UserName.Text(e.Doc))
	if err := query(ctx, one(func(raw [][]byte) { id, deleted = readID(raw[0]), readTime(raw[1]) }), selectDeletedUser, v.org, name); err != nil {
		return directory.Record{}, err
	}
	doc := maps.Clone(e.Doc)
	schema.ID.Set(doc, id.String())
	if e.DefaultRoles {
		schema.Roles.Clear(doc)
	}
	r := directory.Record{ID: id, Modified: v.clock.since(deleted), Doc: t.Encode(doc)}
	err := v.insertUser(ctx, query, reviveUser, t, &r, doc, rowOf(t, doc), e.PasswordHash)
	return r, err
}

// insertUser stores a user by one of the statements above and completes its record. The
// error is errOutrun when a user of the name was seen and is gone, or has another name.
func (v view) insertUser(ctx context.Context, query queryFunc, sql string, t *schema.Type, r *directory.Record, doc scim.Document, found row, password string) error {
	var created, seen, taken bool
	read := func(raw [][]byte) {
		if created, seen, taken = raw[0] != nil, raw[2][0] != 0, raw[3][0] != 0; created {
			r.Version, r.Created = scim.Version(readInt(raw[0])), readTime(raw[1])
		}
	}
	err := query(ctx, one(read), sql, v.newUser(*r, found, password)...)
	switch {
	case err != nil:
		return err
	case taken:
		return nameTaken(doc)
	case seen:
		return errOutrun
	case !created:
		return directory.ErrNotFound
	}
	v.told.add(events.Change{Kind: events.Created, Type: t, ID: r.ID, Version: r.Version, New: doc, Password: password != ""})
	return nil
}

// newUser gives the arguments of insertUser and reviveUser.
func (v view) newUser(r directory.Record, found row, password string) []any {
	args := append(make([]any, 0, 18), v.org, uid(r.ID), r.Modified, password, r.Doc, found.folded)
	args = append(appendKeys(args, found.keys), found.columns...)
	return append(args, newID())
}

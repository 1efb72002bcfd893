// Package users changes users: it creates, updates, deletes, restores and erases them.
//
// Memberships are left to package groups, except those of a user who is deleted; what is
// told of a change to package writes.
package users

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Users changes the users of an organisation.
type Users struct {
	writes.Hand
	recent records.Recent
}

// New caches the users that it changes in recent.
func New(h writes.Hand, recent records.Recent) Users { return Users{h, recent} }

// insertUser stores a user, unless another has the name, or a deleted one had it: then it
// stores nothing, because the name is taken, or the document must carry that user's id.
// insertUsers does it for several that come at once. reviveUser stores a user under the id of
// the last one who was deleted. They answer what was stored.
//
// Each waits for a user of the name who is being deleted, and who is not yet among the
// deleted users that it sees: noLaterDeletion, behind it, finds out.
var (
	insertUser  = writes.NewTelling(writes.UserOutbox, insertUserText, slices.Concat(oneNew, []db.Part{userRow, userValues, besideUser})...)
	insertUsers = writes.NewSeveral(writes.UserOutbox, insertUserText, slices.Concat(severalNew, []db.Part{userRow, userValues, besideUser})...)

	reviveUser = writes.NewTelling(writes.UserOutbox, `
with deleted as (
  delete from deleted_users
  where  org_id = @org and user_name_key = @user_name_key and id = @id
  and    id = (select d.id from deleted_users d where d.org_id = @org and d.user_name_key = @user_name_key[last])
  returning id, version, created_at
)[revived]`, slices.Concat(oneNew[3:], []db.Part{lastDeleted, userRow, userValues, besideUser, revived})...)

	// restoreUser is reviveUser for a deleted user of whatever name who is asked for.
	restoreUser = writes.NewTelling(writes.UserOutbox, `
with deleted as (
  delete from deleted_users
  where  org_id = @org and id = @id
  returning id, version, created_at
)[revived]`, slices.Concat(oneNew[3:], []db.Part{userRow, userValues, besideUser, revived})...)

	// noLaterDeletion fails when a user of the name was deleted, after the one whose id is reused,
	// while the statement before it waited or ran: that one should have come back. As the name
	// is held now, what is seen of it stays.
	noLaterDeletion = db.New(`
select 1 / case when exists (
  select from unnest(@names::text[], @deleted::timestamptz[], @last::uuid[], @ids::uuid[]) as made (name, deleted, last, id)
  where  exists (
    select from deleted_users d
    where  d.org_id = @org and d.user_name_key = made.name and (d.deleted_at, d.id) > (made.deleted, made.last)
    ` + db.OneByOne + `)
  and    exists (select from users u where u.org_id = @org and u.id = made.id ` + db.OneByOne + `)
) then 0 else 1 end`)

	selectDeletedUser = db.New(`
select d.id, d.deleted_at
from   deleted_users d
where  d.org_id = @org and d.user_name_key = @user_name_key[last]`, lastDeleted)

	// selectNamesake tells whether a user has the name, and who was deleted last of those
	// who had it.
	selectNamesake = db.New(`
select coalesce((
         select r.user_name_key = @user_name_key
         from   users r
         where  r.org_id = @org and r.user_name_key >= @user_name_key `+db.FirstByName+`), false),
       d.id,
       d.deleted_at
from   (values (1)) as one
left   join lateral (
  select d.id, d.deleted_at
  from   deleted_users d
  where  d.org_id = @org and d.user_name_key = @user_name_key[last]
) d on true`, lastDeleted)
)

const insertUserText = `
with changed as (
  insert into users (org_id, id, version, created_at, [row])
  select @org, @id::uuid, 1, @at::timestamptz, [values][each]
  where  not exists (select from deleted_users d where d.org_id = @org and d.user_name_key = @user_name_key::text ` + db.OneByOne + `)[any]
  on conflict (org_id, user_name_key) do nothing
  returning id, version, created_at, active[n]
)[beside]`

// What the statements share.
var (
	userRow    = db.Part{Name: "row", SQL: "modified_at, password_hash, doc, folded, " + search.Users.Listed().SQL}
	userValues = db.Part{Name: "values", SQL: "@at::timestamptz, nullif(@password::text, ''), @doc::text, @folded::jsonb, " + search.Users.Given().SQL}

	besideUser = db.Part{Name: "beside", SQL: `, modified as (
  insert into modifications (org_id, kind, modified_at, id)
  select @org, 1, @at::timestamptz, changed.id
  from   changed
), keyed as (
  insert into user_keys (org_id, kind, key, user_id)
  select @org, k.kind, k.key, changed.id
  from   changed, unnest(@kinds::smallint[], @keys::text[]) as k (kind, key)[real]
), counted as (
  insert into count_changes (org_id, kind, id, n, resource_id)
  select @org, case when active then 1 else 2 end, @count_id::uuid, 1, changed.id
  from   changed
)[outbox]
select c.version, c.created_at[number]
from   changed c`}

	revived = db.Part{Name: "revived", SQL: `, changed as (
  insert into users (org_id, id, version, created_at, [row])
  select @org, id, version + 1, created_at, [values]
  from   deleted
  returning id, version, created_at, active
)[beside]`}

	// oneNew are the parts of a statement for one user, the first three of insertUserText alone.
	oneNew = []db.Part{db.Empty("each"), db.Empty("any"), db.Empty("n"), db.Empty("real"), db.Empty("number")}

	// severalNew are those for several: their keys are padded with nulls.
	severalNew = []db.Part{
		{Name: "each", SQL: `
  from   ` + db.Several},
		{Name: "any", SQL: ` and e.id ` + db.AnyID},
		{Name: "n", SQL: `, array_position(@id::uuid[][], id)::bigint as n`},
		{Name: "real", SQL: `
  where  k.key is not null`},
		{Name: "number", SQL: `, c.n`},
	}

	lastDeleted = db.Part{Name: "last", SQL: `
order  by d.deleted_at desc, d.id desc
limit  1`}
)

// newUser is the statement for one user or several.
var newUser = insertUser.Or(insertUsers)

// CreateUser implements directory.View.
func (v Users) CreateUser(ctx context.Context, t *schema.Type, e directory.Edit) (r directory.Record, err error) {
	err = v.Write(ctx, "create user", func(w *writes.Write) error {
		r, err = v.remembered(ctx, w, r, w.Referring(ctx, e, nil, func(w *writes.Write, e directory.Edit) error {
			r, err = v.Create(ctx, w, t, e)
			return err
		}))
		return err
	})
	return r, err
}

// Create is CreateUser within a write that holds what the user refers to.
func (v Users) Create(ctx context.Context, w *writes.Write, t *schema.Type, e directory.Edit) (directory.Record, error) {
	stored, err := search.NewRow(t, e.Doc)
	if err != nil {
		return directory.Record{}, err
	}
	id, err := uuid.Parse(schema.ID.Text(e.Doc))
	if err != nil {
		return directory.Record{}, fmt.Errorf("read id of new user: %w", err)
	}
	r := directory.Record{ID: id, Modified: w.Clock.MadeAt(id), Doc: t.Encode(e.Doc)}
	for {
		err := v.insertUser(ctx, w, newUser, v.checkDeletions(r, deletion{}, e), t, &r, e, stored)
		if !errors.Is(err, directory.ErrNotFound) {
			return r, uniqueness(err, e.Doc)
		}
		taken, last, err := v.namesake(ctx, w, e)
		switch {
		case err != nil:
			return r, err
		case taken:
			return r, nameTaken(e.Doc)
		case last.id == uuid.Nil:
			continue // who had the name is gone
		case e.New:
			return r, directory.ErrDeleted
		}
		revived, err := v.reviveUser(ctx, w, t, e, last)
		if !errors.Is(err, directory.ErrNotFound) { // else another request has revived them, or a newer one is deleted
			return revived, uniqueness(err, e.Doc)
		}
	}
}

// namesake tells whether a user has the name of e, and who was deleted last of those who
// had it.
func (v Users) namesake(ctx context.Context, w *writes.Write, e directory.Edit) (taken bool, last deletion, err error) {
	err = w.Ask(ctx, selectNamesake, func(raw [][]byte) {
		if taken = raw[0][0] != 0; raw[1] != nil {
			last = deletion{db.ReadID(raw[1]), db.ReadTime(raw[2])}
		}
	}, db.Named("user_name_key", nameKey(e.Doc)))
	return taken, last, err
}

// nameKey is the folded name of a user.
func nameKey(doc scim.Document) string { return schema.UserName.Fold(schema.UserName.Text(doc)) }

// reviveUser stores a user under the id of the last one of the name who was deleted.
func (v Users) reviveUser(ctx context.Context, w *writes.Write, t *schema.Type, e directory.Edit, last deletion) (directory.Record, error) {
	e.Doc = maps.Clone(e.Doc)
	schema.ID.Set(e.Doc, last.id.String())
	if e.DefaultRoles {
		schema.Roles.Clear(e.Doc)
	}
	r := directory.Record{ID: last.id, Modified: w.Clock.Since(last.at), Doc: t.Encode(e.Doc)}
	err := v.insertUser(ctx, w, reviveUser, v.checkDeletions(r, last, e), t, &r, e, search.RowOf(t, e.Doc))
	return r, err
}

// deletion is of the user whose id is reused; zero is none.
type deletion struct {
	id uuid.UUID
	at time.Time
}

// creation is of a user, by name and id, whose name was last that of a deleted user.
type creation struct {
	name string
	id   uuid.UUID
	last deletion
}

// checkDeletions checks that no user of the name was deleted after last.
func (v Users) checkDeletions(r directory.Record, last deletion, e directory.Edit) pool.Check {
	name := nameKey(e.Doc)
	return pool.Check{SQL: noLaterDeletion.String(), Of: creation{name, r.ID, last}, Args: func(all []any) []any {
		names, deleted, lasts, ids := make([]string, len(all)), make([]time.Time, len(all)), make(db.IDs, len(all)), make(db.IDs, len(all))
		for i, one := range all {
			c := one.(creation)
			names[i], deleted[i], lasts[i], ids[i] = c.name, c.last.at, c.last.id, c.id
		}
		return noLaterDeletion.Args(v.Org, db.Named("names", names), db.Named("deleted", deleted), db.Named("last", lasts), db.Named("ids", ids))
	}}
}

// insertUser stores a user by one of the statements above, with a check behind it, and
// completes its record. The error is directory.ErrNotFound when nothing was stored.
func (v Users) insertUser(ctx context.Context, w *writes.Write, s writes.Statement, then pool.Check, t *schema.Type, r *directory.Record, e directory.Edit, stored search.Row) error {
	read := func(raw [][]byte) { r.Version, r.Created = scim.Version(db.ReadInt(raw[0])), db.ReadTime(raw[1]) }
	c := writes.OfUser(events.Created, t, directory.Resource{Record: *r}, e).Storing(r.Doc, s.String() != insertUser.String())
	kinds, keys := search.ArraysOf(stored.Keys)
	args := append(make([]db.Arg, 0, db.MaxArguments), db.Named("id", db.ID(r.ID)), db.Named("at", r.Modified),
		db.Named("password", e.PasswordHash), db.Named("doc", r.Doc), db.Named("folded", stored.Folded))
	args = append(search.Users.Arguments(args, stored.Columns), db.Named("kinds", kinds), db.Named("keys", keys), db.Named("count_id", db.NewID()))
	return w.StoreChecked(ctx, s, then, c, read, args...)
}

// uniqueness turns the violation of a unique name into the error that the client is
// told; doc is the document that could not be stored.
func uniqueness(err error, doc scim.Document) error {
	switch {
	case pgerr.Violates(err, pgerr.UniqueViolation, "users_name"):
		return nameTaken(doc).Because(err)
	case pgerr.Violates(err, pgerr.UniqueViolation, "users_pkey"):
		return scim.Uniqueness("%s: %q is the id of another resource", schema.ID, schema.ID.Text(doc)).Because(err)
	default:
		return err
	}
}

// nameTaken says that another user has the name.
func nameTaken(doc scim.Document) *scim.Error {
	return scim.Uniqueness("%s: %q is taken by another user of the organisation; names are compared without regard to case",
		schema.UserName, schema.UserName.Text(doc))
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// insertGroup stores a group with its members, all or nothing: when one of them
// is not a user it stores nothing and gives those that are. Else it gives the members,
// if an answer lists so many.
const insertGroup = `
with known as materialized (
  select u.id, u.display_name
  from   users u
  where  u.org_id = $1 and u.id = any($14::uuid[])
), created as (
  insert into groups (org_id, id, version, created_at, modified_at, description, type, visibility,
                      rules_visible, doc, folded, display_name, display_name_key, external_id, member_count)
  select $1, $2::uuid, 1, $3::timestamptz, $3::timestamptz, $4::text, $5::text, $6::text,
         $7::boolean, $8::text, $9::jsonb, $10::text, $11::text, $12::text, $15::bigint
  where  (select count(*) from known) = $15::bigint
  returning id
), modified as (
  insert into modifications (org_id, kind, modified_at, id)
  select $1, 2, $3::timestamptz, created.id
  from   created
), joined as (
  insert into group_members (org_id, group_id, user_id)
  select $1, created.id, known.id
  from   created, known
), counted as (
  insert into count_changes (org_id, kind, id, n)
  select $1, 3, $13::uuid, 1
  from   created
)
select exists (select from created),
       case when $15::bigint <= 1000 or not exists (select from created)
       then array(select known.id::text || known.display_name from known order by known.id) end`

// CreateGroup implements directory.View.
func (v view) CreateGroup(ctx context.Context, t *schema.Type, g directory.Group, e directory.Edit) (directory.Record, error) {
	id, err := uuid.Parse(schema.ID.Text(e.Doc))
	if err != nil {
		return directory.Record{}, fmt.Errorf("read id of new group: %w", err)
	}
	r := directory.Record{ID: id, Version: 1, Created: v.clock.madeAt(id), Doc: t.Encode(e.Doc)}
	r.Modified = r.Created
	found, err := newRow(t, e.Doc)
	if err != nil {
		return directory.Record{}, wrap("create group", err)
	}
	var members []uuid.UUID
	if e.Members != nil {
		members = e.Members.Add
	}
	if v, err = v.recording(ctx); err != nil {
		return r, err
	}
	args := append(make([]any, 0, 15), v.org, uid(id), r.Created,
		g.Description, g.Type, g.Visibility, g.RulesVisible, r.Doc, found.folded)
	args = append(append(args, found.columns...), newID())
	err = retry(ctx, func() error {
		return v.referring(ctx, e.References, func(query queryFunc) error {
			v.told.created(t, r, e.Doc, members)
			r.Links, err = v.insertGroup(ctx, query, args, members)
			return err
		})
	})
	if r.MemberCount = len(members); r.HasMore() {
		r.MemberIDs = members
	}
	return r, wrap("create group", explain(err, e.Doc))
}

func (v view) insertGroup(ctx context.Context, query queryFunc, args []any, members []uuid.UUID) (links []directory.Link, err error) {
	created := false
	err = query(ctx, one(func(raw [][]byte) {
		if created, links = raw[0][0] != 0, nil; raw[1] != nil {
			links = readLinks(raw[1])
		}
	}), insertGroup, append(slices.Clip(args), uids(members), len(members))...)
	if err != nil || created {
		return links, err
	}
	known := make(map[uuid.UUID]bool, len(links))
	for _, l := range links {
		known[l.ID] = true
	}
	return nil, unknownMembers(members, known)
}

// lockGroup makes other changes of the group and of its members wait. It lets
// readers through, and the foreign keys of the members that it adds itself.
const lockGroup = getGroup + `
for    no key update of g`

// updateGroup edits a group. An edit that looks at the members may take long, and is made
// without a lock as long as no other writer is faster.
func (v view) updateGroup(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	for try := 0; c.Links && try < optimisticTries; try++ {
		if r, err = v.updateReadGroup(ctx, t, id, c); !errors.Is(err, errOutrun) {
			return r, err
		}
	}
	return v.updateLockedGroup(ctx, t, id, c)
}

// updateReadGroup edits a group and its members as they are read, and stores the edit if
// the version is still the same. Else the error is errOutrun.
func (v view) updateReadGroup(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	old, edit, err := v.editReadGroup(ctx, t, id, c)
	if err != nil || isZero(edit) {
		return old.Record, err
	}
	var now directory.Record
	err = v.inTx(ctx, func(b *pgx.Batch) { v.queueGroup(b, id, &now) }, func(tx pgx.Tx) error {
		if now.Version != old.Version {
			return errOutrun
		}
		r, err = v.storeGroup(ctx, tx, t, old, edit, c)
		return err
	})
	return r, err
}

// editReadGroup reads the version before the members and after them: where it is the
// same, so are they. Else the error is errOutrun.
func (v view) editReadGroup(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (old directory.Resource, e directory.Edit, err error) {
	b := new(pgx.Batch)
	v.queueRead(b, getGroup, id, &old.Record)
	v.queueAllMembers(b, id, &old.Record)
	var after int
	queueTotal(b, &after, groupVersion, v.org, uid(id))
	err = v.db.SendBatch(ctx, b).Close()
	switch {
	case err != nil:
		return old, e, err
	case scim.Version(after) != old.Version:
		return old, e, errOutrun
	}
	return v.editGroup(t, old, c)
}

// updateLockedGroup edits a group under its lock, so that the members that the edit
// sees, counts and changes stay as they are meanwhile.
func (v view) updateLockedGroup(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	var old directory.Resource
	lock := func(b *pgx.Batch) {
		v.queueGroup(b, id, &old.Record)
		if c.Links {
			v.queueAllMembers(b, id, &old.Record)
		}
	}
	err = v.inTx(ctx, lock, func(tx pgx.Tx) error {
		old, edit, err := v.editGroup(t, old, c)
		if err != nil {
			return err
		}
		r, err = v.storeGroup(ctx, tx, t, old, edit, c)
		return err
	})
	return r, err
}

// editGroup computes the new state of a group that was read.
func (v view) editGroup(t *schema.Type, old directory.Resource, c directory.Change) (directory.Resource, directory.Edit, error) {
	err := c.Match.CheckMatch(old.Version)
	if err != nil {
		return old, directory.Edit{}, err
	}
	if old.Document, err = t.Load(old.Doc); err != nil {
		return old, directory.Edit{}, err
	}
	e, err := c.Edit(old)
	return old, e, err
}

// queueGroup locks the group and reads it.
func (v view) queueGroup(b *pgx.Batch, id uuid.UUID, r *directory.Record) {
	v.queueRead(b, lockGroup, id, r)
}

func (v view) queueRead(b *pgx.Batch, sql string, id uuid.UUID, r *directory.Record) {
	b.Queue(sql, v.org, uid(id)).Query(func(rows pgx.Rows) error {
		return readOne(rows, func(raw [][]byte) { *r = readGroup(raw) })
	})
}

// queueAllMembers reads all members of a group that has been read before them.
func (v view) queueAllMembers(b *pgx.Batch, id uuid.UUID, r *directory.Record) {
	b.Queue(getMembers, v.org, uid(id)).Query(func(rows pgx.Rows) (err error) {
		r.Links, err = readMemberLinks(rows, r.MemberCount)
		return err
	})
}

// updateGroup stores a new document. The version is given, because a change of
// the members in the same transaction has raised it already.
const updateGroup = `
with ` + moveGroup + `
update groups
set    version          = $3,
       modified_at      = $4,
       doc              = $5,
       folded           = $6,
       display_name     = $7,
       display_name_key = $8,
       external_id      = $9
where  org_id = $1 and id = $2`

// storeGroup stores the edit of a group that is locked, and reads what the answer holds
// beside: nobody changes the group before the commit.
func (v view) storeGroup(ctx context.Context, tx pgx.Tx, t *schema.Type, old directory.Resource, e directory.Edit, c directory.Change) (r directory.Record, err error) {
	r = old.Record
	if err := v.lockReferences(ctx, tx, e.References); err != nil {
		return r, err
	}
	var moved *events.MemberChange
	if e.Members != nil {
		if r, moved, err = v.editMembers(ctx, tx, old, *e.Members); err != nil {
			return r, err
		}
	}
	b := new(pgx.Batch)
	if e.Doc != nil {
		r.Version = old.Version + 1
		args, err := v.groupUpdate(t, &r, e.Doc)
		if err != nil {
			return r, err
		}
		b.Queue(updateGroup, args...)
	}
	v.told.group(t, old, r.Version, e.Doc, moved)
	if c.Answer && r.Links == nil {
		v.queueAnswer(b, &r, c.Put)
	}
	if b.Len() == 0 {
		return r, nil
	}
	return r, explain(tx.SendBatch(ctx, b).Close(), e.Doc)
}

// groupUpdate gives the arguments of updateGroup, and the record its new state.
func (v view) groupUpdate(t *schema.Type, r *directory.Record, doc scim.Document) ([]any, error) {
	before := r.Modified
	r.Modified, r.Doc = v.clock.since(before), t.Encode(doc)
	found, err := newRow(t, doc)
	args := append(make([]any, 0, 10), v.org, uid(r.ID), int64(r.Version), r.Modified, r.Doc, found.folded)
	return append(append(args, found.columns...), before), err
}

// editMembers changes the members of a group that is locked. The answer holds
// the new members if the old ones were asked for, as ChangeMembers does; moved
// tells of them when changes are to be told.
func (v view) editMembers(ctx context.Context, tx pgx.Tx, old directory.Resource, wanted directory.MemberChange) (r directory.Record, moved *events.MemberChange, err error) {
	wanted.Links = wanted.Links || old.Links != nil
	m, err := v.difference(ctx, tx, old.ID, wanted)
	if err != nil {
		return old.Record, nil, err
	}
	if v.told != nil {
		moved = &events.MemberChange{Added: m.Add, Removed: m.Remove, Replaced: wanted.Replace, All: wanted.Add}
	}
	if len(m.Add)+len(m.Remove) > 0 {
		r, err = v.applyMembers(ctx, tx, old.ID, m)
		return r, moved, err
	}
	r = old.Record
	if m.Links && r.Links == nil {
		b := new(pgx.Batch)
		v.queueFewMembers(b, r.ID, &r)
		err = tx.SendBatch(ctx, b).Close()
	}
	return r, moved, err
}

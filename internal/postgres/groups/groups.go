// Package groups changes groups and their members: at once, merged with other changes of the
// same group, or under its lock. It also reads the members that an answer needs.
//
// What is told of a change, and the brakes, are left to package writes; lists and single
// groups to the packages that read.
package groups

import (
	"context"
	"errors"
	"fmt"

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

// Groups changes the groups of an organisation and their members.
type Groups struct {
	writes.Hand
	queues *Queues
}

// New makes changes of one group in the turn of the queues.
func New(h writes.Hand, queues *Queues) Groups { return Groups{h, queues} }

// insertGroup stores a group with its members, all or nothing: when one of them
// is not a user it stores nothing and gives those that are. Else it gives the members,
// if an answer lists so many.
var insertGroup = writes.NewStatement(`
with known as materialized (
  select u.id, u.display_name
  from   users u
  where  u.org_id = @org and u.id = any(@members::uuid[])
), changed as (
  insert into groups (org_id, id, version, created_at, modified_at, description, type, visibility,
                      rules_visible, doc, folded, member_count, [names])
  select @org, @id::uuid, @version::bigint, @at::timestamptz, @modified::timestamptz, @description::text, @type::text, @visibility::text,
         @rules_visible::boolean, @doc::text, @folded::jsonb, @count::bigint, [columns]
  where  (select count(*) from known) = @count::bigint
  returning id, version
), modified as (
  insert into modifications (org_id, kind, modified_at, id)
  select @org, 2, @modified::timestamptz, changed.id
  from   changed
), joined as (
  insert into group_members (org_id, group_id, user_id)
  select @org, changed.id, known.id
  from   changed, known
), counted as (
  insert into count_changes (org_id, kind, id, n, resource_id)
  select @org, 3, @count_id::uuid, 1, changed.id
  from   changed
)[outbox]
select (select version from changed),
       case when @count::bigint <= 1000 or not exists (select from changed)
       then array(select known.id::text || known.display_name from known order by known.id) end`,
	db.Part{Name: "names", SQL: search.Groups.Listed().SQL}, search.Groups.Given())

// CreateGroup implements directory.View.
func (v Groups) CreateGroup(ctx context.Context, t *schema.Type, g directory.Group, e directory.Edit) (directory.Record, error) {
	id, err := uuid.Parse(schema.ID.Text(e.Doc))
	if err != nil {
		return directory.Record{}, fmt.Errorf("read id of new group: %w", err)
	}
	r := directory.Record{ID: id, Version: e.Last + 1, Created: v.Clock.MadeAt(id), Doc: t.Encode(e.Doc)}
	if r.Modified = r.Created; e.Last != 0 {
		r.Modified = v.Clock.Since(r.Created)
	}
	var members []uuid.UUID
	if e.Members != nil {
		members = e.Members.Add
	}
	err = v.Write(ctx, "create group", func(w *writes.Write) error {
		stored, err := search.NewRow(t, e.Doc)
		if err != nil {
			return err
		}
		return w.Referring(ctx, e, nil, func(w *writes.Write, e directory.Edit) error {
			r.Links, err = v.insertGroup(ctx, w, t, r, g, e.Doc, stored, members)
			return uniqueness(err, e.Doc)
		})
	})
	if r.MemberCount = len(members); r.MembersOmitted() {
		r.MemberIDs = members
	}
	return r, err
}

func (v Groups) insertGroup(ctx context.Context, w *writes.Write, t *schema.Type, r directory.Record, g directory.Group, doc scim.Document, stored search.Row, members []uuid.UUID) (links []directory.Link, err error) {
	created := false
	read := func(raw [][]byte) {
		if created, links = raw[0] != nil, nil; raw[1] != nil {
			links = records.ReadLinks(raw[1])
		}
	}
	c := writes.OfGroup(events.Created, t, directory.Resource{Record: directory.Record{ID: r.ID}}, doc).
		Storing(r.Doc, r.Version > 1).Besides(writes.GroupChanges(directory.PlainGroup, g)).
		Moving(events.MemberChange{Added: members, Replaced: len(members) > 0, All: members})
	args := append(make([]db.Arg, 0, db.MaxArguments), db.Named("members", db.IDs(members)), db.Named("id", db.ID(r.ID)), db.Named("version", int64(r.Version)),
		db.Named("at", r.Created), db.Named("modified", r.Modified),
		db.Named("description", g.Description), db.Named("type", g.Type), db.Named("visibility", g.Visibility), db.Named("rules_visible", g.RulesVisible),
		db.Named("doc", r.Doc), db.Named("folded", stored.Folded), db.Named("count", len(members)))
	args = append(search.Groups.Arguments(args, stored.Columns), db.Named("count_id", db.NewID()))
	if err := w.Store(ctx, insertGroup, c, read, args...); err != nil || created {
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
var lockGroup = db.New(records.SelectGroup + `
for    no key update of g`)

// UpdateGroup changes a group, as directory.View has it.
func (v Groups) UpdateGroup(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	err = v.Write(ctx, "update "+t.Name, func(w *writes.Write) error {
		r, err = v.updateGroup(ctx, w, t, id, c)
		return err
	})
	return r, err
}

// updateGroup edits a group. An edit that looks at the members may take long, and is made
// without a lock as long as no other writer is faster.
func (v Groups) updateGroup(ctx context.Context, w *writes.Write, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	for try := 0; c.Links && try < writes.OptimisticTries; try++ {
		if r, err = v.updateReadGroup(ctx, w, t, id, c); !errors.Is(err, writes.ErrVersionConflict) {
			return r, err
		}
	}
	return v.updateLockedGroup(ctx, w, t, id, c)
}

// updateReadGroup edits a group and its members as they are read, and stores the edit if
// the version is still the same. Else the error is writes.ErrVersionConflict.
func (v Groups) updateReadGroup(ctx context.Context, w *writes.Write, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	old, edit, err := v.editReadGroup(ctx, t, id, c)
	if err != nil || edit.IsZero() {
		return old.Record, err
	}
	var now directory.Record
	err = w.InTx(ctx, func(b *pgx.Batch) { queueGroup(b, w.Org, id, &now) }, func(w *writes.Write, tx pgx.Tx) error {
		if now.Version != old.Version {
			return writes.ErrVersionConflict
		}
		r, err = v.storeGroup(ctx, w, tx, t, old, edit, c)
		return err
	})
	return r, err
}

// editReadGroup reads the version before the members and after them: where it is the
// same, so are they. Else the error is writes.ErrVersionConflict.
func (v Groups) editReadGroup(ctx context.Context, t *schema.Type, id uuid.UUID, c directory.Change) (old directory.Resource, e directory.Edit, err error) {
	b := new(pgx.Batch)
	queueRead(b, v.Org, records.GetGroup, id, &old.Record)
	queueAllMembers(b, v.Org, id, &old.Record)
	var after int
	db.QueueTotal(b, &after, records.GroupVersion.With(db.Org(v.Org), db.Named("id", db.ID(id))))
	err = v.DB.SendBatch(ctx, b).Close()
	switch {
	case err != nil:
		return old, e, err
	case scim.Version(after) != old.Version:
		return old, e, writes.ErrVersionConflict
	}
	return editGroup(t, old, c)
}

// updateLockedGroup edits a group under its lock, so that the members that the edit
// sees, counts and changes stay as they are meanwhile.
func (v Groups) updateLockedGroup(ctx context.Context, w *writes.Write, t *schema.Type, id uuid.UUID, c directory.Change) (r directory.Record, err error) {
	var old directory.Resource
	lock := func(b *pgx.Batch) {
		queueGroup(b, w.Org, id, &old.Record)
		if c.Links {
			queueAllMembers(b, w.Org, id, &old.Record)
		}
	}
	err = w.InTx(ctx, lock, func(w *writes.Write, tx pgx.Tx) error {
		old, edit, err := editGroup(t, old, c)
		if err != nil {
			return err
		}
		r, err = v.storeGroup(ctx, w, tx, t, old, edit, c)
		return err
	})
	return r, err
}

// editGroup computes the new state of a group that was read.
func editGroup(t *schema.Type, old directory.Resource, c directory.Change) (directory.Resource, directory.Edit, error) {
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
func queueGroup(b *pgx.Batch, org int64, id uuid.UUID, r *directory.Record) {
	queueRead(b, org, lockGroup, id, r)
}

func queueRead(b *pgx.Batch, org int64, s db.Statement, id uuid.UUID, r *directory.Record) {
	s.With(db.Org(org), db.Named("id", db.ID(id))).Queue(b).Query(func(rows pgx.Rows) error {
		return db.ReadOne(rows, func(raw [][]byte) { *r = records.ReadGroup(raw) })
	})
}

// queueAllMembers reads all members of a group that has been read before them.
func queueAllMembers(b *pgx.Batch, org int64, id uuid.UUID, r *directory.Record) {
	getMembers.With(db.Org(org), db.Named("id", db.ID(id))).Queue(b).Query(func(rows pgx.Rows) (err error) {
		r.Links, err = readMemberLinks(rows, r.MemberCount)
		return err
	})
}

// updateGroup stores the new document of a group that is locked; updateWholeGroup also
// what the group has beside. The version is given, because a change of the members in
// the same transaction has raised it already.
var (
	updateGroup      = writes.NewStatement(updateGroupText, db.Empty("beside"), search.Groups.Assigned())
	updateWholeGroup = writes.NewStatement(updateGroupText, wholeGroup, search.Groups.Assigned())

	wholeGroup = db.Part{Name: "beside", SQL: `
         description = @description, type = @type, visibility = @visibility, rules_visible = @rules_visible,`}
)

const updateGroupText = `
with changed as (
  update groups
  set    version     = @version,
         modified_at = @at,
         doc         = @doc,
         folded      = @folded,[beside]
         [columns]
  where  org_id = @org and id = @id
  returning id, version
), moved as (
  update modifications t
  set    modified_at = @at
  where  t.org_id = @org and t.kind = 2 and t.modified_at = @before and t.id = @id
)[outbox]
select changed.version
from   changed`

// storeGroup stores the edit of a locked group, and reads what else the answer holds: the lock
// keeps the group as it is until the commit.
func (v Groups) storeGroup(ctx context.Context, w *writes.Write, tx pgx.Tx, t *schema.Type, old directory.Resource, e directory.Edit, c directory.Change) (r directory.Record, err error) {
	r = old.Record
	if _, err := w.LockReferences(ctx, tx, e); err != nil {
		return r, err
	}
	change := writes.OfGroup(writes.KindOf(c.Put && e.Members != nil), t, old, e.Doc)
	if e.Members != nil {
		if r, change, err = EditMembers(ctx, w, tx, old, *e.Members, change); err != nil {
			return r, err
		}
	}
	b := new(pgx.Batch)
	if e.Doc != nil {
		r.Version = old.Version + 1
		if err := QueueUpdate(b, w, t, &r, old.Document, e, change); err != nil {
			return r, err
		}
	}
	if c.Answer && r.Links == nil {
		queueAnswer(b, w.Org, &r, c.Put)
	}
	if b.Len() == 0 {
		return r, nil
	}
	return r, uniqueness(tx.SendBatch(ctx, b).Close(), e.Doc)
}

// QueueUpdate stores the document of a group that is locked, whose record has its
// new version, and completes the record.
func QueueUpdate(b *pgx.Batch, w *writes.Write, t *schema.Type, r *directory.Record, old scim.Document, e directory.Edit, c writes.Change) error {
	args, err := groupUpdate(make([]db.Arg, 0, db.MaxArguments), w, t, r, old, e.Doc)
	if err != nil {
		return err
	}
	s := updateGroup
	if e.Group != nil {
		s, args, c = updateWholeGroup, append(args, besideGroup(e.Group.New)...), c.Besides(writes.GroupChanges(e.Group.Old, e.Group.New))
	}
	w.Queue(b, s, c, func([][]byte) {}, args...)
	return nil
}

// besideGroup are the arguments of what a group has beside its document.
func besideGroup(g directory.Group) []db.Arg {
	return []db.Arg{
		db.Named("description", g.Description), db.Named("type", g.Type),
		db.Named("visibility", g.Visibility), db.Named("rules_visible", g.RulesVisible),
	}
}

// groupUpdate adds the arguments of updateGroup, and gives the record its new state.
func groupUpdate(args []db.Arg, w *writes.Write, t *schema.Type, r *directory.Record, old, doc scim.Document) ([]db.Arg, error) {
	before := r.Modified
	r.Modified, r.Doc = w.Clock.Since(before), t.Encode(doc)
	stored, err := search.NewRow(t, doc)
	stored.Columns = stored.WithoutName(t, old)
	args = append(args, db.Named("version", int64(r.Version)), db.Named("at", r.Modified), db.Named("doc", r.Doc), db.Named("folded", stored.Folded))
	return append(search.Groups.Arguments(args, stored.Columns), db.Named("id", db.ID(r.ID)), db.Named("before", before)), err
}

// EditMembers changes the members of a group that is locked, and adds to its change
// what becomes of them. The answer holds the new members if the old ones were asked for,
// as ChangeMembers does.
func EditMembers(ctx context.Context, w *writes.Write, tx pgx.Tx, old directory.Resource, wanted directory.MemberChange, c writes.Change) (directory.Record, writes.Change, error) {
	wanted.Links = wanted.Links || old.Links != nil
	m, err := difference(ctx, w, tx, old.ID, wanted)
	if err != nil {
		return old.Record, c, err
	}
	c = c.Moving(events.MemberChange{Added: m.Add, Removed: m.Remove, Replaced: wanted.Replace, All: wanted.Add})
	if len(m.Add)+len(m.Remove) > 0 {
		told := c
		if c.HasDocument() {
			told = writes.Change{} // the statement that stores the document completes it
		}
		r, err := applyMembers(ctx, w, old.ID, m, told)
		return r, c, err
	}
	r := old.Record
	if m.Links && r.Links == nil {
		b := new(pgx.Batch)
		queueFewMembers(b, w.Org, r.ID, &r)
		err = tx.SendBatch(ctx, b).Close()
	}
	return r, c, err
}

// uniqueness turns the violation of a unique name into the error that the client is
// told; doc is the document that could not be stored.
func uniqueness(err error, doc scim.Document) error {
	switch {
	case pgerr.Violates(err, pgerr.UniqueViolation, "groups_name"):
		return scim.Uniqueness("%s: %q is the name of another group of the organisation; names are compared without regard to case",
			schema.GroupName, schema.GroupName.Text(doc)).Because(err)
	case pgerr.Violates(err, pgerr.UniqueViolation, "groups_pkey"):
		return scim.Uniqueness("%s: %q is the id of another resource", schema.ID, schema.ID.Text(doc)).Because(err)
	default:
		return err
	}
}

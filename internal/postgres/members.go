package postgres

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// changeMembers adds and removes members without reading them, all or nothing:
// when an id to add is not a user, nothing changes and the ids that are users
// come back. Locking the group first makes changes of one group follow each
// other. But what the statement sees of the members is from before it waited for
// that lock: a member who was added meanwhile is not there to be removed. So it
// changes nothing when the group has moved on, and says so.
const (
	changeMembers = `
with ` + beginChange + `1` + endChange + fromChange

	beginChange = `target as materialized (
  select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count, ` + sameVersion + ` as same
  from   groups g
  where  g.org_id = $1 and g.id = $2
  for    no key update of g
), known as materialized (
  select u.id
  from   users u
  where  u.org_id = $1 and u.id = any($3::uuid[])
), allowed as materialized (
  select id
  from   target
  where  (select count(*) from known) = $5::bigint and same
), added as (
  insert into group_members (org_id, group_id, user_id)
  select $1, allowed.id, known.id
  from   allowed, known
  on conflict do nothing
  returning user_id
), removed as (
  delete from group_members m
  using  allowed, unnest($4::uuid[]) as gone (id)
  where  m.org_id = $1 and m.group_id = allowed.id and m.user_id = gone.id and gone.id ` + anyID + `
  returning m.user_id
), changed as (
  update groups g
  set    modified_at  = greatest(g.modified_at, $6::timestamptz),
         member_count = g.member_count + (select count(*) from added) - (select count(*) from removed),
         version      = g.version + `
	endChange = `
  where  g.org_id = $1 and g.id = $2
  and    (select count(*) from added) + (select count(*) from removed) > 0
  returning g.id, g.version, g.modified_at, g.member_count
), moved as (
  update modifications t
  set    modified_at = (select modified_at from changed)
  where  t.org_id = $1 and t.kind = 2 and t.id = (select id from changed)
  and    t.modified_at = (select modified_at from target)
)
select t.id,
       coalesce(c.version, t.version),
       t.created_at,
       coalesce(c.modified_at, t.modified_at),
       t.doc,
       coalesce(c.member_count, t.member_count),
       case when not exists (select from allowed) then array(select id from known) end,
       t.same`
	fromChange = `
from   target t
left   join changed c on true`

	// sameVersion tells whether group g, which is $2 and locked, is what the statement
	// sees, or has changed while it was waited for.
	sameVersion = `g.version = (select s.version from groups s where s.org_id = $1 and s.id = $2)`
)

// ChangeMembers implements directory.View.
func (v view) ChangeMembers(ctx context.Context, group uuid.UUID, match scim.Condition, m directory.MemberChange) (r directory.Record, err error) {
	if v, err = v.recording(ctx); err != nil {
		return r, err
	}
	err = retry(ctx, func() error {
		if v.told == nil && match.IsZero() && !m.Replace && len(m.Remove) <= m.Limit {
			r, err = v.changeInTurn(ctx, group, m)
		} else {
			r, err = v.changeLockedMembers(ctx, group, match, m)
		}
		return err
	})
	return r, wrap("change members", err)
}

// changeLockedMembers looks at the group before it changes its members.
func (v view) changeLockedMembers(ctx context.Context, group uuid.UUID, match scim.Condition, m directory.MemberChange) (r directory.Record, err error) {
	var old directory.Resource
	lock := func(b *pgx.Batch) { v.queueGroup(b, group, &old.Record) }
	err = v.inTx(ctx, lock, func(tx pgx.Tx) error {
		if err := match.CheckMatch(old.Version); err != nil {
			return err
		}
		var moved *events.MemberChange
		r, moved, err = v.editMembers(ctx, tx, old, m)
		v.told.group(schema.Group, old, r.Version, nil, moved)
		return err
	})
	return r, err
}

// applyMembers adds and removes, in the transaction if there is one.
func (v view) applyMembers(ctx context.Context, tx pgx.Tx, group uuid.UUID, m directory.MemberChange) (directory.Record, error) {
	remove := removals(m)
	a, err := v.apply(ctx, tx, memberStatement{
		sql: changeMembers, args: []any{v.org, uid(group), uids(m.Add), uids(remove), len(m.Add), v.clock.now()},
		size: len(m.Add) + len(remove), group: group, links: m.Links, most: directory.MaxAnswerMembers,
	})
	if err == nil && a.known != nil {
		err = unknownMembers(m.Add, a.known)
	}
	return a.Record, err
}

// removals are the ids to remove. What is both added and removed is added.
func removals(m directory.MemberChange) []uuid.UUID {
	remove, _ := compareIDs(m.Remove, m.Add)
	return remove
}

// memberStatement is a statement that changes members.
type memberStatement struct {
	sql   string
	args  []any
	size  int // how many members it names
	group uuid.UUID
	links bool // the members are read too, unless they are more than most
	most  int
	named uids // users whose names are told with the members
}

// applied is what a statement that changes members answers: the group
// afterwards, or the ids that are users when others kept it from changing any.
type applied struct {
	directory.Record
	known  map[uuid.UUID]bool
	outrun bool // nothing was changed: the group has moved on while it was waited for
	names  map[uuid.UUID]string
	// What mergedChange tells: the ids that were really added and removed, and
	// when the group was modified before.
	changed [2][]uuid.UUID
	before  time.Time
}

// apply runs a statement that changes members, in the transaction if there is one. If
// the group has moved on while the statement waited, it runs again in a transaction
// that locks the group first: then it sees all that was done before.
func (v view) apply(ctx context.Context, tx pgx.Tx, s memberStatement) (a applied, err error) {
	send := v.db.writeAll
	if tx != nil {
		send = func(ctx context.Context, b *pgx.Batch) error { return tx.SendBatch(ctx, b).Close() }
	}
	switch {
	case tx != nil, s.links:
		err = v.applyAll(ctx, send, nothing, s, &a)
	case s.size <= mostTogether:
		err = v.commits.of(v.org).query(ctx, one(a.read), s.sql, s.args...)
	default:
		err = v.db.write(ctx, one(a.read), s.sql, s.args...)
	}
	if err == nil && a.outrun {
		err = v.applyAll(ctx, send, func(b *pgx.Batch) { b.Queue(lockGroup, v.org, uid(s.group)) }, s, &a)
	}
	return a, err
}

// applyAll runs the statement, after those that begin adds, and reads the members
// under the same lock, in one round trip.
func (v view) applyAll(ctx context.Context, send func(ctx context.Context, b *pgx.Batch) error, begin func(b *pgx.Batch), s memberStatement, a *applied) error {
	b := new(pgx.Batch)
	begin(b)
	b.Queue(s.sql, s.args...).Query(one(a.read))
	if s.links {
		v.queueMembers(b, s.group, s.most, &a.Record)
	}
	if len(s.named) > 0 {
		b.Queue(nameMembers, v.org, s.named).Query(func(rows pgx.Rows) error {
			a.names = make(map[uuid.UUID]string, len(s.named))
			return readAll(rows, func(raw [][]byte) { a.names[readID(raw[0])] = string(raw[1]) })
		})
	}
	return send(ctx, b)
}

func (a *applied) read(raw [][]byte) {
	*a = applied{Record: readGroup(raw[:groupWidth]), outrun: raw[7][0] == 0}
	if raw[6] != nil {
		a.known = make(map[uuid.UUID]bool)
		readIDs(raw[6], func(id uuid.UUID) { a.known[id] = true })
	}
	if len(raw) > 8 {
		a.before = readTime(raw[8])
		for i := range a.changed {
			readIDs(raw[9+i], func(id uuid.UUID) { a.changed[i] = append(a.changed[i], id) })
		}
	}
}

func unknownMembers(ids []uuid.UUID, known map[uuid.UUID]bool) error {
	e := new(directory.MissingError)
	for _, id := range ids {
		if !known[id] {
			e.References = append(e.References, directory.Reference{Attr: schema.Members, User: id})
		}
	}
	return e
}

// anyID is true of every id. PostgreSQL expects it of few, and so finds members one by
// one: it knows how large groups are on average alone, and where that is not much it
// would rather read the group as a whole, be it the largest.
const anyID = `between ` + leastID + ` and ` + greatestID

const selectMemberIDs = `
select user_id
from   group_members
where  org_id = $1 and group_id = $2
order  by user_id`

const selectSomeMemberIDs = `
select m.user_id
from   group_members m, unnest($3::uuid[]) as asked (id)
where  m.org_id = $1 and m.group_id = $2 and m.user_id = asked.id and asked.id ` + anyID + `
order  by m.user_id`

// difference reduces a change to what the stored members lack or have too many,
// and checks the limit. The group is locked.
func (v view) difference(ctx context.Context, tx pgx.Tx, group uuid.UUID, m directory.MemberChange) (directory.MemberChange, error) {
	var stored []uuid.UUID
	var err error
	switch {
	case m.Replace:
		stored, err = v.memberIDs(ctx, tx, m.Add, selectMemberIDs, v.org, uid(group))
		m.Remove, m.Add = compareIDs(stored, m.Add)
		m.Replace = false
	case v.told != nil: // exactly what changes is told
		asked := slices.Concat(m.Add, m.Remove)
		stored, err = v.memberIDs(ctx, tx, asked, selectSomeMemberIDs, v.org, uid(group), uids(asked))
		m.Remove, m.Add = compareIDs(stored, m.Add)
	case len(m.Remove) > m.Limit:
		stored, err = v.memberIDs(ctx, tx, m.Remove, selectSomeMemberIDs, v.org, uid(group), uids(m.Remove))
		m.Remove, _ = compareIDs(stored, m.Add)
	}
	if err != nil {
		return m, err
	}
	if len(m.Remove) > m.Limit {
		return m, &directory.LimitError{Removed: len(m.Remove), Limit: m.Limit}
	}
	return m, nil
}

// memberIDs reads sorted ids, about as many as like has.
func (v view) memberIDs(ctx context.Context, q querier, like []uuid.UUID, sql string, args ...any) ([]uuid.UUID, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, len(like))
	err = readAll(rows, func(raw [][]byte) { ids = append(ids, readID(raw[0])) })
	return ids, err
}

// compareIDs merges two sorted lists and gives what only one of them has.
func compareIDs(a, b []uuid.UUID) (onlyA, onlyB []uuid.UUID) {
	for len(a) > 0 && len(b) > 0 {
		switch order := bytes.Compare(a[0][:], b[0][:]); {
		case order < 0:
			onlyA, a = append(onlyA, a[0]), a[1:]
		case order > 0:
			onlyB, b = append(onlyB, b[0]), b[1:]
		default:
			a, b = a[1:], b[1:]
		}
	}
	return slices.Concat(onlyA, a), slices.Concat(onlyB, b)
}

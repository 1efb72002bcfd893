package groups

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Members are added and removed without reading them, all or nothing: when an id to add
// is not a user, nothing changes and the ids that are users come back. Locking the group
// first makes changes of one group follow each other. But what the statement sees of the
// members is from before it waited for that lock: a member who was added meanwhile is not
// there to be removed. So it changes nothing when the group has moved on, and says so.
//
// Most changes only add, or only remove. Those have statements of their own, because
// PostgreSQL sets each part of a statement up whenever it runs, used or not: of adding one
// member that was a third.
var (
	addMembers    = writes.NewTelling(writes.AddedOutbox, changeMembersText, slices.Concat(oneVersion, adding, notRemoving)...)
	removeMembers = writes.NewTelling(writes.RemovedOutbox, changeMembersText, slices.Concat(oneVersion, notAdding, removing)...)
	changeMembers = writes.NewTelling(writes.MemberOutbox, changeMembersText, slices.Concat(oneVersion, adding, removing)...)
)

const changeMembersText = `
with target as materialized (
  select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count, ` + sameVersion + ` as same
  from   groups g
  where  g.org_id = @org and g.id = @id
  for    no key update of g
)[known][brake], allowed as materialized (
  select id
  from   target
  where  same[all_known][not_held]
)[add][remove], changed as (
  update groups g
  set    modified_at  = greatest(g.modified_at, @at::timestamptz),
         member_count = g.member_count + [come] - [gone],
         version      = g.version + [versions]
  where  g.org_id = @org and g.id = @id
  and    ([has_come] or [has_gone])
  returning g.id, g.version, g.modified_at, g.member_count, g.display_name[came][went]
), moved as (
  update modifications t
  set    modified_at = (select modified_at from changed)
  where  t.org_id = @org and t.kind = 2 and t.id = (select id from changed)
  and    t.modified_at = (select modified_at from target)
)[outbox]
select c.version,
       t.id,
       coalesce(c.version, t.version),
       t.created_at,
       coalesce(c.modified_at, t.modified_at),
       t.doc,
       coalesce(c.member_count, t.member_count),
       [found],
       t.same,
       [verdict][answer]
from   target t
left   join changed c on true`

// The parts of changeMembersText, by what belongs together.
var (
	adding = []db.Part{
		{Name: "known", SQL: `, known as materialized (
  select u.id
  from   users u
  where  u.org_id = @org and u.id = any(@add::uuid[])
)`},
		{Name: "all_known", SQL: ` and (select count(*) from known) = @count::bigint`},
		{Name: "add", SQL: `, added as (
  insert into group_members (org_id, group_id, user_id)
  select @org, allowed.id, known.id
  from   allowed, known
  on conflict do nothing
  returning user_id
)`},
		{Name: "come", SQL: `(select count(*) from added)`},
		{Name: "has_come", SQL: `exists (select from added)`},
		{Name: "came", SQL: `, (select array_agg(user_id) from added) as added`},
		{Name: "found", SQL: `case when not exists (select from allowed) then array(select id from known) end`},
	}
	notAdding = []db.Part{
		db.Empty("known"), db.Empty("all_known"), db.Empty("add"),
		{Name: "come", SQL: `0`},
		{Name: "has_come", SQL: `false`},
		db.Empty("came"),
		{Name: "found", SQL: `null`},
	}

	removing = []db.Part{
		writes.HeldBrake,
		{Name: "not_held", SQL: ` and not exists (select from held)`},
		writes.SpentBrake,
		{Name: "remove", SQL: `, leaving as materialized (
  select allowed.id, gone.id as user_id
  from   allowed, unnest(@remove::uuid[]) as gone (id)
  where  gone.id ` + db.AnyID + `
), removed as (
  delete from group_members m
  using  leaving
  where  m.org_id = @org and m.group_id = leaving.id and m.user_id = leaving.user_id
  returning m.user_id
)[spend]`},
		{Name: "gone", SQL: `(select count(*) from removed)`},
		{Name: "has_gone", SQL: `exists (select from removed)`},
		{Name: "went", SQL: `, (select array_agg(user_id) from removed) as removed`},
		{Name: "verdict", SQL: `(select state from held),
       (select n from held),
       (select most from held)`},
	}
	notRemoving = []db.Part{
		db.Empty("brake"), db.Empty("not_held"), db.Empty("remove"),
		{Name: "gone", SQL: `0`},
		{Name: "has_gone", SQL: `false`},
		db.Empty("went"),
		{Name: "verdict", SQL: `null, null, null`},
	}

	// oneVersion is for one request, which changes the version once.
	oneVersion = []db.Part{{Name: "versions", SQL: "1"}, db.Empty("answer")}
)

// sameVersion tells whether group g, which is @id and locked, is what the statement
// sees, or has changed while it was waited for.
const sameVersion = `g.version = (select s.version from groups s where s.org_id = @org and s.id = @id)`

// ChangeMembers implements directory.View.
func (v Groups) ChangeMembers(ctx context.Context, group uuid.UUID, match scim.Condition, m directory.MemberChange) (r directory.Record, err error) {
	err = v.Write(ctx, "change members", func(w *writes.Write) error {
		if w.IsSilent() && match.IsZero() && !m.Replace && len(m.Remove) <= m.Limit {
			r, err = v.changeInTurn(ctx, w, group, m)
			if !writes.IsHeld(err) {
				noteOne(w, group, m)
				return err
			} // by how many it asks to remove, who need not be members
		}
		r, err = v.changeLockedMembers(ctx, w, group, match, m)
		noteOne(w, group, m)
		return err
	})
	return r, err
}

// noteOne notes the member of a request that adds or removes exactly one.
func noteOne(w *writes.Write, group uuid.UUID, m directory.MemberChange) {
	switch {
	case m.Replace || len(m.Add)+len(m.Remove) != 1:
	case len(m.Add) == 1:
		w.MovedOne(group, m.Add[0], true)
	default:
		w.MovedOne(group, m.Remove[0], false)
	}
}

// changeLockedMembers looks at the group before it changes its members.
func (v Groups) changeLockedMembers(ctx context.Context, w *writes.Write, group uuid.UUID, match scim.Condition, m directory.MemberChange) (r directory.Record, err error) {
	var old directory.Resource
	lock := func(b *pgx.Batch) { queueGroup(b, w.Org, group, &old.Record) }
	err = w.InTx(ctx, lock, func(w *writes.Write, tx pgx.Tx) error {
		if err := match.CheckMatch(old.Version); err != nil {
			return err
		}
		r, _, err = EditMembers(ctx, w, tx, old, m, writes.OfGroup(events.Patched, schema.Group, old, nil))
		return err
	})
	return r, err
}

// applyMembers adds and removes, in the transaction if the write has one.
func applyMembers(ctx context.Context, w *writes.Write, group uuid.UUID, m directory.MemberChange, c writes.Change) (directory.Record, error) {
	remove := removals(m)
	counts := w.MemberBrake(group)
	statement := changeMembers
	switch {
	case len(remove) == 0:
		statement = addMembers
	case len(m.Add) == 0:
		statement = removeMembers
	}
	a, err := apply(ctx, w, memberStatement{
		sql: statement.String(), args: w.Arguments(statement, memberArguments(group, m.Add, remove, w.Clock.Now(), counts), c),
		change: c, group: group, links: m.Links, most: directory.MaxAnswerMembers,
	})
	if err == nil && a.held.IsHeld() {
		return a.Record, counts.HeldBy(a.held)
	}
	if err == nil && a.known != nil {
		err = unknownMembers(m.Add, a.known)
	}
	return a.Record, err
}

// memberArguments are those of a statement that changes members, whose removals a brake
// counts; nil is none.
func memberArguments(group uuid.UUID, add, remove db.IDs, at time.Time, counts *writes.Brake) []db.Arg {
	args := append(make([]db.Arg, 0, db.MaxArguments), db.Named("id", db.ID(group)))
	args = append(counts.Arguments(args, len(remove)), db.Named("add", add), db.Named("count", len(add)), db.Named("remove", remove))
	return append(args, db.Named("brake_began", counts.Began()), db.Named("at", at))
}

// removals are the ids to remove. What is both added and removed is added.
func removals(m directory.MemberChange) []uuid.UUID {
	remove, _ := compareIDs(m.Remove, m.Add)
	return remove
}

// memberStatement is a statement that changes members.
type memberStatement struct {
	sql    string
	args   []any
	change writes.Change
	group  uuid.UUID
	links  bool // the members are read too, unless they are more than most
	most   int
	named  db.IDs // users whose names are told with the members
}

// applied is what a statement that changes members answers: the group
// afterwards, or the ids that are users when others kept it from changing any.
type applied struct {
	directory.Record
	known    map[uuid.UUID]bool
	conflict bool // nothing was changed: the group has moved on while it was waited for
	held     writes.Verdict
	names    map[uuid.UUID]string
	// What mergedChange tells: the ids that were really added and removed, and
	// when the group was modified before.
	changed [2][]uuid.UUID
	before  time.Time
}

// apply runs a statement that changes members. If the group has moved on while the
// statement waited, it runs again in a transaction that locks the group first: then it
// sees all that was done before.
func apply(ctx context.Context, w *writes.Write, s memberStatement) (a applied, err error) {
	if s.links {
		err = applyAll(ctx, w, pool.Nothing, s, &a)
	} else {
		err = w.Through.Write(ctx, w.Telling(s.change, a.read), s.sql, s.args...)
	}
	if err == nil && a.conflict {
		err = applyAll(ctx, w, func(b *pgx.Batch) { lockGroup.With(db.Org(w.Org), db.Named("id", db.ID(s.group))).Queue(b) }, s, &a)
	}
	return a, err
}

// applyAll runs the statement, after those that begin adds, and reads the members
// under the same lock, in one round trip.
func applyAll(ctx context.Context, w *writes.Write, begin func(b *pgx.Batch), s memberStatement, a *applied) error {
	b := new(pgx.Batch)
	begin(b)
	b.Queue(s.sql, s.args...).Query(w.Telling(s.change, a.read))
	if s.links {
		queueMembers(b, w.Org, s.group, s.most, &a.Record)
	}
	if len(s.named) > 0 {
		nameMembers.With(db.Org(w.Org), db.Named("ids", s.named)).Queue(b).Query(func(rows pgx.Rows) error {
			a.names = make(map[uuid.UUID]string, len(s.named))
			return db.ReadAll(rows, func(raw [][]byte) { a.names[db.ReadID(raw[0])] = string(raw[1]) })
		})
	}
	return w.Through.WriteAll(ctx, b)
}

func (a *applied) read(raw [][]byte) {
	raw = raw[1:]
	*a = applied{Record: records.ReadGroup(raw[:records.GroupWidth]), conflict: raw[7][0] == 0}
	if raw[8] != nil {
		a.held = writes.ReadVerdict(raw[8:11])
		return
	}
	if raw[6] != nil {
		a.known = make(map[uuid.UUID]bool)
		db.ReadIDs(raw[6], func(id uuid.UUID) { a.known[id] = true })
	}
	if len(raw) > 11 {
		a.before = db.ReadTime(raw[11])
		for i := range a.changed {
			db.ReadIDs(raw[12+i], func(id uuid.UUID) { a.changed[i] = append(a.changed[i], id) })
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

var selectMemberIDs = db.New(`
select user_id
from   group_members
where  org_id = @org and group_id = @id
order  by user_id`)

// difference reduces a change to what the stored members lack or have too many,
// and checks the limit. The group is locked.
func difference(ctx context.Context, w *writes.Write, tx pgx.Tx, group uuid.UUID, m directory.MemberChange) (directory.MemberChange, error) {
	var stored []uuid.UUID
	var err error
	switch {
	case m.Replace:
		stored, err = memberIDs(ctx, w, tx, group, len(m.Add))
		m.Remove, m.Add = compareIDs(stored, m.Add)
		m.Replace = false
	case !w.IsSilent(): // exactly what changes is told
		asked := slices.Concat(m.Add, m.Remove)
		stored, err = w.MembersAmong(ctx, tx, group, asked)
		m.Remove, m.Add = compareIDs(stored, m.Add)
	case len(m.Remove) > m.Limit, len(m.Remove) > 0 && w.MemberBrake(group) != nil: // which counts who is a member
		stored, err = w.MembersAmong(ctx, tx, group, m.Remove)
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

// memberIDs reads the sorted ids of all members, about so many.
func memberIDs(ctx context.Context, w *writes.Write, tx pgx.Tx, group uuid.UUID, about int) ([]uuid.UUID, error) {
	ids := make([]uuid.UUID, 0, about)
	err := selectMemberIDs.With(db.Org(w.Org), db.Named("id", db.ID(group))).
		ReadAll(ctx, tx, func(raw [][]byte) { ids = append(ids, db.ReadID(raw[0])) })
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

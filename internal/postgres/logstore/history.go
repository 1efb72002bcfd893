package logstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// History is what the log tells of an organisation's members.
type History struct{ *pool.Tenant }

// What the log tells of memberships is summed up by PostgreSQL: each coming of a user
// counts 1 and each going -1, which is right in whatever order they are.
var (
	membersSince = db.New(`
select m.user_id, sum(m.n)
from   (select unnest(e.added) as user_id, 1 as n
        from   provisioning_log e
        where  e.org_id = @org and e.target_id = @id and e.id > @after
        union  all
        select unnest(e.removed), -1
        from   provisioning_log e
        where  e.org_id = @org and e.target_id = @id and e.id > @after) m
group  by m.user_id
having sum(m.n) <> 0
order  by m.user_id`)

	// groupsSince finds the entries of one member, and looks through those of several.
	groupsSince = db.New(`
select m.group_id, sum(m.n)
from   (select e.target_id as group_id, case when e.added[1] = @id::uuid then 1 else -1 end as n
        from   provisioning_log e
        where  e.org_id = @org and e.member_id = @id::uuid and e.id > @after
        and    e.target_type = 'Group' and e.target_id is not null
        union  all
        select e.target_id, case when @id::uuid = any(e.added) then 1 else -1 end
        from   provisioning_log e
        where  e.org_id = @org and e.member_id = ` + db.LeastID + ` and e.id > @after
        and    e.target_type = 'Group' and e.target_id is not null
        and    (@id::uuid = any(e.added) or @id::uuid = any(e.removed))) m
group  by m.group_id
having sum(m.n) <> 0
order  by m.group_id`)

	// movedSince finds the entry that another undoes in the text: of members there is
	// nothing in it that could look like that. It unnests no member of any entry where all
	// entries are known: of a hundred that are taken back together each would see all members
	// of those before it.
	movedSince = db.New(`
with moves as (
  select e.id, e.detail, m.user_id, m.n
  from   provisioning_log e,
         lateral (select unnest(e.added) as user_id, 1 as n union all select unnest(e.removed), -1) m,
         unnest(@users::uuid[]) as asked (id)
  where  e.org_id = @org and e.target_id = @id and e.id > @after and m.user_id = asked.id
  and    exists (
    select from provisioning_log o
    where  o.org_id = @org and o.target_id = @id and o.id > @after and o.member_id is not null and o.id <> all(coalesce(@together::uuid[], '{}')))
), back as (
  select moves.user_id
  from   moves
  group  by moves.user_id
  having sum(moves.n) = 0
)
select moves.id, substring(min(moves.detail) from '"undoes":"([0-9a-f-]{36})"')::uuid
from   moves
join   back on back.user_id = moves.user_id
group  by moves.id
order  by moves.id`)
)

var selectOldestEntry = db.New(`
select e.id
from   provisioning_log e
where  e.org_id = @org
order  by e.id
limit  1`)

// OldestEntry implements directory.History.
func (v History) OldestEntry(ctx context.Context) (id uuid.UUID, err error) {
	err = selectOldestEntry.With(db.Org(v.Org)).ReadAll(ctx, v.DB, func(raw [][]byte) { id = db.ReadID(raw[0]) })
	return id, pgerr.Wrap("read oldest entry", err)
}

// MembersSince implements directory.History.
func (v History) MembersSince(ctx context.Context, group, after uuid.UUID) (come, gone []uuid.UUID, err error) {
	return v.sumSince(ctx, v.DB, membersSince, group, after)
}

// GroupsSince implements directory.History. It looks at all entries since then that tell of
// several members.
func (v History) GroupsSince(ctx context.Context, user, after uuid.UUID) (joined, left []uuid.UUID, err error) {
	return v.sumSince(ctx, v.DB.ForScan(true), groupsSince, user, after)
}

func (v History) sumSince(ctx context.Context, q pool.Querier, s db.Statement, id, after uuid.UUID) (come, gone []uuid.UUID, err error) {
	err = s.With(db.Org(v.Org), db.Named("id", db.ID(id)), db.Named("after", db.ID(after))).ReadAll(ctx, q, func(raw [][]byte) {
		if id := db.ReadID(raw[0]); db.ReadInt(raw[1]) > 0 {
			come = append(come, id)
		} else {
			gone = append(gone, id)
		}
	})
	return come, gone, pgerr.Wrap("sum up memberships", err)
}

// MovedSince implements directory.History.
func (v History) MovedSince(ctx context.Context, group, after uuid.UUID, users, together []uuid.UUID) (moves []directory.Move, err error) {
	err = movedSince.With(
		db.Org(v.Org), db.Named("users", db.IDs(users)), db.Named("id", db.ID(group)), db.Named("after", db.ID(after)), db.Named("together", db.IDs(together)),
	).ReadAll(ctx, v.DB, func(raw [][]byte) {
		m := directory.Move{Entry: db.ReadID(raw[0])}
		if raw[1] != nil {
			m.Undoes = db.ReadID(raw[1])
		}
		moves = append(moves, m)
	})
	return moves, pgerr.Wrap("list changes of members", err)
}

package upkeep

import (
	"context"
	"fmt"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// What is stored is compared with the provisioning log as far as that is kept. The order of
// entries is not asked for, since entries of two servers may be stored in another order
// than that of their ids: numbers of entries are, which no order changes.

// verifyVersions finds users who have another number of versions than of entries, and groups
// that have more versions than entries: of members and of attributes a request has one
// each. A deletion makes no version. Only those are looked at whose creation is in the log still.
const verifyVersions = `
select r.type, r.id, r.version::bigint, e.n::bigint
from   (select 'User' as type, u.id, u.version from users u where u.org_id = $1
        union all
        select 'Group', g.id, g.version from groups g where g.org_id = $1) as r
join   (select l.target_type, l.target_id, count(*) filter (where l.operation not in ('delete', 'erase')) as n
        from   provisioning_log l
        where  l.org_id = $1 and l.target_type in ('User', 'Group') and l.result in ('success', 'warning')
        group  by l.target_type, l.target_id
        having count(*) filter (where l.operation = 'create') > 0) as e on e.target_type = r.type and e.target_id = r.id
where  case when r.type = 'User' then r.version <> e.n else r.version > e.n end
order  by r.type, r.id`

// verifyMembers finds who was added to a group more or less often than removed from it than
// being a member tells. Who was a member when the log began is known of no group but those
// that were created later.
const verifyMembers = `
select n.group_id, n.user_id, n.times::bigint, n.there
from   (select coalesce(s.group_id, m.group_id) as group_id, coalesce(s.user_id, m.user_id) as user_id,
               coalesce(s.times, 0) as times, m.user_id is not null as there,
               coalesce(s.group_id, m.group_id) in (
                 select c.target_id from provisioning_log c
                 where  c.org_id = $1 and c.target_type = 'Group' and c.operation = 'create' and c.target_id is not null) as whole
        from   (select l.target_id as group_id, moved.user_id, sum(moved.by) as times
                from   provisioning_log l,
                       lateral (select unnest(l.added) as user_id, 1 as by union all select unnest(l.removed), -1) as moved
                where  l.org_id = $1 and l.target_type = 'Group' and l.result in ('success', 'warning')
                group  by l.target_id, moved.user_id) as s
        full   join (select g.group_id, g.user_id from group_members g where g.org_id = $1) as m
               on m.group_id = s.group_id and m.user_id = s.user_id) as n
where  case when n.whole then n.times <> n.there::int
            when n.there then n.times not in (0, 1)
            else n.times not in (0, -1) end
order  by n.group_id, n.user_id`

// VerifyLog compares versions and members of an organisation with the entries of its log,
// and reports each difference in words: a change without an entry, or an entry without a
// change. A server of a release that keeps no log makes such changes.
func VerifyLog(ctx context.Context, p *pool.Pool, o org.ID, report func(difference string)) error {
	return inSnapshot(ctx, p, o, report, func(check verification) error { return check.log(ctx) })
}

func (c verification) log(ctx context.Context) error {
	err := c.each(ctx, verifyVersions, func(raw [][]byte) string {
		return fmt.Sprintf("%s %s: the version is %d, and entries of changes in the log are %d", raw[0], db.ReadID(raw[1]), db.ReadInt(raw[2]), db.ReadInt(raw[3]))
	})
	if err != nil {
		return err
	}
	return c.each(ctx, verifyMembers, func(raw [][]byte) string {
		is := "is no member"
		if raw[3][0] != 0 {
			is = "is a member"
		}
		return fmt.Sprintf("Group %s: user %s %s, and the log tells of %d more additions than removals", db.ReadID(raw[0]), db.ReadID(raw[1]), is, db.ReadInt(raw[2]))
	})
}

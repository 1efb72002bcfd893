package counts

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// An organisation of some size has ranges: a range has a base as a total has one, and the
// changes of those whose ids are within it. So the place of its first resource is the sum of
// the bases before it and of the changes before its first id, exact at any moment.
//
// Ranges are right as long as their seal is there, a row of count_changes that counts
// nothing. What moves changes and tells no range, a server of the release before, takes all
// rows of the organisation and so the seal too.

const (
	// RangeSize is how many resources a range has: so many index entries are passed at most
	// twice over, on the way to a place. At a million there are 500 to be added up.
	RangeSize = 2000
	// leastRanges is how many ranges are worth having.
	leastRanges = 5
	// widest is how many times its size a range may grow.
	widest = 2
	// dividedAtOnce is how many ranges one statement makes, so that none runs for long.
	dividedAtOnce = 250
)

// nearest is the last range that begins at a place of a list or before it: its first id, and
// how many are before that. There is no row where there are no ranges.
const nearest = `
select p.id, p.before
from   (
  select a.id, a.begins, coalesce(sum(a.n) over (order by a.id groups between unbounded preceding and 1 preceding), 0)::bigint as before
  from   (
    select r.from_id as id, r.[bases] as n, true as begins
    from   count_ranges r
    where  r.org_id = @org and r.kind = [kind]
    union  all
    select d.resource_id, d.n, false
    from   count_changes d
    where  d.org_id = @org and d.kind in ([changes]) and d.n <> 0) a
) p
where  p.begins and p.before <= [place]
and    exists (select from count_changes d where d.org_id = @org and d.kind = [kind] and d.id = ` + db.LeastID + `)
and    not exists (select from count_changes d where d.org_id = @org and d.kind in ([changes]) and d.n <> 0 and d.resource_id is null)
order  by p.id desc
limit  1`

// The ranges of each list; [place] is how many are before what is looked for.
var (
	NearestUsers       = nearestOf("n", "1", "1, 2")
	NearestActiveUsers = nearestOf("active", "1", "1")
	NearestGroups      = nearestOf("n", "3", "3")
)

func nearestOf(bases, kind, changes string) db.Template {
	return db.NewTemplate(nearest, db.Part{Name: "bases", SQL: bases}, db.Part{Name: "kind", SQL: kind}, db.Part{Name: "changes", SQL: changes})
}

var (
	// breakSeal does what no program of this release needs: it finds that bases were moved
	// while ranges were begun.
	breakSeal = db.New(`
delete from count_changes d
where  d.org_id = @org and d.id = ` + db.LeastID + `
and    (select sum(r.n) from count_ranges r where r.org_id = @org and r.kind = d.kind)
       is distinct from (select sum(c.n) from counts c where c.org_id = @org and (c.kind = 3) = (d.kind = 3))`)

	dropRanges = db.New(`
delete from count_ranges r
where  r.org_id = @org
and    not exists (select from count_changes d where d.org_id = @org and d.kind = r.kind and d.id = ` + db.LeastID + `)`)

	// beginRanges makes one range of all, whose base is that of the total.
	beginRanges = db.New(`
with whole as (
  select case c.kind when 3 then 3 else 1 end as kind, sum(c.n) as n, coalesce(sum(c.n) filter (where c.kind = 1), 0) as active
  from   counts c
  where  c.org_id = @org
  group  by 1
  having sum(c.n) >= @least
), sealed as (
  insert into count_changes (org_id, kind, id, n)
  select @org, whole.kind, ` + db.LeastID + `, 0
  from   whole
  on     conflict do nothing
  returning kind
)
insert into count_ranges (org_id, kind, from_id, n, active)
select @org, whole.kind, ` + db.LeastID + `, whole.n, whole.active
from   whole
join   sealed on sealed.kind = whole.kind`)

	selectWide = db.New(`
select w.kind, w.from_id, w.next_id
from   (select r.kind, r.n, r.from_id, lead(r.from_id, 1, ` + db.GreatestID + `) over (partition by r.kind order by r.from_id) as next_id
        from   count_ranges r
        where  r.org_id = @org) w
where  w.n > @most`)
)

// divideText makes several ranges of one: it counts them, and takes off what has changed
// since the base, of the same moment. The last of them has what is left.
const divideText = `
with placed as (
  select u.id, row_number() over (order by u.id) - 1 as place
  from   [table] u
  where  u.org_id = @org and u.id >= @from and u.id < @next
  order  by u.id
  limit  @most
), parts as materialized (
  select case p.place when 0 then @from::uuid else p.id end as from_id, lead(p.id, 1, @next::uuid) over (order by p.id) as next_id
  from   placed p
  where  p.place % @size = 0
), counted as materialized (
  select p.from_id,
         (select count(*) from [table] u where u.org_id = @org and u.id >= p.from_id and u.id < p.next_id) - [changed] and d.kind in ([changes])) as n,
         [active] as active
  from   parts p
), begun as (
  update count_ranges r
  set    n = counted.n, active = counted.active
  from   counted
  where  r.org_id = @org and r.kind = [kind] and r.from_id = @from and counted.from_id = @from
)
insert into count_ranges (org_id, kind, from_id, n, active)
select @org, [kind], counted.from_id, counted.n, counted.active
from   counted
where  counted.from_id <> @from`

var (
	divideUsers = db.New(divideText, db.Part{Name: "changed", SQL: changedWithin}, db.Part{Name: "active", SQL: `
         (select count(*) from users u where u.org_id = @org and u.active and u.id >= p.from_id and u.id < p.next_id) - ` + changedWithin + ` and d.kind = 1)`},
		db.Part{Name: "table", SQL: "users"}, db.Part{Name: "kind", SQL: "1"}, db.Part{Name: "changes", SQL: "1, 2"})
	divideGroups = db.New(divideText, db.Part{Name: "changed", SQL: changedWithin}, db.Part{Name: "active", SQL: "0"},
		db.Part{Name: "table", SQL: "groups"}, db.Part{Name: "kind", SQL: "3"}, db.Part{Name: "changes", SQL: "3"})
)

const changedWithin = `(
           select coalesce(sum(d.n), 0)
           from   count_changes d
           where  d.org_id = @org and d.resource_id >= p.from_id and d.resource_id < p.next_id`

// divide divides ranges that are too wide, as long as that makes more of them.
func (f Folding) divide(ctx context.Context, o org.ID) error {
	for more := true; more; {
		err := pgerr.Retry(ctx, func() error {
			more = false
			b := new(pgx.Batch)
			return f.inTurn(ctx, o, func(begin *pgx.Batch) {
				f.queueWide(begin, o, func(kind int16, from, next uuid.UUID) {
					f.queueDivide(b, o, kind, from, next).Exec(func(made pgconn.CommandTag) error {
						more = more || made.RowsAffected() > 0
						return nil
					})
				})
			}, func(tx pgx.Tx) error { return tx.SendBatch(ctx, b).Close() })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (f Folding) queueDivide(b *pgx.Batch, o org.ID, kind int16, from, next uuid.UUID) *pgx.QueuedQuery {
	s := divideUsers
	if kind == Groups {
		s = divideGroups
	}
	return s.With(db.Org(o), db.Named("from", db.ID(from)), db.Named("next", db.ID(next)),
		db.Named("size", int64(f.RangeSize)), db.Named("most", int64(f.RangeSize*dividedAtOnce))).Queue(b)
}

// queueWide asks which ranges are too wide.
func (f Folding) queueWide(b *pgx.Batch, o org.ID, found func(kind int16, from, next uuid.UUID)) {
	selectWide.With(db.Org(o), db.Named("most", int64(f.RangeSize*widest))).Queue(b).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) { found(db.ReadShort(raw[0]), db.ReadID(raw[1]), db.ReadID(raw[2])) })
	})
}

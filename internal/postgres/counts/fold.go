package counts

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// Folding moves pending changes into the base. It changes no number, only what reading one
// costs.
type Folding struct {
	*pool.Pool
	// RangeSize is how many resources a new range has.
	RangeSize int
}

// NewFolding folds what is in a database.
func NewFolding(p *pool.Pool) Folding { return Folding{p, RangeSize} }

var (
	// foldTurn has servers fold the changes of an organisation one after the other.
	foldTurn = db.New(`select pg_advisory_xact_lock(72071, (@org::bigint % 2147483647)::integer)`)

	// foldCounts moves each change that it deletes. Nothing is joined but ranges: a plan for
	// the few changes of a quiet minute would compare each with each, which for thousands
	// takes seconds. A change that does not say of whom it is takes the seal with it.
	foldCounts = db.New(`
with gone as (
  delete from count_changes d
  where  d.org_id = @org
  and    (d.n <> 0 or exists (
    select from count_changes u
    where  u.org_id = @org and u.n <> 0 and u.resource_id is null and (u.kind = 3) = (d.kind = 3)))
  returning d.kind, d.n, d.resource_id
), counted as (
  insert into counts as c (org_id, kind, n)
  select @org, gone.kind, sum(gone.n)
  from   gone
  group  by gone.kind
  order  by gone.kind
  on     conflict (org_id, kind) do update set n = c.n + excluded.n
), of as (
  select case gone.kind when 3 then 3 else 1 end as kind, gone.kind = 1 as active, gone.n, gone.resource_id as id
  from   gone
  where  gone.resource_id is not null
), moved as (
  select l.kind, l.from_id, sum(l.n) as n, coalesce(sum(l.n) filter (where l.active), 0) as active
  from   (
    select o.kind, o.active, o.n, (
      select r.from_id
      from   count_ranges r
      where  r.org_id = @org and r.kind = o.kind and r.from_id <= o.id
      order  by r.from_id desc
      limit  1) as from_id
    from   of o
  ) l
  group  by l.kind, l.from_id
)
update count_ranges r
set    n = r.n + moved.n, active = r.active + moved.active
from   moved
where  r.org_id = @org and r.kind = moved.kind and r.from_id = moved.from_id`)
)

// One folds the changes of one organisation.
func (f Folding) One(ctx context.Context, o org.ID) error {
	wide, err := f.fold(ctx, o)
	if err == nil && wide {
		err = f.divide(ctx, o)
	}
	return pgerr.Wrap("fold counts", err)
}

// selectPending finds the organisations with pending changes: a statement across
// organisations, for the background work only.
var selectPending = db.New(`select distinct org_id from count_changes where n <> 0 limit 1000`)

// All folds the changes of all organisations.
func (f Folding) All(ctx context.Context) error {
	var pending, wide []org.ID
	err := selectPending.With().ReadAll(ctx, f.Own(), func(raw [][]byte) { pending = append(pending, org.ID(db.ReadInt(raw[0]))) })
	if err != nil {
		return pgerr.Wrap("find pending counts", err)
	}
	for _, o := range pending {
		isWide, err := f.fold(ctx, o)
		if err != nil {
			return pgerr.Wrap("fold counts", err)
		}
		if isWide {
			wide = append(wide, o)
		}
	}
	for _, o := range wide { // last: the first time it takes a second for a million
		if err := f.divide(ctx, o); err != nil {
			return pgerr.Wrap("divide counts", err)
		}
	}
	return nil
}

// fold folds the changes of an organisation, and tells whether ranges are to be divided.
func (f Folding) fold(ctx context.Context, o org.ID) (wide bool, err error) {
	err = pgerr.Retry(ctx, func() error {
		wide = false
		return f.inTurn(ctx, o, func(b *pgx.Batch) {
			for _, s := range []db.Statement{foldCounts, breakSeal, dropRanges} {
				s.With(db.Org(o)).Queue(b)
			}
			beginRanges.With(db.Org(o), db.Named("least", int64(f.RangeSize*leastRanges))).Queue(b)
			f.queueWide(b, o, func(int16, uuid.UUID, uuid.UUID) { wide = true })
		}, func(pgx.Tx) error { return nil })
	})
	return wide, err
}

// inTurn runs work in a transaction while no other server folds or divides.
func (f Folding) inTurn(ctx context.Context, o org.ID, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	return f.Own().InTx(ctx, func(b *pgx.Batch) {
		foldTurn.With(db.Org(o)).Queue(b)
		begin(b)
	}, work)
}

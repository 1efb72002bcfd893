package postgres

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
)

// The kinds of counts. The numbers are stored, and written in statements.
const (
	activeUsers   int16 = 1
	inactiveUsers int16 = 2
	groupsCount   int16 = 3
)

// count is a change of one count.
type count struct {
	kind int16
	n    int32
}

// appendCounts adds changes of counts as three arrays: kinds, new ids and numbers.
func appendCounts(args []any, changes []count) []any {
	kinds, ids, ns := make([]int16, len(changes)), make(uids, len(changes)), make([]int32, len(changes))
	for i, c := range changes {
		kinds[i], ids[i], ns[i] = c.kind, uuid.UUID(newID()), c.n
	}
	return append(args, kinds, ids, ns)
}

// A total sums the base and the changes that are not folded yet, in one
// snapshot: it is exact at any moment. The changes are asked for in the order of
// the index, so that what was folded and not yet vacuumed is not read.
const (
	baseOf = `
coalesce((select c.n
          from   counts c
          where  c.org_id = $1 and c.kind = `
	changesOf = `), 0)
+ coalesce((select sum(d.n)
            from   (select d.n
                    from   count_changes d
                    where  d.org_id = $1 and d.kind = `
	endOf = `
                    order  by d.id) d), 0)`

	active   = baseOf + `1` + changesOf + `1` + endOf
	inactive = baseOf + `2` + changesOf + `2` + endOf

	totalActiveUsers = `
select ` + active
	totalUsers = `
select ` + active + ` + ` + inactive
	totalGroups = `
select ` + baseOf + `3` + changesOf + `3` + endOf
)

// foldCounts moves changes into the base. Servers that fold at once wait for each other,
// row by row: each moves what it has deleted. Nothing is joined: a plan for the few
// changes of a quiet minute would compare each with each, which for thousands takes
// seconds.
const foldCounts = `
with gone as (
  delete from count_changes d
  where  d.org_id = $1
  returning d.kind, d.n
)
insert into counts as c (org_id, kind, n)
select $1, gone.kind, sum(gone.n)
from   gone
group  by gone.kind
order  by gone.kind
on     conflict (org_id, kind) do update set n = c.n + excluded.n`

// FoldCounts folds the pending changes of one organisation's counts. It changes
// no total, only what reading one costs.
func (s *Store) FoldCounts(ctx context.Context, o org.ID) error {
	err := retry(ctx, func() error {
		_, err := s.own().Exec(ctx, foldCounts, int64(o))
		return err
	})
	return wrap("fold counts", err)
}

// selectPending finds the organisations with pending changes: a statement across
// organisations, for the background work only.
const selectPending = `select distinct org_id from count_changes limit 1000`

const (
	foldPause = 2 * time.Second
	foldLimit = time.Minute // ends what hangs
)

// Run does the background work until the context ends: it folds the counts of
// all organisations every two seconds, and knows whose changes are to be told.
// Each server may run it.
func (s *Store) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() { s.streams.keep(ctx, s) })
	work.Go(func() {
		periodic.Every(ctx, clockPause, s.log, "PostgreSQL was not asked for the time; what has passed is counted", periodic.Within(clockTime, s.keepTime()))
	})
	periodic.Every(ctx, foldPause, s.log, "counts were not folded; totals stay exact but cost more", periodic.Within(foldLimit, s.foldAll))
}

func (s *Store) foldAll(ctx context.Context) error {
	rows, err := s.own().Query(ctx, selectPending)
	if err != nil {
		return wrap("find pending counts", err)
	}
	var pending []org.ID
	if err := readAll(rows, func(raw [][]byte) { pending = append(pending, org.ID(readInt(raw[0]))) }); err != nil {
		return wrap("find pending counts", err)
	}
	for _, o := range pending {
		if err := s.FoldCounts(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

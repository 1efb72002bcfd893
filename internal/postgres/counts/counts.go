// Package counts owns how many users and groups an organisation has: a base, and what has
// changed of it since, so that no row is fought for and every total is exact. What is
// counted, the statements add that change it; when changes are folded into the base is left
// to package postgres.
package counts

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// The kinds of counts. The numbers are stored, and written in statements.
const (
	ActiveUsers   int16 = 1
	InactiveUsers int16 = 2
	Groups        int16 = 3
)

// Change is a change of one count.
type Change struct {
	Kind int16
	N    int32
}

// Arrays gives changes of counts as three arrays: kinds, new ids and numbers.
func Arrays(changes []Change) (kinds []int16, ids db.IDs, ns []int32) {
	kinds, ids, ns = make([]int16, len(changes)), make(db.IDs, len(changes)), make([]int32, len(changes))
	for i, c := range changes {
		kinds[i], ids[i], ns[i] = c.Kind, uuid.UUID(db.NewID()), c.N
	}
	return kinds, ids, ns
}

// A total sums the base and the changes that are not folded yet, in one
// snapshot: it is exact at any moment. The changes are asked for in the order of
// the index, so that what was folded and not yet vacuumed is not read.
const (
	baseOf = `
coalesce((select c.n
          from   counts c
          where  c.org_id = @org and c.kind = `
	changesOf = `), 0)
+ coalesce((select sum(d.n)
            from   (select d.n
                    from   count_changes d
                    where  d.org_id = @org and d.kind = `
	endOf = `
                    order  by d.id) d), 0)`

	// ActiveSQL is the number of active users as a part of a statement.
	ActiveSQL = baseOf + `1` + changesOf + `1` + endOf
	inactive  = baseOf + `2` + changesOf + `2` + endOf
)

// The totals, each a statement of one number.
var (
	TotalActiveUsers = db.New(`
select ` + ActiveSQL)
	TotalUsers = db.New(`
select ` + ActiveSQL + ` + ` + inactive)
	TotalGroups = db.New(`
select ` + baseOf + `3` + changesOf + `3` + endOf)
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

// Fold folds the pending changes of one organisation's counts. It changes no total, only
// what reading one costs.
func Fold(ctx context.Context, p *pool.Pool, o org.ID) error {
	err := pgerr.Retry(ctx, func() error {
		_, err := p.Own().Exec(ctx, foldCounts, int64(o))
		return err
	})
	return pgerr.Wrap("fold counts", err)
}

// selectPending finds the organisations with pending changes: a statement across
// organisations, for the background work only.
var selectPending = db.New(`select distinct org_id from count_changes limit 1000`)

// FoldAll folds the pending changes of all organisations.
func FoldAll(ctx context.Context, p *pool.Pool) error {
	var pending []org.ID
	err := selectPending.With().ReadAll(ctx, p.Own(), func(raw [][]byte) { pending = append(pending, org.ID(db.ReadInt(raw[0]))) })
	if err != nil {
		return pgerr.Wrap("find pending counts", err)
	}
	for _, o := range pending {
		if err := Fold(ctx, p, o); err != nil {
			return err
		}
	}
	return nil
}

// Package counts owns how many users and groups an organisation has, in all and by ranges of
// their ids: a base, and what has changed of it since, so that no row is fought for and every
// number is exact. What is counted, the statements add that change it; when changes are folded
// into the base is left to package postgres.
package counts

import (
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/postgres/db"
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

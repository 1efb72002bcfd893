package lists

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
)

// A jump is to a page of which no bookmark is near. It begins at the range of ids in which is
// what lies some way before the page, and goes in strides through the index, as far behind the
// page. Each stride leaves a bookmark: who has jumped there jumps about.
var strides = db.NewTemplate(`
with recursive nearest as materialized ([nearest]), passed (id, before) as (
  select coalesce((select n.id from nearest n), ` + db.LeastID + `), coalesce((select n.before from nearest n), 0)
  union  all
  select next.id, p.before + [stride]
  from   passed p, lateral (select r.id [rows] and r.id >= p.id order by r.id offset [stride] limit 1) next
  where  p.before < [end]
)
select p.id, p.before
from   passed p
where  p.before > 0`)

const (
	stride = 250
	// reach is how far before and behind a page bookmarks are left, at least.
	reach = counts.RangeSize
)

// strides is the statement of a jump to a page that begins behind so many.
func (s source) strides(org int64, before int) (sql string, args []any) {
	return strides.Fill(org, db.In("nearest", s.nearest().With(db.In("place", db.SQL("$?::bigint", max(before-reach, 0))))),
		db.In("rows", s.rows(s.condition())), db.In("stride", db.Number(stride)), db.In("end", db.SQL("$?::bigint", before+reach)))
}

// jump leaves bookmarks around a page and gives the last of them before it. Their total is
// older than they are, and so tells whether a resource has gone since.
func (v Lists) jump(ctx context.Context, s source) (start, error) {
	at, b := fromBeginning(s.Query), new(pgx.Batch)
	b.Queue(db.PlanOnce)
	db.QueueTotal(b, &at.total, s.total().With(db.Org(v.Org)))
	sql, args := s.strides(v.Org, s.Start-1)
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		return db.ReadAll(rows, func(raw [][]byte) {
			before, behind := int(db.ReadInt(raw[1])), directory.Position{ID: precedingID(db.ReadID(raw[0]))}
			if before < s.Start {
				at.after, at.known, at.skip = behind, true, s.Start-1-before
			}
			v.leaveBookmark(s.here, before+1-s.Start, behind, at.total)
		})
	})
	// Where there are no ranges yet, the way to the page may be a whole index.
	err := v.DB.ForScan(s.Start > v.Most).SendBatch(ctx, b).Close()
	return at, err
}

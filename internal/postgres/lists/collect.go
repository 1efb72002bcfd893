package lists

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
)

// collected is a page of what a filter selects, with the total, in one pass over what the
// filter makes PostgreSQL look at. Where nothing is on the page the total is alone.
var collected = db.NewTemplate(`
with found as materialized (
  select [id]
  [selected]
  limit  [most]
)
select [columns], c.n
from   (select count(*) from found) c (n)
left   join [table] r on r.org_id = @org and r.id = any(array(
         select f.id from found f[behind] order by f.id[offset] limit [count]))
order  by r.id`)

func (s source) collected(org int64, most int) (sql string, args []any) {
	id, selected := s.selected()
	var behind, offset db.Fragment
	switch {
	case s.After != nil && !s.After.IsStart():
		behind = db.SQL(" where f.id > $?", db.ID(s.After.ID))
	case s.Start > 1:
		offset = db.SQL(" offset $?", s.Start-1)
	}
	return collected.Fill(org, db.In("id", db.SQL(id)), db.In("selected", selected), db.In("most", db.Number(most)),
		db.In("columns", db.SQL(s.columns.sql)), db.In("table", db.SQL(s.table.Name)),
		db.In("behind", behind), db.In("offset", offset), db.In("count", db.Number(s.Count)))
}

// collect reads a page with the total, unless more than few are found: then the total is
// more than few, and nothing else of the page is to be used. Of a page in chunks it finds
// the ids.
func (v Lists) collect(ctx context.Context, s source) (directory.Page, error) {
	return v.inChunksIfLarge(s.Query, func(chunks bool) (p directory.Page, err error) {
		found := s
		if chunks {
			found = s.sizes()
		}
		found.Query = oneMore(found.Query)
		sql, args := found.collected(v.Org, v.most(s)+1)
		err = v.DB.Planned(ctx, func(rows pgx.Rows) error { return found.readCounted(rows, &p) }, sql, args...)
		switch {
		case err != nil:
			return p, err
		case p.Total > v.most(s):
			return directory.Page{Total: p.Total}, nil
		}
		cut(&p, s.Query)
		switch {
		case chunks:
			return v.chunksOf(ctx, []source{s}, p)
		case s.hasGroups():
			err = v.readGroupsOf(ctx, p.Records)
		}
		return p, err
	})
}

package lists

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
)

// A look walks through what an index finds of a filter, in the order of the list, and tests
// the rest of the filter of each, of so many and no more: so no page costs more for what is
// rare, and the next goes on where it has ended. Each is looked up by itself, and so is what
// it is tested by, whatever PostgreSQL believes of how many there are.
var (
	lookPage = db.NewTemplate(`
select [columns], c.value::text, passed.yes, c.n = [most]
[looked]
where  passed.yes or c.n = [most]
order  by [order]
limit  [count]`)

	countLooked = db.NewTemplate(`select count(passed.yes), count(*) [looked]`)

	lookedAt = db.NewTemplate(`
from   (
  select [id] as id, [key] as value, row_number() over (order by [inner]) as n
  [rows][of][behind]
  order  by [inner]
  limit  [most]) c
cross  join lateral (select r.* from [table] r where r.org_id = @org and r.id >= c.id ` + db.FirstByID + `) r
left   join lateral (select true as yes where [rest] ` + db.OneByOne + `) passed on true`)
)

// look is a list that is looked through so far.
type look struct {
	sorting
	search.Candidates
	of   source
	most int
}

// lookOf gives the look of a list, if it is to be looked through.
func lookOf(of directory.TypeQuery) (l look, ok bool) {
	if of.Look == 0 || of.Links || of.Filter == nil || of.After == nil || of.Count <= 0 {
		return l, false
	}
	memory, by := new(records.Memory), (*schema.Attribute)(nil)
	if search.IsSorted(of.Sort) {
		by = of.Sort.Attr
		l.sorting = newSorting([]directory.TypeQuery{of}, false, memory)
	} else {
		l.sorting = sorting{by: byID, parts: []part{{key: search.SortKey{SQL: db.SQL("null::text")}}}}
	}
	if l.Candidates, ok = search.On(of.Type).Candidates(of.Filter.Root(), by); l.Key != "" {
		l.sorting = sorting{parts: []part{{key: search.SortKey{SQL: db.SQL(l.Key)}}}} // by the value, which all have, and the id
	}
	l.of, l.most = newSource(of, memory), of.Look
	return l, ok
}

// looked is the part of a statement that looks behind a position.
func (l look) looked(from directory.Position) db.Fragment {
	p, direction := l.parts[0], ""
	if l.descending {
		direction = " desc"
	}
	order := db.SQL(l.ID)
	var of, behind db.Fragment
	switch {
	case l.Key != "":
		// Equal to the value would leave PostgreSQL the index of the ids, of all that there are.
		order, of = db.SQL(l.Key+", "+l.ID), db.SQL(" and "+l.Key+" >= $? and "+l.Key+" <= $?", l.Value, l.Value)
		behind = db.SQL(" and ("+l.Key+", "+l.ID+") > ($?, $?)", l.Value, db.ID(from.ID))
	case l.by == byID:
		behind = db.SQL(" and "+l.ID+" > $?", db.ID(from.ID))
	case l.by == byValue:
		order, behind = db.SQL("$?"+direction, p.key.SQL), l.behind(p, rowsBehind, from)
	default:
		order, behind = db.SQL("$?"+direction+", "+l.ID+direction, p.key.SQL), l.behind(p, rowsBehind, from)
	}
	if from.IsStart() {
		behind = db.Fragment{}
	}
	return lookedAt.With(db.In("id", db.SQL(l.ID)), db.In("key", p.key.SQL), db.In("inner", order), db.In("rows", l.Rows), db.In("of", of), db.In("behind", behind),
		db.In("most", db.Number(l.most)), db.In("table", db.SQL(l.of.table.Name)), db.In("rest", l.Rest))
}

// page is the statement of a page, with the resource at which the look has ended.
func (l look) page(org int64, from directory.Position, count int) (sql string, args []any) {
	return lookPage.Fill(org, db.In("columns", db.SQL(l.of.columns.sql)), db.In("looked", l.looked(from)),
		db.In("most", db.Number(l.most)), db.In("order", l.order("c.")), db.In("count", db.Number(count)))
}

// count is the statement that counts what a look from the beginning finds, and at how many it
// has looked.
func (l look) count(org int64) (sql string, args []any) {
	return countLooked.Fill(org, db.In("looked", l.looked(directory.Position{})))
}

// look reads a page as far as it may look.
func (v Lists) look(ctx context.Context, l look) (p directory.Page, err error) {
	sql, args := l.page(v.Org, *l.of.After, l.of.Count+1)
	if err = v.inOrder(ctx, func(rows pgx.Rows) error { return l.read(rows, &p) }, sql, args...); err != nil {
		return p, err
	}
	first := l.of.After.IsStart()
	p.Total, p.AtLeast = len(p.Records), !first || p.Next != nil
	if first && len(p.Records) == l.of.Count && l.of.Enough != 1 {
		err = v.countLooked(ctx, l, &p)
	}
	return p, err
}

// countLooked counts what a look from the beginning finds: more than is on the page, or all
// where it comes to an end.
func (v Lists) countLooked(ctx context.Context, l look, p *directory.Page) error {
	var found, seen int
	sql, args := l.count(v.Org)
	err := v.inOrder(ctx, db.One(func(raw [][]byte) { found, seen = int(db.ReadInt(raw[0])), int(db.ReadInt(raw[1])) }), sql, args...)
	switch {
	case l.of.Enough > 0 && found > l.of.Enough:
		p.Total, p.AtLeast = l.of.Enough+1, false
	case seen < l.most:
		p.Total, p.AtLeast = found, false
	default:
		p.Total = max(p.Total, found)
	}
	return err
}

// inOrder runs a statement of a look.
func (v Lists) inOrder(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	b := new(pgx.Batch)
	b.Queue(db.InOrder)
	b.Queue(sql, args...).Query(read)
	return v.DB.ForScan(true).SendBatch(ctx, b).Close()
}

// read reads a page: what was found, and where the next begins, if there may be one.
func (l look) read(rows pgx.Rows, p *directory.Page) error {
	r, last := l.of.reader(p), directory.Position{}
	return db.ReadAll(rows, func(raw [][]byte) {
		if p.Next != nil {
			return
		}
		n := len(raw) - 3
		found, end, full := raw[n+1] != nil, raw[n+2][0] != 0, len(p.Records) == l.of.Count
		if found && !full {
			r.add(raw[:n])
			full = p.Full
		}
		if found && full {
			p.Next = &last
			return
		}
		if last = readPosition(raw[0], raw[n]); end {
			p.Next = &last
		}
	})
}

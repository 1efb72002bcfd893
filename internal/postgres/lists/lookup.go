package lists

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
)

// A look-up is answered by pageByID too, by whichever index finds what its filter names.
// One that finds one resource at most needs neither order nor limit, which take time to
// set up.
var (
	foundResource = db.NewTemplate(`
select [columns]
[rows]`)

	foundByName = db.NewTemplate(`
select [columns]
[rows]
` + db.FirstByName)
)

// lookUp reads the first chunk of a page of what a filter selects, and the total, unless
// the page tells it by itself. So it reads, too, a page of what a filter selects of which
// there is more than is collected.
func (v Lists) lookUp(ctx context.Context, s source, at start) (p directory.Page, err error) {
	first := v.chunk(s)
	if at.isFirst() {
		if err = v.readLookUp(ctx, first, at, &p); err != nil {
			return p, err
		}
		if p.Total = len(p.Records); p.Total < first.Count && !p.Full {
			v.rememberOnly(ctx, s, p.Records)
			return p, nil
		}
		p.Total, err = v.total(ctx, s)
		return v.onward(ctx, s, at, p, err)
	}
	if p.Total, err = v.total(ctx, s); err != nil || p.Total < s.Start || p.Total < at.total {
		return p, err
	}
	err = v.readLookUp(ctx, first, at, &p)
	return v.onward(ctx, s, at, p, err)
}

// readLookUp reads a chunk, with the groups of users: together where few are expected,
// else by the ids.
func (v Lists) readLookUp(ctx context.Context, s source, at start, p *directory.Page) error {
	together := s.hasGroups() && !s.isComposed()
	if together {
		s.columns = linkedUserColumns
	}
	sql, args := s.found(v.Org, at)
	err := v.ask(s)(ctx, func(rows pgx.Rows) error { return s.read(rows, p) }, sql, args...)
	if err == nil && s.hasGroups() && !together {
		err = v.readGroupsOf(ctx, p.Records)
	}
	return err
}

// found is the statement of a page of what a filter selects. Where many are passed, times
// Of modification are compared in passing.
func (s source) found(org int64, at start) (sql string, args []any) {
	c := search.On(s.Type)
	if name, ok := s.name(); ok && at.isFirst() {
		from, to := name, name
		from.Op, to.Op = filter.Ge, filter.Le
		named := db.Join(" and ", c.Where(from), c.Where(to))
		return foundByName.Fill(org, db.In("columns", db.SQL(s.columns.sql)), db.In("rows", s.rows(db.SQL(" and $?", named))))
	}
	if s.isSingle() && at.isFirst() {
		return foundResource.Fill(org, db.In("columns", db.SQL(s.columns.sql)), db.In("rows", s.rows(c.Of(s.Query))))
	}
	if s.isComposed() {
		c = c.Passed()
	}
	return s.pageFrom(org, s.rows(c.Of(s.Query)), s.bound(at))
}

// name is the comparison of a filter that asks for the user of a name and for nothing else.
func (s source) name() (name filter.Compare, ok bool) {
	if s.Filter == nil || s.ActiveOnly || s.table != search.Users {
		return name, false
	}
	name, ok = s.Filter.Root().(filter.Compare)
	return name, ok && name.Attr == schema.UserName && name.Op == filter.Eq && name.Value != nil
}

// rememberOnly remembers the user that a look-up has found.
func (v Lists) rememberOnly(ctx context.Context, s source, found []directory.Record) {
	if s.table == search.Users && len(found) == 1 && len(found[0].Doc) > 0 {
		v.recent.Remember(ctx, v.Org, found[0])
	}
}

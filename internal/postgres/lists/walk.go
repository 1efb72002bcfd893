package lists

import (
	"bytes"
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
)

// A list without a filter follows the ids from where the page begins. Its total is kept.
// Page, total and links are read in one round trip.
var (
	pageByID = db.NewTemplate(`
select [columns]
[rows][from]
order  by r.id
limit  [count]`)

	// groupsOfPage gives the groups of the users from the first to the last of a page, as
	// one range; what it finds of others, inactive ones, is left out in reading. One query
	// for all costs less than one sub-select for each. Names are looked up one by one, by a
	// lateral query of its own (offset 0) whose answers PostgreSQL may remember: many users
	// of a page have their groups in common.
	groupsOfPage = db.NewTemplate(`[first]` + groupsOfUsers + `[from] and m.user_id <= coalesce((
         select r.id
         [rows][begin]
         order  by r.id
         offset [last] limit 1), ` + db.GreatestID + `)
order  by m.user_id, m.group_id`)

	// firstOfPage counts the way to the first user of a page once, for groupsOfPage.
	firstOfPage = db.NewTemplate(`
with first as materialized (
  select r.id
  [rows][from]
  order  by r.id
  limit  1
)`)

	groupsOfThose = db.NewTemplate(groupsOfUsers + ` and m.user_id[ids]
order  by m.user_id, m.group_id`)

	// skipped is the bound of a page behind so many: index entries are counted, not rows.
	skipped = db.NewTemplate(` >= (select r.id [rows][from] order by r.id offset [skip] limit 1)`)
)

const groupsOfUsers = `
select m.user_id, m.group_id, n.display_name
from   group_members m
left   join lateral (
  select g.display_name from groups g where g.org_id = $1 and g.id = m.group_id offset 0
) n on true
where  m.org_id = $1`

// bound is the lower bound of the first id of a page, or empty.
func (s source) bound(at start) db.Fragment {
	var bound db.Fragment
	if at.known {
		bound = db.SQL(" > "+db.HiddenID, db.ID(at.after.ID))
	}
	if at.skip == 0 {
		return bound
	}
	return skipped.With(db.In("rows", s.rows(s.condition())), db.In("from", from("r.id", bound)), db.In("skip", db.SQL("$?", at.skip)))
}

// from is the condition that an id has a bound.
func from(id string, bound db.Fragment) db.Fragment {
	if bound.IsEmpty() {
		return bound
	}
	return db.Join("", db.SQL(" and "+id), bound)
}

// pageFrom is the statement of a page of rows.
func (s source) pageFrom(org int64, rows, bound db.Fragment) (sql string, args []any) {
	return pageByID.Fill(org, db.In("columns", db.SQL(s.columns.sql)), db.In("rows", rows),
		db.In("from", from("r.id", bound)), db.In("count", db.Number(s.Count)))
}

// groupsFrom is the statement of the groups of all users of a page.
func (s source) groupsFrom(org int64, rows db.Fragment, at start) (sql string, args []any) {
	bound := s.bound(at)
	var counted db.Fragment
	if at.skip > 0 {
		counted = firstOfPage.With(db.In("rows", rows), db.In("from", from("r.id", bound)))
		bound = db.SQL(" >= (select f.id from first f)")
	}
	first := bound
	if first.IsEmpty() {
		first = db.SQL(" > (select " + db.LeastID + ")")
	}
	return groupsOfPage.Fill(org, db.In("first", counted), db.In("from", from("m.user_id", first)), db.In("rows", rows),
		db.In("begin", from("r.id", bound)), db.In("last", db.Number(s.Count-1)))
}

// walk reads the first chunk of a page, with the total.
func (v Lists) walk(ctx context.Context, s source, at start) (p directory.Page, err error) {
	first, before := v.chunk(s), at.total
	if at.skip > min(v.Most, reach) {
		if at, err = v.jump(ctx, s); err != nil {
			return p, err
		}
		if p.Total = at.total; p.Total < max(s.Start, before) {
			return p, nil
		}
	}
	err = v.readWalk(ctx, first, at, &p)
	switch n := len(p.Records); {
	case err != nil, p.Total < at.total:
		return p, err
	case at.isFirst() && n < first.Count && !p.Full:
		p.Total = n // the page is the list, whatever came since the total was read
	}
	return v.onward(ctx, s, at, p, err)
}

// readWalk reads a chunk, with the total unless the page has it.
func (v Lists) readWalk(ctx context.Context, s source, at start, p *directory.Page) error {
	b := new(pgx.Batch)
	if s.hasGroups() {
		b.Queue(db.PlanOnce)
	}
	if p.Total == 0 {
		db.QueueTotal(b, &p.Total, s.total().With(db.Org(v.Org)))
	}
	rows := s.rows(s.condition())
	sql, args := s.pageFrom(v.Org, rows, s.bound(at))
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return s.read(rows, p) })
	if s.hasGroups() {
		sql, args := s.groupsFrom(v.Org, rows, at)
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return readGroups(rows, pointers(p.Records)) })
	}
	return v.DB.SendBatch(ctx, b).Close()
}

// readGroupsOf reads the groups of users, who are in the order of their ids.
func (v Lists) readGroupsOf(ctx context.Context, users []directory.Record) error {
	b := new(pgx.Batch)
	v.queueGroupsOf(b, pointers(users))
	if b.Len() == 0 {
		return nil
	}
	return v.DB.SendBatch(ctx, b).Close()
}

func (v Lists) queueGroupsOf(b *pgx.Batch, users []*directory.Record) {
	if len(users) == 0 {
		return
	}
	ids := make(db.IDs, len(users))
	for i, r := range users {
		ids[i] = r.ID
	}
	sql, args := groupsOfThose.Fill(v.Org, db.In("ids", db.ThoseIDs(ids)))
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return readGroups(rows, users) })
}

// readGroups gives users their groups; both are in the order of the users' ids. Groups of
// others are those of a user who came to the page since.
func readGroups(rows pgx.Rows, users []*directory.Record) error {
	for _, r := range users {
		r.Links = []directory.Link{}
	}
	i := 0
	return db.ReadAll(rows, func(raw [][]byte) {
		for i < len(users) && bytes.Compare(users[i].ID[:], raw[0]) < 0 {
			i++
		}
		if i < len(users) && bytes.Equal(users[i].ID[:], raw[0]) {
			users[i].Links = append(users[i].Links, directory.Link{ID: db.ReadID(raw[1]), Display: string(raw[2])})
		}
	})
}

// pointers are the records where they are.
func pointers(records []directory.Record) []*directory.Record {
	at := make([]*directory.Record, len(records))
	for i := range records {
		at[i] = &records[i]
	}
	return at
}

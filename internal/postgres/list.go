package postgres

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// The statements of a list are put together by listing from a beginning, the
// condition of the filter, and the place where the page begins.
const (
	listUsers = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1`
	listUserIDs = `select u.id from users u where u.org_id = $1`
	countUsers  = `select count(*) from users u where u.org_id = $1`

	listGroups = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count
from   groups g
where  g.org_id = $1`
	listGroupIDs = `select g.id from groups g where g.org_id = $1`
	countGroups  = `select count(*) from groups g where g.org_id = $1`
)

// List implements directory.View. The order is that of creation: by id.
func (v view) List(ctx context.Context, t *schema.Type, q directory.Query) (p directory.Page, err error) {
	s := v.listing(t, q)
	switch {
	case q.Count <= 0:
		p.Total, err = v.total(ctx, s)
	case q.Filter == nil:
		p, err = v.listAll(ctx, s, q)
	default:
		p, err = v.listFiltered(ctx, s, q)
	}
	if err == nil && q.Links && len(p.Records) > 0 {
		err = v.addLinks(ctx, s.table, p.Records)
	}
	return p, wrap("list "+t.Plural, err)
}

// listAll reads the page and the total in one round trip.
func (v view) listAll(ctx context.Context, s listing, q directory.Query) (p directory.Page, err error) {
	here := s.place(q.Start)
	mark, marked := v.marks.find(here)
	sql, args := s.page(q, mark, marked)
	b := new(pgx.Batch)
	b.Queue(selectTotal, v.org, s.counts).Query(func(rows pgx.Rows) error {
		return readOne(rows, func(raw [][]byte) { p.Total = int(readInt(raw[0])) })
	})
	b.Queue(sql, args...).Query(func(rows pgx.Rows) (err error) {
		p.Records, err = s.read(rows, q.Count)
		return err
	})
	if err = v.pool.SendBatch(ctx, b).Close(); err != nil {
		return p, err
	}
	if marked && p.Total < mark.total {
		p.Records, err = v.page(ctx, s, q, bookmark{}, false)
	}
	v.mark(s, q, p)
	return p, err
}

// listFiltered counts only when the page does not tell the total by itself.
func (v view) listFiltered(ctx context.Context, s listing, q directory.Query) (p directory.Page, err error) {
	if q.Start == 1 {
		if p.Records, err = v.page(ctx, s, q, bookmark{}, false); err != nil {
			return p, err
		}
		if p.Total = len(p.Records); p.Total < q.Count {
			return p, nil
		}
		p.Total, err = v.total(ctx, s)
		v.mark(s, q, p)
		return p, err
	}
	if p.Total, err = v.total(ctx, s); err != nil || p.Total < q.Start {
		return p, err
	}
	mark, marked := v.marks.find(s.place(q.Start))
	p.Records, err = v.page(ctx, s, q, mark, marked && p.Total >= mark.total)
	v.mark(s, q, p)
	return p, err
}

// mark remembers where the next page begins.
func (v view) mark(s listing, q directory.Query, p directory.Page) {
	if n := len(p.Records); n > 0 && n == q.Count {
		v.marks.put(s.place(q.Start+n), p.Records[n-1].ID, p.Total)
	}
}

func (v view) page(ctx context.Context, s listing, q directory.Query, mark bookmark, marked bool) ([]directory.Record, error) {
	sql, args := s.page(q, mark, marked)
	rows, err := v.pool.Query(ctx, sql, s.planned(args)...)
	if err != nil {
		return nil, err
	}
	return s.read(rows, q.Count)
}

// total counts what the list holds.
func (v view) total(ctx context.Context, s listing) (n int, err error) {
	sql, args := selectTotal, []any{v.org, s.counts}
	if s.filter != "" {
		sql, args = s.countAll+s.condition, s.planned(s.args)
	}
	rows, err := v.pool.Query(ctx, sql, args...)
	if err != nil {
		return 0, err
	}
	err = readOne(rows, func(raw [][]byte) { n = int(readInt(raw[0])) })
	return n, err
}

// listing is a list, whichever page of it is read.
type listing struct {
	table     *table
	filter    string
	active    bool
	composed  bool    // more than a look-up by one value
	counts    []int16 // the counts whose sum is the total when there is no filter
	condition string  // " and …", with the arguments after the first
	args      []any

	listAll, listIDs, countAll string
}

func (v view) listing(t *schema.Type, q directory.Query) listing {
	s := listing{table: tableOf(t), active: q.ActiveOnly, args: []any{v.org}}
	if s.table == users {
		s.listAll, s.listIDs, s.countAll = listUsers, listUserIDs, countUsers
		s.counts = []int16{activeUsers, inactiveUsers}
	} else {
		s.listAll, s.listIDs, s.countAll = listGroups, listGroupIDs, countGroups
		s.counts = []int16{groupsCount}
	}
	if q.ActiveOnly && s.table == users {
		s.condition = " and u.active"
		s.counts = []int16{activeUsers}
	}
	if q.Filter != nil {
		var condition string
		condition, s.args = where(t, q.Filter.Root(), s.args)
		s.condition += " and " + condition
		s.filter = q.Filter.String()
		s.composed = !isLookUp(q.Filter.Root())
	}
	return s
}

// isLookUp reports whether a filter finds by one indexed value, so that one plan
// is right for all values.
func isLookUp(n filter.Node) bool {
	c, ok := n.(filter.Compare)
	return ok && c.Op == filter.Eq && c.Value != nil && c.Attr.Search != schema.Scan
}

// planned makes PostgreSQL plan for the very values of a composed filter: which
// index is best depends on them.
func (s listing) planned(args []any) []any {
	if !s.composed {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}

func (s listing) place(start int) place {
	return place{org: s.args[0].(int64), table: s.table, filter: s.filter, active: s.active, start: start}
}

// page gives the statement of a page: from a bookmark by the index alone; without
// one by counting index entries, not rows.
func (s listing) page(q directory.Query, mark bookmark, marked bool) (sql string, args []any) {
	id := s.table.alias + ".id"
	sql, args = s.listAll+s.condition, s.args[:len(s.args):len(s.args)]
	next := func(arg any) string {
		args = append(args, arg)
		return "$" + strconv.Itoa(len(args))
	}
	switch {
	case q.Start <= 1:
	case marked:
		sql += " and " + id + " > " + next(uid(mark.after))
	default:
		sql += " and " + id + " >= (" + s.listIDs + s.condition + " order by " + id + " offset " + next(q.Start-1) + " limit 1)"
	}
	return sql + " order by " + id + " limit " + next(q.Count), args
}

func (s listing) read(rows pgx.Rows, count int) ([]directory.Record, error) {
	records := make([]directory.Record, 0, min(count, 100))
	read := readRecord
	if s.table == groups {
		read = readGroup
	}
	err := readAll(rows, func(raw [][]byte) { records = append(records, read(raw)) })
	return records, err
}

// The links of all resources of a page, in the order of the page.
const (
	listUserGroups = `
select m.user_id, m.group_id, g.display_name
from   group_members m
join   groups g on g.org_id = $1 and g.id = m.group_id
where  m.org_id = $1 and m.user_id = any($2)
order  by m.user_id, m.group_id`

	listMembers = `
select m.group_id, m.user_id, u.display_name
from   group_members m
join   users u on u.org_id = $1 and u.id = m.user_id
where  m.org_id = $1 and m.group_id = any($2)
order  by m.group_id, m.user_id`
)

// addLinks reads the links of the records, which are in the order of their ids.
func (v view) addLinks(ctx context.Context, t *table, records []directory.Record) error {
	sql := listUserGroups
	if t == groups {
		sql = listMembers
	}
	ids := make([]uuid.UUID, len(records))
	for i := range records {
		ids[i], records[i].Links = records[i].ID, []directory.Link{}
	}
	rows, err := v.pool.Query(ctx, sql, v.org, uids(ids))
	if err != nil {
		return err
	}
	i := 0
	err = readAll(rows, func(raw [][]byte) {
		for owner := readID(raw[0]); records[i].ID != owner; {
			i++
		}
		records[i].Links = append(records[i].Links, directory.Link{ID: readID(raw[1]), Display: string(raw[2])})
	})
	for i := range records {
		if t == groups {
			records[i].MemberCount = len(records[i].Links)
		}
	}
	return err
}

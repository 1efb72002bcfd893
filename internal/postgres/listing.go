package postgres

import (
	"bytes"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// The statements of a list are a beginning, the condition of its filter, and the
// position of the page.
const (
	listUsers = `
select u.id, u.version, u.created_at, u.modified_at, u.doc
from   users u
where  u.org_id = $1`
	listUsersAndGroups = `
select u.id, u.version, u.created_at, u.modified_at, u.doc,
       array(select m.group_id::text || g.display_name
             from   group_members m
             join   groups g on g.org_id = $1 and g.id = m.group_id
             where  m.org_id = $1 and m.user_id = u.id
             order  by m.group_id)
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

// The links of all resources of a page, which are an array after the beginning.
// One query for all never costs more than one sub-select for each, and a tenth
// of it where the plan scans the groups.
const (
	listUserGroups = `
select m.user_id, m.group_id, g.display_name
from   group_members m
join   groups g on g.org_id = $1 and g.id = m.group_id
where  m.org_id = $1 and m.user_id = any(`
	orderUserGroups = `)
order  by m.user_id, m.group_id`

	listMembers = `
select m.group_id, m.user_id, u.display_name
from   group_members m
join   users u on u.org_id = $1 and u.id = m.user_id
where  m.org_id = $1 and m.group_id = any(`
	orderMembers = `)
order  by m.group_id, m.user_id`

	// thoseIDs are given ids. An array that is an argument would make PostgreSQL
	// plan each time for its very length.
	thoseIDs = `array(select unnest($2::uuid[]))`
)

// listing is a list, whichever page of it is read.
type listing struct {
	table    *table
	filter   string
	active   bool
	composed bool    // more than a look-up
	counts   []int16 // the counts whose sum is the total when there is no filter

	// The beginnings of statements, with the condition; the arguments of the condition.
	records, ids, count string
	linked              string // records with their links; "" where links are too many for that
	links, linkOrder    string
	condition           string
	args                []any
}

func (v view) listing(t *schema.Type, q directory.Query) listing {
	s := listing{table: tableOf(t), active: q.ActiveOnly, args: []any{v.org}}
	if s.table == users {
		s.records, s.ids, s.count = listUsers, listUserIDs, countUsers
		s.links, s.linkOrder = listUserGroups, orderUserGroups
		s.linked = listUsersAndGroups
		s.counts = []int16{activeUsers, inactiveUsers}
	} else {
		s.records, s.ids, s.count = listGroups, listGroupIDs, countGroups
		s.links, s.linkOrder = listMembers, orderMembers
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
	s.records += s.condition
	if s.linked != "" {
		s.linked += s.condition
	}
	s.ids += s.condition
	s.count += s.condition
	return s
}

// isLookUp reports whether a filter finds by one indexed value, whatever else it
// asks for, so that one plan is right for all values.
func isLookUp(n filter.Node) bool {
	switch n := n.(type) {
	case filter.And:
		return isLookUp(n.Left) || isLookUp(n.Right)
	case filter.Each:
		return isLookUp(n.Node)
	case filter.Compare:
		parent := n.Attr.Parent()
		indexed := n.Attr.Search != schema.Scan || parent != nil && parent.Search == schema.Link
		return n.Op == filter.Eq && n.Value != nil && indexed && n.Attr.Kind != schema.Boolean
	default:
		return false
	}
}

// planned makes PostgreSQL plan for the very values of a filter that is no
// look-up: which index is best depends on them.
func (s listing) planned(args []any) []any {
	if !s.composed {
		return args
	}
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}

func (s listing) place(start int) place {
	return place{org: s.args[0].(int64), table: s.table, filter: s.filter, active: s.active, start: start}
}

// position ends the statement of a page: from a bookmark by the index alone;
// without one by counting index entries, not rows. The count is written out: for
// an unknown one PostgreSQL would expect a tenth of the table, and plan each time.
func (s listing) position(q directory.Query, mark bookmark, marked bool) (sql string, args []any) {
	id := s.table.alias + ".id"
	args = s.args[:len(s.args):len(s.args)]
	next := func(arg any) string {
		args = append(args, arg)
		return "$" + strconv.Itoa(len(args))
	}
	switch {
	case q.Start <= 1:
	case marked:
		sql = " and " + id + " > " + next(uid(mark.after))
	default:
		sql = " and " + id + " >= (" + s.ids + " order by " + id + " offset " + next(q.Start-1) + " limit 1)"
	}
	return sql + " order by " + id + " limit " + strconv.Itoa(q.Count), args
}

func (s listing) read(rows pgx.Rows, count int) ([]directory.Record, error) {
	records := make([]directory.Record, 0, min(count, 100))
	read := readUser
	if s.table == groups {
		read = readGroup
	}
	err := readAll(rows, func(raw [][]byte) { records = append(records, read(raw)) })
	return records, err
}

// readLinks gives the records their links; both are in the order of the records'
// ids. Links of others are those of a resource that came to the page since.
func (s listing) readLinks(rows pgx.Rows, records []directory.Record) error {
	for i := range records {
		records[i].Links = []directory.Link{}
	}
	i := 0
	err := readAll(rows, func(raw [][]byte) {
		for i < len(records) && bytes.Compare(records[i].ID[:], raw[0]) < 0 {
			i++
		}
		if i < len(records) && bytes.Equal(records[i].ID[:], raw[0]) {
			records[i].Links = append(records[i].Links, directory.Link{ID: readID(raw[1]), Display: string(raw[2])})
		}
	})
	if s.table == groups {
		for i := range records {
			records[i].MemberCount = len(records[i].Links)
		}
	}
	return err
}

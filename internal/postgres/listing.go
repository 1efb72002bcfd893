package postgres

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// The statements of a list are a beginning, the condition of its filter, and the
// position of the page.
const (
	userFields = `
select u.id, u.version, u.created_at, u.modified_at, u.doc`
	sizeOfUser = `octet_length(u.doc)::bigint`
	userIDs    = `
select u.id, ` + sizeOfUser
	fromUsers = `
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

	groupFields = `
select g.id, g.version, g.created_at, g.modified_at, g.doc, g.member_count`
	sizeOfGroup = `octet_length(g.doc)::bigint`
	groupIDs    = `
select g.id, ` + sizeOfGroup
	fromGroups = `
from   groups g
where  g.org_id = $1`
	groupFieldsAndMembers = groupFields + `, ` + membersOfGroup
	listGroupIDs          = `select g.id from groups g where g.org_id = $1`
	countGroups           = `select count(*) from groups g where g.org_id = $1`
)

// The groups of all users of a page. One query for all costs less than one sub-select
// for each. Names are looked up one by one, for PostgreSQL might read all to join them;
// many users of a page have their groups in common, so by a lateral query of its own
// (offset 0), whose answers it may remember. Members are read with their group, in one
// statement: its version names them.
const (
	listUserGroups = `
select m.user_id, m.group_id, n.display_name
from   group_members m
left   join lateral (
  select g.display_name from groups g where g.org_id = $1 and g.id = m.group_id offset 0
) n on true
where  m.org_id = $1`
	orderUserGroups = `
order  by m.user_id, m.group_id`

	// thoseIDs are given ids. An array that is an argument would make PostgreSQL
	// plan each time for its very length.
	thoseIDs = ` = any(array(` + givenIDs + `))`
	givenIDs = `select unnest($2::uuid[])`
)

// few is how many of what a filter finds are remembered at once, 40 bytes each, to read
// a page of them. Where more are found, a page lies close to where it begins.
const (
	few = 10_000

	withFound    = `with found as materialized `
	countFound   = `select count(*) from found`
	listFoundIDs = `select f.id from found f`
)

// What begins the first page, and ends one that is not full.
const (
	leastID    = `'00000000-0000-0000-0000-000000000000'::uuid`
	greatestID = `'ffffffff-ffff-ffff-ffff-ffffffffffff'`
)

// hidden keeps PostgreSQL from looking at a value when it plans: a plan for one value
// must not look so much better than that for all that each value is planned for.
func hidden(value string) string { return "(select " + value + ")" }

// listing is a list, whichever page of it is read.
type listing struct {
	t        *schema.Type
	table    *table
	filter   string
	active   bool
	composed bool   // more than a look-up
	single   bool   // a look-up that finds one resource at most
	brief    bool   // a look-up that finds few
	long     bool   // a look-up with more tests of what it finds than a look-up needs
	alone    bool   // of ids alone, with the sizes of what they are of
	total    string // the statement of the total when there is no filter

	fields, fromAll string // of every resource
	// The beginnings of statements, with the condition; the arguments of the condition.
	ids, count string
	found      string // ids again, in any order
	linked     string // records with their links; "" where links are too many for that
	from       string // where records are read, behind their fields
	condition  string
	args       []any

	withLinks bool // these are asked for, and read by a statement of their own
	pieces    bool // what is read is looked at once
	bytes     int  // of documents that are read at once, about; 0 is any number

	// The links, where owner is one of ids.
	links, owner, linkOrder string
}

func (v view) listing(t *schema.Type, q directory.Query) listing {
	return newListing(t, q, []any{v.org})
}

// newListing adds the arguments of the condition to those that are there, of
// which the first is the organisation.
func newListing(t *schema.Type, q directory.Query, args []any) listing {
	s := listing{t: t, table: tableOf(t), active: q.ActiveOnly, args: args, withLinks: q.Links && tableOf(t) == users, pieces: q.Pieces, bytes: q.Bytes}
	if q.Pieces {
		s.bytes = min(s.bytes, pieceBytes)
	}
	if s.table == users {
		s.fields, s.fromAll, s.ids, s.count = userFields, fromUsers, listUserIDs, countUsers
		s.links, s.owner, s.linkOrder = listUserGroups, "m.user_id", orderUserGroups
		s.linked = listUsersAndGroups
		s.total = totalUsers
	} else {
		s.fields, s.fromAll, s.ids, s.count = groupFields, fromGroups, listGroupIDs, countGroups
		s.total = totalGroups
		if q.Links {
			s.fields = groupFieldsAndMembers
		}
	}
	w := newWriter(t, args)
	s.condition = w.condition(q)
	s.args = w.args
	if q.ActiveOnly && s.table == users {
		s.total = totalActiveUsers
	}
	if q.Filter != nil {
		s.filter = q.Filter.String()
		root := q.Filter.Root()
		s.composed = !finds(root, isIndexed)
		s.long = leaves(root) > mostTests
		s.single, s.brief = finds(root, s.table.isUnique), finds(root, s.table.isSelective) && !s.long
	}
	s.from = s.fromAll + s.condition
	if s.linked != "" {
		s.linked += s.condition
	}
	s.ids += s.condition
	s.count += s.condition
	s.found = s.ids
	if q.Filter != nil {
		s.readModified(t, q, args)
	}
	return s
}

// finds reports whether a filter asks, whatever else it asks for, for one value of an
// attribute that satisfies by. If that is indexed, one plan is right for all values.
func finds(n filter.Node, by func(a *schema.Attribute) bool) bool {
	switch n := n.(type) {
	case filter.And:
		return finds(n.Left, by) || finds(n.Right, by)
	case filter.Each:
		return finds(n.Node, by)
	case filter.Compare:
		return n.Op == filter.Eq && n.Value != nil && by(n.Attr)
	default:
		return false
	}
}

// mostTests is how many tests a look-up has: nobody knows of how many resources a value
// is that ought to be selective, and each test is made of all.
const mostTests = 4

// leaves counts the tests of a filter.
func leaves(n filter.Node) int {
	switch n := n.(type) {
	case filter.And:
		return leaves(n.Left) + leaves(n.Right)
	case filter.Or:
		return leaves(n.Left) + leaves(n.Right)
	case filter.Not:
		return leaves(n.Node)
	case filter.Each:
		return leaves(n.Node)
	default:
		return 1
	}
}

func isIndexed(a *schema.Attribute) bool {
	parent := a.Parent()
	return (a.Search != schema.Scan || parent != nil && parent.Search == schema.Link) && a.Kind != schema.Boolean
}

// bare is the same list of ids alone.
func (s listing) bare() listing {
	s.fields, s.alone, s.withLinks = s.sized(userIDs, groupIDs), true, false
	return s
}

// records begins the statement of records.
func (s listing) records() string { return s.fields + s.from }

func (s listing) place(start int) place {
	return place{org: s.args[0].(int64), table: s.table, filter: s.filter, active: s.active, start: start}
}

// span is where a page begins and how long it is, as the ends of statements.
type span struct {
	from  string // the bound of the first id: " > $2", or "" at the start
	order string
	count int
	args  []any
}

// span finds a page: from a position by the index alone; from another place by counting
// index entries from there, not rows. The count is written out: for an unknown one PostgreSQL
// would expect a tenth of the table, and plan each time.
func (s listing) span(q directory.Query, mark bookmark, marked bool) span {
	id := s.table.alias + ".id"
	page := span{order: " order by " + id, count: q.Count, args: slices.Clip(s.args)}
	argument := func(arg any) string {
		page.args = append(page.args, arg)
		return "$" + strconv.Itoa(len(page.args))
	}
	behind, skip := "", q.Start-1
	if marked {
		behind, skip = " > "+hidden(argument(uid(mark.after.ID))+"::uuid"), mark.skip
	}
	if page.from = behind; skip > 0 {
		page.from = " >= (" + s.ids + page.begin(id) + page.order + " offset " + argument(skip) + " limit 1)"
	}
	return page
}

// begin is the condition that column is not before the page.
func (p span) begin(column string) string {
	if p.from == "" {
		return ""
	}
	return " and " + column + p.from
}

// pageOf is the statement of a page of what beginning selects. One resource needs
// neither order nor limit, which take time to set up.
func (s listing) pageOf(beginning string, p span) string {
	if s.single && p.from == "" {
		return beginning
	}
	return beginning + p.begin(s.table.alias+".id") + p.order + " limit " + strconv.Itoa(p.count)
}

// fewOf is the statement of a page of what the filter finds, with the total, unless more
// than few are found. Where nothing is on the page the total is alone.
func (s listing) fewOf(q directory.Query, few int) (sql string, args []any) {
	args = slices.Clip(s.args)
	page, last := listFoundIDs, "$"+strconv.Itoa(len(args)+1)
	switch {
	case q.After != nil && !q.After.IsStart():
		page, args = page+" where f.id > "+last+" order by f.id", append(args, uid(q.After.ID))
	case q.Start > 1:
		page, args = page+" order by f.id offset "+last, append(args, q.Start-1)
	default:
		page += " order by f.id"
	}
	alias := s.table.alias
	return withFound + "(" + s.found + " limit " + strconv.Itoa(few+1) + ")" + s.fields + ", c.n from (" + countFound + ") c (n)" +
		" left join " + s.table.name + " " + alias + " on " + alias + ".org_id = $1 and " + alias + ".id = any(array(" +
		page + " limit " + strconv.Itoa(q.Count) + ")) order by " + alias + ".id", args
}

// linksWithin is the statement of the links of all resources of a page without a
// filter. Of users it reads those from the first to the last of the page as one range;
// what it finds of others, inactive ones, is left out in reading.
func (s listing) linksWithin(p span) string {
	from := p.from
	if from == "" {
		from = " > " + hidden(leastID)
	}
	last := s.ids + p.begin(s.table.alias+".id") + p.order + " offset " + strconv.Itoa(p.count-1) + " limit 1"
	return s.links + " and " + s.owner + from + " and " + s.owner + " <= coalesce((" + last + "), " + greatestID + ")" + s.linkOrder
}

// linksOf is the statement of the links of those whose ids a query selects.
func (s listing) linksOf(ids string) string {
	return s.links + " and " + s.owner + " = any(array(" + ids + "))" + s.linkOrder
}

// read reads the records of a page of at most count, or the first of them if all would
// be too large.
func (s listing) read(rows pgx.Rows, count int, p *directory.Page) error {
	read, room := s.reader(count, p), s.room()
	return readAll(rows, func(raw [][]byte) {
		if room.takes(s.weigh(raw)) {
			p.Records = append(p.Records, read(raw))
		}
		p.Full = room.full
	})
}

// readCounted reads records with the total behind their fields, or the total alone.
func (s listing) readCounted(rows pgx.Rows, count int, p *directory.Page) error {
	read, room := s.reader(count, p), s.room()
	return readAll(rows, func(raw [][]byte) {
		last := len(raw) - 1
		if p.Total = int(readInt(raw[last])); raw[0] != nil && room.takes(s.weigh(raw)) {
			p.Records = append(p.Records, read(raw[:last]))
		}
		p.Full = room.full
	})
}

// reader begins to read a page.
func (s listing) reader(count int, p *directory.Page) func(raw [][]byte) directory.Record {
	p.Records = make([]directory.Record, 0, min(count, directory.PieceSize+1))
	memory := s.memory(p)
	switch {
	case s.alone:
		return readSize
	case s.table == groups:
		return memory.readGroup
	default:
		return memory.readUser
	}
}

// memory is for the documents of a page.
func (s listing) memory(p *directory.Page) *pageMemory {
	if s.borrows() {
		return borrow(p)
	}
	return new(pageMemory)
}

// borrows reports whether the memory of documents is used again.
func (s listing) borrows() bool { return s.pieces && !s.alone && !s.brief }

// readLinks gives the records their links; both are in the order of the records'
// ids. Links of others are those of a resource that came to the page since.
func (s listing) readLinks(rows pgx.Rows, records []*directory.Record) error {
	for _, r := range records {
		r.Links = []directory.Link{}
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
	return err
}

// pointers are the records where they are.
func pointers(records []directory.Record) []*directory.Record {
	at := make([]*directory.Record, len(records))
	for i := range records {
		at[i] = &records[i]
	}
	return at
}

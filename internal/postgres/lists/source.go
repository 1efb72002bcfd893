package lists

import (
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/counts"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
)

// source is what a list selects of the resources of one type, which statements call r.
type source struct {
	directory.TypeQuery
	table *search.Table
	here  place // where the page begins
	// columns are those that are read of each resource.
	columns columns
	// bytes is how many bytes of documents are read at once, about; 0 is any number.
	bytes int
	// memory takes the documents.
	memory *records.Memory
	// known is how many the filter selects, as far as it is to be counted; 0 is not known.
	known int
}

func newSource(of directory.TypeQuery, memory *records.Memory) source {
	s := source{TypeQuery: of, table: search.TableOf(of.Type), columns: userColumns, bytes: of.Bytes, memory: memory}
	switch {
	case s.table == search.Groups && of.Links:
		s.columns = memberColumns
	case s.table == search.Groups:
		s.columns = groupColumns
	}
	if of.Chunks {
		s.bytes = min(s.bytes, chunkBytes)
	}
	s.here = place{list: s.table.Name, index: s.Start}
	if s.ActiveOnly {
		s.here.list += " active"
	}
	if s.Filter != nil {
		s.here.list += " " + s.Filter.String()
	}
	return s
}

// sizes is the same source of ids alone, with what the resources weigh.
func (s source) sizes() source {
	if s.columns = sizeColumns; s.table == search.Groups && s.Links {
		s.columns = memberSizeColumns
	}
	s.Links, s.Chunks, s.bytes = false, false, s.Bytes
	return s
}

// hasGroups tells that users are read with their groups.
func (s source) hasGroups() bool { return s.Links && s.table == search.Users }

// isComposed reports whether the filter is more than a look-up.
func (s source) isComposed() bool {
	return s.Filter != nil && !search.Finds(s.Filter.Root(), search.IsIndexed)
}

// isSingle reports whether the filter finds one resource at most.
func (s source) isSingle() bool {
	return s.Filter != nil && search.Finds(s.Filter.Root(), s.table.IsUnique)
}

// isBrief reports whether the filter is a look-up that finds few, with few tests of them.
func (s source) isBrief() bool {
	return s.Filter != nil && search.Finds(s.Filter.Root(), s.table.IsSelective) && !s.isLong()
}

// isLong reports whether the filter has more tests than a look-up.
func (s source) isLong() bool {
	return s.Filter != nil && search.Leaves(s.Filter.Root()) > search.MostTests
}

func (s source) rows(condition db.Fragment) db.Fragment { return s.table.Rows(condition) }

func (s source) condition() db.Fragment { return search.On(s.Type).Of(s.Query) }

// selected is the end of a statement on all that the source selects, and their id. For a
// filter that asks for times of modification alone, no resource is looked at.
func (s source) selected() (id string, rows db.Fragment) {
	if s.Filter != nil && !s.ActiveOnly {
		if times, ok := search.On(s.Type).TimesOnly(s.Filter.Root()); ok {
			return "t.id", times
		}
	}
	return "r.id", s.rows(s.condition())
}

var (
	countSelected = db.NewTemplate(`select count(*) [selected]`)
	countEnough   = db.NewTemplate(`select count(*) from (select [selected] limit [most]) c`)
)

// counted is the statement that counts what a filter selects, as far as that is wanted.
func (s source) counted(org int64) (sql string, args []any) {
	_, selected := s.selected()
	if s.Enough > 0 {
		return countEnough.Fill(org, db.In("selected", selected), db.In("most", db.Number(s.Enough+1)))
	}
	return countSelected.Fill(org, db.In("selected", selected))
}

// total is the statement of the total where there is no filter.
func (s source) total() db.Statement {
	switch {
	case s.table == search.Groups:
		return counts.TotalGroups
	case s.ActiveOnly:
		return counts.TotalActiveUsers
	default:
		return counts.TotalUsers
	}
}

// nearest is the part of a statement that finds the range in which a place of the list is,
// where there is no filter.
func (s source) nearest() db.Template {
	switch {
	case s.table == search.Groups:
		return counts.NearestGroups
	case s.ActiveOnly:
		return counts.NearestActiveUsers
	default:
		return counts.NearestUsers
	}
}

// columns are what is read of a resource, and how.
type columns struct {
	sql string
	// read reads a row into an empty record.
	read func(m *records.Memory, r *directory.Record, raw [][]byte)
	// weigh tells how many bytes of memory a row takes, about.
	weigh func(raw [][]byte) int
}

const (
	// groupsOfEach gives the groups of user r as one array, as records.GroupsOfUser does. For many
	// users one query for all costs less; see groupsOfThose.
	groupsOfEach = `,
       array(select m.group_id::text || g.display_name
             from   group_members m
             join   groups g on g.org_id = $1 and g.id = m.group_id
             where  m.org_id = $1 and m.user_id = r.id
             order  by m.group_id)`

	sizeFields       = `r.id, octet_length(r.doc)::bigint`
	memberSizeFields = sizeFields + ` + least(r.member_count, 1000) * 128` // as weighMembers
)

// What the statement above says, the constants say.
var _ = [1]struct{}{}[directory.MemberBytes-128]

var (
	userColumns       = columns{records.UserFields, (*records.Memory).ReadUser, weighDocument}
	linkedUserColumns = columns{records.UserFields + groupsOfEach, (*records.Memory).ReadUser, weighDocument}
	groupColumns      = columns{records.GroupFields, (*records.Memory).ReadGroup, weighDocument}
	memberColumns     = columns{records.GroupFields + `, ` + records.MembersOfGroup, (*records.Memory).ReadGroup, weighMembers}
	sizeColumns       = columns{sizeFields, readSize, weighSize}
	memberSizeColumns = columns{memberSizeFields, readSize, weighSize}
)

func weighDocument(raw [][]byte) int { return len(raw[4]) }

func weighMembers(raw [][]byte) int {
	return len(raw[4]) + min(int(db.ReadInt(raw[5])), directory.MaxAnswerMembers)*directory.MemberBytes
}

func weighSize(raw [][]byte) int { return int(db.ReadInt(raw[1])) }

func readSize(_ *records.Memory, r *directory.Record, raw [][]byte) {
	r.ID, r.Size = db.ReadID(raw[0]), int(db.ReadInt(raw[1]))
}

// room is that of the rows that are read at once.
func (s source) room() db.Room {
	if s.bytes == 0 {
		return db.Room{}
	}
	return db.NewRoom(s.bytes)
}

// read reads the records of a page, or the first of them if all would be too large.
func (s source) read(rows pgx.Rows, p *directory.Page) error {
	r := s.reader(p)
	return db.ReadAll(rows, r.add)
}

// readCounted reads records with the total behind their columns, or the total alone.
func (s source) readCounted(rows pgx.Rows, p *directory.Page) error {
	r := s.reader(p)
	return db.ReadAll(rows, func(raw [][]byte) {
		last := len(raw) - 1
		if p.Total = int(db.ReadInt(raw[last])); raw[0] != nil {
			r.add(raw[:last])
		}
	})
}

// reader adds rows to a page while there is room.
type reader struct {
	columns columns
	memory  *records.Memory
	room    db.Room
	page    *directory.Page
}

// expected is how many records are made room for at first.
func (s source) expected() int {
	if s.isBrief() {
		return 1
	}
	return min(s.Count, directory.ChunkSize) + 1
}

func (s source) reader(p *directory.Page) reader {
	p.Records = make([]directory.Record, 0, s.expected())
	return reader{s.columns, s.memory, s.room(), p}
}

// added is a new record of a page.
func added(p *directory.Page) *directory.Record {
	p.Records = append(p.Records, directory.Record{})
	return &p.Records[len(p.Records)-1]
}

func (r *reader) add(raw [][]byte) {
	if r.room.Takes(r.columns.weigh(raw)) {
		r.columns.read(r.memory, added(r.page), raw)
	}
	r.page.Full = r.room.IsFull()
}

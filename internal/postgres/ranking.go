package postgres

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// The statements of a sorted list find which resources are on a page, which may be of
// several tables, and what they are sorted by. For a page that is not read in pieces, the
// resources themselves are read with them.
const (
	union = ` union all `

	idColumn     = `select r.id`
	userColumns  = idColumn + `, r.version, r.created_at, r.modified_at, r.doc`
	groupColumns = userColumns + `, r.member_count` // null for users

	memberColumns = groupColumns + `, r.members` // null for users
	idSizeColumns = idColumn + `, r.size`

	// How many columns these are.
	idWidth, userWidth, groupWidth, memberWidth = 2, 5, 6, 7
)

// ranking is a list in an order of its own, whichever page of it is read.
type ranking struct {
	list       []directory.TypeQuery
	parts      []part
	args       []any
	sqlType    string // of the values
	creation   bool   // by id alone
	unique     bool   // by values of which no two are equal, so that ids need not be compared
	descending bool
	composed   bool
	long       bool // passes over what no index has in the order
	alone      bool // of ids alone, with sizes
	grouped    bool // with groups
	members    bool // and their members
	here       place
}

// part is what a ranking has of one table.
type part struct {
	listing
	key    sortKey
	joined bool // to modifications, which have the key
}

// ranks are what is found of a page, in its order, and one resource more where there is.
type ranks struct {
	directory.Page
	size int                // of the page
	last directory.Position // of the last resource of a full page
}

func newRanks(size int) (found ranks) {
	n := min(size, directory.PieceSize) + 1
	found.Records, found.Types, found.size = make([]directory.Record, 0, n), make([]*schema.Type, 0, n), size
	return found
}

// ranking is of ids alone for a page that is read in pieces.
func (v view) ranking(list []directory.TypeQuery, pieces bool) ranking {
	r := ranking{
		list: list, args: []any{v.org}, sqlType: sortType(list[0].Sort), descending: list[0].Sort.Descending,
		alone: pieces, here: place{org: v.org, start: list[0].Start},
	}
	for _, of := range list {
		if of.Sort.Attr != nil {
			r.sqlType, r.creation = sortType(of.Sort), isCreation(of.Sort.Attr)
		}
	}
	r.unique = len(list) == 1 && !r.creation && tableOf(list[0].Type).isUnique(list[0].Sort.Attr)
	for _, of := range list {
		p := part{listing: newListing(of.Type, of.Query, r.args)}
		w := newWriter(of.Type, p.args)
		if p.joined = byModification(of.Sort.Attr, of.Query); p.joined {
			w.args, w.times = r.args, timesJoined
			p.condition = w.condition(of.Query)
		}
		if r.creation {
			p.key.sql = "null::text"
		} else {
			p.key = w.sortKey(of.Sort.Attr, r.sqlType)
		}
		r.args = w.args
		r.composed = r.composed || p.composed || of.Filter != nil && len(list) > 1
		r.long = r.long || p.long || !isOrdered(of.Sort.Attr) || list[0].Start > few
		r.grouped = r.grouped || p.table == groups
		r.members = r.members || p.table == groups && of.Links
		r.here.sort += p.table.name + " " + strconv.FormatBool(p.active) + " " + of.Sort.String() + "\n"
		r.here.filter += p.filter + "\n"
		r.parts = append(r.parts, p)
	}
	return r
}

// step is a run of a ranking: the rows that satisfy a condition.
type step struct {
	condition func(p part) string
	args      []any
}

// all is every row.
func (r ranking) all() step {
	return step{condition: func(part) string { return "" }, args: r.args}
}

// behind gives the rows behind a position as steps, each of which an index on
// the key can serve: rows without a value come last, or first when descending,
// and no comparison finds them.
func (r ranking) behind(from directory.Position) []step {
	args := slices.Clip(r.args)
	last := len(args) + 1
	argument := "$" + strconv.Itoa(last)
	compares := " > "
	if r.descending {
		compares = " < "
	}
	assigned := step{func(p part) string { return " and " + p.key.sql + " is not null" }, args}
	absent := step{func(p part) string { return " and " + p.key.sql + " is null" }, args}
	switch {
	case from.IsStart():
		return []step{r.all()}
	case r.creation:
		return []step{{func(p part) string { return " and " + p.rankID() + compares + argument }, append(args, uid(from.ID))}}
	case from.Absent:
		rest := step{
			func(p part) string { return absent.condition(p) + " and " + p.rankID() + compares + argument },
			append(args, uid(from.ID)),
		}
		if r.descending {
			return []step{rest, assigned}
		}
		return []step{rest}
	case r.unique:
		return []step{{func(p part) string { return " and " + p.key.sql + compares + argument }, append(args, from.Value)}}
	}
	rest := step{
		func(p part) string {
			return " and (" + p.key.sql + ", " + p.rankID() + ")" + compares +
				"(" + argument + "::" + r.sqlType + ", $" + strconv.Itoa(last+1) + ")"
		},
		append(args, from.Value, uid(from.ID)),
	}
	if nullable := slices.ContainsFunc(r.parts, func(p part) bool { return p.key.nullable }); nullable && !r.descending {
		return []step{rest, absent}
	}
	return []step{rest}
}

// listings are the lists that are ranked.
func (r ranking) listings() []listing {
	lists := make([]listing, len(r.parts))
	for i, p := range r.parts {
		lists[i] = p.listing
	}
	return lists
}

func (p part) id() string { return p.table.alias + ".id" }

// rankID is the id beside the key, so that one index has both.
func (p part) rankID() string {
	if p.joined {
		return "t.id"
	}
	return p.id()
}

func (p part) from() string {
	from := p.table.name + " " + p.table.alias
	if p.joined {
		from += " join modifications t on t.org_id = $1 and " + p.table.allOf(nil) + " and t.id = " + p.id()
	}
	return from
}

// place is the statement that finds the place of one resource: the one with so many
// before it.
func (r ranking) place(before int) (sql string, args []any) {
	return r.statement(r.all(), before, 1, idColumn+", r.value::text", func(p part) string { return "(select " + p.rankID() + " as id" })
}

// page is the statement of the first resources of a step: the columns of each, its value,
// and of several parts its part.
func (r ranking) page(s step, limit int) (sql string, args []any) {
	columns := ", r.value::text"
	if len(r.parts) > 1 {
		columns += ", r.part"
	}
	switch {
	case r.alone:
		columns = idSizeColumns + columns
	case r.members:
		columns = memberColumns + columns
	case r.grouped:
		columns = groupColumns + columns
	default:
		columns = userColumns + columns
	}
	return r.statement(s, 0, limit, columns, func(p part) string {
		switch {
		case r.alone:
			return "(select " + p.rankID() + " as id, " + p.sized(sizeOfUser, sizeOfGroup) + " as size"
		case r.members && p.table == users:
			return "(" + p.fields + ", null::bigint as member_count, null::text[] as members"
		case r.grouped && p.table == users:
			return "(" + p.fields + ", null::bigint as member_count"
		case r.members:
			return "(" + p.fields + " as members"
		default:
			return "(" + p.fields
		}
	})
}

// statement selects columns of the resources of a step, from an offset; fields
// begins the query of each part, with what it has of them. Of several parts each gives as many as may be needed, or
// PostgreSQL would rather sort them all than read each by its index.
func (r ranking) statement(s step, offset, limit int, columns string, fields func(p part) string) (sql string, args []any) {
	args = slices.Clip(s.args)
	several := len(r.parts) > 1
	end, partEnd := " limit "+strconv.Itoa(limit), " limit "+strconv.Itoa(limit)
	if offset > 0 {
		args = append(args, offset)
		end = " offset $" + strconv.Itoa(len(args)) + end
	}
	if offset > 0 && several {
		args = append(args, offset+limit)
		partEnd = " limit $" + strconv.Itoa(len(args))
	}
	selects := make([]string, len(r.parts))
	for i, p := range r.parts {
		selects[i] = fields(p) + ", " + p.key.sql + " as value"
		if several {
			selects[i] += ", " + strconv.Itoa(i) + "::bigint as part"
		}
		selects[i] += " from " + p.from() + " where " + p.table.alias + ".org_id = $1" + p.condition + s.condition(p)
		if several {
			selects[i] += r.order("") + partEnd
		}
		selects[i] += ")"
	}
	return columns + " from (" + strings.Join(selects, union) + ") r" + r.order("r.") + end, args
}

// order is the end of a query whose columns have the prefix.
func (r ranking) order(prefix string) string {
	direction := ""
	if r.descending {
		direction = " desc"
	}
	switch {
	case r.creation:
		return " order by " + prefix + "id" + direction
	case r.unique:
		return " order by " + prefix + "value" + direction
	}
	return " order by " + prefix + "value" + direction + ", " + prefix + "id" + direction
}

// readPosition reads the columns of a place.
func readPosition(id, value []byte) directory.Position {
	return directory.Position{ID: readID(id), Value: string(value), Absent: value == nil}
}

// weigh tells how many bytes of memory a row takes, about.
func (r ranking) weigh(of *part, raw [][]byte) int {
	if r.alone {
		return int(readInt(raw[1]))
	}
	return of.weigh(raw)
}

// readPage reads what the statement of a page finds.
func (r ranking) readPage(rows pgx.Rows, found *ranks) error {
	memory, room := r.parts[0].memory(&found.Page), r.parts[0].room()
	if r.alone {
		room.left, room.limited = r.list[0].Bytes, r.list[0].Bytes > 0
	}
	width := userWidth
	switch {
	case r.alone:
		width = idWidth
	case r.members:
		width = memberWidth
	case r.grouped:
		width = groupWidth
	}
	return readAll(rows, func(raw [][]byte) {
		of := &r.parts[0]
		if len(r.parts) > 1 {
			of = &r.parts[readInt(raw[width+1])]
		}
		if !room.takes(r.weigh(of, raw)) {
			found.Full = true
			return
		}
		var record directory.Record
		switch {
		case r.alone:
			record = readSize(raw)
		case of.table == groups:
			record = memory.readGroup(raw[:width])
		default:
			record = memory.readUser(raw[:userWidth])
		}
		found.Records, found.Types = append(found.Records, record), append(found.Types, of.t)
		if n := len(found.Records); n == found.size || r.alone && n < found.size {
			found.last = readPosition(raw[0], raw[width])
		}
	})
}

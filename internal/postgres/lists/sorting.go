package lists

import (
	"slices"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
)

// sorting is a list in an order of its own, whichever page of it is read.
type sorting struct {
	parts      []part
	sources    []source // of the resources
	sqlType    string   // of the values
	by         by
	descending bool
	chunks     bool // of ids alone, with sizes
}

// by is what is compared.
type by int

const (
	byValueAndID by = iota
	byValue         // of which no two are equal
	byID            // which is the order of creation
)

// part is what a sorted list reads of one table.
type part struct {
	source
	key    search.SortKey
	joined bool // to modifications, which have the key
}

func newSorting(list []directory.TypeQuery, chunks bool, memory *records.Memory) sorting {
	l := sorting{sqlType: search.SortType(list[0].Sort), descending: list[0].Sort.Descending, chunks: chunks}
	for _, of := range list {
		if of.Sort.Attr == nil {
			continue
		}
		if l.sqlType = search.SortType(of.Sort); search.IsCreation(of.Sort.Attr) {
			l.by = byID
		}
	}
	if len(list) == 1 && l.by != byID && search.TableOf(list[0].Type).IsUnique(list[0].Sort.Attr) {
		l.by = byValue
	}
	for _, of := range list {
		p := part{source: newSource(of, memory), joined: search.ByModification(of.Sort.Attr, of.Query)}
		l.sources = append(l.sources, p.source)
		if chunks {
			p.source = p.sizes()
		}
		if l.by == byID {
			p.key.SQL = db.SQL("null::text")
		} else {
			p.key = p.conditions().SortKey(of.Sort, l.sqlType)
		}
		l.parts = append(l.parts, p)
	}
	return l
}

func (l sorting) place() place {
	here := place{index: l.parts[0].Start}
	for _, p := range l.parts {
		here.list += p.here.list + " by " + p.Sort.String() + "\n"
	}
	return here
}

// step is a run of rows of a page, which an index on the key can serve: rows without a
// value come last, or first when descending, and no comparison finds them.
type step int

const (
	allRows step = iota
	rowsBehind
	absentBehind
	allAssigned
	allAbsent
)

// steps gives the runs of the rows behind a position.
func (l sorting) steps(from directory.Position) []step {
	nullable := slices.ContainsFunc(l.parts, func(p part) bool { return p.key.Nullable })
	switch {
	case from.IsStart():
		return []step{allRows}
	case from.Absent && l.by != byID && l.descending:
		return []step{absentBehind, allAssigned}
	case from.Absent && l.by != byID:
		return []step{absentBehind}
	case l.by == byValueAndID && nullable && !l.descending:
		return []step{rowsBehind, allAbsent}
	default:
		return []step{rowsBehind}
	}
}

// behind is the condition of a step on the rows of a part.
func (l sorting) behind(p part, s step, from directory.Position) db.Fragment {
	compares := " > "
	if l.descending {
		compares = " < "
	}
	switch {
	case s == allRows:
		return db.Fragment{}
	case s == allAssigned:
		return db.SQL(" and $? is not null", p.key.SQL)
	case s == allAbsent:
		return db.SQL(" and $? is null", p.key.SQL)
	case s == absentBehind:
		return db.SQL(" and $? is null and "+p.id()+compares+"$?", p.key.SQL, db.ID(from.ID))
	case l.by == byID:
		return db.SQL(" and "+p.id()+compares+"$?", db.ID(from.ID))
	case l.by == byValue:
		return db.SQL(" and $?"+compares+"$?", p.key.SQL, from.Value)
	default:
		return db.SQL(" and ($?, "+p.id()+")"+compares+"($?::"+l.sqlType+", $?)", p.key.SQL, from.Value, db.ID(from.ID))
	}
}

// before is the statement that finds the place of the resource with so many before it.
func (l sorting) before(org int64, n int) (sql string, args []any) {
	of := func(p part) string { return p.id() + " as id" }
	return l.statement(org, sortedPlace+`, s.value::text`, of, allRows, directory.Position{}, n, 1)
}

// page is the statement of the first resources of a step.
func (l sorting) page(org int64, s step, from directory.Position, limit int) (sql string, args []any) {
	width := l.width()
	of := func(p part) string {
		switch {
		case width == sizeWidth:
			return p.columns.sql + " as size"
		case width == userWidth:
			return p.columns.sql
		case p.table == search.Groups && p.Links:
			return p.columns.sql + " as members"
		case p.table == search.Groups:
			return p.columns.sql + ", null::text[] as members"
		default:
			return p.columns.sql + ", null::bigint as member_count, null::text[] as members"
		}
	}
	columns := map[int]string{sizeWidth: sortedSize, userWidth: sortedUser, bothWidth: sortedGroup}[width]
	return l.statement(org, columns+sortedBy, of, s, from, 0, limit)
}

// width is how many columns a resource has.
func (l sorting) width() int {
	switch {
	case l.chunks:
		return sizeWidth
	case slices.ContainsFunc(l.parts, func(p part) bool { return p.table == search.Groups }):
		return bothWidth
	default:
		return userWidth
	}
}

// statement reads columns of the resources of a step, from an offset; of are the columns
// Of each part.
func (l sorting) statement(org int64, columns string, of func(p part) string, s step, from directory.Position, offset, limit int) (sql string, args []any) {
	var skip, end db.Fragment
	last := db.Number(limit)
	if offset > 0 {
		skip, last = db.SQL(" offset $?", offset), db.SQL("$?", offset+limit)
	}
	if len(l.parts) > 1 {
		end = sortedEnd.With(db.In("order", l.order("")), db.In("count", last))
	}
	parts := make([]db.Fragment, len(l.parts))
	for i, p := range l.parts {
		parts[i] = sortedPart.With(db.In("columns", db.SQL(of(p))), db.In("key", p.key.SQL), db.In("part", db.Number(i)),
			db.In("rows", p.rows()), db.In("behind", l.behind(p, s, from)), db.In("end", end))
	}
	return sortedPage.Fill(org, db.In("columns", db.SQL(columns)), db.In("parts", db.Join(" union all ", parts...)),
		db.In("order", l.order("s.")), db.In("offset", skip), db.In("count", db.Number(limit)))
}

// order is what a query sorts by whose columns have the prefix.
func (l sorting) order(prefix string) db.Fragment {
	direction := ""
	if l.descending {
		direction = " desc"
	}
	id, value := prefix+"id"+direction, prefix+"value"+direction
	switch l.by {
	case byID:
		return db.SQL(id)
	case byValue:
		return db.SQL(value)
	default:
		return db.SQL(value + ", " + id)
	}
}

// conditions are those of the part's rows: joined, they compare the times beside them.
func (p part) conditions() search.Conditions {
	c := search.On(p.Type)
	if p.joined {
		return c.Joined()
	}
	return c
}

// id is the id beside the key, so that one index has both.
func (p part) id() string {
	if p.joined {
		return "t.id"
	}
	return "r.id"
}

func (p part) rows() db.Fragment {
	condition := p.conditions().Of(p.Query)
	if p.joined {
		return p.table.RowsWithTimes(condition)
	}
	return p.source.rows(condition)
}

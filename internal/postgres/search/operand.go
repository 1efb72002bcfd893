package search

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
)

// operand is how SQL reads a value that has a column: an expression that is null
// when the attribute is unassigned; or it is a value that is known without looking.
type operand struct {
	sql   string
	as    form
	fixed map[string]any // the value, below the attribute's name
}

// form tells how the other side of a comparison is made.
type form int

const (
	plain      form = iota // text in collation "C", or boolean
	timestamp              // timestamptz in whole milliseconds
	identifier             // uuid, never null, compared as its text
)

// link tells which rows are the elements of an attribute that relates resources.
type link struct {
	from, where string             // of a sub-select on one resource
	values      map[string]operand // by the name of the sub-attribute
}

func (l link) exists(test db.Fragment) db.Fragment {
	return db.SQL("exists (select from "+l.from+" where "+l.where+" and $?)", test)
}

func fixed(name string, value any) operand {
	return operand{fixed: map[string]any{name: value}}
}

// test is a leaf of a filter on the value.
func (o operand) test(leaf filter.Node) db.Fragment {
	if o.fixed != nil {
		return truth(filter.MatchElement(leaf, o.fixed))
	}
	c, compares := leaf.(filter.Compare)
	switch {
	case !compares, c.Value == nil && c.Op == filter.Ne:
		return db.SQL(o.sql + " is not null")
	case c.Value == nil:
		return db.SQL(o.sql + " is null")
	}
	switch o.as {
	case timestamp:
		return compareTimestamp(o.sql, c.Op, c.Value.(time.Time))
	case identifier:
		return compareIdentifier(o.sql, c.Op, c.Value.(string))
	default:
		return compare(db.SQL(o.sql), c.Op, c.Value)
	}
}

func truth(b bool) db.Fragment { return db.SQL(strconv.FormatBool(b)) }

// compare is the SQL of each operator but pr; value is folded as what is stored.
func compare(sql db.Fragment, op filter.Op, value any) db.Fragment {
	switch op {
	case filter.Ne:
		return sql.Then(" is distinct from $?", value)
	case filter.Co:
		// What the planner expects of a pattern that it does not see, few, lets several
		// processes share a scan.
		return sql.Then(" like "+db.HiddenText, "%"+likeMeta.Replace(value.(string))+"%")
	case filter.Sw:
		return startsWith(sql, value.(string))
	case filter.Ew:
		return db.SQL("right($?, length($?::text)) = $?", sql, value, value)
	default:
		return sql.Then(" "+operators[op]+" $?", value)
	}
}

var operators = map[filter.Op]string{filter.Eq: "=", filter.Gt: ">", filter.Ge: ">=", filter.Lt: "<", filter.Le: "<="}

// likeMeta takes from a text what it means in a pattern.
var likeMeta = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// startsWith is sent as a range: an index answers it whatever the plan, which
// LIKE with a parameter does not allow.
func startsWith(sql db.Fragment, prefix string) db.Fragment {
	end := after(prefix)
	if end == "" {
		return sql.Then(" >= $?", prefix)
	}
	return db.SQL("($? >= $? and $? < $?)", sql, prefix, sql, end)
}

// after gives the least text that is greater than every text with the prefix,
// in the order of code points, which is that of UTF-8 and of collation "C".
// It is empty when there is none.
func after(prefix string) string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		prefix = prefix[:len(prefix)-size]
		switch last {
		case utf8.MaxRune: // has no successor: the one before it moves on
		case 0xD7FF:
			return prefix + "\uE000" // surrogates are no characters
		default:
			return prefix + string(last+1)
		}
	}
	return ""
}

// compareTimestamp compares a time that is kept in whole milliseconds with one
// that may be finer, and would be rounded on its way to the database.
func compareTimestamp(sql string, op filter.Op, value time.Time) db.Fragment {
	floor := value.Truncate(time.Millisecond)
	if !floor.Equal(value) {
		switch op {
		case filter.Eq:
			return truth(false)
		case filter.Ne:
			return truth(true)
		case filter.Ge:
			op = filter.Gt
		case filter.Lt:
			op = filter.Le
		}
	}
	return compare(db.SQL(sql), op, floor)
}

// compareIdentifier compares an id as text, but finds it as what it is. Only
// the usual spelling of a UUID can be equal to one.
func compareIdentifier(sql string, op filter.Op, value string) db.Fragment {
	if op != filter.Eq && op != filter.Ne {
		return compare(db.SQL("("+sql+`::text) collate "C"`), op, value)
	}
	id, err := uuid.Parse(value)
	if err != nil || id.String() != value {
		return truth(op == filter.Ne)
	}
	return compare(db.SQL(sql), op, db.ID(id))
}

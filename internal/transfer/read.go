package transfer

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// MaxLine is how many bytes a line of JSON may have: a group with 200,000 members.
const MaxLine = 8 << 20

// record is what one line of a file says.
type record struct {
	line int
	size int64  // about how many bytes the record takes
	name string // the userName of a person, the displayName of a group

	body    map[string]any // of a POST of the person
	ops     []scim.PatchOp // that make a person who exists so
	groups  []string       // to which the person is added
	manager string         // a userName, or ""
	told    *Action        // of the line of one with a manager, who may be nobody; "" before

	group   bool
	members []string // of a group: ids, or userNames
}

// read reads the records of a file, one by one. An error of one line is told beside its
// number, and the next is read; one of the file ends it.
func read(r io.Reader, f Format, t *schema.Type, m Mapping) iter.Seq2[record, error] {
	in := withoutMark(r)
	if f == JSONLines {
		return readJSONLines(in)
	}
	return readCSV(in, t, m)
}

// withoutMark takes away the byte order mark with which spreadsheets begin a file.
func withoutMark(r io.Reader) *bufio.Reader {
	b := bufio.NewReaderSize(r, 64<<10)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\xEF\xBB\xBF" {
		_, _ = b.Discard(3) // they were peeked at
	}
	return b
}

func readCSV(r *bufio.Reader, t *schema.Type, m Mapping) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		in, before := csvReader(r)
		header, err := in.Read()
		if err != nil {
			yield(record{line: before + 1}, &fileError{headerError(err)})
			return
		}
		columns, err := readHeader(t, header, m)
		if err != nil {
			yield(record{line: before + 1}, &fileError{err})
			return
		}
		for last := before + 1; ; {
			cells, err := in.Read()
			wrong, isWrong := errors.AsType[*csv.ParseError](err)
			var rec record
			switch {
			case errors.Is(err, io.EOF):
				return
			case isWrong:
				rec.line, err = before+wrong.StartLine, errQuotes
			case errors.Is(err, errLongRow):
				yield(record{}, &fileError{fmt.Errorf("behind line %d: %w", last, err)})
				return
			case err != nil:
				yield(record{}, &fileError{err})
				return
			case !slices.ContainsFunc(cells, isFilled):
				continue // as spreadsheets leave them below the last row
			default:
				line, _ := in.FieldPos(0)
				rec, err = personOf(columns, cells)
				rec.line = before + line
				last = rec.line
			}
			rec.size = maxRowTimes * in.size()
			if !yield(rec, err) {
				return
			}
		}
	}
}

var errQuotes = errors.New(`quotation marks: a cell that has one stands in quotation marks as a whole, with each that is inside of it twice, as in "5"" screen"`)

func isFilled(cell string) bool { return strings.TrimSpace(cell) != "" }

// personOf reads the cells of a person. An empty one says nothing.
func personOf(columns []column, cells []string) (record, error) {
	rec := record{body: map[string]any{"schemas": []any{scim.UserURN}}}
	for len(cells) > len(columns) && !isFilled(cells[len(cells)-1]) {
		cells = cells[:len(cells)-1]
	}
	if len(cells) > len(columns) {
		return rec, fmt.Errorf("the line has %d cells, the header %d", len(cells), len(columns))
	}
	for i, cell := range cells {
		c := columns[i]
		cell = literal(strings.TrimSpace(cell))
		switch {
		case cell == "" || c.attr == nil && !c.groups:
		case c.groups:
			for name := range strings.SplitSeq(cell, ";") {
				if name = strings.TrimSpace(name); name != "" {
					rec.groups = append(rec.groups, name)
				}
			}
		case c.attr == schema.Manager && c.sub == nil && !isID(cell):
			rec.manager = cell
		default:
			value := c.value(cell)
			c.put(rec.body, value)
			if c.attr == schema.UserName {
				rec.name = cell
			} else {
				rec.ops = append(rec.ops, c.operation(value))
			}
		}
	}
	if rec.name == "" {
		return rec, errNoName
	}
	return rec, nil
}

var errNoName = errors.New("the userName is empty")

func readJSONLines(r io.Reader) iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(nil, MaxLine)
		n := 0
		for lines.Scan() {
			n++
			if len(strings.TrimSpace(lines.Text())) == 0 {
				continue
			}
			rec, err := resourceOf(lines.Bytes())
			rec.line, rec.size = n, scim.SizeOf(lines.Bytes()).Memory(len(lines.Bytes()))
			if !yield(rec, err) {
				return
			}
		}
		err := lines.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = tooLong(n + 1)
		}
		if err != nil {
			yield(record{}, &fileError{err})
		}
	}
}

// resourceOf reads a person or a group as SCIM writes them.
func resourceOf(line []byte) (record, error) {
	body, err := scim.ParseObject(line)
	if err != nil {
		return record{}, err
	}
	name, isPerson := member(body, schema.UserName.Name)
	if !isPerson {
		return groupOf(body)
	}
	rec := record{body: body}
	if rec.name, _ = name.(string); rec.name == "" {
		return rec, errNoName
	}
	groups, _ := member(body, groupsColumn)
	links, _ := groups.([]any)
	for _, link := range links {
		if l, ok := link.(map[string]any); ok {
			if name, ok := l["display"].(string); ok {
				rec.groups = append(rec.groups, name)
			}
		}
	}
	without(body, "id", "meta", groupsColumn, schema.Password.Name)
	values := maps.Clone(body)
	without(values, schema.UserName.Name, "schemas")
	rec.ops = []scim.PatchOp{{Op: "replace", Value: values, HasValue: true}}
	return rec, nil
}

// member finds a member of a resource, whose names are the same in any case.
func member(body map[string]any, name string) (value any, found bool) {
	for other, value := range body {
		if schema.Fold(other) == schema.Fold(name) {
			return value, true
		}
	}
	return nil, false
}

// without takes members of a resource away.
func without(body map[string]any, names ...string) {
	maps.DeleteFunc(body, func(other string, _ any) bool {
		return slices.ContainsFunc(names, func(name string) bool { return schema.Fold(other) == schema.Fold(name) })
	})
}

func groupOf(body map[string]any) (record, error) {
	rec := record{group: true}
	name, _ := member(body, schema.GroupName.Name)
	rec.name, _ = name.(string)
	if rec.name == "" {
		return rec, errors.New("a person has a userName, a group a displayName; the line has neither")
	}
	all, _ := member(body, schema.Members.Name)
	members, _ := all.([]any)
	for _, m := range members {
		object, _ := m.(map[string]any)
		value, _ := object["value"].(string)
		if value == "" {
			return rec, errors.New("members: each needs a value: an id, or a userName")
		}
		rec.members = append(rec.members, value)
	}
	return rec, nil
}

// fileError is an error of a file, and not of one of its lines.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

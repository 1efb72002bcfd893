package pool

import (
	"context"
	"reflect"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/purescim/purescim/internal/postgres/db"
)

// Writes of one kind that come at once are one statement, where there is one for several:
// to set a statement up, with the tables and indexes of all its parts, costs PostgreSQL more
// than to find a row and change it. If that statement fails they go again, each by itself,
// so that the one that cannot be stored is known.

// Batching is how a write goes with others that commit in its transaction. A write that is
// alone has only the check.
type Batching struct {
	// Check is asked behind all of them.
	Check Check
	// Several is the statement that makes several such writes at once; empty is none. All
	// arguments but the first, which the writes have in common, are arrays of what one write
	// has (db.NewSeveral). It answers a row for each write that has an answer, with the number
	// of the write behind it, from 1 on.
	Several string
}

// WriteWith makes a write alone, with its check.
func WriteWith(ctx context.Context, on Executor, with Batching, read func(rows pgx.Rows) error, sql string, args ...any) error {
	if with.Check.SQL == "" {
		return on.Write(ctx, read, sql, args...)
	}
	return (&request{sql: sql, args: args, read: read, with: with}).through(ctx, on.WriteAll)
}

// ofOneKind gathers the writes that one statement makes.
func ofOneKind(writes []*request) (kinds [][]*request) {
	places := map[string]int{}
	for _, r := range writes {
		several := r.with.Several
		at, known := places[several]
		if !known || several == "" {
			at = len(kinds)
			places[several], kinds = at, append(kinds, nil)
		}
		kinds[at] = append(kinds[at], r)
	}
	return kinds
}

// apart has each write be made by a statement of its own.
func apart(writes []*request) (kinds [][]*request) {
	for i := range writes {
		kinds = append(kinds, writes[i:i+1])
	}
	return kinds
}

// queueSeveral sends one statement for several writes, and gives its arguments. refused is
// called when PostgreSQL refuses it.
func queueSeveral(b *pgx.Batch, writes []*request, refused func()) (args []any) {
	args = severalArguments(writes)
	b.Queue(writes[0].with.Several, args...).Query(func(rows pgx.Rows) error {
		err := readSeveral(writes, rows)
		if isRefused(err) {
			refused()
		}
		return err
	})
	return args
}

// severalArguments are those of the statement for several writes.
func severalArguments(writes []*request) []any {
	args := make([]any, len(writes[0].args))
	for i := range args {
		if args[i] = writes[0].args[i]; i > 0 {
			args[i] = arrayOf(writes, i)
		}
	}
	return args
}

// arrayOf is an argument of all writes as an array; of arrays, which are made of one length,
// it has a row for each write.
func arrayOf(writes []*request, i int) any {
	if !isArray(writes[0].args[i]) {
		all := make(pgtype.FlatArray[any], len(writes))
		for n, r := range writes {
			all[n] = r.args[i]
		}
		return all
	}
	width := 0
	for _, r := range writes {
		width = max(width, reflect.ValueOf(r.args[i]).Len())
	}
	all := pgtype.Array[any]{Valid: true, Elements: make([]any, len(writes)*width)}
	if width > 0 {
		all.Dims = []pgtype.ArrayDimension{{Length: int32(len(writes)), LowerBound: 1}, {Length: int32(width), LowerBound: 1}}
	} else {
		all.Dims = []pgtype.ArrayDimension{}
	}
	for n, r := range writes {
		row := reflect.ValueOf(r.args[i])
		for at := range row.Len() {
			all.Elements[n*width+at] = row.Index(at).Interface()
		}
	}
	return all
}

func isArray(arg any) bool {
	_, text := arg.([]byte)
	return !text && arg != nil && reflect.TypeOf(arg).Kind() == reflect.Slice
}

// readSeveral gives each write its own row of an answer, or none.
func readSeveral(writes []*request, rows pgx.Rows) error {
	defer rows.Close()
	answered := make([]bool, len(writes))
	for rows.Next() {
		raw := rows.RawValues()
		n := db.ReadInt(raw[len(raw)-1]) - 1
		writes[n].err, answered[n] = writes[n].read(&ownRows{Rows: rows, raw: raw[:len(raw)-1]}), true
	}
	for n, r := range writes {
		if !answered[n] {
			r.err = r.read(&ownRows{Rows: rows})
		}
	}
	return rows.Err()
}

// ownRows are those of one write: one row, or none.
type ownRows struct {
	pgx.Rows
	raw  [][]byte
	read bool
}

// Next implements pgx.Rows.
func (r *ownRows) Next() bool {
	next := r.raw != nil && !r.read
	r.read = true
	return next
}

// RawValues implements pgx.Rows.
func (r *ownRows) RawValues() [][]byte { return r.raw }

// Close implements pgx.Rows: others have rows behind these.
func (r *ownRows) Close() {}

// Err implements pgx.Rows.
func (r *ownRows) Err() error { return nil }

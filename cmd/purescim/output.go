package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/purescim/purescim/internal/printable"
)

// output is the flag of a command that prints a result.
type output struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"Format of the result: ${enum}."`
}

// result is what a command comes to: for programs itself, as JSON; for people its
// fields, a line each.
type result interface{ fields() []field }

type field struct{ name, value string }

// print writes the result, unless there is none because of err.
func (o output) print(c console, r result, err error) error {
	switch {
	case err != nil:
		return err
	case o.Output == "json":
		return writeJSON(c.out, r)
	}
	return o.printFields(c, r.fields())
}

// printFields writes fields for people, a line each.
func (output) printFields(c console, fields []field) error {
	table := newTable(c.out)
	for _, f := range fields {
		fmt.Fprintf(table, "%s\t%s\n", f.name, printable.Escape(f.value))
	}
	return table.Flush()
}

// columns are how results are listed for people.
type columns[R any] struct {
	header []string
	row    func(R) []string
}

// printList writes results made of items, unless there are none because of err: as
// a JSON array for programs, as a table for people.
func printList[T, R any](o output, c console, items []T, err error, of func(T) R, people columns[R]) error {
	if err != nil {
		return err
	}
	results := make([]R, len(items))
	for i, item := range items {
		results[i] = of(item)
	}
	if o.Output == "json" {
		return writeJSON(c.out, results)
	}
	table := newTable(c.out)
	fmt.Fprintln(table, strings.Join(people.header, "\t"))
	for _, r := range results {
		cells := people.row(r)
		for i, cell := range cells {
			cells[i] = printable.Escape(cell)
		}
		fmt.Fprintln(table, strings.Join(cells, "\t"))
	}
	if len(results) == 0 {
		fmt.Fprintln(table, "(none)")
	}
	return table.Flush()
}

func newTable(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) }

func writeJSON(w io.Writer, result any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(result)
}

// timeText is a time for people; one that never was is a dash.
func timeText(t *time.Time) string {
	if t == nil {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// timeJSON is a time for programs; one that never was is null.
func timeJSON(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// spanText is a time span for people, in days where it is whole ones.
func spanText(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}

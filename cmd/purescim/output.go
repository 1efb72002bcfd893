package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// output is the flag of a command that prints a result.
type output struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"Format of the result: ${enum}."`
}

// field is one line of a result for people.
type field struct{ name, value string }

// print writes the result as JSON for programs or as lines for people.
func (o output) print(w io.Writer, result any, fields ...field) error {
	if o.Output == "json" {
		return writeJSON(w, result)
	}
	table := newTable(w)
	for _, f := range fields {
		fmt.Fprintf(table, "%s\t%s\n", f.name, f.value)
	}
	return table.Flush()
}

// printList writes the results as a JSON array for programs or as a table for people.
func printList[T any](o output, w io.Writer, results []T, header []string, row func(T) []string) error {
	if o.Output == "json" {
		if results == nil {
			results = []T{}
		}
		return writeJSON(w, results)
	}
	table := newTable(w)
	fmt.Fprintln(table, strings.Join(header, "\t"))
	for _, r := range results {
		fmt.Fprintln(table, strings.Join(row(r), "\t"))
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
func timeText(t time.Time) string {
	if t.IsZero() {
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

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
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
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(result)
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		fmt.Fprintf(table, "%s\t%s\n", f.name, f.value)
	}
	return table.Flush()
}

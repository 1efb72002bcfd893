package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/transfer"
)

// importCommand imports a file.
type importCommand struct {
	orgDatabase
	output
	File   string            `arg:"" type:"path" help:"CSV with a header, or JSON Lines of SCIM resources."`
	Format transfer.Format   `enum:"csv,jsonl," default:"" placeholder:"FORMAT" help:"csv or jsonl; without it the file's name tells."`
	Map    map[string]string `placeholder:"HEADING=PATH" mapsep:"none" help:"The attribute below a heading, such as 'Cost centre=costCenter' or 'E-mail=emails.work'; HEADING= leaves it out. Usual headings need none."`
	From   int               `default:"1" placeholder:"LINE" help:"Begin at this line; those before it were imported already."`
	Apply  bool              `help:"Import the file if nothing in it is wrong. Without it, it is only checked."`
}

// refusedShown is how many lines that are refused a person is shown.
const refusedShown = 100

// importResult is what an import came to.
type importResult struct {
	Applied bool `json:"applied"`
	transfer.Summary
	Refused []transfer.Outcome `json:"refused"`
}

// Run checks the file as a whole, and imports it when it is asked to.
func (cmd *importCommand) Run(ctx context.Context, c console) error {
	if cmd.Format == "" {
		cmd.Format = transfer.FormatOf(cmd.File)
	}
	if cmd.Format == "" {
		return fmt.Errorf("%s: its name ends neither in .csv nor in .jsonl; say --format csv or jsonl", cmd.File)
	}
	file, err := os.Open(cmd.File)
	if err != nil {
		return err
	}
	defer file.Close()
	lines, err := transfer.CountLines(file, cmd.Format)
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.File, err)
	}
	return cmd.inOrg(ctx, c, purpose(cmd.Apply), func(p *parts, o org.Org) error {
		run := importRun{importCommand: cmd, console: c, directory: p.directory, org: o, file: file, lines: lines}
		result, err := run.pass(ctx, "checked", (*transfer.Import).Check)
		if err != nil {
			return err
		}
		if cmd.Apply && len(result.Refused) == 0 {
			if result, err = run.pass(ctx, "imported", (*transfer.Import).Apply); err != nil {
				return err
			}
			result.Applied = true
		}
		if err := cmd.tell(c, result); err != nil {
			return err
		}
		if n := result.Actions[transfer.Refuse]; n > 0 {
			return fmt.Errorf("%s would be refused; %s", count(n, "line"), whatNow(result))
		}
		return nil
	})
}

// importRun is the import of one file of so many lines.
type importRun struct {
	*importCommand
	console   console
	directory *directory.Directory
	org       org.Org
	file      io.ReadSeeker
	lines     int
}

// pass reads the file once from its start.
func (r importRun) pass(ctx context.Context, what string, work func(*transfer.Import, context.Context, io.Reader) (transfer.Summary, error)) (importResult, error) {
	progress := progressOf(r.console)
	defer progress(bench.Step{})
	done, result := 0, importResult{Refused: []transfer.Outcome{}}
	i := transfer.Import{
		Directory: r.directory, Org: r.org, Format: r.Format, Mapping: r.Map, From: r.From,
		Tell: func(outcome transfer.Outcome, _ int) {
			if outcome.Instead == "" {
				done++
			}
			if done%100 == 0 {
				progress(bench.Step{What: what, Done: done, Total: r.lines})
			}
			if outcome.Action == transfer.Refuse && len(result.Refused) < refusedShown {
				result.Refused = append(result.Refused, outcome)
			}
		},
	}
	if _, err := r.file.Seek(0, io.SeekStart); err != nil {
		return result, err
	}
	var err error
	result.Summary, err = work(&i, ctx, r.file)
	if err != nil && what == "imported" {
		err = fmt.Errorf("%w\nstopped after %s: the same command goes on, for what is imported is left alone", err, count(done, "line"))
	}
	slices.SortFunc(result.Refused, func(a, b transfer.Outcome) int { return a.Line - b.Line })
	return result, err
}

func (cmd *importCommand) tell(c console, r importResult) error {
	if cmd.Output == "json" {
		return writeJSON(c.out, r)
	}
	for _, o := range r.Refused {
		who := ""
		if o.Name != "" {
			who = ", " + printable.Escape(o.Name)
		}
		fmt.Fprintf(c.out, "line %d%s: %s\n", o.Line, who, printable.Escape(o.Error))
	}
	if more := r.Actions[transfer.Refuse] - len(r.Refused); more > 0 {
		fmt.Fprintf(c.out, "and %d more\n", more)
	}
	would := "would be "
	if r.Applied {
		would = ""
	}
	_, err := fmt.Fprintf(c.out, "%s: %d %screated, %d %schanged, %d as they are; %d memberships\n", count(r.Lines, "line"),
		r.Actions[transfer.Create], would, r.Actions[transfer.Update], would, r.Actions[transfer.Unchanged], r.Memberships)
	if err == nil && !r.Applied && r.Actions[transfer.Refuse] == 0 {
		_, err = fmt.Fprintln(c.out, "Nothing was changed; --apply imports the file.")
	}
	return err
}

func whatNow(r importResult) string {
	if r.Applied {
		return "the others are imported"
	}
	return "nothing was changed"
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// exportCommand exports what an organisation has.
type exportCommand struct {
	orgDatabase
	What   transfer.What   `arg:"" enum:"people,groups,memberships" help:"${enum}; 'purescim log' exports the log."`
	Format transfer.Format `short:"o" name:"output" enum:"csv,jsonl" default:"csv" help:"Format: ${enum}."`
	Filter string          `placeholder:"FILTER" help:"Those only whom a SCIM filter selects, such as 'active eq true'."`
}

// Run writes the export while it is read.
func (cmd *exportCommand) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		out := bufio.NewWriterSize(c.out, 64<<10)
		e := transfer.Export{Directory: p.directory, Org: o, Format: cmd.Format, Filter: cmd.Filter}
		if err := e.Write(ctx, out, cmd.What); err != nil {
			return err
		}
		return out.Flush()
	})
}

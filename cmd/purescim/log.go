package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"golang.org/x/term"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// logOutput is how entries are printed.
type logOutput struct {
	Output string `short:"o" enum:"text,json,jsonl,csv" default:"text" help:"Format of the entries: ${enum}."`
}

// logCommand shows the provisioning log.
type logCommand struct {
	orgDatabase
	logOutput
	User    string `xor:"target" placeholder:"NAME" help:"Of this user: the userName, as it is or was, or the id."`
	Group   string `xor:"target" placeholder:"NAME" help:"Of this group: the name, as it is or was, or the id."`
	Client  string `placeholder:"NAME" help:"Of requests of this client, by its name or id."`
	Refused bool   `help:"Of what was refused or held only."`
	Since   string `placeholder:"TIME" help:"Of this time until now: 2h or 7d ago, or a time as of 'group restore'."`
	Limit   *int   `short:"n" placeholder:"N" help:"The newest so many (50, or with --since all); 0 is all."`
	Follow  bool   `short:"f" help:"Go on with what comes, until it is interrupted."`
	Show    string `placeholder:"ID" help:"One entry alone, with all that is known of it."`
}

// Run prints the entries that are asked for, the newest last, as they are read on a
// terminal.
func (cmd *logCommand) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		if cmd.Show != "" {
			return cmd.show(ctx, c, p, o)
		}
		q, err := cmd.query(p.directory.Now())
		if err != nil {
			return err
		}
		if cmd.Follow {
			return cmd.follow(ctx, c, p.entries, o.ID, q)
		}
		n, err := cmd.list(ctx, c, p.entries, o.ID, q)
		if err == nil && n == 0 && cmd.Client != "" {
			_, err = p.clientOf(ctx, o, cmd.Client) // a misspelt name is none that did nothing
		}
		if err != nil || cmd.Output != "text" || cmd.Refused {
			return err
		}
		return cmd.tellLoops(ctx, c, p.entries, o.ID)
	})
}

// tellLoops tells people what clients do again and again, besides the entries: what is so
// already has none.
func (cmd *logCommand) tellLoops(ctx context.Context, c console, l *provisioning.Log, o org.ID) error {
	s, err := l.Status(ctx, o)
	if err != nil {
		return err
	}
	for i, client := range s.Clients {
		if cmd.Client != "" && !isNamed(cmd.Client, client.ID, client.Name) {
			s.Clients[i].Loops = nil
			continue
		}
		s.Clients[i].Loops = slices.DeleteFunc(client.Loops, func(l provisioning.Loop) bool {
			name := cmd.User + cmd.Group // one of them at most
			of := l.Target.Type == provisioning.User && cmd.User != "" || l.Target.Type == provisioning.Group && cmd.Group != ""
			return name != "" && (!of || !isNamed(name, l.Target.ID, l.Target.Name))
		})
	}
	printLoops(c, s)
	return nil
}

// isNamed reports whether something is meant by its id, or by its name.
func isNamed(meant string, id uuid.UUID, name string) bool {
	return meant == id.String() || schema.FoldName(meant) == schema.FoldName(name)
}

// newestShown is how many entries are shown without --since.
const newestShown = 50

// query is what the flags ask for.
func (cmd *logCommand) query(now time.Time) (q provisioning.Query, err error) {
	if cmd.Refused {
		q.Results = []provisioning.Result{provisioning.Refused, provisioning.Held}
	}
	if cmd.Since != "" {
		if q.From, err = readTime("--since", cmd.Since, now); err != nil {
			return q, err
		}
	}
	switch {
	case cmd.Limit != nil:
		q.Limit = *cmd.Limit
	case cmd.Since == "":
		q.Limit = newestShown
	}
	if id, err := uuid.Parse(cmd.Client); err == nil {
		q.Client = id
	} else {
		q.Actor = cmd.Client
	}
	of(&q, provisioning.User, cmd.User)
	of(&q, provisioning.Group, cmd.Group)
	return q, checkLimit(q.Limit)
}

// checkLimit refuses a number of entries that there cannot be.
func checkLimit(n int) error {
	if n < 0 {
		return scim.InvalidValue("--limit: %d is not allowed; 1 or more, or 0 for all, is expected", n)
	}
	return nil
}

// of narrows a query to what has a name or an id.
func of(q *provisioning.Query, t provisioning.TargetType, name string) {
	if name == "" {
		return
	}
	q.Type = t
	if id, err := uuid.Parse(name); err == nil {
		q.TargetID = id
	} else {
		q.Target = name
	}
}

func (cmd *logCommand) show(ctx context.Context, c console, p *parts, o org.Org) error {
	id, err := uuid.Parse(cmd.Show)
	if err != nil {
		return fmt.Errorf("--show: %q is not the id of an entry, which is a UUID", cmd.Show)
	}
	e, err := p.entries.Entry(ctx, o.ID, id)
	if err != nil {
		return err
	}
	if cmd.Output == "text" {
		return printEntry(c, e)
	}
	return cmd.print(c.out, []provisioning.Entry{e}, style{header: true})
}

// list prints the newest entries, in the order in which they were made, and tells how many.
func (o logOutput) list(ctx context.Context, c console, l *provisioning.Log, id org.ID, q provisioning.Query) (n int, err error) {
	entries, err := newest(ctx, l, id, q)
	if err != nil {
		return 0, err
	}
	if len(entries) == 0 && o.Output == "text" {
		return 0, c.done("(none)")
	}
	return len(entries), o.print(c.out, entries, style{header: true, colour: coloured(c.out)})
}

// newest reads the newest q.Limit entries, or all, and gives them the oldest first.
func newest(ctx context.Context, l *provisioning.Log, id org.ID, q provisioning.Query) (entries []provisioning.Entry, err error) {
	limit := q.Limit
	for e, err := range l.All(ctx, id, q) {
		if err != nil {
			return nil, err
		}
		if entries = append(entries, e); len(entries) == limit {
			break
		}
	}
	slices.Reverse(entries)
	return entries, nil
}

// style is how entries are printed beside their format.
type style struct{ header, colour bool }

// print writes entries in the format that is asked for.
func (o logOutput) print(w io.Writer, entries []provisioning.Entry, look style) error {
	switch o.Output {
	case "json":
		if entries == nil {
			entries = []provisioning.Entry{}
		}
		return writeJSON(w, entries)
	case "jsonl":
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		for _, e := range entries {
			if err := encoder.Encode(e); err != nil {
				return err
			}
		}
		return nil
	case "csv":
		return printRows(w, entries, look.header)
	}
	for _, e := range entries {
		if err := printLine(w, e, look.colour); err != nil {
			return err
		}
	}
	return nil
}

func printRows(w io.Writer, entries []provisioning.Entry, header bool) error {
	table := csv.NewWriter(w)
	if header {
		_ = table.Write(provisioning.Columns) // Error tells
	}
	for _, e := range entries {
		row, err := e.Row()
		if err != nil {
			return err
		}
		if err := table.Write(row); err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}

// The colours of results on a terminal, and what ends them.
var colours = map[provisioning.Result]string{
	provisioning.Success: "\x1b[32m", provisioning.Warning: "\x1b[33m", provisioning.Held: "\x1b[33m", provisioning.Refused: "\x1b[31m",
}

const uncoloured = "\x1b[0m"

// coloured reports whether a writer is a terminal that shall have colours.
func coloured(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(file.Fd()))
}

// printLine writes an entry as a sentence, with the error and the advice below it.
func printLine(w io.Writer, e provisioning.Entry, colour bool) error {
	result := fmt.Sprintf("%-7s", e.Result)
	if colour {
		result = colours[e.Result] + result + uncoloured
	}
	lines := []string{fmt.Sprintf("%s  %s  %s", e.Time().Format("2006-01-02 15:04:05"), result, printable.Escape(e.Sentence()))}
	if e.Error != nil {
		lines = append(lines, printable.Escape(strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, errorText(e.Error)))))
	}
	if advice, ok := e.Advice(); ok {
		lines = append(lines, printable.Escape(advice.Text()))
	}
	for _, warning := range e.Warnings {
		lines = append(lines, printable.Escape(warning))
	}
	lines = append(lines, e.ID.String())
	_, err := io.WriteString(w, strings.Join(lines, "\n    ")+"\n")
	return err
}

func errorText(e *provisioning.Error) string {
	if e.Type == "" {
		return e.Detail
	}
	return e.Type + ": " + e.Detail
}

// printEntry writes all that is known of one entry.
func printEntry(c console, e provisioning.Entry) error {
	fields := []field{
		{"entry", e.ID.String()},
		{"time", e.Time().Format(time.RFC3339)},
		{"what", e.Sentence()},
		{"result", string(e.Result)},
		{"operation", string(e.Operation)},
		{"target", strings.TrimSpace(string(e.Target.Type) + " " + e.Target.Name)},
	}
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, field{name, value})
		}
	}
	if e.Target.ID != uuid.Nil {
		add("target id", e.Target.ID.String())
	}
	if e.Actor.ID != uuid.Nil {
		add("client id", e.Actor.ID.String())
	}
	if e.Undoes != uuid.Nil {
		add("takes back", e.Undoes.String())
	}
	if !e.RestoredTo.IsZero() {
		add("restores", e.RestoredTo.UTC().Format(time.RFC3339))
	}
	add("identity system", string(e.System))
	add("address", e.Address)
	add("correlation id", e.CorrelationID)
	if e.Error != nil {
		add("error", strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, errorText(e.Error))))
	}
	if advice, ok := e.Advice(); ok {
		add("advice", advice.Text())
		add("guide", advice.Guide)
	}
	for _, change := range e.Changes {
		add(change.Attribute, valueText(change.Before)+" -> "+valueText(change.After))
	}
	for _, id := range e.Members.Added {
		add("member added", id.String())
	}
	for _, id := range e.Members.Removed {
		add("member removed", id.String())
	}
	for _, warning := range e.Warnings {
		add("warning", warning)
	}
	add("body", e.Body)
	return output{}.printFields(c, fields)
}

// valueText is a value of an attribute for people; one that is unassigned is a dash.
func valueText(value any) string {
	switch value := value.(type) {
	case nil:
		return "-"
	case string:
		return value
	default:
		text, _ := json.Marshal(value) // it was read from JSON
		return string(text)
	}
}

// history is the log of one user or group.
type history struct {
	orgDatabase
	logOutput
	Name  string `arg:"" help:"Its name, as it is or was, or its id."`
	Limit int    `short:"n" default:"50" placeholder:"N" help:"The newest so many (${default}); 0 is all."`
}

func (cmd *history) run(ctx context.Context, c console, t provisioning.TargetType) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		q := provisioning.Query{Limit: cmd.Limit}
		if err := checkLimit(q.Limit); err != nil {
			return err
		}
		of(&q, t, cmd.Name)
		_, err := cmd.list(ctx, c, p.entries, o.ID, q)
		return err
	})
}

type userHistory struct{ history }

// Run prints the history of a user.
func (cmd *userHistory) Run(ctx context.Context, c console) error {
	return cmd.run(ctx, c, provisioning.User)
}

type groupHistory struct{ history }

// Run prints the history of a group.
func (cmd *groupHistory) Run(ctx context.Context, c console) error {
	return cmd.run(ctx, c, provisioning.Group)
}

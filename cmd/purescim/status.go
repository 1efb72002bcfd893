package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/provisioning"
)

type statusCommand struct {
	database
	output
	Org string `placeholder:"NAME" help:"Of this organisation only."`
}

// orgStatus is what a program reads of one organisation.
type orgStatus struct {
	Org    string              `json:"org"`
	Status provisioning.Status `json:"status"`
}

// Run tells how provisioning goes, of one organisation or of all.
func (cmd *statusCommand) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, reads, func(p *parts) error {
		orgs, err := orgsNamed(ctx, p, cmd.Org)
		if err != nil {
			return err
		}
		all := make([]orgStatus, len(orgs))
		for i, o := range orgs {
			status, err := p.entries.Status(ctx, o.ID)
			if err != nil {
				return fmt.Errorf("organisation %q: %w", o.Name, err)
			}
			all[i] = orgStatus{o.Name, status}
		}
		if cmd.Output == "json" {
			return cmd.printJSON(c, all)
		}
		for i, s := range all {
			if i > 0 {
				fmt.Fprintln(c.out)
			}
			if err := cmd.printStatus(c, s, orgs[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// printJSON writes the status of the one organisation that was asked for, or a list.
func (cmd *statusCommand) printJSON(c console, all []orgStatus) error {
	if cmd.Org != "" {
		return writeJSON(c.out, all[0].Status)
	}
	return writeJSON(c.out, all)
}

// printStatus writes the sentence, and then a row for each client.
func (cmd *statusCommand) printStatus(c console, s orgStatus, o org.Org) error {
	if cmd.Org == "" {
		fmt.Fprintf(c.out, "%s: ", printable.Escape(o.Name))
	}
	fmt.Fprintf(c.out, "%s\n", printable.Escape(s.Status.Sentence))
	if len(s.Status.Clients) == 0 {
		return nil
	}
	fmt.Fprintln(c.out)
	table := newTable(c.out)
	fmt.Fprintln(table, "CLIENT\tSTATE\tLAST SUCCESS\tLAST REFUSAL\tHOUR\tDAY\tREFUSED (HOUR, DAY)\tUSERS REFUSED\tHELD\tTOKEN UNTIL")
	for _, client := range s.Status.Clients {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%d\t%d, %d\t%d\t%d\t%s\n", printable.Escape(client.Name), client.State,
			timeText(timeJSON(client.Succeeded)), timeText(refusedAt(client)), client.Hour.Requests(), client.Day.Requests(),
			client.Hour.Refused+client.Hour.Held, client.Day.Refused+client.Day.Held, client.RefusedUsers, client.Holds, tokenText(client.Token))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	printRefused(c, s.Status)
	printLoops(c, s.Status)
	if s.Status.Waiting > 0 {
		fmt.Fprintf(c.out, "\n%s events wait to be taken.\n", strconv.Itoa(s.Status.Waiting))
	}
	return nil
}

// printRefused writes the users who are refused at present, and why.
func printRefused(c console, s provisioning.Status) {
	for _, client := range s.Clients {
		lines := make([]string, len(client.Refused))
		for i, r := range client.Refused {
			lines[i] = lineAt(provisioning.TimeOf(r.Entry), r.Target.String(), r.Error.Detail)
		}
		printSome(c, "Refused at present, of "+client.Name, lines, client.RefusedUsers, "purescim log --refused")
	}
}

// printLoops writes what clients do again and again.
func printLoops(c console, s provisioning.Status) {
	for _, client := range s.Clients {
		lines := make([]string, len(client.Loops))
		for i, l := range client.Loops {
			lines[i] = lineAt(l.Last, l.Sentence())
		}
		printSome(c, "Again and again, by "+client.Name, lines, len(lines), "purescim status -o json")
	}
}

func lineAt(at time.Time, texts ...string) string {
	return at.Format("2006-01-02 15:04:05") + "  " + strings.Join(texts, "  ")
}

// shownOfAll is how many lines about a client are printed.
const shownOfAll = 10

// printSome writes some of all lines below a heading, and where to see more.
func printSome(c console, heading string, lines []string, all int, more string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(c.out, "\n%s:\n", printable.Escape(heading))
	for _, line := range lines[:min(len(lines), shownOfAll)] {
		fmt.Fprintf(c.out, "  %s\n", printable.Escape(line))
	}
	if len(lines) > shownOfAll {
		fmt.Fprintf(c.out, "  and %d more (%s)\n", all-shownOfAll, more)
	}
}

// refusedAt is when a client was refused something last.
func refusedAt(client provisioning.ClientStatus) *time.Time {
	if client.Refusal == nil {
		return nil
	}
	at := provisioning.TimeOf(client.Refusal.Entry)
	return &at
}

// tokenText is the day on which a token ends.
func tokenText(t *provisioning.TokenEnd) string {
	if t == nil {
		return "-"
	}
	return t.Expires.Format(time.DateOnly)
}

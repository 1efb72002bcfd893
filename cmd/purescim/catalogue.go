package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// The commands for what users refer to by name differ in the kind alone.
type (
	roleCommands struct {
		Create roleCreate  `cmd:"" help:"Create a role."`
		List   entryList   `cmd:"" help:"List the roles."`
		Show   roleShow    `cmd:"" help:"Show a role with what it permits."`
		Delete entryDelete `cmd:"" help:"Delete a role that nobody has."`
	}
	divisionCommands struct {
		Create entryCreate `cmd:"" help:"Create a division."`
		List   entryList   `cmd:"" help:"List the divisions."`
		Delete entryDelete `cmd:"" help:"Delete a division that nobody is in."`
	}
	skillCommands struct {
		Create entryCreate `cmd:"" help:"Create a routing skill."`
		List   entryList   `cmd:"" help:"List the routing skills."`
		Delete entryDelete `cmd:"" help:"Delete a routing skill that nobody has."`
	}
	languageCommands struct {
		Create entryCreate `cmd:"" help:"Create a routing language."`
		List   entryList   `cmd:"" help:"List the routing languages."`
		Delete entryDelete `cmd:"" help:"Delete a routing language that nobody has."`
	}
)

// kindOf tells the kind by the command that a command is below.
func kindOf(path string) directory.Kind {
	noun, _, _ := strings.Cut(path, " ")
	return map[string]directory.Kind{
		"role": directory.Role, "division": directory.Division,
		"skill": directory.Skill, "language": directory.Language,
	}[noun]
}

// entryResult is what a program reads of an entry.
type entryResult struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`

	kind directory.Kind
}

func newEntryResult(e directory.Entry) entryResult {
	return entryResult{ID: e.ID.String(), Name: e.Name, Description: e.Description, kind: e.Kind}
}

func (r entryResult) fields() []field { return []field{{r.kind.String(), r.Name}, {"id", r.ID}} }

type entryCreate struct {
	orgDatabase
	output
	Name        string `arg:"" help:"Its name, unique among its kind in the organisation."`
	Description string `help:"What it is for."`
}

// Run creates the entry.
func (cmd *entryCreate) Run(ctx context.Context, c console, path commandPath) error {
	return cmd.create(ctx, c, directory.Entry{Kind: kindOf(string(path))})
}

func (cmd *entryCreate) create(ctx context.Context, c console, e directory.Entry) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		e.Name, e.Description = cmd.Name, cmd.Description
		e, err := p.directory.CreateEntry(ctx, o, e)
		return cmd.print(c, newEntryResult(e), err)
	})
}

type roleCreate struct {
	entryCreate
	Permission []string `placeholder:"P" help:"What clients with the role may do, such as directory:user:add; may be repeated."`
}

// permission is domain:entity:action; a part may be *, and a last * is all that
// could follow.
var permission = regexp.MustCompile(`^(?:(?:\*|[A-Za-z0-9_-]+):){0,2}\*$|^(?:(?:\*|[A-Za-z0-9_-]+):){2}[A-Za-z0-9_-]+$`)

// Validate refuses unknown permissions: a role would have them to no effect.
func (cmd *roleCreate) Validate() error {
	for _, p := range cmd.Permission {
		if !permission.MatchString(p) {
			return fmt.Errorf("--permission: %q is not a permission; domain:entity:action is expected, such as directory:user:add, or * for a part", p)
		}
	}
	return nil
}

// Run creates the role.
func (cmd *roleCreate) Run(ctx context.Context, c console) error {
	detail := oauth.RoleDetail{Permissions: cmd.Permission}
	if err := detail.Check(oauth.RoleDetail{}); err != nil {
		return err
	}
	return cmd.create(ctx, c, directory.Entry{Kind: directory.Role, Detail: detail.Text()})
}

type entryList struct {
	orgDatabase
	output
	Prefix string `placeholder:"TEXT" help:"Only those whose names begin so, in any case."`
}

// Run lists the entries by name.
func (cmd *entryList) Run(ctx context.Context, c console, path commandPath) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		entries, err := pages(func(offset, limit int) ([]directory.Entry, int, error) {
			return p.directory.ListEntries(ctx, o, directory.EntryQuery{
				Kind: kindOf(string(path)), Prefix: cmd.Prefix, Selection: directory.Selection{Offset: offset, Limit: limit},
			})
		})
		return printList(cmd.output, c, entries, err, newEntryResult, columns[entryResult]{
			[]string{"ID", "NAME", "DESCRIPTION"},
			func(r entryResult) []string { return []string{r.ID, r.Name, r.Description} },
		})
	})
}

type entryDelete struct {
	orgDatabase
	confirmation
	Name string `arg:"" help:"Its name."`
}

// Run deletes the entry of the name.
func (cmd *entryDelete) Run(ctx context.Context, c console, path commandPath) error {
	kind := kindOf(string(path))
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		e, err := p.entryNamed(ctx, o, kind, cmd.Name)
		if err != nil {
			return err
		}
		if err := cmd.ask(c, "delete the %s %q", kind, e.Name); err != nil {
			return err
		}
		if err := p.directory.DeleteEntry(ctx, o, kind, e.ID.String()); err != nil {
			return err
		}
		return c.done("deleted the %s %q", kind, e.Name)
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

type permissionCommands struct {
	List permissionList `cmd:"" help:"List the permissions that a role may have."`
}

type permissionList struct {
	output
	Prefix string `placeholder:"TEXT" help:"Only those that begin so, such as directory:user."`
}

// permissionResult is what a program reads of a permission.
type permissionResult struct {
	Permission string `json:"permission"`
}

// Run lists the permissions by name. It needs no database.
func (cmd *permissionList) Run(c console) error {
	var all []string
	for _, d := range oauth.Domains() {
		for _, e := range d.Entities {
			for _, action := range e.Actions {
				if name := strings.Join([]string{d.Name, e.Name, action}, ":"); strings.HasPrefix(name, cmd.Prefix) {
					all = append(all, name)
				}
			}
		}
	}
	of := func(name string) permissionResult { return permissionResult{name} }
	return printList(cmd.output, c, all, nil, of, columns[permissionResult]{
		[]string{"PERMISSION"}, func(r permissionResult) []string { return []string{r.Permission} },
	})
}

type roleShow struct {
	orgDatabase
	output
	Name string `arg:"" help:"Its name."`
}

// roleResult is what a program reads of a role: Permissions as they are granted, those of
// its policies too.
type roleResult struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description,omitempty"`
	Permissions []string `json:"permissions"`
}

func (r roleResult) fields() []field {
	fields := []field{{"role", r.Name}, {"id", r.ID}, {"description", r.Description}}
	for _, name := range r.Permissions {
		fields = append(fields, field{"permission", name})
	}
	return fields
}

// Run shows the role with what it permits.
func (cmd *roleShow) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		e, err := p.entryNamed(ctx, o, directory.Role, cmd.Name)
		if err != nil {
			return err
		}
		return cmd.print(c, roleResult{
			ID: e.ID.String(), Name: e.Name, Description: e.Description, Permissions: append([]string{}, oauth.PermissionsOf(e.Detail).Names()...),
		}, nil)
	})
}

// entryNamed finds an entry by its name in any case.
func (p *parts) entryNamed(ctx context.Context, o org.Org, kind directory.Kind, name string) (directory.Entry, error) {
	entries, err := pages(func(offset, limit int) ([]directory.Entry, int, error) {
		return p.directory.ListEntries(ctx, o, directory.EntryQuery{
			Kind: kind, Prefix: name, Selection: directory.Selection{Offset: offset, Limit: limit},
		})
	})
	if err != nil {
		return directory.Entry{}, err
	}
	for _, e := range entries {
		if strings.EqualFold(e.Name, name) {
			return e, nil
		}
	}
	known, _, err := p.directory.ListEntries(ctx, o, directory.EntryQuery{Kind: kind, Names: true, Selection: directory.Selection{Limit: directory.MaxEntries}})
	names := make([]string, len(known))
	for i, e := range known {
		names[i] = e.Name
	}
	return directory.Entry{}, errors.Join(fmt.Errorf("organisation %q has no %s named %q%s", o.Name, kind, name, suggestion(name, names)), err)
}

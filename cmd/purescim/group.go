package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

type groupCommands struct {
	List   groupList   `cmd:"" help:"List the groups."`
	Show   groupShow   `cmd:"" help:"Show one group."`
	Create groupCreate `cmd:"" help:"Create a group, for the identity system to link by its name and fill."`
	Rename groupRename `cmd:"" help:"Rename a group."`
	Delete groupDelete `cmd:"" help:"Delete a group. Its members stay."`

	History groupHistory `cmd:"" help:"Show what was done to a group, and what was refused."`
	Restore groupRestore `cmd:"" help:"Bring a group with its members back to what it was at a time."`
}

// groupResult is what a program reads of a group.
type groupResult struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	MemberCount int    `json:"member_count"`
	Visibility  string `json:"visibility"`
	Type        string `json:"type"`
}

func newGroupResult(g directory.GroupRecord) groupResult {
	return groupResult{ID: g.ID.String(), Name: g.Name, MemberCount: g.MemberCount, Visibility: g.Visibility, Type: g.Type}
}

func (g groupResult) fields() []field {
	return []field{
		{"group", g.Name},
		{"id", g.ID},
		{"members", strconv.Itoa(g.MemberCount)},
		{"visibility", g.Visibility},
		{"type", g.Type},
	}
}

type groupList struct {
	orgDatabase
	output
}

// Run lists the groups by name.
func (cmd *groupList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		groups, err := pages(func(offset, limit int) ([]directory.GroupRecord, int, error) {
			return p.directory.ListGroups(ctx, o, directory.Selection{Offset: offset, Limit: limit})
		})
		return printList(cmd.output, c, groups, err, newGroupResult, columns[groupResult]{
			[]string{"ID", "NAME", "MEMBERS", "VISIBILITY"},
			func(g groupResult) []string { return []string{g.ID, g.Name, strconv.Itoa(g.MemberCount), g.Visibility} },
		})
	})
}

// groupNamed finds a group by its id or its name in any case.
func (p *parts) groupNamed(ctx context.Context, o org.Org, name string) (directory.GroupRecord, error) {
	id, err := p.idOf(ctx, o, schema.Group, schema.GroupName, name)
	switch {
	case err != nil:
		return directory.GroupRecord{}, err
	case id == "":
		return directory.GroupRecord{}, fmt.Errorf("organisation %q has no group named %q", o.Name, name)
	}
	return p.directory.Group(ctx, o, id)
}

// idOf gives the id of a user or group that is named by it, or by an attribute in any case;
// "" is none.
func (p *parts) idOf(ctx context.Context, o org.Org, t *schema.Type, by *schema.Attribute, name string) (string, error) {
	if _, err := uuid.Parse(name); err == nil {
		return name, nil
	}
	found, err := p.directory.List(ctx, o, t, directory.ListRequest{
		Filter: by.Name + " eq " + filter.Literal(name), HasFilter: true, Start: 1, Count: 1,
		Projection: t.Project([]string{schema.ID.Name}, nil),
	})
	if err != nil || len(found.Records) == 0 {
		return "", err
	}
	return found.Records[0].ID.String(), nil
}

type groupShow struct {
	orgDatabase
	output
	Name string `arg:"" help:"Its name or id."`
}

// Run shows the group.
func (cmd *groupShow) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		g, err := p.groupNamed(ctx, o, cmd.Name)
		return cmd.print(c, newGroupResult(g), err)
	})
}

type groupCreate struct {
	orgDatabase
	output
	Name string `arg:"" name:"displayname" help:"Its display name, unique in the organisation."`
}

// Run creates the group.
func (cmd *groupCreate) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		g, err := p.directory.CreateGroup(ctx, o, cmd.Name, directory.PlainGroup)
		return cmd.print(c, newGroupResult(g), err)
	})
}

type groupRename struct {
	orgDatabase
	output
	Name    string `arg:"" help:"Its name or id."`
	NewName string `arg:"" help:"Its new display name."`
}

// Run renames the group.
func (cmd *groupRename) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		g, err := p.groupNamed(ctx, o, cmd.Name)
		if err != nil {
			return err
		}
		g, err = p.directory.ChangeGroup(ctx, o, g.ID.String(), directory.GroupChange{Name: &cmd.NewName})
		return cmd.print(c, newGroupResult(g), err)
	})
}

type groupDelete struct {
	orgDatabase
	confirmation
	Name string `arg:"" help:"Its name or id."`
}

// Run deletes the group.
func (cmd *groupDelete) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		g, err := p.groupNamed(ctx, o, cmd.Name)
		if err != nil {
			return err
		}
		if err := cmd.ask(c, "delete the group %q with its %d memberships", g.Name, g.MemberCount); err != nil {
			return err
		}
		if err := p.directory.DeleteGroup(ctx, o, g.ID.String(), scim.Condition{}); err != nil {
			return err
		}
		return c.done("deleted the group %q", g.Name)
	})
}

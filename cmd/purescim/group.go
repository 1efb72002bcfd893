package main

import (
	"context"

	"github.com/purescim/purescim/internal/directory"
)

type groupCommands struct {
	Create groupCreate `cmd:"" help:"Create a group, for the identity system to link by its name and fill."`
}

type groupCreate struct {
	database
	output
	Org  string `required:"" placeholder:"NAME" help:"The organisation."`
	Name string `arg:"" name:"displayname" help:"Its display name, unique in the organisation."`
}

// groupResult is what a program reads of a new group.
type groupResult struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Run creates the group.
func (cmd *groupCreate) Run(ctx context.Context, c console) error {
	p, err := cmd.quiet().open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	o, err := p.orgNamed(ctx, cmd.Org)
	if err != nil {
		return err
	}
	g := directory.Group{Type: "official", Visibility: "public", RulesVisible: true}
	record, err := p.directory.CreateGroup(ctx, o, cmd.Name, g)
	if err != nil {
		return err
	}
	result := groupResult{ID: record.ID.String(), Name: cmd.Name}
	return cmd.print(c.out, result, field{"group", result.Name}, field{"id", result.ID})
}

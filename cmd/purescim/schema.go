package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
)

type schemaCommands struct {
	List    schemaList    `cmd:"" help:"List the schemas of an organisation."`
	Show    schemaShow    `cmd:"" help:"Print the document of a schema."`
	Add     schemaAdd     `cmd:"" help:"Extend users or groups by a schema (RFC 7643 section 7)."`
	Replace schemaReplace `cmd:"" help:"Change a schema. Values that are stored must stay valid."`
	Remove  schemaRemove  `cmd:"" help:"Remove a schema that nobody has values of."`
}

// schemaResult is what a program reads of a schema.
type schemaResult struct {
	ID           string          `json:"id"`
	ResourceType string          `json:"resource_type"`
	Version      int64           `json:"version"`
	Schema       json.RawMessage `json:"schema"`
}

func newSchemaResult(s directory.CustomSchema) schemaResult {
	return schemaResult{ID: s.URN, ResourceType: s.Resource, Version: s.Revision, Schema: s.Definition}
}

func (r schemaResult) fields() []field {
	return []field{{"schema", r.ID}, {"extends", r.ResourceType}, {"version", strconv.FormatInt(r.Version, 10)}}
}

type schemaList struct {
	orgDatabase
	output
}

// Run lists the schemas, the oldest first.
func (cmd *schemaList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		all, err := p.directory.Schemas(ctx, o)
		return printList(cmd.output, c, all, err, newSchemaResult, columns[schemaResult]{
			[]string{"ID", "EXTENDS", "VERSION"},
			func(r schemaResult) []string { return []string{r.ID, r.ResourceType, strconv.FormatInt(r.Version, 10)} },
		})
	})
}

type schemaShow struct {
	orgDatabase
	URN string `arg:"" help:"Its id, in any case."`
}

// Run prints the document, which add and replace read.
func (cmd *schemaShow) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		s, err := p.directory.Schema(ctx, o, cmd.URN)
		if err != nil {
			return err
		}
		return writeJSON(c.out, json.RawMessage(s.Definition))
	})
}

type schemaAdd struct {
	orgDatabase
	output
	Type string `enum:"User,Group" default:"User" help:"The resource type that it extends: ${enum} (${default})."`
	File string `arg:"" type:"existingfile" help:"Its document, in JSON."`
}

// Run declares the schema. Servers that run notice within a second.
func (cmd *schemaAdd) Run(ctx context.Context, c console) error {
	definition, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		s, err := p.directory.CreateSchema(ctx, o, cmd.Type, definition)
		return cmd.print(c, newSchemaResult(s), err)
	})
}

type schemaReplace struct {
	orgDatabase
	output
	URN  string `arg:"" help:"Its id, in any case."`
	File string `arg:"" type:"existingfile" help:"Its new document, in JSON."`
}

// Run gives the schema another definition.
func (cmd *schemaReplace) Run(ctx context.Context, c console) error {
	definition, err := os.ReadFile(cmd.File)
	if err != nil {
		return fmt.Errorf("read the schema: %w", err)
	}
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		s, err := p.directory.UpdateSchema(ctx, o, cmd.URN, nil, definition)
		return cmd.print(c, newSchemaResult(s), err)
	})
}

type schemaRemove struct {
	orgDatabase
	confirmation
	URN   string `arg:"" help:"Its id, in any case."`
	Force bool   `help:"Take the values of the schema out of the users or groups that have some."`
}

// Run removes the schema.
func (cmd *schemaRemove) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		s, err := p.directory.Schema(ctx, o, cmd.URN)
		if err != nil {
			return err
		}
		values := ""
		if cmd.Force {
			values = " with all values of it"
		}
		if err := cmd.ask(c, "remove the schema %q%s", s.URN, values); err != nil {
			return err
		}
		if err := p.directory.DeleteSchema(ctx, o, s.URN, cmd.Force); err != nil {
			return err
		}
		return c.done("removed the schema %q%s", s.URN, values)
	})
}

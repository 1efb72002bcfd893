package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/schema"
)

type migrateCommand struct{ database }

// Run brings the schema up to date, which every command that opens the database
// does first.
func (cmd *migrateCommand) Run(ctx context.Context, c console) error {
	p, err := cmd.open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Fprintln(c.out, "the database's schema is up to date")
	return nil
}

type verifyCommand struct {
	database
	Org string `placeholder:"NAME" help:"Check this organisation only."`
}

// Run recomputes the columns, keys and totals of every resource and reports
// each that differs from what is stored.
func (cmd *verifyCommand) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, func(p *parts) error { return cmd.verify(ctx, c, p) })
}

func (cmd *verifyCommand) verify(ctx context.Context, c console, p *parts) error {
	orgs, err := cmd.orgs(ctx, p)
	if err != nil {
		return err
	}
	differences := 0
	for _, o := range orgs {
		types, err := p.directory.TypesOf(ctx, o)
		if err != nil {
			return err
		}
		own := schema.Types{types.Of(schema.User), types.Of(schema.Group)}
		err = p.store.Verify(ctx, o.ID, own, func(difference string) {
			differences++
			fmt.Fprintf(c.out, "%s: %s\n", printable.Escape(o.Name), printable.Escape(fmt.Sprint(difference)))
		})
		if err != nil {
			return fmt.Errorf("verify organisation %q: %w", o.Name, err)
		}
	}
	if differences > 0 {
		return fmt.Errorf("%d differences in %d organisations", differences, len(orgs))
	}
	fmt.Fprintf(c.out, "%d organisations verified, no difference\n", len(orgs))
	return nil
}

func (cmd *verifyCommand) orgs(ctx context.Context, p *parts) ([]org.Org, error) {
	if cmd.Org == "" {
		return p.registry.ListOrgs(ctx)
	}
	o, err := p.orgNamed(ctx, cmd.Org)
	return []org.Org{o}, err
}

type versionCommand struct{}

// Run prints the version.
func (*versionCommand) Run(c console) error {
	_, err := fmt.Fprintf(c.out, "purescim %s (%s)\n", version, runtime.Version())
	return err
}

package main

import (
	"context"
	"fmt"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/printable"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/migrations"
)

type migrateCommand struct {
	database
	Distribute bool `help:"Spread the tables over the nodes of a cluster, by organisation: for a database with the extension citus."`
}

// Run brings the schema up to date, as 'serve' does unless it is told not to.
func (cmd *migrateCommand) Run(ctx context.Context, c console) error {
	p, err := cmd.openWith(ctx, c, opening{migrate: true})
	if err != nil {
		return err
	}
	defer p.close()
	fmt.Fprintln(c.out, "the database's schema is up to date")
	if !cmd.Distribute {
		return nil
	}
	n, err := migrations.Distribute(ctx, p.url, p.log)
	if err == nil {
		fmt.Fprintf(c.out, "%d tables were distributed now, and all are\n", n)
	}
	return err
}

type foldCommand struct {
	database
	Org string `placeholder:"NAME" help:"Fold those of this organisation only."`
}

// Run folds what is stored folded again, which servers do by themselves when a release
// folds in another way, and tells which names are one by now.
func (cmd *foldCommand) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, changes, func(p *parts) error {
		orgs, err := orgsNamed(ctx, p, cmd.Org)
		if err != nil {
			return err
		}
		collisions := 0
		for _, o := range orgs {
			err := p.directory.FoldAgain(ctx, o, func(collision string) {
				collisions++
				fmt.Fprintf(c.out, "%s: %s\n", printable.Escape(o.Name), printable.Escape(collision))
			})
			if err != nil {
				return fmt.Errorf("fold organisation %q: %w", o.Name, err)
			}
		}
		fmt.Fprintf(c.out, "%d organisations folded, %d collisions\n", len(orgs), collisions)
		return nil
	})
}

type verifyCommand struct {
	database
	Org string `placeholder:"NAME" help:"Check this organisation only."`
	Log bool   `negatable:"" default:"true" help:"Compare with the provisioning log, too; a server of a release that keeps none has made changes without entries."`
}

// Run recomputes the columns, keys and totals of every resource, and versions and members
// from the log, and reports each that differs from what is stored.
func (cmd *verifyCommand) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, reads, func(p *parts) error { return cmd.verify(ctx, c, p) })
}

func (cmd *verifyCommand) verify(ctx context.Context, c console, p *parts) error {
	orgs, err := orgsNamed(ctx, p, cmd.Org)
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
		report := func(difference string) {
			differences++
			fmt.Fprintf(c.out, "%s: %s\n", printable.Escape(o.Name), printable.Escape(difference))
		}
		err = p.store.Verify(ctx, o.ID, own, report)
		if err == nil && cmd.Log {
			err = p.store.VerifyLog(ctx, o.ID, report)
		}
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

// orgsNamed gives the organisation of a name, or all without one.
func orgsNamed(ctx context.Context, p *parts, name string) ([]org.Org, error) {
	if name == "" {
		return p.registry.ListOrgs(ctx)
	}
	o, err := p.orgNamed(ctx, name)
	return []org.Org{o}, err
}

package main

import (
	"context"
	"fmt"

	"github.com/purescim/purescim/internal/org"
)

type orgDelete struct {
	database
	confirmation
	Name  string `arg:"" help:"Its name."`
	Force bool   `help:"Also when its clients have good tokens, which end."`
}

// Run deletes the organisation, or what an earlier call has left of it. Servers that run
// refuse its tokens within a second.
func (cmd *orgDelete) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, changes, func(p *parts) error {
		o, err := p.orgNamed(ctx, cmd.Name)
		if left, none := p.registry.LeftOrg(ctx, cmd.Name); err != nil && none == nil {
			return p.empty(ctx, c, left, cmd.Name)
		}
		if err != nil {
			return err
		}
		tokens, err := p.registry.LiveTokens(ctx, o.ID)
		if err != nil {
			return err
		}
		if tokens > 0 && !cmd.Force {
			return fmt.Errorf("clients of the organisation %q have %d good tokens: somebody may be using it; --force ends them", o.Name, tokens)
		}
		if err := cmd.askName(c, o.Name, "delete the organisation %q with all of its users, groups, clients and its log, for good", o.Name); err != nil {
			return err
		}
		if err := p.registry.DeleteOrg(ctx, o.ID, account()); err != nil {
			return err
		}
		p.log.WarnContext(ctx, "organisation deleted", "org", o.ID, "name", o.Name, "by", account(), "tokens_ended", tokens)
		return p.empty(ctx, c, o.ID, o.Name)
	})
}

// empty deletes what a deleted organisation owned.
func (p *parts) empty(ctx context.Context, c console, o org.ID, name string) error {
	rows, err := p.registry.Empty(ctx, o)
	if err != nil {
		return fmt.Errorf("the organisation %q is deleted, but not yet all that it owned; servers go on with that, and so does the same command: %w", name, err)
	}
	return c.done("deleted the organisation %q, %d rows", name, rows)
}

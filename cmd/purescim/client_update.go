package main

import (
	"context"
	"time"

	"github.com/purescim/purescim/internal/oauth"
)

type clientUpdate struct {
	clientDatabase
	output
	Name        *string   `help:"What the administrator calls it."`
	Description *string   `help:"What it is for."`
	Role        []string  `placeholder:"NAME" help:"The roles that it has from now on instead of those of before; may be repeated."`
	RateLimit   *int      `placeholder:"N" help:"Requests a minute with all of its tokens together; 0 is as the organisation or the server."`
	Validity    *validity `placeholder:"TIME" help:"How long new tokens live, such as 24h or 450d. Those of before live on as they were made to."`
}

// Run changes what is given. Running servers notice within 30 seconds.
func (cmd *clientUpdate) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		roles := client.Roles
		if len(cmd.Role) > 0 {
			var err error
			if roles, err = p.oauth.RolesNamed(ctx, client.Org, cmd.Role...); err != nil {
				return err
			}
		}
		client, err := p.oauth.UpdateClient(ctx, client.Org, client.ID, func(spec *oauth.ClientSpec) error {
			set(&spec.Name, cmd.Name)
			set(&spec.Description, cmd.Description)
			set(&spec.RateLimit, cmd.RateLimit)
			if cmd.Validity != nil {
				spec.Validity = time.Duration(*cmd.Validity)
			}
			if len(cmd.Role) > 0 {
				spec.Roles = roles
			}
			return nil
		})
		if err != nil {
			return err
		}
		return p.printClient(ctx, c, cmd.output, client)
	})
}

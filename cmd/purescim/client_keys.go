package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/purescim/purescim/internal/oauth"
)

// clientSetKeys replaces the keys with which a client signs in instead of its secret.
type clientSetKeys struct {
	clientDatabase
	File string `type:"existingfile" placeholder:"FILE" help:"Its public keys, a JWK Set."`
	URL  string `placeholder:"URL" help:"Where it publishes them."`
	None bool   `help:"It has none any more."`
}

// Run sets the keys.
func (cmd *clientSetKeys) Run(ctx context.Context, c console) error {
	said := 0
	for _, way := range []bool{cmd.File != "", cmd.URL != "", cmd.None} {
		if way {
			said++
		}
	}
	if said != 1 {
		return errors.New("say one of --file, --url and --none")
	}
	keys := oauth.ClientKeys{URL: cmd.URL}
	if cmd.File != "" {
		set, err := os.ReadFile(cmd.File)
		if err != nil {
			return fmt.Errorf("read the keys: %w", err)
		}
		keys.Set = set
	}
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		if err := p.oauth.SetClientKeys(ctx, client.Org, client.ID, keys); err != nil {
			return err
		}
		if cmd.None {
			return c.done("the client %q has no keys any more", client.Name)
		}
		return c.done("the client %q signs in with its keys", client.Name)
	})
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

type clientCommands struct {
	Create clientCreate `cmd:"" help:"Create an OAuth client and its first token. The secret is shown this once."`
}

type clientCreate struct {
	database
	output
	Org      string   `required:"" placeholder:"NAME" help:"The organisation it acts for."`
	Name     string   `required:"" help:"What the administrator calls it, such as 'Entra'."`
	Validity validity `default:"450d" help:"How long its tokens live, such as 24h or 450d (${default}, the most)."`
}

// validity is a duration that may be given in days.
type validity time.Duration

// UnmarshalText reads 450d, 24h, 300s.
func (v *validity) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil {
		return fmt.Errorf("%q is not a duration; 450d or 24h is expected", text)
	}
	*v = validity(d)
	return oauth.CheckValidity(d)
}

// credentials are what an identity system signs in with.
type credentials struct {
	ID          string    `json:"id"`
	Secret      string    `json:"secret"`
	AccessToken string    `json:"access_token"`
	ExpiresAt   time.Time `json:"expires_at"`
}

func (cr credentials) fields() []field {
	return []field{
		{"client id", cr.ID},
		{"client secret", cr.Secret},
		{"access token", cr.AccessToken},
		{"token expires", cr.ExpiresAt.Format(time.RFC3339)},
	}
}

// createClient makes a client that may do everything, with a first token.
func (p *parts) createClient(ctx context.Context, o org.ID, name string, v time.Duration) (credentials, error) {
	roles, err := p.oauth.RolesNamed(ctx, o, "admin")
	if err != nil {
		return credentials{}, err
	}
	client, secret, err := p.oauth.CreateClient(ctx, o, oauth.ClientSpec{Name: name, Validity: v, Roles: roles})
	if err != nil {
		return credentials{}, err
	}
	token, expires, err := p.oauth.Issue(ctx, client, v)
	if err != nil {
		return credentials{}, err
	}
	return credentials{ID: client.ID.String(), Secret: secret, AccessToken: token, ExpiresAt: expires.UTC()}, nil
}

// Run creates the client.
func (cmd *clientCreate) Run(ctx context.Context, c console) error {
	p, err := cmd.quiet().open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	o, err := p.orgNamed(ctx, cmd.Org)
	if err != nil {
		return err
	}
	cr, err := p.createClient(ctx, o.ID, cmd.Name, time.Duration(cmd.Validity))
	if err != nil {
		return err
	}
	return cmd.print(c.out, cr, cr.fields()...)
}

type tokenCommands struct {
	Create tokenCreate `cmd:"" help:"Issue a token for a client, valid as long as the client's tokens are."`
}

type tokenCreate struct {
	database
	output
	Client string `required:"" placeholder:"ID" help:"The id of the client."`
}

// tokenResult is what a program reads of a new token.
type tokenResult struct {
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type"`
	ExpiresIn   int64     `json:"expires_in"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// Run issues the token.
func (cmd *tokenCreate) Run(ctx context.Context, c console) error {
	id, err := uuid.Parse(cmd.Client)
	if err != nil {
		return fmt.Errorf("--client: %q is not the id of a client, which is a UUID", cmd.Client)
	}
	p, err := cmd.quiet().open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	client, err := p.registry.Client(ctx, id)
	if errors.Is(err, oauth.ErrNotFound) {
		return fmt.Errorf("client %s does not exist; 'purescim client create' makes one", id)
	}
	if err != nil {
		return err
	}
	token, expires, err := p.oauth.Issue(ctx, client, 0)
	if err != nil {
		return err
	}
	result := tokenResult{AccessToken: token, TokenType: "bearer", ExpiresIn: int64(time.Until(expires).Seconds()), ExpiresAt: expires.UTC()}
	return cmd.print(c.out, result, field{"access token", token}, field{"token expires", result.ExpiresAt.Format(time.RFC3339)})
}

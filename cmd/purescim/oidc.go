package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	web "github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/org"
)

type oidcCommands struct {
	Add    oidcAdd    `cmd:"" help:"Let people sign in by an OpenID provider, such as Entra ID, Okta, Google or Keycloak, who have an account."`
	List   oidcList   `cmd:"" help:"List the providers, of one organisation or of all, and the redirect URL that they are told."`
	Remove oidcRemove `cmd:"" help:"Let nobody sign in by a provider any more. The sessions that it began end at once."`
}

// providerResult is what a program reads of a provider: never its secret.
type providerResult struct {
	Org      string     `json:"org,omitempty"` // of one for the accounts of all there is none
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Issuer   string     `json:"issuer"`
	ClientID string     `json:"client_id"`
	Redirect string     `json:"redirect_url"`
	SignIn   string     `json:"sign_in_url"`
	Created  *time.Time `json:"created"`
}

func (l linking) provider(in scope, p accounts.Provider) providerResult {
	return providerResult{
		Org: in.name, ID: p.ID.String(), Name: p.Name, Issuer: p.Issuer, ClientID: p.ClientID, Created: timeJSON(p.Created),
		Redirect: web.AnswerURL(l.base(), p.Org), SignIn: web.SetOutURL(l.base(), p),
	}
}

func (r providerResult) fields() []field {
	return []field{
		{"id", r.ID},
		{"name", r.Name},
		{"issuer", r.Issuer},
		{"client id", r.ClientID},
		{"redirect URL", r.Redirect},
		{"sign-in URL", r.SignIn},
	}
}

type oidcAdd struct {
	adminScope
	linking
	output
	Name       string `required:"" placeholder:"NAME" help:"What stands on the button that signs in."`
	Issuer     string `required:"" placeholder:"URL" help:"The issuer, letter by letter as its discovery document has it."`
	ClientID   string `required:"" placeholder:"ID" help:"The id that the provider has given the application."`
	SecretFile string `required:"" placeholder:"FILE" help:"The file with the client secret; '-' reads it from the standard input."`
	Offline    bool   `help:"Do not ask the issuer now whether it answers."`
}

// Run adds the provider.
func (cmd *oidcAdd) Run(ctx context.Context, c console) error {
	secret, err := readSecret(c, cmd.SecretFile)
	if err != nil {
		return fmt.Errorf("--secret-file: %w", err)
	}
	return cmd.in(ctx, c, changes, func(p *parts, o org.ID) error {
		made, err := p.accounts.AddProvider(ctx, accounts.Provider{
			Org: o, Name: cmd.Name, Issuer: cmd.Issuer, ClientID: cmd.ClientID, Secret: secret, By: "cli:" + account(),
		}, cmd.Offline)
		return cmd.print(c, cmd.provider(scope{name: cmd.Org}, made), err)
	})
}

type oidcList struct {
	everyScope
	linking
	output
}

// Run lists the providers of the scope.
func (cmd *oidcList) Run(ctx context.Context, c console) error {
	return cmd.in(ctx, c, reads, func(p *parts, scopes []scope) error {
		all, err := listEvery(scopes, func(o org.ID) ([]accounts.Provider, error) { return p.accounts.Providers(ctx, o) }, cmd.provider)
		return printList(cmd.output, c, all, err, func(r providerResult) providerResult { return r }, columns[providerResult]{
			[]string{"ORG", "ID", "NAME", "ISSUER", "CLIENT ID", "REDIRECT URL"},
			func(r providerResult) []string {
				return []string{scope{name: r.Org}.text(), r.ID, r.Name, r.Issuer, r.ClientID, r.Redirect}
			},
		})
	})
}

type oidcRemove struct {
	everyScope
	confirmation
	ID string `arg:"" help:"The id of the provider, as 'admin oidc list' shows it."`
}

// Run removes the provider.
func (cmd *oidcRemove) Run(ctx context.Context, c console) error {
	id, err := uuid.Parse(cmd.ID)
	if err != nil {
		return fmt.Errorf("%q is not the id of a provider, which is a UUID", cmd.ID)
	}
	return cmd.in(ctx, c, changes, func(p *parts, scopes []scope) error {
		if err := cmd.ask(c, "let nobody sign in by the provider %s any more", id); err != nil {
			return err
		}
		for _, s := range scopes {
			err := p.accounts.RemoveProvider(ctx, s.id, id)
			if errors.Is(err, accounts.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			return c.done("nobody signs in by the provider %s any more", id)
		}
		return fmt.Errorf("there is no provider %s; 'purescim admin oidc list' tells which there are", id)
	})
}

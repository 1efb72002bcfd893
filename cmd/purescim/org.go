package main

import (
	"context"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/phone"
	"github.com/purescim/purescim/internal/scim"
)

type orgCommands struct {
	Create orgCreate `cmd:"" help:"Create an organisation."`
}

type orgCreate struct {
	database
	output
	Name       string `arg:"" help:"Its name, unique in this installation."`
	WithClient bool   `help:"Also create an OAuth client and a token that lives 450 days."`
	Region     string `default:"US" help:"Country that national phone numbers belong to, as two letters (${default})."`
}

// orgResult is what a program reads of a new organisation.
type orgResult struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Client      *clientSecret `json:"client,omitempty"`
	AccessToken string        `json:"access_token,omitempty"`
}

type clientSecret struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// Run creates the organisation.
func (cmd *orgCreate) Run(ctx context.Context, c console) error {
	if !phone.ValidRegion(cmd.Region) {
		return scim.InvalidValue("--region: %q is not a country; two capital letters such as US or DE are expected", cmd.Region)
	}
	p, err := cmd.quiet().open(ctx, c)
	if err != nil {
		return err
	}
	defer p.close()
	settings := org.DefaultSettings()
	settings.DefaultRegion = cmd.Region
	o, err := directory.CreateOrganisation(ctx, p.registry, cmd.Name, settings)
	if err != nil {
		return err
	}
	result := orgResult{ID: o.ID.String(), Name: o.Name}
	fields := []field{{"organisation", o.Name}, {"id", o.ID.String()}}
	if cmd.WithClient {
		cr, err := p.createClient(ctx, o.ID, o.Name, oauth.MaxValidity)
		if err != nil {
			return err
		}
		result.Client = &clientSecret{ID: cr.ID, Secret: cr.Secret}
		result.AccessToken = cr.AccessToken
		fields = append(fields, cr.fields()...)
	}
	return cmd.print(c.out, result, fields...)
}

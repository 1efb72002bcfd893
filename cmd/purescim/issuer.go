package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

type issuerCommands struct {
	List   issuerList   `cmd:"" help:"List the issuers that an organisation trusts."`
	Add    issuerAdd    `cmd:"" help:"Trust the tokens of an issuer that say exactly this."`
	Remove issuerRemove `cmd:"" help:"Trust an issuer no longer. Its tokens end at once."`
}

// issuerResult is what a program reads of a trusted issuer.
type issuerResult struct {
	ID           string     `json:"id"`
	Issuer       string     `json:"issuer"`
	Audience     string     `json:"audience"`
	Tenant       string     `json:"tenant,omitempty"`
	SubjectClaim string     `json:"subject_claim"`
	Subject      string     `json:"subject"`
	KeysURL      string     `json:"jwks_url"`
	Client       string     `json:"client"`
	Created      *time.Time `json:"created"`
}

func newIssuerResult(t oauth.TrustedIssuer) issuerResult {
	return issuerResult{
		ID: t.ID.String(), Issuer: t.Issuer, Audience: t.Audience, Tenant: t.Tenant,
		SubjectClaim: t.SubjectClaim, Subject: t.Subject, KeysURL: t.KeysURL, Client: t.Client.String(), Created: timeJSON(t.Created),
	}
}

func (r issuerResult) fields() []field {
	return []field{
		{"id", r.ID},
		{"issuer", r.Issuer},
		{"audience", r.Audience},
		{"tenant", r.Tenant},
		{"subject", r.SubjectClaim + " " + r.Subject},
		{"keys", r.KeysURL},
		{"client", r.Client},
	}
}

type issuerList struct {
	orgDatabase
	output
}

// Run lists the issuers, the oldest first.
func (cmd *issuerList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		issuers, err := p.oauth.Issuers(ctx, o.ID)
		return printList(cmd.output, c, issuers, err, newIssuerResult, columns[issuerResult]{
			[]string{"ID", "ISSUER", "AUDIENCE", "SUBJECT", "CLIENT"},
			func(r issuerResult) []string {
				return []string{r.ID, r.Issuer, r.Audience, r.SubjectClaim + " " + r.Subject, r.Client}
			},
		})
	})
}

type issuerAdd struct {
	orgDatabase
	output
	Issuer       string `required:"" placeholder:"URL" help:"The 'iss' of its tokens."`
	Audience     string `required:"" placeholder:"AUD" help:"Their 'aud', or one of those."`
	Tenant       string `placeholder:"T" help:"Their 'tid', when the issuer has tenants."`
	Subject      string `required:"" placeholder:"S" help:"Who calls: the value of the subject claim."`
	SubjectClaim string `default:"sub" placeholder:"CLAIM" help:"The claim that names who calls (${default}); Entra's is appid or azp."`
	JWKSURL      string `name:"jwks-url" placeholder:"URL" help:"Where its keys are. Without it, its discovery document tells."`
	Client       string `required:"" placeholder:"NAME" help:"The client that its tokens act as, with its roles and limits: its name or id."`
	Offline      bool   `help:"Do not fetch the keys now to see that they are there; needs --jwks-url."`
}

// Run adds the issuer.
func (cmd *issuerAdd) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		client, err := p.clientOf(ctx, o, cmd.Client)
		if err != nil {
			return err
		}
		t, err := p.oauth.AddIssuer(ctx, o.ID, oauth.IssuerSpec{
			Issuer: cmd.Issuer, Audience: cmd.Audience, Tenant: cmd.Tenant, SubjectClaim: cmd.SubjectClaim, Subject: cmd.Subject,
			KeysURL: cmd.JWKSURL, Client: client.ID, Unasked: cmd.Offline,
		})
		if errors.Is(err, oauth.ErrIssuerKnown) {
			return oauth.ErrIssuerKnown
		}
		return cmd.print(c, newIssuerResult(t), err)
	})
}

type issuerRemove struct {
	orgDatabase
	confirmation
	ID string `arg:"" help:"The id of the trusted issuer, as 'issuer list' shows it."`
}

// Run removes the issuer.
func (cmd *issuerRemove) Run(ctx context.Context, c console) error {
	id, err := uuid.Parse(cmd.ID)
	if err != nil {
		return fmt.Errorf("%q is not the id of a trusted issuer, which is a UUID", cmd.ID)
	}
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		if err := cmd.ask(c, "trust the issuer %s no longer and end its tokens", id); err != nil {
			return err
		}
		err := p.oauth.RemoveIssuer(ctx, o.ID, id)
		if errors.Is(err, oauth.ErrNotFound) {
			return fmt.Errorf("organisation %q has no trusted issuer %s", o.Name, id)
		}
		if err != nil {
			return err
		}
		return c.done("the issuer %s is trusted no longer; its tokens have ended", id)
	})
}

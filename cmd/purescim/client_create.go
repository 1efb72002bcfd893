package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

// Roles that every organisation starts with.
const (
	// integrationRole permits what an identity system needs, and is given to a
	// client of which nothing else is said.
	integrationRole = "SCIM Integration"
	// adminRole permits everything, and is given to who asks for it.
	adminRole = "admin"
)

type clientCreate struct {
	database
	output
	Org         string   `placeholder:"NAME" help:"The organisation it acts for; without it the only one there is."`
	Name        string   `required:"" help:"What the administrator calls it, such as 'Entra'."`
	Description string   `help:"What it is for."`
	Role        []string `xor:"roles" placeholder:"NAME" help:"A role that tells what it may do; may be repeated. Without one it gets 'SCIM Integration', which is what an identity system needs."`
	Admin       bool     `xor:"roles" help:"Let it do everything: the platform's endpoints, and other clients, too."`
	RateLimit   int      `placeholder:"N" help:"Requests a minute with all of its tokens together; as the organisation or the server when not given."`
	Domain      string   `name:"provisioning-domain" placeholder:"NAME" help:"The provisioning domain whose externalIds it reads and writes: a name that clients share, or the id of the client that it succeeds. Its own when not given."`
	Validity    validity `default:"450d" help:"How long its tokens live, such as 24h or 450d (${default}, the most)."`
}

// duration is a time span that may be given in days.
type duration time.Duration

// UnmarshalText reads 450d, 24h, 300s.
func (v *duration) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		d = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || d < 0 {
		return fmt.Errorf("%q is not a duration; 450d or 24h is expected", text)
	}
	*v = duration(d)
	return nil
}

// validity is how long a token may live.
type validity duration

// UnmarshalText reads a duration within the bounds.
func (v *validity) UnmarshalText(text []byte) error {
	if err := (*duration)(v).UnmarshalText(text); err != nil {
		return err
	}
	return oauth.CheckValidity(time.Duration(*v))
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
		{"token expires", timeText(&cr.ExpiresAt)},
	}
}

// createClient makes a client with the named roles and a first token.
func (p *parts) createClient(ctx context.Context, o org.ID, spec oauth.ClientSpec, roles ...string) (credentials, error) {
	var err error
	if spec.Roles, err = p.oauth.RolesNamed(ctx, o, roles...); err != nil {
		return credentials{}, err
	}
	client, secret, err := p.oauth.CreateClient(ctx, o, spec)
	if err != nil {
		return credentials{}, err
	}
	token, expires, err := p.oauth.Issue(ctx, client, 0)
	if err != nil {
		return credentials{}, err
	}
	return credentials{ID: client.ID.String(), Secret: secret, AccessToken: token, ExpiresAt: expires.UTC()}, nil
}

// roles are the names of those that are asked for, else the least of use.
func (cmd *clientCreate) roles() []string {
	switch {
	case cmd.Admin:
		return []string{adminRole}
	case len(cmd.Role) == 0:
		return []string{integrationRole}
	default:
		return cmd.Role
	}
}

// Run creates the client.
func (cmd *clientCreate) Run(ctx context.Context, c console) error {
	return cmd.withOrg(ctx, c, changes, cmd.Org, func(p *parts, o org.Org) error {
		cr, err := p.createClient(ctx, o.ID, oauth.ClientSpec{
			Name: cmd.Name, Description: cmd.Description, Validity: time.Duration(cmd.Validity), RateLimit: cmd.RateLimit,
			ProvisioningDomain: cmd.Domain,
		}, cmd.roles()...)
		return cmd.print(c, cr, err)
	})
}

package main

import (
	"context"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/phone"
	"github.com/purescim/purescim/internal/scim"
)

type orgCommands struct {
	List   orgList   `cmd:"" help:"List the organisations."`
	Show   orgShow   `cmd:"" help:"Show one organisation with its settings."`
	Create orgCreate `cmd:"" help:"Create an organisation."`
	Set    orgSet    `cmd:"" help:"Change the settings of an organisation."`
}

type orgCreate struct {
	database
	output
	Name       string `arg:"" help:"Its name, unique in this installation."`
	WithClient bool   `help:"Also create an OAuth client for an identity system (role 'SCIM Integration'), and a token that lives 450 days."`
	Admin      bool   `help:"Let the client of --with-client do everything."`
	Region     string `default:"US" help:"Country that national phone numbers belong to, as two letters (${default})."`
}

// newOrg is what a program reads of a new organisation.
type newOrg struct {
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Client      *clientSecret `json:"client,omitempty"`
	AccessToken string        `json:"access_token,omitempty"`

	credentials *credentials
}

func (r newOrg) fields() []field {
	fields := []field{{"organisation", r.Name}, {"id", r.ID}}
	if r.credentials != nil {
		fields = append(fields, r.credentials.fields()...)
	}
	return fields
}

type clientSecret struct {
	ID     string `json:"id"`
	Secret string `json:"secret"`
}

// clientRole is what the client of the new organisation may do.
func (cmd *orgCreate) clientRole() string {
	if cmd.Admin {
		return adminRole
	}
	return integrationRole
}

// Run creates the organisation.
func (cmd *orgCreate) Run(ctx context.Context, c console) error {
	if err := checkRegion(cmd.Region); err != nil {
		return err
	}
	if cmd.Admin && !cmd.WithClient {
		return scim.InvalidValue("--admin: tells what the client of --with-client may do; give both")
	}
	return cmd.with(ctx, c, func(p *parts) error {
		settings := org.DefaultSettings()
		settings.DefaultRegion = cmd.Region
		o, err := directory.CreateOrganisation(ctx, p.registry, cmd.Name, settings)
		if err != nil {
			return err
		}
		created := newOrg{ID: o.ID.String(), Name: o.Name}
		if cmd.WithClient {
			var cr credentials
			cr, err = p.createClient(ctx, o.ID, oauth.ClientSpec{Name: o.Name, Validity: oauth.MaxValidity}, cmd.clientRole())
			created.Client, created.AccessToken, created.credentials = &clientSecret{ID: cr.ID, Secret: cr.Secret}, cr.AccessToken, &cr
		}
		return cmd.print(c, created, err)
	})
}

func checkRegion(region string) error {
	if !phone.ValidRegion(region) {
		return scim.InvalidValue("--region: %q is not a country; two capital letters such as US or DE are expected", region)
	}
	return nil
}

// orgResult is what a program reads of an organisation.
type orgResult struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Region       string `json:"default_region"`
	RemovalLimit int    `json:"removal_limit"`
	Strict       bool   `json:"strict"`
	RateLimit    int    `json:"rate_limit"`
	Lifecycle    bool   `json:"group_lifecycle"`
	Roles        bool   `json:"announce_roles"`
	Pagination   bool   `json:"announce_pagination"`
}

func newOrgResult(o org.Org) orgResult {
	return orgResult{
		ID: o.ID.String(), Name: o.Name, Region: o.Settings.DefaultRegion, RemovalLimit: o.Settings.RemovalLimit,
		Strict: o.Settings.Strict, RateLimit: o.Settings.RateLimit, Lifecycle: o.Settings.GroupLifecycle,
		Roles: o.Settings.AnnounceRoles, Pagination: !o.Settings.HidePagination,
	}
}

func (r orgResult) fields() []field {
	return []field{
		{"organisation", r.Name},
		{"id", r.ID},
		{"region of national phone numbers", r.Region},
		{"members removed at most in one request", strconv.Itoa(r.RemovalLimit)},
		{"strict", strconv.FormatBool(r.Strict)},
		{"requests a minute for each client", rateText(r.RateLimit)},
		{"groups made and deleted through SCIM", strconv.FormatBool(r.Lifecycle)},
		{"roles in ServiceProviderConfig", strconv.FormatBool(r.Roles)},
		{"pagination in ServiceProviderConfig", strconv.FormatBool(r.Pagination)},
	}
}

type orgList struct {
	database
	output
}

// Run lists the organisations by name.
func (cmd *orgList) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, func(p *parts) error {
		orgs, err := p.registry.ListOrgs(ctx)
		return printList(cmd.output, c, orgs, err, newOrgResult, columns[orgResult]{
			[]string{"ID", "NAME", "REGION"},
			func(r orgResult) []string { return []string{r.ID, r.Name, r.Region} },
		})
	})
}

type orgShow struct {
	database
	output
	Name string `arg:"" help:"Its name."`
}

// Run shows the organisation.
func (cmd *orgShow) Run(ctx context.Context, c console) error {
	return cmd.withOrg(ctx, c, cmd.Name, func(_ *parts, o org.Org) error {
		return cmd.print(c, newOrgResult(o), nil)
	})
}

type orgSet struct {
	database
	output
	Name         string  `arg:"" help:"Its name."`
	Region       *string `placeholder:"CC" help:"Country that national phone numbers belong to, as two letters."`
	RemovalLimit *int    `placeholder:"N" help:"How many members one request may remove from a group."`
	Strict       *bool   `negatable:"" help:"Refuse what is otherwise tolerated, such as unknown attributes."`
	RateLimit    *int    `placeholder:"N" help:"Requests a minute for each client that has no limit of its own, with all of its tokens together; 0 is the server's."`
	Lifecycle    *bool   `name:"group-lifecycle" negatable:"" help:"Let SCIM clients make and delete groups, which Genesys Cloud does not."`
	Roles        *bool   `name:"announce-roles" negatable:"" help:"Have ServiceProviderConfig tell of the list of roles; some clients stop at it."`
	Pagination   *bool   `name:"announce-pagination" negatable:"" help:"Have ServiceProviderConfig tell how lists are paged; some clients stop at it."`
}

// Run changes the settings that are given. Servers that run notice within half a
// minute.
func (cmd *orgSet) Run(ctx context.Context, c console) error {
	if cmd.Region != nil {
		if err := checkRegion(*cmd.Region); err != nil {
			return err
		}
	}
	if cmd.RemovalLimit != nil && *cmd.RemovalLimit < 1 {
		return scim.InvalidValue("--removal-limit: %d is not allowed; 1 or more is expected", *cmd.RemovalLimit)
	}
	if cmd.RateLimit != nil && *cmd.RateLimit < 0 {
		return scim.InvalidValue("--rate-limit: %d is not allowed; 0 or more is expected", *cmd.RateLimit)
	}
	return cmd.withOrg(ctx, c, cmd.Name, func(p *parts, o org.Org) error {
		set(&o.Settings.DefaultRegion, cmd.Region)
		set(&o.Settings.RemovalLimit, cmd.RemovalLimit)
		set(&o.Settings.Strict, cmd.Strict)
		set(&o.Settings.RateLimit, cmd.RateLimit)
		set(&o.Settings.GroupLifecycle, cmd.Lifecycle)
		set(&o.Settings.AnnounceRoles, cmd.Roles)
		if cmd.Pagination != nil {
			o.Settings.HidePagination = !*cmd.Pagination
		}
		return cmd.print(c, newOrgResult(o), p.registry.SetOrg(ctx, o))
	})
}

// set assigns a value that was given.
func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

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
	Rename orgRename `cmd:"" help:"Rename an organisation."`
	Set    orgSet    `cmd:"" help:"Change the settings of an organisation."`
	Delete orgDelete `cmd:"" help:"Delete an organisation with all that it has, for good."`
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
	return cmd.with(ctx, c, changes, func(p *parts) error {
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
	ChangeDays   int    `json:"change_log_days"`
	RefusalDays  int    `json:"refusal_log_days"`
	DeletedDays  int    `json:"deleted_user_days"`

	UserBrake   brakeResult `json:"brake_users"`
	MemberBrake brakeResult `json:"brake_members"`
	LoopLimit   int         `json:"loop_limit"`

	Tolerate []string `json:"tolerate"`
}

func newOrgResult(o org.Org) orgResult {
	return orgResult{
		ID: o.ID.String(), Name: o.Name, Region: o.Settings.DefaultRegion, RemovalLimit: o.Settings.RemovalLimit,
		Strict: o.Settings.Strict, RateLimit: o.Settings.RateLimit, Lifecycle: o.Settings.GroupLifecycle,
		Roles: o.Settings.AnnounceRoles, Pagination: !o.Settings.HidePagination,
		ChangeDays: o.Settings.ChangeLogDays, RefusalDays: o.Settings.RefusalLogDays, DeletedDays: o.Settings.DeletedUserDays,
		UserBrake: brakeResult(o.Settings.UserBrake), MemberBrake: brakeResult(o.Settings.MemberBrake), LoopLimit: o.Settings.LoopLimit,
		Tolerate: append([]string{}, o.Settings.Tolerate...),
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
		{"days that changes are kept in the log", strconv.Itoa(r.ChangeDays)},
		{"days that refusals are kept in the log", strconv.Itoa(r.RefusalDays)},
		{"days that deleted users are kept", strconv.Itoa(r.DeletedDays)},
		{"users removed at most within an hour", r.UserBrake.text()},
		{"members removed at most within an hour", r.MemberBrake.text()},
		{"times a day that a loop is told from", loopText(r.LoopLimit)},
		{"left out where they are wrong", cmp.Or(strings.Join(r.Tolerate, ", "), "nothing")},
	}
}

type orgList struct {
	database
	output
}

// Run lists the organisations by name.
func (cmd *orgList) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, reads, func(p *parts) error {
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
	return cmd.withOrg(ctx, c, reads, cmd.Name, func(_ *parts, o org.Org) error {
		return cmd.print(c, newOrgResult(o), nil)
	})
}

type orgRename struct {
	database
	output
	Name    string `arg:"" help:"Its name."`
	NewName string `arg:"" help:"The name that it has from now on, unique in this installation."`
}

// Run renames the organisation. Nothing refers to it by its name but these commands.
func (cmd *orgRename) Run(ctx context.Context, c console) error {
	return cmd.withOrg(ctx, c, changes, cmd.Name, func(p *parts, o org.Org) error {
		o, err := directory.RenameOrganisation(ctx, p.registry, o, cmd.NewName)
		return cmd.print(c, newOrgResult(o), err)
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
	ChangeDays   *int    `name:"change-log-days" placeholder:"N" help:"How many days the provisioning log keeps changes."`
	RefusalDays  *int    `name:"refusal-log-days" placeholder:"N" help:"How many days it keeps refused requests."`
	DeletedDays  *int    `name:"deleted-user-days" placeholder:"N" help:"How many days users who were deleted are kept, so that they may come back."`

	LoopLimit *int `placeholder:"N" help:"How many times a day a client may ask for the same in vain, or change an attribute to and fro, before the status tells of it; 0 tells of nothing."`

	BrakeUsers        *percentage `placeholder:"N%" help:"How many of the active users a client may deactivate or delete within an hour before it is held, such as 25%; 'off' holds nothing."`
	BrakeUsersLeast   *int        `placeholder:"N" help:"How many users it may deactivate or delete whatever percentage that is."`
	BrakeMembers      *percentage `placeholder:"N%" help:"How many of its members a client may remove from a group within an hour before it is held, such as 50%; 'off' holds nothing."`
	BrakeMembersLeast *int        `placeholder:"N" help:"How many members it may remove whatever percentage that is."`

	Tolerate *string `placeholder:"NAMES" help:"Attributes of users whose wrong values are left out with a warning in the log, such as manager,phoneNumbers; 'none' refuses the user. Strict organisations tolerate nothing."`
}

// Run changes the settings that are given. Running servers notice within a second.
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
	if n := cmd.LoopLimit; n != nil && (*n < 0 || *n > org.MaxLoopLimit) {
		return scim.InvalidValue("--loop-limit: %d is not allowed; a number from 0 to %d is expected", *n, org.MaxLoopLimit)
	}
	if err := errors.Join(cmd.checkDays(), cmd.checkBrakes()); err != nil {
		return err
	}
	tolerate, err := tolerated(cmd.Tolerate)
	if err != nil {
		return err
	}
	return cmd.withOrg(ctx, c, changes, cmd.Name, func(p *parts, o org.Org) error {
		set(&o.Settings.Tolerate, tolerate)
		set(&o.Settings.DefaultRegion, cmd.Region)
		set(&o.Settings.RemovalLimit, cmd.RemovalLimit)
		set(&o.Settings.Strict, cmd.Strict)
		set(&o.Settings.RateLimit, cmd.RateLimit)
		set(&o.Settings.GroupLifecycle, cmd.Lifecycle)
		set(&o.Settings.AnnounceRoles, cmd.Roles)
		set(&o.Settings.ChangeLogDays, cmd.ChangeDays)
		set(&o.Settings.RefusalLogDays, cmd.RefusalDays)
		set(&o.Settings.DeletedUserDays, cmd.DeletedDays)
		set(&o.Settings.LoopLimit, cmd.LoopLimit)
		set(&o.Settings.UserBrake.Percent, (*int)(cmd.BrakeUsers))
		set(&o.Settings.UserBrake.Least, cmd.BrakeUsersLeast)
		set(&o.Settings.MemberBrake.Percent, (*int)(cmd.BrakeMembers))
		set(&o.Settings.MemberBrake.Least, cmd.BrakeMembersLeast)
		if cmd.Pagination != nil {
			o.Settings.HidePagination = !*cmd.Pagination
		}
		return cmd.print(c, newOrgResult(o), p.registry.SetOrg(ctx, o))
	})
}

// maxLogDays is ten years.
const maxLogDays = 3660

// loopText is a limit of loops for people.
func loopText(n int) string {
	if n == 0 {
		return "none"
	}
	return strconv.Itoa(n)
}

// checkDays refuses to keep entries for less than a day, or for longer than is sensible.
func (cmd *orgSet) checkDays() error {
	for name, days := range map[string]*int{"--change-log-days": cmd.ChangeDays, "--refusal-log-days": cmd.RefusalDays, "--deleted-user-days": cmd.DeletedDays} {
		if days != nil && (*days < 1 || *days > maxLogDays) {
			return scim.InvalidValue("%s: %d is not allowed; a number of days from 1 to %d is expected", name, *days, maxLogDays)
		}
	}
	return nil
}

// tolerated reads names of attributes, in any case and order; nil is what is not given.
func tolerated(list *string) (*[]string, error) {
	if list == nil {
		return nil, nil
	}
	names := []string{}
	if *list == "" || *list == "none" {
		return &names, nil
	}
	allowed := directory.TolerableAttributes()
	for word := range strings.SplitSeq(*list, ",") {
		i := slices.IndexFunc(allowed, func(name string) bool { return strings.EqualFold(name, strings.TrimSpace(word)) })
		if i < 0 {
			return nil, scim.InvalidValue("--tolerate: %q is not allowed; none, or some of %s are expected", word, strings.Join(allowed, ", "))
		}
		names = append(names, allowed[i])
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return &names, nil
}

// set assigns a value that was given.
func set[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

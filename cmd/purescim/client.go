package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

type clientCommands struct {
	List         clientList    `cmd:"" help:"List the OAuth clients of an organisation."`
	Show         clientShow    `cmd:"" help:"Show one OAuth client."`
	Create       clientCreate  `cmd:"" help:"Create an OAuth client and its first token. The secret is shown this once."`
	Update       clientUpdate  `cmd:"" help:"Change an OAuth client."`
	RotateSecret clientRotate  `cmd:"" help:"Give an OAuth client a new secret. The old one works on for a while."`
	SetKeys      clientSetKeys `cmd:"" help:"Let an OAuth client sign in with a private key (private_key_jwt)."`
	SetDomain    clientDomain  `cmd:"" help:"Let an OAuth client read and write the externalIds of a provisioning domain."`
	Disable      clientState   `cmd:"" help:"Disable an OAuth client. Its tokens end at once, for good."`
	Enable       clientEnable  `cmd:"" help:"Let a client have tokens again."`
	Delete       clientDelete  `cmd:"" help:"Delete an OAuth client with its tokens."`
}

// clientDatabase is for commands that work on one client, which an argument names.
type clientDatabase struct {
	database
	ID  string `arg:"" name:"client" help:"Its id, or its name."`
	Org string `placeholder:"NAME" help:"The organisation of the client, where several have one of the name."`
}

// inClient opens the database, finds the client, and works with it.
func (d clientDatabase) inClient(ctx context.Context, c console, why purpose, work func(p *parts, client oauth.Client) error) error {
	return d.withClient(ctx, c, why, d.Org, d.ID, work)
}

// withClient is with for a command that works on the client of an id or a name, in an
// organisation or, without one, in whichever has it.
func (d database) withClient(ctx context.Context, c console, why purpose, in, id string, work func(p *parts, client oauth.Client) error) error {
	return d.with(ctx, c, why, func(p *parts) error {
		client, err := p.clientIn(ctx, in, id)
		if err != nil {
			return err
		}
		return work(p, client)
	})
}

// clientResult is what a program reads of a client.
type clientResult struct {
	ID          string     `json:"id"`
	Org         string     `json:"org"`
	Name        string     `json:"name"`
	Description string     `json:"description,omitempty"`
	State       string     `json:"state"`
	Roles       []string   `json:"roles"`
	Validity    int64      `json:"validity_seconds"`
	RateLimit   int        `json:"rate_limit"`
	Domain      string     `json:"provisioning_domain,omitempty"` // where it is not its id
	Created     *time.Time `json:"created"`
}

// roleNames are the names of the organisation's roles, which clients refer to
// by their ids.
func (p *parts) roleNames(ctx context.Context, o org.ID) (map[uuid.UUID]string, error) {
	known, _, err := p.directory.ListEntries(ctx, org.Org{ID: o}, directory.EntryQuery{
		Kind: directory.Role, Names: true, Selection: directory.Selection{Limit: directory.MaxEntries},
	})
	names := make(map[uuid.UUID]string, len(known))
	for _, role := range known {
		names[role.ID] = role.Name
	}
	return names, err
}

func newClientResult(client oauth.Client, names map[uuid.UUID]string) clientResult {
	roles := make([]string, len(client.Roles))
	for i, grant := range client.Roles {
		roles[i] = names[grant.Role]
	}
	return clientResult{
		ID: client.ID.String(), Org: client.Org.String(), Name: client.Name, Description: client.Description,
		State: string(client.State), Roles: roles, Validity: int64(client.Validity / time.Second),
		RateLimit: client.RateLimit, Domain: client.ProvisioningDomain, Created: timeJSON(client.Created),
	}
}

func (r clientResult) fields() []field {
	fields := []field{
		{"client", r.Name},
		{"id", r.ID},
		{"description", r.Description},
		{"state", r.State},
		{"roles", strings.Join(r.Roles, ", ")},
		{"tokens live", spanText(time.Duration(r.Validity) * time.Second)},
		{"requests a minute", rateText(r.RateLimit)},
		{"created", timeText(r.Created)},
	}
	if r.Domain != "" {
		fields = append(fields, field{"provisioning domain", r.Domain})
	}
	return fields
}

func rateText(limit int) string {
	if limit == 0 {
		return "as the server"
	}
	return strconv.Itoa(limit)
}

type clientList struct {
	orgDatabase
	output
}

// Run lists the clients, the oldest first.
func (cmd *clientList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		clients, err := pages(func(offset, limit int) ([]oauth.Client, int, error) {
			return p.oauth.Clients(ctx, o.ID, oauth.Page{Offset: offset, Limit: limit})
		})
		if err != nil {
			return err
		}
		names, err := p.roleNames(ctx, o.ID)
		if err != nil {
			return err
		}
		of := func(client oauth.Client) clientResult { return newClientResult(client, names) }
		return printList(cmd.output, c, clients, nil, of, columns[clientResult]{
			[]string{"ID", "NAME", "STATE", "ROLES"},
			func(r clientResult) []string { return []string{r.ID, r.Name, r.State, strings.Join(r.Roles, ", ")} },
		})
	})
}

type clientShow struct {
	clientDatabase
	output
}

// Run shows the client.
func (cmd *clientShow) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, reads, func(p *parts, client oauth.Client) error {
		return p.printClient(ctx, c, cmd.output, client)
	})
}

func (p *parts) printClient(ctx context.Context, c console, o output, client oauth.Client) error {
	names, err := p.roleNames(ctx, client.Org)
	return o.print(c, newClientResult(client, names), err)
}

type clientRotate struct {
	clientDatabase
	output
	Overlap duration `default:"24h" help:"How long the old secret works on (${default}); 0s ends it at once."`
}

// rotationResult is what a program reads of a rotated secret.
type rotationResult struct {
	ID            string     `json:"id"`
	Secret        string     `json:"secret"`
	PreviousUntil *time.Time `json:"previous_secret_until"`
}

func (r rotationResult) fields() []field {
	return []field{{"client id", r.ID}, {"client secret", r.Secret}, {"old secret until", timeText(r.PreviousUntil)}}
}

// Run rotates the secret.
func (cmd *clientRotate) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		client, secret, err := p.oauth.RotateSecret(ctx, client.Org, client.ID, time.Duration(cmd.Overlap))
		return cmd.print(c, rotationResult{ID: client.ID.String(), Secret: secret, PreviousUntil: timeJSON(client.PreviousSecretUntil)}, err)
	})
}

type clientState struct {
	clientDatabase
	output
	confirmation
}

// Run disables the client.
func (cmd *clientState) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		if err := cmd.ask(c, "disable the client %q and end its tokens", client.Name); err != nil {
			return err
		}
		return p.setState(ctx, c, cmd.output, client, oauth.StateDisabled)
	})
}

type clientEnable struct {
	clientDatabase
	output
}

// Run enables the client. Tokens that ended stay ended.
func (cmd *clientEnable) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		return p.setState(ctx, c, cmd.output, client, oauth.StateActive)
	})
}

func (p *parts) setState(ctx context.Context, c console, o output, client oauth.Client, state oauth.State) error {
	return p.updateClient(ctx, c, o, client, func(spec *oauth.ClientSpec) { spec.State = state })
}

func (p *parts) updateClient(ctx context.Context, c console, o output, client oauth.Client, edit func(spec *oauth.ClientSpec)) error {
	client, err := p.oauth.UpdateClient(ctx, client.Org, client.ID, func(spec *oauth.ClientSpec) error {
		edit(spec)
		return nil
	})
	if err != nil {
		return err
	}
	return p.printClient(ctx, c, o, client)
}

type clientDomain struct {
	clientDatabase
	output
	Domain string `arg:"" optional:"" help:"A name that clients share, or the id of the client that it succeeds; its own domain when not given."`
}

// Run gives the client the domain.
func (cmd *clientDomain) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		return p.updateClient(ctx, c, cmd.output, client, func(spec *oauth.ClientSpec) { spec.ProvisioningDomain = cmd.Domain })
	})
}

type clientDelete struct {
	clientDatabase
	confirmation
}

// Run deletes the client.
func (cmd *clientDelete) Run(ctx context.Context, c console) error {
	return cmd.inClient(ctx, c, changes, func(p *parts, client oauth.Client) error {
		if err := cmd.ask(c, "delete the client %q and end its tokens", client.Name); err != nil {
			return err
		}
		if err := p.oauth.DeleteClient(ctx, client.Org, client.ID); err != nil {
			return err
		}
		return c.done("deleted the client %q; its tokens have ended", client.Name)
	})
}

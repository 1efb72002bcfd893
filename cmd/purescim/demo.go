package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"

	"github.com/google/uuid"

	web "github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

const demoOrg = "demo"

// demoClient is what a program needs to act as one of the demo's clients.
type demoClient struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	AccessToken  string `json:"access_token"`
}

// demoAccess is the content of demo.json: everything an identity system needs,
// and beside it an administrator.
type demoAccess struct {
	TenantURL string `json:"tenant_url"`
	TokenURL  string `json:"token_url"`
	demoClient
	Admin demoClient `json:"admin"`
}

// demo makes the demo organisation reachable: created at the first start, found
// at every later one, with the credentials that demo.json has kept.
func (cmd *serveCommand) demo(ctx context.Context, c console, p *parts, addr net.Addr) error {
	o, err := p.registry.OrgByName(ctx, demoOrg)
	if errors.Is(err, oauth.ErrNotFound) {
		o, err = directory.CreateOrganisation(ctx, p.registry, demoOrg, org.DefaultSettings())
	}
	if err != nil {
		return fmt.Errorf("find the demo organisation: %w", err)
	}
	file := filepath.Join(cmd.DataDir, "demo.json")
	access := readDemo(file)
	if access.demoClient, err = p.demoClient(ctx, o.ID, access.demoClient, demoOrg, integrationRole); err == nil {
		access.Admin, err = p.demoClient(ctx, o.ID, access.Admin, demoOrg+" administrator", adminRole)
	}
	if err != nil {
		return fmt.Errorf("create the demo's clients: %w", err)
	}
	base := cmd.PublicURL
	if base == "" {
		base = cmd.scheme() + reachable(addr)
	}
	access.TenantURL = base + "/api/v2/scim/v2"
	access.TokenURL = base + "/oauth/token"
	if err := access.write(file); err != nil {
		return err
	}
	link, err := p.consoleLink(ctx, base)
	if err != nil {
		return fmt.Errorf("invite the first owner of the console: %w", err)
	}
	fmt.Fprintf(c.out, `
Tenant URL     %s
Token URL      %s
Client id      %s
Access token   %s
(also in %s, with the client's secret, and with an administrator's token below "admin")

Try it:
  curl -s -H 'Authorization: Bearer %s' '%s/Users'

The console, for people:
  %s

`, access.TenantURL, access.TokenURL, access.ClientID, access.AccessToken, file, access.AccessToken, access.TenantURL, link)
	return nil
}

// consoleLink is the address of the console: as long as there is no account a link that
// makes the first owner, once.
func (p *parts) consoleLink(ctx context.Context, base string) (string, error) {
	secret, err := p.accounts.First(ctx)
	if err != nil || secret == "" {
		return base + web.Path, err
	}
	return base + web.InvitationPath + secret, nil
}

// readDemo reads what an earlier start has written; what cannot be read is made
// anew. A file without an administrator is of a version whose only client was one.
func readDemo(file string) (access demoAccess) {
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &access) != nil {
		return demoAccess{}
	}
	if access.Admin == (demoClient{}) {
		access.Admin = access.demoClient
	}
	return access
}

// demoClient is the client of an earlier start if it still has just this role,
// else a new one.
func (p *parts) demoClient(ctx context.Context, o org.ID, kept demoClient, name, role string) (demoClient, error) {
	grants, err := p.oauth.RolesNamed(ctx, o, role)
	if err != nil {
		return demoClient{}, err
	}
	if known, ok := p.keptClient(ctx, o, kept, grants); ok {
		return known, nil
	}
	cr, err := p.createClient(ctx, o, oauth.ClientSpec{Name: name, Validity: oauth.MaxValidity}, role)
	return demoClient{ClientID: cr.ID, ClientSecret: cr.Secret, AccessToken: cr.AccessToken}, err
}

// keptClient reports whether the client is still there and carries the roles. A
// token that is not good any more is replaced.
func (p *parts) keptClient(ctx context.Context, o org.ID, kept demoClient, roles []oauth.RoleGrant) (demoClient, bool) {
	id, err := uuid.Parse(kept.ClientID)
	if err != nil {
		return kept, false
	}
	client, err := p.oauth.Authenticate(ctx, id, kept.ClientSecret)
	if err != nil || client.Org != o || !slices.Equal(client.Roles, roles) {
		return kept, false
	}
	if who, err := p.oauth.Verify(ctx, kept.AccessToken); err == nil && who.Client == id {
		return kept, true
	}
	kept.AccessToken, _, err = p.oauth.Issue(ctx, client, 0)
	return kept, err == nil
}

// write keeps the credentials where only the user can read them.
func (a demoAccess) write(file string) error {
	text, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	return os.Chmod(file, 0o600)
}

// reachable is the address to connect to: one that listens everywhere is
// reached through the loopback.
func reachable(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

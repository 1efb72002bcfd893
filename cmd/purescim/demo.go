package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
)

const demoOrg = "demo"

// demoAccess is the content of demo.json: everything a client needs.
type demoAccess struct {
	TenantURL    string `json:"tenant_url"`
	TokenURL     string `json:"token_url"`
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
	AccessToken  string `json:"access_token"`
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
	access, known := p.keptAccess(ctx, o, file)
	if !known {
		cr, err := p.createClient(ctx, o.ID, oauth.ClientSpec{Name: demoOrg, Validity: oauth.MaxValidity}, adminRole)
		if err != nil {
			return fmt.Errorf("create the demo's client: %w", err)
		}
		access = demoAccess{ClientID: cr.ID, ClientSecret: cr.Secret, AccessToken: cr.AccessToken}
	}
	base := cmd.PublicURL
	if base == "" {
		base = "http://" + reachable(addr)
	}
	access.TenantURL = base + "/api/v2/scim/v2"
	access.TokenURL = base + "/oauth/token"
	if err := access.write(file); err != nil {
		return err
	}
	fmt.Fprintf(c.out, `
Tenant URL     %s
Token URL      %s
Client id      %s
Access token   %s
(also in %s, with the client's secret)

Try it:
  curl -s -H 'Authorization: Bearer %s' '%s/Users'

`, access.TenantURL, access.TokenURL, access.ClientID, access.AccessToken, file, access.AccessToken, access.TenantURL)
	return nil
}

// keptAccess reads the credentials of an earlier start. They are used again
// when the client is still there; a token that has expired is replaced.
func (p *parts) keptAccess(ctx context.Context, o org.Org, file string) (demoAccess, bool) {
	var access demoAccess
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &access) != nil {
		return access, false
	}
	id, err := uuid.Parse(access.ClientID)
	if err != nil {
		return access, false
	}
	client, err := p.oauth.Authenticate(ctx, id, access.ClientSecret)
	if err != nil || client.Org != o.ID {
		return access, false
	}
	if _, err := p.oauth.Verify(ctx, access.AccessToken); err != nil {
		if access.AccessToken, _, err = p.oauth.Issue(ctx, client, 0); err != nil {
			return access, false
		}
	}
	return access, true
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

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/purescim/purescim/internal/accounts"
	web "github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
)

type adminCommands struct {
	Invite adminInvite `cmd:"" help:"Make a link by which somebody makes an account of the console, once within 7 days. It gives a new password to an account that is there."`
	Reset  adminReset  `cmd:"" help:"Take password, passkeys, links to providers and sessions of an account of the console away, whose device was lost, and make a link that sets a new password."`
	List   adminList   `cmd:"" help:"List who uses the console, of one organisation or of all."`
	Remove adminRemove `cmd:"" help:"Remove an account of the console. Its sessions end at once."`

	OIDC oidcCommands `cmd:"" name:"oidc" help:"OpenID providers by which people sign in to the console."`
}

// adminScope is the flag of a command about the accounts of one organisation, or of all.
type adminScope struct {
	database
	Org string `placeholder:"NAME" help:"The organisation; without it, all organisations."`
}

// in runs work in the scope.
func (s adminScope) in(ctx context.Context, c console, why purpose, work func(p *parts, o org.ID) error) error {
	return s.with(ctx, c, why, func(p *parts) error {
		if s.Org == "" {
			return work(p, accounts.Everywhere)
		}
		o, err := p.orgNamed(ctx, s.Org)
		if err != nil {
			return err
		}
		return work(p, o.ID)
	})
}

// everyScope is the flag of a command about what one organisation has, or all organisations
// and the operator have together.
type everyScope struct {
	database
	Org string `placeholder:"NAME" help:"Of this organisation only; without it of all, and of who is for all of them."`
}

// scope is an organisation, or all of them together, which has no name.
type scope struct {
	id   org.ID
	name string
}

// text is the scope for people.
func (s scope) text() string { return cmp.Or(s.name, "all") }

// in runs work with the scopes, the one of all organisations first.
func (s everyScope) in(ctx context.Context, c console, why purpose, work func(p *parts, scopes []scope) error) error {
	return s.with(ctx, c, why, func(p *parts) error {
		orgs, err := orgsNamed(ctx, p, s.Org)
		if err != nil {
			return err
		}
		var scopes []scope
		if s.Org == "" {
			scopes = append(scopes, scope{id: accounts.Everywhere})
		}
		for _, o := range orgs {
			scopes = append(scopes, scope{o.ID, o.Name})
		}
		return work(p, scopes)
	})
}

// listEvery lists what the scopes have.
func listEvery[T, R any](scopes []scope, list func(o org.ID) ([]T, error), of func(in scope, item T) R) (all []R, err error) {
	for _, s := range scopes {
		some, err := list(s.id)
		if err != nil {
			return nil, err
		}
		for _, item := range some {
			all = append(all, of(s, item))
		}
	}
	return all, nil
}

type adminInvite struct {
	adminScope
	output
	linking
	Email string `arg:"" help:"The e-mail address to sign in with. Nothing is sent to it."`
	Role  string `enum:"owner,administrator,viewer" default:"owner" help:"What the account may do: ${enum} (${default})."`
}

// linking is the flag of a command that prints a link to the console.
type linking struct {
	PublicURL string `env:"PURESCIM_PUBLIC_URL" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The URL of the server, for the link (${default})."`
}

// Validate refuses a link that would lead nowhere.
func (l linking) Validate() error {
	if !httpapi.IsBaseURL(l.PublicURL) {
		return fmt.Errorf("--public-url or PURESCIM_PUBLIC_URL: %q is not the URL of a server", l.PublicURL)
	}
	return nil
}

// base is the URL as links begin with it.
func (l linking) base() string { return strings.TrimRight(l.PublicURL, "/") }

// result is the output for an invitation whose link has a secret.
func (l linking) result(secret string, i accounts.Invitation) invitationResult {
	link := l.base() + web.InvitationPath + secret
	return invitationResult{Email: i.Login, Role: string(i.Role), Link: link, Expires: timeJSON(i.Expires)}
}

// invitationResult is what a program reads of an invitation.
type invitationResult struct {
	Email   string     `json:"email"`
	Role    string     `json:"role"`
	Link    string     `json:"link"`
	Expires *time.Time `json:"expires"`
}

func (r invitationResult) fields() []field {
	return []field{{"e-mail address", r.Email}, {"role", r.Role}, {"link", r.Link}, {"ends", timeText(r.Expires)}}
}

// Run makes the link. It is shown this once.
func (cmd *adminInvite) Run(ctx context.Context, c console) error {
	return cmd.in(ctx, c, changes, func(p *parts, o org.ID) error {
		secret, i, err := p.accounts.Invite(ctx, "cli:"+account(), o, cmd.Email, accounts.Role(cmd.Role))
		return cmd.print(c, cmd.result(secret, i), err)
	})
}

type adminReset struct {
	database
	output
	linking
	confirmation
	Email string `arg:"" help:"The e-mail address that the account signs in with."`
}

// Run resets the account and shows the link, this once.
func (cmd *adminReset) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, changes, func(p *parts) error {
		if err := cmd.ask(c, "take password, passkeys and sessions of the account %s away", cmd.Email); err != nil {
			return err
		}
		secret, i, err := p.accounts.ResetLogin(ctx, "cli:"+account(), cmd.Email)
		return cmd.print(c, cmd.result(secret, i), noAccount(cmd.Email, err))
	})
}

// noAccount says that no account has the login.
func noAccount(login string, err error) error {
	if errors.Is(err, accounts.ErrNotFound) {
		return fmt.Errorf("nobody signs in to the console as %q; 'purescim admin list' tells who does", login)
	}
	return err
}

// accountResult is what a program reads of an account.
type accountResult struct {
	Org      string     `json:"org,omitempty"` // of one who sees all there is none
	Email    string     `json:"email"`
	Role     string     `json:"role"`
	Created  *time.Time `json:"created"`
	SignedIn *time.Time `json:"signed_in"`
}

func newAccountResult(in scope, a accounts.Account) accountResult {
	return accountResult{Org: in.name, Email: a.Login, Role: string(a.Role), Created: timeJSON(a.Created), SignedIn: timeJSON(a.SignedIn)}
}

type adminList struct {
	everyScope
	output
}

// Run lists the accounts of the scope.
func (cmd *adminList) Run(ctx context.Context, c console) error {
	return cmd.in(ctx, c, reads, func(p *parts, scopes []scope) error {
		all, err := listEvery(scopes, func(o org.ID) ([]accounts.Account, error) { return p.accounts.Accounts(ctx, o) }, newAccountResult)
		return printList(cmd.output, c, all, err, func(r accountResult) accountResult { return r }, columns[accountResult]{
			[]string{"ORG", "E-MAIL ADDRESS", "ROLE", "SIGNED IN"},
			func(r accountResult) []string {
				return []string{scope{name: r.Org}.text(), r.Email, r.Role, timeText(r.SignedIn)}
			},
		})
	})
}

type adminRemove struct {
	database
	confirmation
	Email string `arg:"" help:"The e-mail address that the account signs in with."`
}

// Run removes the account.
func (cmd *adminRemove) Run(ctx context.Context, c console) error {
	return cmd.with(ctx, c, changes, func(p *parts) error {
		if err := cmd.ask(c, "remove the account %s of the console", cmd.Email); err != nil {
			return err
		}
		if err := noAccount(cmd.Email, p.accounts.RemoveLogin(ctx, cmd.Email)); err != nil {
			return err
		}
		return c.done("removed the account %s of the console", cmd.Email)
	})
}

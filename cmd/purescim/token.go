package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

type tokenCommands struct {
	List   tokenList   `cmd:"" help:"List the tokens of a client, or all that end soon."`
	Create tokenCreate `cmd:"" help:"Issue a token for a client, valid as long as the client's tokens are."`
	Renew  tokenRenew  `cmd:"" help:"Issue a token in the place of those that were made by hand: they end when it is used."`
	Revoke tokenRevoke `cmd:"" help:"End a token, or all tokens of a client, everywhere within a second."`
}

// tokenOwner names the client that a token is for.
type tokenOwner struct {
	Client string `required:"" placeholder:"NAME" help:"The client, by its name or id."`
	Org    string `placeholder:"NAME" help:"The organisation of the client, where several have one of the name."`
}

type tokenCreate struct {
	database
	output
	tokenOwner
	User string `placeholder:"ID" help:"The id of a user: the token is for that user's own resource, /Me, and nothing else."`
}

// tokenResult is what a program reads of a new token.
type tokenResult struct {
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type"`
	ExpiresIn   int64     `json:"expires_in"`
	ExpiresAt   time.Time `json:"expires_at"`
}

func (r tokenResult) fields() []field {
	return []field{{"access token", r.AccessToken}, {"token expires", timeText(&r.ExpiresAt)}}
}

// Run issues the token.
func (cmd *tokenCreate) Run(ctx context.Context, c console) error {
	return cmd.withClient(ctx, c, changes, cmd.Org, cmd.Client, func(p *parts, client oauth.Client) error {
		token, expires, err := cmd.issue(ctx, p.oauth, client)
		return cmd.print(c, tokenResult{
			AccessToken: token, TokenType: "bearer", ExpiresIn: int64(time.Until(expires).Seconds()), ExpiresAt: expires.UTC(),
		}, err)
	})
}

func (cmd *tokenCreate) issue(ctx context.Context, s *oauth.Service, client oauth.Client) (token string, expires time.Time, err error) {
	if cmd.User == "" {
		return s.Issue(ctx, client, 0)
	}
	user, err := uuid.Parse(cmd.User)
	if err == nil {
		token, expires, err = s.IssueFor(ctx, client, user, 0)
	}
	if err != nil {
		err = fmt.Errorf("--user %s: %w", cmd.User, err)
	}
	return token, expires, err
}

type tokenList struct {
	database
	output
	Client   string   `placeholder:"NAME" help:"The client, by its name or id."`
	Org      string   `placeholder:"NAME" help:"The organisation of the client, where several have one of the name; with --expiring, of this organisation only."`
	Expiring bool     `help:"Those of all clients that somebody must replace, which is within 30 days unless another time is given."`
	Within   duration `arg:"" optional:"" default:"30d" help:"With --expiring, how soon they end (${default})."`
}

// endingToken is what a program reads of a token that must be replaced.
type endingToken struct {
	Org      string `json:"org"`
	Client   string `json:"client"`
	ClientID string `json:"client_id"`
	knownToken
}

// expiring lists the tokens of all clients that end soon.
func (cmd *tokenList) expiring(ctx context.Context, c console) error {
	return cmd.with(ctx, c, reads, func(p *parts) error {
		orgs, err := orgsNamed(ctx, p, cmd.Org)
		if err != nil {
			return err
		}
		var all []endingToken
		for _, o := range orgs {
			tokens, err := p.oauth.Ending(ctx, o.ID, time.Duration(cmd.Within))
			if err != nil {
				return err
			}
			for _, t := range tokens {
				client, err := p.oauth.Client(ctx, o.ID, t.Client)
				if err != nil {
					return err
				}
				all = append(all, endingToken{o.Name, client.Name, client.ID.String(), newKnownToken(t, p.oauth.Now())})
			}
		}
		return printList(cmd.output, c, all, nil, func(t endingToken) endingToken { return t }, columns[endingToken]{
			[]string{"ORG", "CLIENT", "CLIENT ID", "TOKEN", "EXPIRES", "LAST USED"},
			func(t endingToken) []string {
				return []string{t.Org, t.Client, t.ClientID, t.ID, timeText(t.Expires), timeText(t.Used)}
			},
		})
	})
}

type tokenRenew struct {
	database
	output
	tokenOwner
	EndOld *duration `name:"end-old" placeholder:"TIME" help:"End the old tokens after this time, such as 7d, or at once (0s), instead of with the first use of the new one."`
}

// renewedToken is what a program reads of a token that replaces others.
type renewedToken struct {
	tokenResult
	Replaced int    `json:"replaced"`
	EndOld   string `json:"old_tokens_end"`
}

func (r renewedToken) fields() []field {
	return append(r.tokenResult.fields(), field{"old tokens", fmt.Sprint(r.Replaced)}, field{"old tokens end", r.EndOld})
}

// Run issues the token.
func (cmd *tokenRenew) Run(ctx context.Context, c console) error {
	return cmd.withClient(ctx, c, changes, cmd.Org, cmd.Client, func(p *parts, client oauth.Client) error {
		within, end := oauth.AtFirstUse, "with the first use of the new one"
		if cmd.EndOld != nil {
			within = time.Duration(*cmd.EndOld)
			end = p.oauth.Now().Add(within).UTC().Format(time.RFC3339)
		}
		r, err := p.oauth.Renew(ctx, client, within)
		return cmd.print(c, renewedToken{
			tokenResult: tokenResult{AccessToken: r.Token, TokenType: "bearer", ExpiresIn: int64(time.Until(r.Expires).Seconds()), ExpiresAt: r.Expires.UTC()},
			Replaced:    r.Replaced, EndOld: end,
		}, err)
	})
}

// knownToken is what a program reads of a token that was issued: never the
// token itself, which is not kept.
type knownToken struct {
	ID       string     `json:"id"`
	User     string     `json:"user,omitempty"`
	State    string     `json:"state"`
	Issued   *time.Time `json:"issued"`
	Expires  *time.Time `json:"expires"`
	Used     *time.Time `json:"last_used"`
	UsedFrom string     `json:"last_used_from,omitempty"`
}

func newKnownToken(t oauth.Token, at time.Time) knownToken {
	known := knownToken{
		ID: t.ID.String(), State: string(t.State(at)),
		Issued: timeJSON(t.Issued), Expires: timeJSON(t.Expires), Used: timeJSON(t.Used), UsedFrom: t.UsedFrom,
	}
	if t.User != uuid.Nil {
		known.User = t.User.String()
	}
	return known
}

// Run lists the tokens, the newest first.
func (cmd *tokenList) Run(ctx context.Context, c console) error {
	switch {
	case cmd.Expiring && cmd.Client != "":
		return errors.New("say --client or --expiring, not both")
	case cmd.Expiring:
		return cmd.expiring(ctx, c)
	case cmd.Client == "":
		return errors.New("say --client, whose tokens are listed, or --expiring, for all that end soon")
	}
	return cmd.withClient(ctx, c, reads, cmd.Org, cmd.Client, func(p *parts, client oauth.Client) error {
		tokens, err := pages(func(offset, limit int) ([]oauth.Token, int, error) {
			return p.oauth.Tokens(ctx, client.Org, client.ID, oauth.Page{Offset: offset, Limit: limit})
		})
		known := func(t oauth.Token) knownToken { return newKnownToken(t, p.oauth.Now()) }
		return printList(cmd.output, c, tokens, err, known, columns[knownToken]{
			[]string{"ID", "STATE", "ISSUED", "EXPIRES", "LAST USED", "FROM"},
			func(t knownToken) []string {
				return []string{t.ID, t.State, timeText(t.Issued), timeText(t.Expires), timeText(t.Used), t.UsedFrom}
			},
		})
	})
}

type tokenRevoke struct {
	database
	confirmation
	tokenOwner
	ID  string `arg:"" optional:"" help:"The id of the token, as 'token list' shows it."`
	All bool   `help:"All tokens of the client."`
}

// Run revokes one token or all.
func (cmd *tokenRevoke) Run(ctx context.Context, c console) error {
	if (cmd.ID == "") != cmd.All {
		return errors.New("say which token to revoke, or --all")
	}
	return cmd.withClient(ctx, c, changes, cmd.Org, cmd.Client, func(p *parts, client oauth.Client) error {
		if cmd.All {
			if err := cmd.ask(c, "revoke all tokens of the client %q", client.Name); err != nil {
				return err
			}
			if err := p.oauth.RevokeTokens(ctx, client.Org, client.ID); err != nil {
				return err
			}
			return c.done("revoked all tokens of the client %q", client.Name)
		}
		token, err := uuid.Parse(cmd.ID)
		if err != nil {
			return fmt.Errorf("%q is not the id of a token, which is a UUID", cmd.ID)
		}
		if err := cmd.ask(c, "revoke the token %s of the client %q", token, client.Name); err != nil {
			return err
		}
		err = p.oauth.RevokeToken(ctx, client.Org, client.ID, token)
		if errors.Is(err, oauth.ErrNotFound) {
			return fmt.Errorf("client %s has no token %s", client.ID, token)
		}
		if err != nil {
			return err
		}
		return c.done("revoked the token %s of the client %q", token, client.Name)
	})
}

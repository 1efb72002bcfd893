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
	List   tokenList   `cmd:"" help:"List the tokens of a client."`
	Create tokenCreate `cmd:"" help:"Issue a token for a client, valid as long as the client's tokens are."`
	Revoke tokenRevoke `cmd:"" help:"End a token, or all tokens of a client, everywhere within a second."`
}

type tokenCreate struct {
	database
	output
	Client string `required:"" placeholder:"ID" help:"The id of the client."`
	User   string `placeholder:"ID" help:"The id of a user: the token is for that user's own resource, /Me, and nothing else."`
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
	return cmd.withClient(ctx, c, cmd.Client, func(p *parts, client oauth.Client) error {
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
	Client string `required:"" placeholder:"ID" help:"The id of the client."`
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

func newKnownToken(t oauth.Token) knownToken {
	known := knownToken{
		ID: t.ID.String(), State: string(t.State(time.Now())),
		Issued: timeJSON(t.Issued), Expires: timeJSON(t.Expires), Used: timeJSON(t.Used), UsedFrom: t.UsedFrom,
	}
	if t.User != uuid.Nil {
		known.User = t.User.String()
	}
	return known
}

// Run lists the tokens, the newest first.
func (cmd *tokenList) Run(ctx context.Context, c console) error {
	return cmd.withClient(ctx, c, cmd.Client, func(p *parts, client oauth.Client) error {
		tokens, err := pages(func(offset, limit int) ([]oauth.Token, int, error) {
			return p.oauth.Tokens(ctx, client.Org, client.ID, oauth.Page{Offset: offset, Limit: limit})
		})
		return printList(cmd.output, c, tokens, err, newKnownToken, columns[knownToken]{
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
	Client string `required:"" placeholder:"ID" help:"The id of the client."`
	ID     string `arg:"" optional:"" help:"The id of the token, as 'token list' shows it."`
	All    bool   `help:"All tokens of the client."`
}

// Run revokes one token or all.
func (cmd *tokenRevoke) Run(ctx context.Context, c console) error {
	if (cmd.ID == "") != cmd.All {
		return errors.New("say which token to revoke, or --all")
	}
	return cmd.withClient(ctx, c, cmd.Client, func(p *parts, client oauth.Client) error {
		if cmd.All {
			if err := cmd.ask(c, "revoke all tokens of the client %q", client.Name); err != nil {
				return err
			}
			return p.oauth.RevokeTokens(ctx, client.Org, client.ID)
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
		return err
	})
}

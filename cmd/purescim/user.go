package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

type userCommands struct {
	List    userList    `cmd:"" help:"List the users."`
	Show    userShow    `cmd:"" help:"Show one user, who may be deleted."`
	Erase   userErase   `cmd:"" help:"Erase what is known of a person, for good: the user, the log, events that wait."`
	History userHistory `cmd:"" help:"Show what was done to a user, and what was refused."`
	Restore userRestore `cmd:"" help:"Bring a user back, who is deleted or has been changed."`
}

// userResult is what a program reads of a user.
type userResult struct {
	ID          string   `json:"id"`
	UserName    string   `json:"user_name"`
	DisplayName string   `json:"display_name"`
	State       string   `json:"state"`
	Emails      []string `json:"emails"`
	Division    string   `json:"division"`
	Department  string   `json:"department"`
	Title       string   `json:"title"`
	Manager     string   `json:"manager"`
	Version     int64    `json:"version"`
	Created     string   `json:"created"`
	Modified    string   `json:"modified"`
}

func newUserResult(a directory.Account) userResult {
	r := userResult{
		ID: a.ID.String(), UserName: a.UserName, DisplayName: a.Name, State: a.State, Emails: []string{},
		Department: a.Department, Title: a.Title, Manager: a.Manager, Version: int64(a.Version),
		Created: timeText(&a.Created), Modified: timeText(&a.Modified),
	}
	if a.Division != nil {
		r.Division = a.Division.Name
	}
	for _, email := range a.Emails {
		r.Emails = append(r.Emails, email.Value)
	}
	return r
}

func (r userResult) fields() []field {
	fields := []field{
		{"user", cmp.Or(r.UserName, "(erased)")},
		{"id", r.ID},
		{"state", r.State},
		{"name", r.DisplayName},
		{"e-mail", strings.Join(r.Emails, ", ")},
		{"division", r.Division},
		{"department", r.Department},
		{"title", r.Title},
		{"manager", r.Manager},
		{"created", r.Created},
	}
	changed := "modified"
	if r.State == directory.Deleted {
		changed = directory.Deleted
	}
	shown := fields[:0]
	for _, f := range append(fields, field{changed, r.Modified}) {
		if f.value != "" {
			shown = append(shown, f)
		}
	}
	return shown
}

type userList struct {
	orgDatabase
	output
	State string `enum:"active,inactive,deleted,any" default:"any" help:"Those who are ${enum}; any is all who are not deleted (${default})."`
}

// Run lists the users by age.
func (cmd *userList) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		users, err := pages(func(offset, limit int) ([]directory.Account, int, error) {
			return p.directory.ListAccounts(ctx, o, cmd.State, directory.Selection{Offset: offset, Limit: limit})
		})
		return printList(cmd.output, c, users, err, newUserResult, columns[userResult]{
			[]string{"ID", "USERNAME", "NAME", "STATE"},
			func(r userResult) []string {
				return []string{r.ID, cmp.Or(r.UserName, "(erased)"), r.DisplayName, r.State}
			},
		})
	})
}

// userEver finds a user by the id, or by the userName now or when it was deleted.
func (p *parts) userEver(ctx context.Context, o org.Org, name string) (string, error) {
	id, err := p.idOf(ctx, o, schema.User, schema.UserName, name)
	if err != nil || id != "" {
		return id, err
	}
	deleted, err := p.directory.DeletedUserNamed(ctx, o, name)
	return deleted.String(), err
}

type userShow struct {
	orgDatabase
	output
	Name string `arg:"" help:"The userName or id; of a user who is deleted too."`
}

// Run shows the user.
func (cmd *userShow) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, reads, func(p *parts, o org.Org) error {
		a, err := p.accountEver(ctx, o, cmd.Name)
		return cmd.print(c, newUserResult(a), err)
	})
}

func (p *parts) accountEver(ctx context.Context, o org.Org, name string) (directory.Account, error) {
	id, err := p.userEver(ctx, o, name)
	if err != nil {
		return directory.Account{}, err
	}
	return p.directory.Account(ctx, o, id, directory.AnyState)
}

type userErase struct {
	orgDatabase
	confirmation
	Name string `arg:"" help:"The userName or id; of a user who is deleted too."`
}

// Run erases the person.
func (cmd *userErase) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, changes, func(p *parts, o org.Org) error {
		a, err := p.accountEver(ctx, o, cmd.Name)
		if err != nil {
			return err
		}
		if err := cmd.ask(c, "erase all that is known of %q (%s), for good", cmp.Or(a.UserName, "an erased user"), a.ID); err != nil {
			return err
		}
		if err := p.directory.EraseUser(ctx, o, a.ID.String()); err != nil {
			return err
		}
		return c.done("erased %s", a.ID)
	})
}

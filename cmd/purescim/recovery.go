package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
)

// recovering are the flags of a command that takes changes back.
type recovering struct {
	orgDatabase
	output
	Apply bool `help:"Do it. Without this the command tells what it would change."`
}

// recovery is what the flags ask for.
func (f recovering) recovery() directory.Recovery { return directory.Recovery{DryRun: !f.Apply} }

// recoveryResult is what a program reads of what was taken back.
type recoveryResult struct {
	DryRun   bool                    `json:"dry_run"`
	Type     provisioning.TargetType `json:"type"`
	ID       string                  `json:"id"`
	Name     string                  `json:"name"`
	Changes  []provisioning.Change   `json:"changes"`
	Added    []uuid.UUID             `json:"members_added"`
	Removed  []uuid.UUID             `json:"members_removed"`
	Others   []provisioning.Entry    `json:"others"`
	Entries  []string                `json:"entries"`
	Warnings []string                `json:"warnings"`

	more int
}

func newRecoveryResult(r directory.Recovered) recoveryResult {
	result := recoveryResult{
		DryRun: r.DryRun, Type: r.Target.Type, ID: r.Target.ID.String(), Name: r.Target.Name,
		Changes: []provisioning.Change{}, Added: []uuid.UUID{}, Removed: []uuid.UUID{}, Others: []provisioning.Entry{}, Entries: []string{},
		Warnings: append([]string{}, r.Warnings...), more: r.Total - len(r.Entries),
	}
	changes, members := r.Changes()
	result.Changes = append(result.Changes, changes...)
	result.Added, result.Removed = append(result.Added, members.Added...), append(result.Removed, members.Removed...)
	result.Others = append(result.Others, r.Others()...)
	if !r.DryRun {
		for _, e := range r.Entries {
			result.Entries = append(result.Entries, e.ID.String())
		}
	}
	return result
}

// mostMembersShown is how many members people are shown.
const mostMembersShown = 20

func (r recoveryResult) fields() []field {
	fields := []field{{strings.ToLower(string(r.Type)), strings.TrimSpace(r.Name + " " + r.ID)}}
	for _, change := range r.Changes {
		fields = append(fields, field{change.Attribute, valueText(change.Before) + " -> " + valueText(change.After)})
	}
	for _, moved := range []struct {
		name string
		ids  []uuid.UUID
	}{{"member added", r.Added}, {"member removed", r.Removed}} {
		for i, id := range moved.ids {
			if i == mostMembersShown {
				fields = append(fields, field{moved.name, fmt.Sprintf("and %d more", len(moved.ids)-i)})
				break
			}
			fields = append(fields, field{moved.name, id.String()})
		}
	}
	for _, e := range r.Others {
		fields = append(fields, field{"also", e.What()})
	}
	if r.more > 0 {
		fields = append(fields, field{"also", fmt.Sprintf("%d more changes", r.more)})
	}
	for _, warning := range r.Warnings {
		fields = append(fields, field{"note", warning})
	}
	for _, id := range r.Entries {
		fields = append(fields, field{"entry", id})
	}
	return fields
}

// tell prints what was taken back, and after a dry run how it is done.
func (f recovering) tell(c console, err error, done ...directory.Recovered) error {
	if err != nil {
		return err
	}
	for _, r := range done {
		if err := f.print(c, newRecoveryResult(r), nil); err != nil {
			return err
		}
	}
	if !f.Apply && f.Output == "text" {
		fmt.Fprintln(c.out, "nothing was changed; --apply does it")
	}
	return nil
}

type undoCommand struct {
	recovering
	Entries []string `arg:"" name:"entry" help:"Ids of entries of the log, in any order: the newest is taken back first, and all of them or none."`
	Force   bool     `help:"Take back what was changed again since, too: those changes are lost."`
}

// Run takes entries back.
func (cmd *undoCommand) Run(ctx context.Context, c console) error {
	ids := make([]uuid.UUID, 0, len(cmd.Entries))
	for _, text := range cmd.Entries {
		id, err := uuid.Parse(text)
		if err != nil {
			return fmt.Errorf("%q is not the id of an entry, which is a UUID: 'purescim log' shows them", text)
		}
		ids = append(ids, id)
	}
	return cmd.inOrg(ctx, c, purpose(cmd.Apply), func(p *parts, o org.Org) error {
		asked := cmd.recovery()
		asked.Force = cmd.Force
		done, err := p.directory.UndoAll(ctx, o, ids, asked)
		return cmd.tell(c, err, done...)
	})
}

// readTime reads a time of the past: RFC 3339, a day with a time of it in UTC, or how long
// ago it is.
func readTime(text string, now time.Time) (time.Time, error) {
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(`--at: %q is not a time; "2026-11-28 09:30" (UTC), 2026-11-28T09:30:00Z, or 2h for two hours ago is expected`, text)
}

type groupRestore struct {
	recovering
	Name  string `arg:"" help:"Its name or id; of a group that is deleted too."`
	At    string `required:"" placeholder:"TIME" help:"The time of which it shall be again: '2026-11-28 09:30' in UTC, with an offset as in RFC 3339, or 2h for two hours ago."`
	Force bool   `help:"Go on trying while others change the group."`
}

// Run brings the group back to what it was.
func (cmd *groupRestore) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, purpose(cmd.Apply), func(p *parts, o org.Org) (err error) {
		asked := cmd.recovery()
		asked.Force = cmd.Force
		if asked.At, err = readTime(cmd.At, p.directory.Now()); err != nil {
			return err
		}
		id, err := p.groupEver(ctx, o, cmd.Name)
		if err != nil {
			return err
		}
		done, err := p.directory.RestoreGroup(ctx, o, id, asked)
		return cmd.tell(c, err, done)
	})
}

// groupEver finds a group by its id, or its name now or when it was deleted.
func (p *parts) groupEver(ctx context.Context, o org.Org, name string) (string, error) {
	if _, err := uuid.Parse(name); err == nil {
		return name, nil
	}
	g, missing := p.groupNamed(ctx, o, name)
	if missing == nil {
		return g.ID.String(), nil
	}
	found, err := newest(ctx, p.entries, o.ID, provisioning.Query{
		Target: name, Type: provisioning.Group, Operations: []provisioning.Operation{provisioning.Delete},
		Results: []provisioning.Result{provisioning.Success}, Limit: 1,
	})
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "", missing
	}
	return found[0].Target.ID.String(), nil
}

type userRestore struct {
	recovering
	Name string   `arg:"" help:"The userName or id; of a user who is deleted too."`
	At   string   `placeholder:"TIME" help:"The time of which the user shall be again, as of 'group restore'; without it a deleted user comes back as it was."`
	With []string `enum:"groups,roles" placeholder:"groups,roles" help:"What else is restored: the memberships in groups, the roles."`
}

// Run brings the user back.
func (cmd *userRestore) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, purpose(cmd.Apply), func(p *parts, o org.Org) (err error) {
		asked := cmd.recovery()
		asked.Groups, asked.Roles = slices.Contains(cmd.With, "groups"), slices.Contains(cmd.With, "roles")
		if cmd.At != "" {
			if asked.At, err = readTime(cmd.At, p.directory.Now()); err != nil {
				return err
			}
		}
		id, err := p.userEver(ctx, o, cmd.Name)
		if err != nil {
			return err
		}
		done, err := p.directory.RestoreUser(ctx, o, id, asked)
		return cmd.tell(c, err, done)
	})
}

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
	"github.com/purescim/purescim/internal/schema"
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
	changed := 0
	results := make([]recoveryResult, len(done))
	for i, r := range done {
		results[i] = newRecoveryResult(r)
		changed += r.Total
	}
	if f.Output == "json" && len(results) > 1 {
		return writeJSON(c.out, results)
	}
	for _, r := range results {
		if err := f.print(c, r, nil); err != nil {
			return err
		}
	}
	if !f.Apply && f.Output == "text" && changed > 0 {
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

// readTime reads a time of the past, which a flag gives: RFC 3339, a day with a time of it
// in UTC, or how long ago it is.
func readTime(flag, text string, now time.Time) (time.Time, error) {
	if ago := duration(0); ago.UnmarshalText([]byte(text)) == nil {
		return now.Add(-time.Duration(ago)), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf(`%s: %q is not a time; "2026-11-28 09:30" (UTC), 2026-11-28T09:30:00Z, or 2h or 7d for so long ago is expected`, flag, text)
}

type groupRestore struct {
	recovering
	Name  string `arg:"" help:"Its name, now or at the time, or its id; of a group that is deleted too."`
	At    string `required:"" placeholder:"TIME" help:"The time of which it shall be again: '2026-11-28 09:30' in UTC, with an offset as in RFC 3339, or 2h or 7d for so long ago."`
	Force bool   `help:"Go on trying while others change the group."`
}

// Run brings the group back to what it was.
func (cmd *groupRestore) Run(ctx context.Context, c console) error {
	return cmd.inOrg(ctx, c, purpose(cmd.Apply), func(p *parts, o org.Org) (err error) {
		asked := cmd.recovery()
		asked.Force = cmd.Force
		if asked.At, err = readTime("--at", cmd.At, p.directory.Now()); err != nil {
			return err
		}
		id, err := p.groupThen(ctx, o, cmd.Name, asked.At)
		if err != nil {
			return err
		}
		done, err := p.directory.RestoreGroup(ctx, o, id, asked)
		if done.Target.Name == "" && id != cmd.Name {
			done.Target.Name = cmd.Name // where nothing has to be changed
		}
		return cmd.tell(c, err, done)
	})
}

// groupThen finds a group by its id, or its name: of a group that was there at a time, now
// or else then.
func (p *parts) groupThen(ctx context.Context, o org.Org, name string, at time.Time) (string, error) {
	if _, err := uuid.Parse(name); err == nil {
		return name, nil
	}
	g, missing := p.groupNamed(ctx, o, name)
	if missing == nil && !provisioning.TimeOf(g.ID).After(at) {
		return g.ID.String(), nil
	}
	then, err := p.namedThen(ctx, o, provisioning.Group, name, at)
	switch {
	case err != nil:
		return "", err
	case then != uuid.Nil:
		return then.String(), nil
	case missing == nil:
		return g.ID.String(), nil
	}
	if then, err = p.namedThen(ctx, o, provisioning.Group, name, time.Time{}); err == nil && then == uuid.Nil {
		err = missing
	}
	return then.String(), err
}

// namedThen finds what had a name at a time, of what was renamed or deleted since: the
// first such change of each tells its name until then. Zero is any time, and the answer
// where nothing had the name.
func (p *parts) namedThen(ctx context.Context, o org.Org, t provisioning.TargetType, name string, at time.Time) (uuid.UUID, error) {
	called := map[uuid.UUID]string{}
	for e, err := range p.entries.All(ctx, o.ID, provisioning.Query{
		Target: name, Type: t, From: at, Operations: []provisioning.Operation{provisioning.Rename, provisioning.Delete},
		Results: []provisioning.Result{provisioning.Success, provisioning.Warning},
	}) {
		if err != nil {
			return uuid.Nil, err
		}
		if called[e.Target.ID] = schema.FoldName(e.Target.Name); at.IsZero() && called[e.Target.ID] == schema.FoldName(name) {
			return e.Target.ID, nil
		}
	}
	for id, then := range called {
		if then == schema.FoldName(name) && !provisioning.TimeOf(id).After(at) {
			return id, nil
		}
	}
	return uuid.Nil, nil
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
			if asked.At, err = readTime("--at", cmd.At, p.directory.Now()); err != nil {
				return err
			}
		}
		id, err := p.userThen(ctx, o, cmd.Name, asked.At)
		if err != nil {
			return err
		}
		done, err := p.directory.RestoreUser(ctx, o, id, asked)
		if done.Target.Name == "" && id != cmd.Name {
			done.Target.Name = cmd.Name
		}
		return cmd.tell(c, err, done)
	})
}

// userThen finds a user by the id, or by the userName now, or when it was deleted, or else
// at a time, if that is not zero.
func (p *parts) userThen(ctx context.Context, o org.Org, name string, at time.Time) (string, error) {
	id, missing := p.userEver(ctx, o, name)
	if missing == nil || at.IsZero() {
		return id, missing
	}
	then, err := p.namedThen(ctx, o, provisioning.User, name, at)
	switch {
	case err != nil:
		return "", err
	case then == uuid.Nil:
		return "", missing
	}
	return then.String(), nil
}

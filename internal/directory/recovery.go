package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Recovery tells how changes are taken back.
type Recovery struct {
	// DryRun tells what would be changed, and changes nothing.
	DryRun bool
	// Force takes back what was changed again since. Of a restoration it goes on trying
	// while others change the same.
	Force bool
	// At is the time whose state is restored. Zero, for a user who is deleted, is when
	// that was done.
	At time.Time
	// Groups restores the memberships of a user, Roles the roles; else they stay as they
	// are, and a deleted user has none.
	Groups, Roles bool
	// Allow may refuse what becomes of an entry of the catalogue; nil allows all.
	Allow func(old, now Entry) error

	// together are the entries that were taken back before this one, in one transaction with
	// it, and those that tell of that.
	together []uuid.UUID
}

// Recovered is what was taken back, or would be in a dry run.
type Recovered struct {
	DryRun bool
	Target provisioning.Target
	// Undone is the entry that was taken back; zero for a restoration.
	Undone provisioning.Entry
	// Entries are those of the log that tell of it, at most provisioning.MaxAttempted of
	// Total. Those of other targets are what it brings with it.
	Entries []provisioning.Entry
	Total   int
	// Warnings tell what does not come back.
	Warnings []string
}

// Changes are those of the target itself.
func (r Recovered) Changes() (changes []provisioning.Change, members provisioning.Members) {
	for _, e := range r.Entries {
		if e.Target.Type == r.Target.Type && e.Target.ID == r.Target.ID {
			changes = append(changes, e.Changes...)
			members.Added, members.Removed = append(members.Added, e.Members.Added...), append(members.Removed, e.Members.Removed...)
		}
	}
	return changes, members
}

// Others are the entries of what else is changed.
func (r Recovered) Others() (others []provisioning.Entry) {
	for _, e := range r.Entries {
		if e.Target.Type != r.Target.Type || e.Target.ID != r.Target.ID {
			others = append(others, e)
		}
	}
	return others
}

// kinds are the kinds of the catalogue by the names that the log has for them.
var kinds = map[provisioning.TargetType]Kind{
	provisioning.Role: Role, provisioning.Division: Division, provisioning.Skill: Skill, provisioning.Language: Language,
}

// notUndone tells what to do instead about changes that cannot be taken back.
var notUndone = map[provisioning.TargetType]string{
	provisioning.Schema:   "values of a schema go with it, so a schema is changed back by hand: purescim schema",
	provisioning.OAuth:    "a client and its secrets do not come back, and other settings are changed by hand: purescim client",
	provisioning.Token:    "a token that has ended does not come back; make a new one: purescim token create",
	provisioning.Issuer:   "whom an organisation trusts is changed by hand: purescim issuer",
	provisioning.Stream:   "what was told has been told; set the stream by hand: purescim events",
	provisioning.Accepted: "a request that was cancelled is forgotten; send it again",
	provisioning.Settings: "set them back by hand, to what the entry shows: purescim org set, purescim org rename",
	provisioning.Account:  "who uses the console is changed there, or by hand: purescim admin",
	provisioning.Brakes:   "decide about what is held again: purescim hold",
}

// Undo takes back what one entry of the provisioning log tells of. Who was deleted comes
// back under the same id, what was created is deleted, and attributes and members become
// what they were before. It is a *scim.Error with status 409 when a later change would be
// lost, which it names, unless the recovery forces it. With an error, too, the answer holds
// the entry and its target.
func (d *Directory) Undo(ctx context.Context, o org.Org, entry uuid.UUID, r Recovery) (Recovered, error) {
	e, err := d.store.ProvisioningLog().Entry(ctx, o.ID, entry)
	if errors.Is(err, provisioning.ErrNotFound) {
		return Recovered{}, scim.NotFound("the entry %q does not exist", entry)
	}
	if err != nil {
		return Recovered{}, err
	}
	done, err := d.undo(ctx, o, e, r)
	done.Undone, done.Target = e, cmp.Or(done.Target, e.Target)
	return done, err
}

func (d *Directory) undo(ctx context.Context, o org.Org, e provisioning.Entry, r Recovery) (Recovered, error) {
	switch {
	case e.Erased, e.Operation == provisioning.Erase:
		return Recovered{}, scim.Conflict("the entry %s is of a person who was erased and cannot come back", e.ID)
	case e.Result == provisioning.Refused || e.Result == provisioning.Held:
		return Recovered{}, scim.Conflict("the entry %s tells of a request that was %s: nothing was changed, so there is nothing to take back", e.ID, e.Result)
	}
	return d.recover(ctx, o, r, provisioning.Origin{Undoes: e.ID}, e.Target, func(ctx context.Context, o org.Org) ([]string, error) {
		kind, isEntry := kinds[e.Target.Type]
		switch {
		case e.Target.Type == provisioning.User:
			return d.undoUser(ctx, o, e, r)
		case e.Target.Type == provisioning.Group:
			return d.undoGroup(ctx, o, e, r)
		case isEntry:
			return nil, d.undoEntry(ctx, o, kind, e, r)
		}
		return nil, scim.Conflict("a change of %s cannot be taken back: %s", e.Target, notUndone[e.Target.Type])
	})
}

// recover runs work so that its entries say what they take back, and returns them. Work sees
// documents as they are stored, whatever the caller's provisioning domain.
func (d *Directory) recover(ctx context.Context, o org.Org, r Recovery, of provisioning.Origin, target provisioning.Target,
	work func(ctx context.Context, o org.Org) (warnings []string, err error),
) (Recovered, error) {
	attempt := &provisioning.Attempt{DryRun: r.DryRun}
	origin := provisioning.OriginOf(ctx)
	origin.Undoes, origin.RestoredTo = of.Undoes, of.RestoredTo
	warnings, err := work(provisioning.WithAttempt(provisioning.WithOrigin(ctx, &origin), attempt), o.SeenFrom(o.HomeDomain))
	if errors.Is(err, schema.ErrUndeclared) {
		err = scim.Conflict("there are values of a schema that is not declared any more, or not as it was: declare it again first").Because(err)
	}
	if err != nil {
		return Recovered{Target: target}, err
	}
	for _, e := range attempt.Entries {
		if e.Target.ID == target.ID && e.Target.Name != "" { // the name of now
			target.Name = e.Target.Name
		}
	}
	if attempt.Total == 0 {
		warnings = append(warnings, "nothing has to be changed: all is as it was")
	}
	return Recovered{DryRun: r.DryRun, Target: target, Entries: attempt.Entries, Total: attempt.Total, Warnings: warnings}, nil
}

// tries is how often a restoration begins anew when another writer was faster.
func (r Recovery) tries() int {
	if r.Force {
		return 50
	}
	return 3
}

// untilSettled runs work, which changes a resource of the version that it has read, and runs
// it again when another writer was faster.
func (r Recovery) untilSettled(t *schema.Type, work func() error) error {
	for try := 1; ; try++ {
		err := work()
		if moved := (*scim.Error)(nil); !errors.As(err, &moved) || moved.Type != scim.TypeInvalidVers {
			return err
		}
		if try == r.tries() {
			return scim.Conflict("others change the %s all the time; nothing was changed. Try again", strings.ToLower(t.Name))
		}
	}
}

// ofVersion is the condition that a resource has a version.
func ofVersion(v scim.Version) scim.Condition { return scim.ParseCondition(v.ETag()) }

// settling are the operations whose entries tell of attributes, and not of members alone.
var settling = []provisioning.Operation{
	provisioning.Create, provisioning.Update, provisioning.Rename, provisioning.Activate, provisioning.Deactivate,
	provisioning.Delete, provisioning.Restore,
}

// walkBack visits the entries of a target behind an id that tell of attributes, the newest
// first.
func (d *Directory) walkBack(ctx context.Context, o org.Org, target, after uuid.UUID, visit func(e provisioning.Entry)) error {
	const most = 200
	q := provisioning.Query{
		TargetID: target, From: provisioning.TimeOf(after), Operations: settling,
		Results: []provisioning.Result{provisioning.Success, provisioning.Warning}, Limit: most,
	}
	for {
		page, next, err := d.store.ProvisioningLog().Entries(ctx, o.ID, q)
		if err != nil {
			return err
		}
		for _, e := range page {
			if e.ID.String() <= after.String() { // of the same millisecond
				return nil
			}
			visit(e)
		}
		if next == uuid.Nil {
			return nil
		}
		q.Before = next
	}
}

// later are entries that are newer than one that is taken back, the newest first, but for
// those that were taken back themselves and those that did so.
type later []provisioning.Entry

func (d *Directory) laterThan(ctx context.Context, o org.Org, e provisioning.Entry) (l later, err error) {
	undone := map[uuid.UUID]bool{}
	err = d.walkBack(ctx, o, e.Target.ID, e.ID, func(one provisioning.Entry) {
		switch {
		case undone[one.ID]:
		case one.Undoes.String() > e.ID.String():
			undone[one.Undoes] = true
		default:
			one.Created, one.Deleted, one.Members = nil, nil, provisioning.Members{}
			l = append(l, one)
		}
	})
	return l, err
}

// of gives the newest entry that tells of an attribute, or of a part or the whole of it.
func (l later) of(attribute string) *provisioning.Entry {
	for i, e := range l {
		if slices.ContainsFunc(e.Changes, func(c provisioning.Change) bool {
			return c.Attribute == attribute || isPart(c.Attribute, attribute) || isPart(attribute, c.Attribute)
		}) {
			return &l[i]
		}
	}
	return nil
}

func isPart(attribute, whole string) bool {
	rest, ok := strings.CutPrefix(attribute, whole)
	return ok && (strings.HasPrefix(rest, ".") || strings.HasPrefix(rest, ":"))
}

// LaterError is the cause of an undo that is refused, unless forced, because a later change
// would be lost.
type LaterError struct {
	What  string              // was changed, such as an attribute
	Entry *provisioning.Entry // that tells of the change; nil is one that is not known
}

// Error implements error.
func (*LaterError) Error() string { return "a later change would be lost" }

// wouldBeLost is the error for a change that a later one stands in the way of; nil is one
// that is not known.
func wouldBeLost(what string, by *provisioning.Entry) error {
	if by == nil {
		return scim.Conflict("%s is not as the entry has left it; nothing was changed. To take it back all the same would lose a later change: that takes force", what).Because(&LaterError{what, nil})
	}
	return scim.Conflict("%s was changed since, by the entry %s (%s: %s); nothing was changed. Take that one back first; "+
		"to take this one back all the same would lose it: that takes force", what, by.ID, by.Time().Format(time.RFC3339), by.Sentence()).Because(&LaterError{what, by})
}

// theOne names what an entry is about, within a sentence.
func theOne(t provisioning.Target) string {
	if t.Type == provisioning.User && t.Name != "" {
		return "the user " + t.Name
	}
	return "the " + t.String()
}

// checkLost returns an error if taking changes back would lose a later one: where an
// attribute is not as they have left it, or a later entry tells of it. What is as it was
// before them already is no loss. The documents are those of now, and with all changes
// taken back and made again.
func checkLost(changes []provisioning.Change, l later, now, before, after scim.Document) error {
	for _, c := range changes {
		current := provisioning.Current(now, c.Attribute)
		if scim.EqualValue(current, provisioning.Current(before, c.Attribute)) {
			continue
		}
		by := l.of(c.Attribute)
		if by != nil || !scim.EqualValue(current, provisioning.Current(after, c.Attribute)) {
			return wouldBeLost(c.Attribute, by)
		}
	}
	return nil
}

// reverted takes changes back in a copy of a document. lost is checkLost of them.
func reverted(t *schema.Type, now scim.Document, changes []provisioning.Change, l later) (doc scim.Document, lost error, err error) {
	before, after := now.Clone(), now.Clone()
	provisioning.Revert(before, changes)
	provisioning.Redo(after, changes)
	if before, err = retyped(t, before); err != nil {
		return nil, nil, err
	}
	if after, err = retyped(t, after); err != nil {
		return nil, nil, err
	}
	return before, checkLost(changes, l, now, before, after), nil
}

// retyped gives a document with values from the log the Go types of documents. Values of
// a schema that is not declared so are schema.ErrUndeclared.
func retyped(t *schema.Type, doc scim.Document) (scim.Document, error) {
	doc = doc.Clone()
	urns := []any{}
	for name := range doc {
		if strings.HasPrefix(name, "urn:") {
			urns = append(urns, name)
		}
	}
	schema.Schemas.Set(doc, urns)
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	return t.Load(text)
}

// past is the state of a user or group at a time.
type past struct {
	exists bool
	doc    scim.Document
}

// walkTo gives the state before the entries behind an id, from that of now. deleted gives
// the document of what was deleted by an entry.
func (d *Directory) walkTo(ctx context.Context, o org.Org, target, after uuid.UUID, now past, deleted func(e provisioning.Entry) scim.Document) (past, error) {
	if now.doc != nil {
		now.doc = now.doc.Clone()
	}
	err := d.walkBack(ctx, o, target, after, func(e provisioning.Entry) {
		switch {
		case e.Created != nil:
			now.exists = false
		case e.Deleted != nil:
			now = past{true, deleted(e)}
		case now.doc != nil:
			provisioning.Revert(now.doc, e.Changes)
		}
	})
	return now, err
}

// lastOf is the last version of a deleted resource, from the entry of its newest deletion.
func (d *Directory) lastOf(ctx context.Context, o org.Org, kind string, id uuid.UUID) (scim.Version, error) {
	found, _, err := d.store.ProvisioningLog().Entries(ctx, o.ID, provisioning.Query{
		TargetID: id, Operations: []provisioning.Operation{provisioning.Delete}, Results: []provisioning.Result{provisioning.Success}, Limit: 1,
	})
	switch {
	case err != nil:
		return 0, err
	case len(found) == 0:
		return 0, scim.NotFound("%s %q does not exist", kind, id)
	}
	return found[0].Last, nil
}

// reaches returns an error if the log does not tell of all changes since a time.
func (d *Directory) reaches(ctx context.Context, o org.Org, at time.Time) error {
	if at.After(d.Now()) {
		return scim.InvalidValue("at: %s has not come yet", at.UTC().Format(time.RFC3339))
	}
	oldest, err := d.store.Org(o.ID).OldestEntry(ctx)
	if err != nil {
		return err
	}
	since := d.Now().AddDate(0, 0, -o.Settings.ChangeLogDays)
	if began := provisioning.TimeOf(oldest); began.After(since) {
		since = began
	}
	if at.Before(since) {
		return scim.Conflict("the log tells of changes since %s, and not of those before; nothing was changed", since.UTC().Format(time.RFC3339))
	}
	return nil
}

// DeletedUserNamed finds the most recently deleted user of a name, compared without case.
func (d *Directory) DeletedUserNamed(ctx context.Context, o org.Org, name string) (uuid.UUID, error) {
	id, err := d.store.Org(o.ID).DeletedUserNamed(ctx, name)
	if errors.Is(err, ErrNotFound) {
		err = scim.NotFound("the organisation has no user named %q, and none who is deleted", name)
	}
	return id, err
}

package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const (
	passwordStays = "a password is kept nowhere and does not come back: it stays as it is"
	passwordGone  = "the password does not come back: the user needs a new one"
)

// undoUser takes back what an entry tells of a user.
func (d *Directory) undoUser(ctx context.Context, o org.Org, e provisioning.Entry, r Recovery) ([]string, error) {
	switch {
	case e.Deleted != nil:
		return d.undoDeletion(ctx, o, e, r)
	case e.Created != nil:
		return nil, d.undoCreation(ctx, o, schema.User, e, r, func(match scim.Condition) error {
			return d.DeleteUser(ctx, o, e.Target.ID.String(), match)
		})
	}
	var warnings []string
	for _, c := range e.Changes {
		if c.Attribute == schema.Password.Name {
			warnings = append(warnings, passwordStays)
		}
	}
	if len(warnings) == len(e.Changes) && len(warnings) > 0 {
		return nil, scim.Conflict("the entry tells of a password, which is kept nowhere: it cannot be taken back")
	}
	left, err := d.resetUser(ctx, o, e.Target.ID, r, func() (userChange, error) {
		l, err := d.laterThan(ctx, o, e)
		return func(t *schema.Type, old scim.Document) (scim.Document, error) {
			doc, lost, err := reverted(t, old, e.Changes, l)
			if lost != nil && !r.Force {
				return nil, lost
			}
			return doc, err
		}, err
	})
	return append(warnings, left...), err
}

// undoCreation deletes what was created, unless it was changed since.
func (d *Directory) undoCreation(ctx context.Context, o org.Org, t *schema.Type, e provisioning.Entry, r Recovery, remove func(match scim.Condition) error) error {
	return r.untilSettled(t, func() error {
		version, err := d.store.Org(o.ID).Version(ctx, t, e.Target.ID)
		if errors.Is(err, ErrNotFound) {
			return nil // it is as it was
		}
		if err != nil {
			return err
		}
		l, err := d.laterThan(ctx, o, e)
		if err != nil {
			return err
		}
		if len(l) > 0 && !r.Force {
			return wouldBeLost(theOne(e.Target), &l[0])
		}
		return remove(ofVersion(version))
	})
}

// undoDeletion restores a user as it was before the deletion, with its roles and without
// memberships, each of which has an entry of its own. A user who was restored since, and
// perhaps deleted again, is only reset by force.
func (d *Directory) undoDeletion(ctx context.Context, o org.Org, e provisioning.Entry, r Recovery) ([]string, error) {
	_, err := d.store.Org(o.ID).Version(ctx, schema.User, e.Target.ID)
	there := err == nil
	if !there && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err := d.checkStill(ctx, o, e, there, r); err != nil {
		return nil, err
	}
	asFound := func(t *schema.Type, _ scim.Document) (scim.Document, error) { return retyped(t, e.Deleted) }
	if there {
		return d.resetUser(ctx, o, e.Target.ID, r, func() (userChange, error) { return asFound, nil })
	}
	warnings, err := d.restoreUser(ctx, o, e.Target.ID, r, UserRestoration{Deleted: true}, asFound)
	return append(warnings, passwordGone), err
}

// checkStill returns an error if what an entry has deleted came back since, and is there or
// was changed or deleted again.
func (d *Directory) checkStill(ctx context.Context, o org.Org, e provisioning.Entry, there bool, r Recovery) error {
	if r.Force {
		return nil
	}
	l, err := d.laterThan(ctx, o, e)
	switch {
	case err != nil:
		return err
	case len(l) > 0:
		return wouldBeLost(theOne(e.Target), &l[0])
	case there:
		return wouldBeLost(theOne(e.Target), nil)
	}
	return nil
}

// userChange makes another document of that of a user, which it leaves as it is.
type userChange func(t *schema.Type, old scim.Document) (scim.Document, error)

// resetUser gives an existing user another document. prepare reads the log for the change
// once the user's version is known.
func (d *Directory) resetUser(ctx context.Context, o org.Org, id uuid.UUID, r Recovery, prepare func() (userChange, error)) (warnings []string, err error) {
	err = r.untilSettled(schema.User, func() error {
		record, err := d.store.Org(o.ID).Get(ctx, schema.User, id, false)
		if errors.Is(err, ErrNotFound) {
			return scim.Conflict("the user %s is deleted; take that back first, or restore the user", id)
		}
		if err != nil {
			return err
		}
		change, err := prepare()
		if err != nil {
			return err
		}
		warnings, err = d.restoreUser(ctx, o, id, r, UserRestoration{Match: ofVersion(record.Version)}, change)
		return err
	})
	return warnings, err
}

// restoreUser stores the document that change makes of the one of now, or of when the user
// was deleted. What it refers to and is not there any more is refused, or left out and
// told where the recovery is of a time or by force.
func (d *Directory) restoreUser(ctx context.Context, o org.Org, id uuid.UUID, r Recovery, u UserRestoration, change userChange) (warnings []string, err error) {
	var left *tolerance
	if r.Force || !r.At.IsZero() || u.Join != nil {
		left = &tolerance{names: TolerableAttributes()}
	}
	_, err = asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (struct{}, error) {
		u.Edit = func(old Resource) (Edit, error) {
			doc, err := change(t, old.Document)
			if err != nil {
				return Edit{}, err
			}
			doc = doc.Clone()
			schema.ID.Set(doc, id.String())
			if !u.Deleted {
				left.leaveOut(old.Document, doc)
				return editUser(t, o.Settings.Strict, old, doc, d.hash(ctx, o.ID))
			}
			left.leaveOut(nil, doc)
			edit, err := editUser(t, o.Settings.Strict, Resource{}, doc, d.hash(ctx, o.ID))
			if err == nil && edit.DefaultRoles {
				schema.Roles.Clear(edit.Doc)
			}
			edit.References = slices.DeleteFunc(edit.References, func(r Reference) bool { return r.User == id }) // who comes back
			return edit, err
		}
		_, lost, err := d.store.Org(o.ID).RestoreUser(ctx, t, id, u)
		for left.learn(err) {
			_, lost, err = d.store.Org(o.ID).RestoreUser(ctx, t, id, u)
		}
		warnings = nil
		for _, group := range lost {
			warnings = append(warnings, fmt.Sprintf("the group %s is not there any more", group))
		}
		return struct{}{}, d.explainWrite(ctx, o.ID, t, id.String(), err)
	})
	if left != nil {
		for _, w := range left.all() {
			warnings = append(warnings, w.Attribute+": "+w.Text)
		}
	}
	return warnings, err
}

// RestoreUser resets a user to a time, or restores a deleted user as it was when it was
// deleted. Warnings name what does not come back: the password, and references to what no
// longer exists.
func (d *Directory) RestoreUser(ctx context.Context, o org.Org, id string, r Recovery) (Recovered, error) {
	u, err := parseID(schema.User, id)
	if err != nil {
		return Recovered{}, err
	}
	target := provisioning.Target{Type: provisioning.User, ID: u}
	return d.recover(ctx, o, r, provisioning.Origin{RestoredTo: r.At}, target, func(ctx context.Context, o org.Org) (warnings []string, err error) {
		err = r.untilSettled(schema.User, func() error {
			warnings, err = d.restoreUserAt(ctx, o, u, r)
			return err
		})
		return warnings, err
	})
}

func (d *Directory) restoreUserAt(ctx context.Context, o org.Org, id uuid.UUID, r Recovery) ([]string, error) {
	u, now, err := d.userNow(ctx, o, id)
	if err != nil {
		return nil, err
	}
	if u.Deleted && schema.UserName.Text(now.doc) == "" {
		return nil, scim.Conflict("the user %s was erased and cannot come back", id)
	}
	then := past{true, now.doc}
	var warnings []string
	switch {
	case !r.At.IsZero():
		if err := d.reaches(ctx, o, r.At); err != nil {
			return nil, err
		}
		if !u.Deleted {
			then = now
		} else {
			then.exists = false
		}
		if then, err = d.walkTo(ctx, o, id, provisioning.FirstID(r.At), then, func(e provisioning.Entry) scim.Document { return e.Deleted.Clone() }); err != nil {
			return nil, err
		}
		if !then.exists {
			return nil, scim.Conflict("the user %s was not there at %s; nothing was changed", id, r.At.UTC().Format(time.RFC3339))
		}
		if r.Groups {
			u.Leave, u.Join, err = d.store.Org(o.ID).GroupsSince(ctx, id, provisioning.FirstID(r.At))
		}
	case !u.Deleted:
		return nil, scim.InvalidValue("at is required: the user is not deleted, so it must be said of which time it shall be again")
	case r.Groups:
		u.Join, warnings, err = d.groupsLeft(ctx, o, id)
	}
	if err != nil {
		return nil, err
	}
	if u.Join == nil {
		u.Join = []uuid.UUID{} // which says that what is missing is left out
	}
	more, err := d.restoreUser(ctx, o, id, r, u, func(t *schema.Type, old scim.Document) (scim.Document, error) {
		doc, err := retyped(t, then.doc)
		if err != nil || r.Roles {
			return doc, err
		}
		if schema.Roles.Clear(doc); !u.Deleted {
			schema.Roles.Set(doc, schema.Roles.Get(old))
		}
		return doc, nil
	})
	if u.Deleted {
		more = append(more, passwordGone)
	}
	return append(warnings, more...), err
}

// EraseUser removes all personal data of a user for good, and keeps the id and the fact. A
// user who is not deleted is deleted first. It first waits until every server has stored the
// refusals that it holds in memory, because those cannot be searched.
func (d *Directory) EraseUser(ctx context.Context, o org.Org, id string) error {
	u, err := parseID(schema.User, id)
	if err != nil {
		return err
	}
	select {
	case <-time.After(provisioning.Stored):
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err = asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (struct{}, error) {
		return struct{}{}, toSCIM(t, id, d.store.Org(o.ID).EraseUser(ctx, t, u, schema.Manager.Clear))
	})
	return err
}

// userNow gives a user as it is now, or as it was when it was deleted.
func (d *Directory) userNow(ctx context.Context, o org.Org, id uuid.UUID) (u UserRestoration, now past, err error) {
	view := d.store.Org(o.ID)
	record, err := view.Get(ctx, schema.User, id, false)
	if errors.Is(err, ErrNotFound) {
		u.Deleted = true
		var page Page
		if page, err = view.DeletedUsers(ctx, Selection{IDs: []uuid.UUID{id}, Limit: 1}); err == nil && len(page.Records) == 0 {
			err = notFound(schema.User, id.String())
		}
		if err == nil {
			record = page.Records[0]
		}
	}
	if err != nil {
		return u, now, err
	}
	u.Match = ofVersion(record.Version)
	doc, err := asDeclared(ctx, d, o, schema.User, func(t *schema.Type) (scim.Document, error) { return t.Load(record.Doc) })
	return u, past{!u.Deleted, doc}, err
}

// groupsLeft are the groups that a deleted user was a member of.
func (d *Directory) groupsLeft(ctx context.Context, o org.Org, id uuid.UUID) (groups []uuid.UUID, warnings []string, err error) {
	found, _, err := d.store.ProvisioningLog().Entries(ctx, o.ID, provisioning.Query{
		TargetID: id, Operations: []provisioning.Operation{provisioning.Delete}, Results: []provisioning.Result{provisioning.Success}, Limit: 1,
	})
	if err != nil {
		return nil, nil, err
	}
	if len(found) == 0 {
		return nil, []string{"the log does not tell any more which groups the user was a member of"}, nil
	}
	return found[0].Groups, nil, nil
}

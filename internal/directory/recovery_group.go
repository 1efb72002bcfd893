package directory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// groupState is a group as the log records it: its document, to which the platform's
// attributes are added, and its members as a difference from the present ones.
type groupState struct {
	doc       scim.Document
	add, drop []uuid.UUID
}

// withPlatform gives a document with what the platform keeps of the group.
func withPlatform(doc scim.Document, g Group) scim.Document {
	doc = doc.Clone()
	maps.Copy(doc, scim.Document{"description": g.Description, "type": g.Type, "visibility": g.Visibility, "rulesVisible": g.RulesVisible})
	return doc
}

// cutPlatform is the inverse of withPlatform.
func cutPlatform(doc scim.Document) (scim.Document, Group) {
	doc = doc.Clone()
	g := Group{Description: text(doc["description"]), Type: text(doc["type"]), Visibility: text(doc["visibility"])}
	g.RulesVisible, _ = doc["rulesVisible"].(bool)
	for _, name := range []string{"description", "type", "visibility", "rulesVisible"} {
		delete(doc, name)
	}
	return doc, g
}

// undoGroup takes back what an entry tells of a group.
func (d *Directory) undoGroup(ctx context.Context, o org.Org, e provisioning.Entry, r Recovery) (warnings []string, err error) {
	switch {
	case e.Deleted != nil:
		return d.undoGroupDeletion(ctx, o, e, r)
	case e.Created != nil:
		return nil, d.undoCreation(ctx, o, schema.Group, e, r, func(match scim.Condition) error {
			if err := d.checkMembersKept(ctx, o, e, e.Members.Added, r); err != nil {
				return err
			}
			return d.DeleteGroup(ctx, o, e.Target.ID.String(), match)
		})
	}
	err = r.untilSettled(schema.Group, func() error {
		warnings, err = d.resetGroup(ctx, o, e.Target.ID, func(t *schema.Type, now scim.Document) (groupState, error) {
			if err := d.checkMembersKept(ctx, o, e, slices.Concat(e.Members.Added, e.Members.Removed), r); err != nil {
				return groupState{}, err
			}
			var l later
			if len(e.Changes) > 0 {
				if l, err = d.laterThan(ctx, o, e); err != nil {
					return groupState{}, err
				}
			}
			doc, lost, err := reverted(t, now, e.Changes, l)
			if lost != nil && !r.Force {
				return groupState{}, lost
			}
			return groupState{doc: doc, add: slices.Clone(e.Members.Removed), drop: slices.Clone(e.Members.Added)}, err
		})
		return err
	})
	return warnings, err
}

// checkMembersKept returns an error if members came or went again since an entry, by what
// was not taken back itself. Of a creation, whatever was done to members counts.
func (d *Directory) checkMembersKept(ctx context.Context, o org.Org, e provisioning.Entry, users []uuid.UUID, r Recovery) error {
	if r.Force || len(users) == 0 && e.Created == nil {
		return nil
	}
	view := d.store.Org(o.ID)
	if e.Created != nil {
		come, gone, err := view.MembersSince(ctx, e.Target.ID, e.ID)
		if err == nil && len(come)+len(gone) > 0 {
			err = wouldBeLost("members", nil)
		}
		return err
	}
	moves, err := view.MovedSince(ctx, e.Target.ID, e.ID, users, r.together)
	if err != nil {
		return err
	}
	undone := map[uuid.UUID]bool{}
	for _, m := range slices.Backward(moves) {
		switch {
		case undone[m.Entry]:
		case bytes.Compare(m.Undoes[:], e.ID[:]) > 0:
			undone[m.Undoes] = true
		default:
			by, err := d.store.ProvisioningLog().Entry(ctx, o.ID, m.Entry)
			if err != nil {
				return err
			}
			return wouldBeLost("members", &by)
		}
	}
	return nil
}

// undoGroupDeletion makes a deleted group again, under the same id and with its members.
func (d *Directory) undoGroupDeletion(ctx context.Context, o org.Org, e provisioning.Entry, r Recovery) ([]string, error) {
	if _, err := d.store.Org(o.ID).Version(ctx, schema.Group, e.Target.ID); err == nil {
		return nil, scim.Conflict("the %s is there again; nothing was changed", e.Target)
	} else if !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	if err := d.checkStill(ctx, o, e, false, r); err != nil {
		return nil, err
	}
	last, err := d.lastOf(ctx, o, schema.Group.Name, e.Target.ID)
	if err != nil {
		return nil, err
	}
	return d.recreateGroup(ctx, o, e.Target.ID, last, groupState{doc: deletedGroup(e), add: slices.Clone(e.Members.Removed)})
}

// deletedGroup is a group as it was when it was deleted.
func deletedGroup(e provisioning.Entry) scim.Document {
	doc := withPlatform(e.Deleted, PlainGroup)
	provisioning.Revert(doc, e.Changes)
	return doc
}

// resetGroup changes a group that is there, in one change of the version that it has.
// change may read the log: what is changed since is another version. Who is no user any
// more is left out and told.
func (d *Directory) resetGroup(ctx context.Context, o org.Org, id uuid.UUID, change func(t *schema.Type, now scim.Document) (groupState, error)) ([]string, error) {
	var left []uuid.UUID
	_, err := asDeclared(ctx, d, o, schema.Group, func(t *schema.Type) (struct{}, error) {
		view := d.store.Org(o.ID)
		old, err := view.Group(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return struct{}{}, scim.Conflict("the group %s is deleted; take that back first, or restore the group", id)
		}
		if err != nil {
			return struct{}{}, err
		}
		doc, err := t.Load(old.Doc)
		if err != nil {
			return struct{}{}, err
		}
		state, err := change(t, withPlatform(doc, old.Group))
		if err != nil {
			return struct{}{}, err
		}
		if state.doc, err = retyped(t, state.doc); err != nil {
			return struct{}{}, err
		}
		left, err = state.whileMissing(func() error {
			_, err := view.Update(ctx, t, id, Change{Match: ofVersion(old.Version), Edit: func(now Resource) (Edit, error) { return state.edit(t, now, old.Group) }})
			return err
		})
		return struct{}{}, d.explainWrite(ctx, o.ID, t, id.String(), err)
	})
	return missingMembers(left), err
}

// edit is the change of a group to the state.
func (s *groupState) edit(t *schema.Type, now Resource, old Group) (Edit, error) {
	doc, g := cutPlatform(s.doc)
	if err := g.check(old); err != nil {
		return Edit{}, err
	}
	e, err := editGroup(t, now, doc, s.members())
	if err == nil && g != old {
		e.Doc, e.Group = doc, &GroupEdit{old, g}
	}
	return e, err
}

// members is the change of the members; nil is none.
func (s *groupState) members() *MemberChange {
	if len(s.add)+len(s.drop) == 0 {
		return nil
	}
	sortIDs(&s.add)
	sortIDs(&s.drop)
	return &MemberChange{Add: s.add, Remove: s.drop, Limit: math.MaxInt}
}

// whileMissing writes, leaving out members who are no longer users, and returns those.
func (s *groupState) whileMissing(write func() error) (left []uuid.UUID, err error) {
	for {
		err := write()
		missing := (*MissingError)(nil)
		if !errors.As(err, &missing) {
			return left, err
		}
		lost := make(map[uuid.UUID]bool, len(missing.References))
		for _, r := range missing.References {
			if r.Attr != schema.Members {
				return left, err
			}
			lost[r.User] = true
			left = append(left, r.User)
		}
		s.add = slices.DeleteFunc(s.add, func(id uuid.UUID) bool { return lost[id] })
	}
}

// mostNamedMissing is how many missing members are named.
const mostNamedMissing = 100

func missingMembers(left []uuid.UUID) (warnings []string) {
	for i, id := range left {
		if i == mostNamedMissing {
			return append(warnings, fmt.Sprintf("and %d more users who are not there any more", len(left)-i))
		}
		warnings = append(warnings, fmt.Sprintf("the user %s is not there any more and is left out", id))
	}
	return warnings
}

// recreateGroup makes a deleted group again.
func (d *Directory) recreateGroup(ctx context.Context, o org.Org, id uuid.UUID, last scim.Version, s groupState) ([]string, error) {
	var left []uuid.UUID
	_, err := asDeclared(ctx, d, o, schema.Group, func(t *schema.Type) (struct{}, error) {
		whole, err := retyped(t, s.doc)
		if err != nil {
			return struct{}{}, err
		}
		doc, g := cutPlatform(whole)
		if err := g.check(g); err != nil {
			return struct{}{}, err
		}
		edit, err := editGroup(t, Resource{}, doc, nil)
		if err != nil {
			return struct{}{}, err
		}
		schema.ID.Set(edit.Doc, id.String())
		edit.Last = max(last, 1)
		left, err = s.whileMissing(func() error {
			edit.Members = s.members()
			_, err := d.store.Org(o.ID).CreateGroup(ctx, t, g, edit)
			return err
		})
		return struct{}{}, d.explainWrite(ctx, o.ID, t, id.String(), err)
	})
	return missingMembers(left), err
}

// RestoreGroup brings a group back to what it was at a time, with its members, in one
// change. A deleted group comes back under the same id. Members who are no longer users are
// left out, with a warning.
func (d *Directory) RestoreGroup(ctx context.Context, o org.Org, id string, r Recovery) (Recovered, error) {
	u, err := parseID(schema.Group, id)
	if err != nil {
		return Recovered{}, err
	}
	if r.At.IsZero() {
		return Recovered{}, scim.InvalidValue("at is required: the time of which the group shall be again")
	}
	target := provisioning.Target{Type: provisioning.Group, ID: u}
	return d.recover(ctx, o, r, provisioning.Origin{RestoredTo: r.At}, target, func(ctx context.Context, o org.Org) (warnings []string, err error) {
		err = r.untilSettled(schema.Group, func() error {
			warnings, err = d.restoreGroupAt(ctx, o, u, r.At)
			return err
		})
		return warnings, err
	})
}

func (d *Directory) restoreGroupAt(ctx context.Context, o org.Org, id uuid.UUID, at time.Time) ([]string, error) {
	view := d.store.Org(o.ID)
	_, err := view.Version(ctx, schema.Group, id)
	deleted, last := errors.Is(err, ErrNotFound), scim.Version(0)
	if deleted {
		last, err = d.lastOf(ctx, o, schema.Group.Name, id)
	}
	if err != nil {
		return nil, err
	}
	if err := d.reaches(ctx, o, at); err != nil {
		return nil, err
	}
	after := provisioning.FirstID(at)
	state := func(then past) (groupState, error) {
		then, err := d.walkTo(ctx, o, id, after, then, deletedGroup)
		if err == nil && !then.exists {
			err = scim.Conflict("the group %s was not there at %s; nothing was changed", id, at.UTC().Format(time.RFC3339))
		}
		if err != nil {
			return groupState{}, err
		}
		come, gone, err := view.MembersSince(ctx, id, after)
		return groupState{doc: then.doc, add: gone, drop: come}, err
	}
	if deleted {
		s, err := state(past{})
		if err != nil {
			return nil, err
		}
		return d.recreateGroup(ctx, o, id, last, s)
	}
	return d.resetGroup(ctx, o, id, func(_ *schema.Type, now scim.Document) (groupState, error) { return state(past{true, now}) })
}

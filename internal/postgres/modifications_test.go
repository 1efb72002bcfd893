package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/groups"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A statement that has waited for another server's change of the group moves the row
// that the other has moved meanwhile, though it cannot see it.
func TestModifications_BehindOtherServers(t *testing.T) {
	t.Parallel()
	database := newTenant(t)
	for name, act := range map[string]func(o *tenant, group, user uuid.UUID) error{
		"members": func(o *tenant, group, user uuid.UUID) error {
			_, err := o.ChangeMembers(t.Context(), group, anyVersion, directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1})
			return err
		},
		"members under a lock": func(o *tenant, group, _ uuid.UUID) error {
			_, err := o.ChangeMembers(t.Context(), group, anyVersion, directory.MemberChange{Replace: true, Limit: 4})
			return err
		},
		"document": func(o *tenant, group, _ uuid.UUID) error {
			_, err := o.Update(t.Context(), schema.Group, group, directory.Change{Edit: edit(with(schema.GroupName, "Sold"))})
			return err
		},
		"document and members": func(o *tenant, group, user uuid.UUID) error {
			_, err := o.Update(t.Context(), schema.Group, group, directory.Change{Edit: func(old directory.Resource) (directory.Edit, error) {
				doc := old.Document.Clone()
				schema.GroupName.Set(doc, "Sold")
				return directory.Edit{Doc: doc, Members: &directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1}}, nil
			}})
			return err
		},
		"user deleted": func(o *tenant, _, user uuid.UUID) error {
			return o.DeleteUser(t.Context(), schema.User, user, anyVersion, func(scim.Document) {})
		},
		"group deleted": func(o *tenant, group, _ uuid.UUID) error {
			return o.DeleteGroup(t.Context(), group, anyVersion)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := database.neighbour() // one after the other: each looks for who waits
			o.t = t
			ids := o.users(4)
			group := o.group("Sales", ids[0], ids[1]).ID
			done := make(chan error, 1)
			o.must(o.inTx(func(w *writes.Write, tx pgx.Tx) error {
				for _, id := range ids[2:] { // twice: the row has moved on from where it moved to
					if err := addMember(t.Context(), w, tx, group, id); err != nil {
						return err
					}
					time.Sleep(2 * time.Millisecond) // times differ
				}
				go func() { done <- act(o, group, ids[1]) }()
				o.somebodyWaits()
				return nil
			}))
			o.must(<-done)
			o.consistent()
		})
	}
}

// Clocks stand still between two changes, and go back: then what is stored is of a later time
// than now.
func TestModifications_WhateverTheClock(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	user, group := o.user("Ada").ID, o.group("Sales").ID
	for i, ahead := range []time.Duration{0, 0, time.Hour, 0, -time.Minute} {
		for _, table := range []string{"users", "groups", "modifications"} {
			o.exec(`update `+table+` set modified_at = modified_at + $2 where org_id = $1`, o.Tenant.Org, ahead)
		}
		s := o.replica() // which remembers no time
		s.update(schema.User, user, with(schema.Active, i%2 == 1))
		s.changeMembers(group, directory.MemberChange{Add: []uuid.UUID{user}})
		s.changeMembers(group, directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1})
		o.consistent()
	}
}

// addMember adds a member to a group that is locked, or is not.
func addMember(ctx context.Context, w *writes.Write, tx pgx.Tx, group, user uuid.UUID) error {
	old := directory.Resource{Record: directory.Record{ID: group}}
	_, _, err := groups.EditMembers(ctx, w, tx, old, directory.MemberChange{Add: []uuid.UUID{user}}, writes.Change{})
	return err
}

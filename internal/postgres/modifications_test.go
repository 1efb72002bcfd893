package postgres

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A statement that has waited for another server's change of the group moves the row
// that the other has moved meanwhile, though it cannot see it.
func TestModifications_BehindOtherServers(t *testing.T) {
	t.Parallel()
	database := newTenant(t)
	for name, change := range map[string]func(o *tenant, group, user uuid.UUID) error{
		"members": func(o *tenant, group, user uuid.UUID) error {
			_, err := o.ChangeMembers(t.Context(), group, anyVersion, directory.MemberChange{Remove: []uuid.UUID{user}, Limit: 1})
			return err
		},
		"members under a lock": func(o *tenant, group, user uuid.UUID) error {
			_, err := o.ChangeMembers(t.Context(), group, anyVersion, directory.MemberChange{Replace: true, Limit: 4})
			return err
		},
		"document": func(o *tenant, group, _ uuid.UUID) error {
			_, err := o.Update(t.Context(), schema.Group, group, directory.Change{Edit: edit(with(schema.GroupName, "Sold"))})
			return err
		},
		"user deleted": func(o *tenant, group, user uuid.UUID) error {
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
			o.must(o.inTx(t.Context(), nothing, func(tx pgx.Tx) error {
				for _, id := range ids[2:] { // twice: the row has moved on from where it moved to
					if _, err := o.applyMembers(t.Context(), tx, group, directory.MemberChange{Add: []uuid.UUID{id}}); err != nil {
						return err
					}
					time.Sleep(2 * time.Millisecond) // times differ
				}
				go func() { done <- change(o, group, ids[1]) }()
				o.somebodyWaits()
				return nil
			}))
			o.must(<-done)
			o.consistent()
		})
	}
}

// Clocks stand still between two changes, and go back.
func TestModifications_WhateverTheClock(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	old := directory.Resource{Record: o.user("Ada")}
	group := o.group("Sales").ID
	for i, by := range []time.Duration{0, 0, -time.Hour, 0, time.Minute} {
		at := old.Modified.Add(by)
		var err error
		old.Document, err = schema.User.Load(old.Doc)
		o.must(err)
		doc := old.Document.Clone()
		schema.Active.Set(doc, i%2 == 1)
		u, err := o.userUpdate(schema.User, old, directory.Edit{Doc: doc})
		o.must(err)
		u.record.Modified, u.args[3] = at, at
		o.exec(u.sql(false), u.args...)
		old.Record = u.record
		o.exec(changeMembers, o.org, uid(group), uids{old.ID}, uids{}, 1, at)
		o.exec(changeMembers, o.org, uid(group), uids{}, uids{old.ID}, 0, at)
		o.consistent()
	}
}

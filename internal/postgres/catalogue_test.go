package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func (o *tenant) entry(kind directory.Kind, name string) directory.Entry {
	o.t.Helper()
	e, err := o.CreateEntry(o.t.Context(), entry(kind, name))
	o.must(err)
	return e
}

// roles gives a user roles.
func roles(names ...string) func(scim.Document) {
	var list []any
	for _, name := range names {
		list = append(list, map[string]any{"value": name})
	}
	return with(schema.Roles, list)
}

// refersTo is the edit of a user that names a role.
func refersTo(doc scim.Document, role string) directory.Edit {
	return directory.Edit{Doc: doc, References: []directory.Reference{{Attr: schema.Roles, Kind: directory.Role, Name: role}}}
}

// renaming renames a role, in the plainest way. Between the lock and the write it
// calls locked.
func renaming(to string, locked func()) directory.EntryChange {
	return directory.EntryChange{
		Edit: func(e *directory.Entry) error {
			locked()
			e.Name = to
			return nil
		},
		Rename: func(doc scim.Document, from, to string) {
			for _, v := range schema.Roles.Values(doc) {
				if role := v.(map[string]any); role["value"] == from {
					role["value"] = to
				}
			}
		},
	}
}

// names are the roles of a user, as the document has them.
func (o *tenant) names(id uuid.UUID) (names []string) {
	o.t.Helper()
	doc, err := schema.User.Load(o.get(schema.User, id, false).Doc)
	o.must(err)
	for _, v := range schema.Roles.Values(doc) {
		names = append(names, v.(map[string]any)["value"].(string))
	}
	return names
}

// somebodyWaits returns when a statement waits for the lock of another.
func (o *tenant) somebodyWaits() {
	o.t.Helper()
	for o.number(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 0 {
		if o.t.Context().Err() != nil {
			o.t.Fatal("nobody waits")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestUpdateEntry_RewritesMoreThanIsReadAtOnce(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	clerk := o.entry(directory.Role, "clerk")
	others := o.neighbour()
	others.entry(directory.Role, "clerk")
	theirs := others.user("theirs", roles("clerk"))
	o.users(3)
	ids := make([]uuid.UUID, 500+7)
	for i := range ids {
		ids[i] = o.user(fmt.Sprintf("clerk%04d", i), roles("clerk", "other")).ID
	}
	renamed, err := o.UpdateEntry(t.Context(), schema.User, directory.Role, clerk.ID, renaming("boss", func() {}))
	o.must(err)
	expect(t, "entry", []any{renamed.Name, renamed.Version}, []any{"boss", int64(2)})
	for _, id := range ids {
		expect(t, "roles", o.names(id), []string{"boss", "other"})
		expect(t, "version", o.get(schema.User, id, false).Version, 2)
	}
	counts, err := o.CountUsers(t.Context(), directory.Role, []string{"CLERK", "Boss", "nothing"}, 0)
	o.must(err)
	expect(t, "users of the old and the new name", counts, []int{0, len(ids), 0})
	counts, err = o.CountUsers(t.Context(), directory.Role, []string{"Boss", "nothing"}, 100)
	o.must(err)
	expect(t, "users, counted to 100", counts, []int{100, 0})
	expect(t, "roles of the neighbour's user", others.names(theirs.ID), []string{"clerk"})
	o.consistent()
	others.consistent()
}

// Who is being created with the old name is waited for, and renamed.
func TestUpdateEntry_WaitsForWritersOfTheName(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	clerk := o.entry(directory.Role, "clerk")
	done := make(chan error, 1)
	var made directory.Record
	o.must(o.inTx(func(w *writes.Write, tx pgx.Tx) (err error) {
		e := refersTo(userDoc("ada", roles("clerk")), "clerk")
		if _, err := w.LockReferences(t.Context(), tx, e); err != nil {
			return err
		}
		if made, err = o.Create(t.Context(), w, schema.User, e); err != nil {
			return err
		}
		go func() {
			done <- second(o.UpdateEntry(t.Context(), schema.User, directory.Role, clerk.ID, renaming("boss", func() {})))
		}()
		o.somebodyWaits()
		return nil
	}))
	o.must(<-done)
	expect(t, "roles", o.names(made.ID), []string{"boss"})
	o.consistent()
}

// Who would refer to the old name waits for the renaming, and is told that there
// is no such name; who only keeps it, is renamed.
func TestUpdateEntry_MakesWritersOfTheNameWait(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	clerk := o.entry(directory.Role, "clerk")
	ada := o.user("ada", roles("clerk"))
	created := make(chan error, 1)
	_, err := o.UpdateEntry(t.Context(), schema.User, directory.Role, clerk.ID, renaming("boss", func() {
		go func() {
			created <- second(o.CreateUser(t.Context(), schema.User, refersTo(userDoc("eve", roles("clerk")), "clerk")))
		}()
		o.somebodyWaits()
		o.update(schema.User, ada.ID, with(schema.Title, "Dr"))
	}))
	o.must(err)
	err = <-created
	if missing := (*directory.MissingError)(nil); !errors.As(err, &missing) {
		t.Errorf("error %v, want a missing reference", err)
	}
	expect(t, "roles", o.names(ada.ID), []string{"boss"})
	if doc := string(o.get(schema.User, ada.ID, false).Doc); !strings.Contains(doc, `"title":"Dr"`) {
		t.Errorf("what was written meanwhile is lost: %s", doc)
	}
	o.consistent()
}

// Renaming to and fro while users take, keep and lose the name: what a user refers
// to in the end exists.
func TestUpdateEntry_AmongWriters(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	clerk := o.entry(directory.Role, "clerk")
	ids := o.users(writers)
	atOnce(t, func(n int) error {
		for i := range 12 {
			if n == 0 {
				name := []string{"boss", "clerk"}[i%2]
				if err := second(o.UpdateEntry(t.Context(), schema.User, directory.Role, clerk.ID, renaming(name, func() {}))); err != nil {
					return err
				}
				continue
			}
			err := second(o.Update(t.Context(), schema.User, ids[n], directory.Change{Edit: takesOrLosesRole(i)}))
			if missing := (*directory.MissingError)(nil); err != nil && !errors.As(err, &missing) {
				return err
			}
		}
		return nil
	})
	for _, id := range ids {
		for _, name := range o.names(id) {
			expect(t, "role", name, "clerk")
		}
	}
	o.consistent()
}

// takesOrLosesRole is an edit as the rules make it: new names are references.
func takesOrLosesRole(i int) func(old directory.Resource) (directory.Edit, error) {
	return func(old directory.Resource) (directory.Edit, error) {
		doc := old.Document.Clone()
		schema.Title.Set(doc, fmt.Sprint("title ", i))
		has := len(schema.Roles.Values(doc)) > 0
		switch {
		case !has && i%3 == 0:
			name := []string{"clerk", "boss"}[i%2]
			roles(name)(doc)
			return refersTo(doc, name), nil
		case has && i%3 == 2:
			schema.Roles.Clear(doc)
		}
		return directory.Edit{Doc: doc}, nil
	}
}

func TestDeleteEntry_WaitsForWritersOfTheName(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	clerk := o.entry(directory.Role, "clerk")
	allow := func(directory.Entry) error { return nil }
	done := make(chan error, 1)
	o.must(o.inTx(func(w *writes.Write, tx pgx.Tx) error {
		e := refersTo(userDoc("ada", roles("clerk")), "clerk")
		if _, err := w.LockReferences(t.Context(), tx, e); err != nil {
			return err
		}
		if err := second(o.Create(t.Context(), w, schema.User, e)); err != nil {
			return err
		}
		go func() { done <- o.DeleteEntry(t.Context(), directory.Role, clerk.ID, allow) }()
		o.somebodyWaits()
		return nil
	}))
	use := (*directory.InUseError)(nil)
	if err := <-done; !errors.As(err, &use) {
		t.Fatalf("error %v, want that the role is in use", err)
	}
	expect(t, "use", *use, directory.InUseError{Users: 1})
}

// A role that only an OAuth client carries is in use too, and so is a division.
func TestDeleteEntry_OfClients(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	role, division := o.entry(directory.Role, "clerk"), o.entry(directory.Division, "North")
	for _, other := range []int64{o.Tenant.Org, o.Tenant.Org, o.neighbour().Tenant.Org} {
		o.exec(`insert into oauth_clients (org_id, client_id, name, secret_hash, validity_seconds, state, created_at, modified_at, roles)
		        values ($1, $2, 'x', '', 300, 'active', $3, $3, $4)`, other, db.ID(uuid.New()), now(),
			fmt.Sprintf(`[{"role": %q, "division": "*"}, {"role": %q, "division": %q}]`, uuid.New(), role.ID, division.ID))
	}
	for _, e := range []directory.Entry{role, division} {
		err := o.DeleteEntry(t.Context(), e.Kind, e.ID, func(directory.Entry) error { return nil })
		use := (*directory.InUseError)(nil)
		if !errors.As(err, &use) {
			t.Fatalf("error %v, want that the %s is in use", err, e.Kind)
		}
		expect(t, "use", *use, directory.InUseError{Clients: 2})
	}
}

func TestEntry_IsOfOneOrganisation(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	clerk, other := o.entry(directory.Role, "clerk"), o.neighbour()
	_, err := other.Entry(t.Context(), directory.Role, clerk.ID)
	expectNotFound(t, "read", err)
	_, err = o.Entry(t.Context(), directory.Skill, clerk.ID)
	expectNotFound(t, "read as another kind", err)
	_, err = other.UpdateEntry(t.Context(), schema.User, directory.Role, clerk.ID, renaming("boss", func() { t.Error("locked") }))
	expectNotFound(t, "update", err)
	expectNotFound(t, "delete", other.DeleteEntry(t.Context(), directory.Role, clerk.ID, func(directory.Entry) error { return nil }))
	found, err := o.Entry(t.Context(), directory.Role, clerk.ID)
	o.must(err)
	expect(t, "entry", found, clerk)
}

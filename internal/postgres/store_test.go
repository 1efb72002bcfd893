package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/testdb"
)

// writers is how many requests at once the tests of concurrency make.
const writers = 16

// tenant is an organisation in a database of its own.
type tenant struct {
	*view
	*Store
	t *testing.T
}

func newTenant(t *testing.T) *tenant {
	t.Helper()
	s, err := Open(t.Context(), testdb.New(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return tenantOf(s, org.NewID(), t)
}

func tenantOf(s *Store, o org.ID, t *testing.T) *tenant { return &tenant{s.view(o), s, t} }

// neighbour is another organisation in the same database.
func (o *tenant) neighbour() *tenant { return tenantOf(o.Store, org.NewID(), o.t) }

// inTx runs work in the transaction of a write.
func (o *tenant) inTx(work func(w *writes.Write, tx pgx.Tx) error) error {
	return o.Users.Write(o.t.Context(), "test", func(w *writes.Write) error { return w.InTx(o.t.Context(), pool.Nothing, work) })
}

// must fails the test unless err is nil.
func (o *tenant) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// userDoc is the document of a new user, with the changes of set.
func userDoc(name string, set ...func(scim.Document)) scim.Document {
	doc := scim.Document{}
	schema.ID.Set(doc, uuid.Must(uuid.NewV7()).String())
	schema.UserName.Set(doc, name)
	schema.DisplayName.Set(doc, "Display of "+name)
	schema.Active.Set(doc, true)
	for _, f := range set {
		f(doc)
	}
	return doc
}

func with(a *schema.Attribute, value any) func(scim.Document) {
	return func(doc scim.Document) { a.Set(doc, value) }
}

func emails(addresses ...string) []any {
	var list []any
	for _, address := range addresses {
		list = append(list, map[string]any{"value": address, "type": "work"})
	}
	return list
}

func (o *tenant) user(name string, set ...func(scim.Document)) directory.Record {
	o.t.Helper()
	r, err := o.CreateUser(o.t.Context(), schema.User, directory.Edit{Doc: userDoc(name, set...)})
	o.must(err)
	return r
}

// users makes n users and gives their ids, sorted.
func (o *tenant) users(n int) []uuid.UUID {
	o.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = o.user(fmt.Sprintf("user%05d", i)).ID
	}
	return ids
}

func (o *tenant) group(name string, members ...uuid.UUID) directory.Record {
	o.t.Helper()
	doc := scim.Document{}
	schema.ID.Set(doc, uuid.Must(uuid.NewV7()).String())
	schema.GroupName.Set(doc, name)
	r, err := o.CreateGroup(o.t.Context(), schema.Group,
		directory.Group{Type: "official", Visibility: "public"}, directory.Edit{Doc: doc})
	o.must(err)
	if len(members) > 0 {
		r, err = o.ChangeMembers(o.t.Context(), r.ID, scim.Condition{}, directory.MemberChange{Add: members})
		o.must(err)
	}
	return r
}

func (o *tenant) get(t *schema.Type, id uuid.UUID, links bool) directory.Record {
	o.t.Helper()
	r, err := o.Get(o.t.Context(), t, id, links)
	o.must(err)
	return r
}

// edit changes a document.
func edit(change func(doc scim.Document)) func(directory.Resource) (directory.Edit, error) {
	return func(old directory.Resource) (directory.Edit, error) {
		doc := old.Document.Clone()
		change(doc)
		return directory.Edit{Doc: doc}, nil
	}
}

func (o *tenant) update(t *schema.Type, id uuid.UUID, change func(doc scim.Document)) directory.Record {
	o.t.Helper()
	r, err := o.Update(o.t.Context(), t, id, directory.Change{Edit: edit(change)})
	o.must(err)
	return r
}

// exec runs a statement beside the store.
func (o *tenant) exec(sql string, args ...any) {
	o.t.Helper()
	_, err := o.Own().Exec(o.t.Context(), sql, args...)
	o.must(err)
}

// number reads one number beside the store.
func (o *tenant) number(sql string, args ...any) (n int) {
	o.t.Helper()
	o.must(o.Own().QueryRow(o.t.Context(), sql, args...).Scan(&n))
	return n
}

// consistent fails the test unless columns, keys and counts are what the
// documents and rows say.
func (o *tenant) consistent() {
	o.t.Helper()
	o.must(o.Verify(context.WithoutCancel(o.t.Context()), org.ID(o.Tenant.Org), schema.DefaultTypes, func(difference string) {
		o.t.Errorf("verify: %s", difference)
	}))
	o.must(o.VerifyLog(context.WithoutCancel(o.t.Context()), org.ID(o.Tenant.Org), func(difference string) {
		o.t.Errorf("verify: %s", difference)
	}))
}

// atOnce runs f on as many goroutines and fails the test on their errors.
func atOnce(t *testing.T, f func(n int) error) {
	t.Helper()
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			if err := f(n); err != nil {
				t.Errorf("writer %d: %v", n, err)
			}
		})
	}
	all.Wait()
}

func expect[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// expectNotFound fails the test unless err is directory.ErrNotFound.
func expectNotFound(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("%s: error %v, want not found", what, err)
	}
}

// expectRefusal fails the test unless err is a *scim.Error with the status and
// a detail that holds the text.
func expectRefusal(t *testing.T, err error, status int, kind scim.ErrorType) *scim.Error {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) || e.Status != status || e.Type != kind {
		t.Fatalf("error %v, want a refusal with %d %s", err, status, kind)
	}
	return e
}

func idsOf(records []directory.Record) []uuid.UUID {
	ids := make([]uuid.UUID, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return ids
}

func linkIDs(links []directory.Link) []uuid.UUID {
	ids := make([]uuid.UUID, len(links))
	for i, l := range links {
		ids[i] = l.ID
	}
	return ids
}

// loaded reads the document of a user.
func loaded(t *testing.T, text []byte) scim.Document {
	t.Helper()
	doc, err := schema.User.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

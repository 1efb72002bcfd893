package postgres

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// madeBy is one of a tenant's resources, made under a context. It tells of which
// resource and what version, as far as it is told itself.
type madeBy struct {
	name string
	make func(ctx context.Context) (directory.Record, error)
}

// as makes it as a step.
func (m madeBy) as(ctx context.Context, s directory.Step) (r directory.Record, kept bool, err error) {
	kept, err = s.Do(ctx, func(ctx context.Context) error {
		r, err = m.make(ctx)
		return err
	})
	return r, kept, err
}

// creation creates a user.
func (o *tenant) creation(doc scim.Document) madeBy {
	return madeBy{"user", func(ctx context.Context) (directory.Record, error) {
		return o.CreateUser(ctx, schema.User, directory.Edit{Doc: doc})
	}}
}

// changes are of every kind that a step may be.
func (o *tenant) changes() []madeBy {
	ada, leaver := o.user("ada"), o.user("leaver")
	looms, other := o.group("Looms", ada.ID, leaver.ID), o.group("Other")
	o.must(o.DeleteUser(o.t.Context(), schema.User, o.user("again").ID, scim.Condition{}, schema.Manager.Clear))
	update := func(t *schema.Type, id uuid.UUID, a *schema.Attribute) func(ctx context.Context) (directory.Record, error) {
		return func(ctx context.Context) (directory.Record, error) {
			return o.Update(ctx, t, id, directory.Change{Edit: edit(func(doc scim.Document) { a.Set(doc, uuid.NewString()) })})
		}
	}
	create := func(name string, references ...directory.Reference) func(ctx context.Context) (directory.Record, error) {
		return func(ctx context.Context) (directory.Record, error) {
			return o.CreateUser(ctx, schema.User, directory.Edit{Doc: userDoc(name), References: references})
		}
	}
	members := func(m directory.MemberChange) func(ctx context.Context) (directory.Record, error) {
		return func(ctx context.Context) (directory.Record, error) {
			return o.ChangeMembers(ctx, other.ID, scim.Condition{}, m)
		}
	}
	deletion := func(id uuid.UUID, remove func(ctx context.Context) error) func(ctx context.Context) (directory.Record, error) {
		return func(ctx context.Context) (directory.Record, error) { return directory.Record{ID: id}, remove(ctx) }
	}
	return []madeBy{
		{"user", create("bob")},
		{"user with references", create("cy", directory.Reference{Attr: schema.Manager, User: ada.ID})},
		{"user restored", create("again")},
		{"update of user", update(schema.User, ada.ID, schema.DisplayName)},
		{"group", func(ctx context.Context) (directory.Record, error) {
			doc := scim.Document{}
			schema.ID.Set(doc, uuid.NewString())
			schema.GroupName.Set(doc, "New")
			return o.CreateGroup(ctx, schema.Group, directory.Group{}, directory.Edit{Doc: doc})
		}},
		{"update of group", update(schema.Group, looms.ID, schema.GroupName)},
		{"members", members(directory.MemberChange{Add: []uuid.UUID{ada.ID}})},
		{"all members", members(directory.MemberChange{Replace: true, Limit: 10})},
		{"deletion of user", deletion(leaver.ID, func(ctx context.Context) error {
			return o.DeleteUser(ctx, schema.User, leaver.ID, scim.Condition{}, schema.Manager.Clear)
		})},
		{"deletion of group", deletion(looms.ID, func(ctx context.Context) error {
			return o.DeleteGroup(ctx, looms.ID, scim.Condition{})
		})},
	}
}

// steps makes the steps of a request that a worker holds.
func (o *tenant) steps() func(number int) directory.Step {
	o.t.Helper()
	id := org.ID(o.Tenant.Org)
	o.must(o.Registry().CreateOrg(o.t.Context(), org.Org{ID: id, Name: id.String(), Settings: org.DefaultSettings()}, nil))
	o.must(o.Jobs().Add(o.t.Context(), directory.Job{ID: uuid.New(), Org: org.Org{ID: id}, Permissions: []string{}, Body: []byte("{}"), At: now()}))
	worker := uuid.New()
	a, _, err := o.Jobs().Take(o.t.Context(), worker, 0)
	o.must(err)
	return func(number int) directory.Step {
		return directory.Step{
			Org: id, Request: a.ID, Worker: worker, Number: number, Begun: now(),
			Outcome: func(id uuid.UUID, version scim.Version) ([]byte, error) {
				return fmt.Appendf(nil, "%s %d", id, version), nil
			},
		}
	}
}

// What a step changes is stored with its outcome; what cannot have its outcome
// stored is not changed.
func TestSteps_AreDoneOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]*tenant{"silent": newTenant(t), "told": first(streaming(t))} {
		step, changes := o.steps(), o.changes()
		want := map[int][]byte{}
		for n, c := range changes {
			refused := step(n)
			refused.Worker = uuid.New()
			for range 2 {
				if _, kept, err := c.as(t.Context(), refused); !errors.Is(err, directory.ErrLeaseLost) || kept {
					t.Fatalf("%s, %s: %v", name, c.name, err)
				}
			}
			if n > 0 { // an outcome that is known
				if _, _, err := c.as(t.Context(), step(n-1)); !errors.Is(err, directory.ErrLeaseLost) {
					t.Fatalf("%s, %s: %v", name, c.name, err)
				}
			}
			r, kept, err := c.as(t.Context(), step(n))
			if err != nil || !kept {
				t.Fatalf("%s, %s: %v, kept %t", name, c.name, err, kept)
			}
			want[n] = fmt.Appendf(nil, "%s %d", r.ID, r.Version)
		}
		_, got, err := o.Jobs().Take(t.Context(), uuid.New(), 0)
		o.must(err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func first(o *tenant, _ org.ID, _ *eventstore.Store) *tenant { return o }

// Of workers that do the same step one changes something, whichever.
func TestSteps_AreDoneByOne(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	step := o.steps()
	for n := range 20 {
		results := make(chan error)
		for i := range writers {
			go func() {
				doc := userDoc(fmt.Sprintf("user%d-%d", n, i))
				_, _, err := o.creation(doc).as(context.Background(), step(n))
				results <- err
			}()
		}
		done := 0
		for range writers {
			switch err := <-results; {
			case err == nil:
				done++
			case !errors.Is(err, directory.ErrLeaseLost):
				t.Error(err)
			}
		}
		if done != 1 {
			t.Errorf("step %d was done %d times", n, done)
		}
	}
}

// A step whose request goes to another worker while its outcome is being stored is not
// done: the other would not know.
func TestSteps_OfARequestThatIsTakenMeanwhile(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	step := o.steps()(0)
	release := o.held(`insert into async_steps (org_id, request_id, step, begun_at) values ($1, $2, 0, $3)`, o.Tenant.Org, db.ID(step.Request), now())
	failed, kept := make(chan error), false
	go func() {
		var err error
		_, kept, err = o.creation(userDoc("ada")).as(context.Background(), step)
		failed <- err
	}()
	o.waitingFor(1)
	_, known, err := o.Jobs().Take(t.Context(), uuid.New(), time.Hour)
	o.must(err)
	release()
	if err := <-failed; !errors.Is(err, directory.ErrLeaseLost) || kept {
		t.Errorf("%v, kept %t; the other worker knows %v", err, kept, known)
	}
	expect(t, "users", o.number(`select count(*) from users where org_id = $1`, o.Tenant.Org), 0)
}

// What changes nothing has its outcome kept by its worker, once.
func TestSteps_OfNoChange(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	step, ada := o.steps()(0), o.user("ada")
	same := madeBy{"nothing", func(ctx context.Context) (directory.Record, error) {
		return o.Update(ctx, schema.User, ada.ID, directory.Change{Edit: func(directory.Resource) (directory.Edit, error) { return directory.Edit{}, nil }})
	}}
	if _, kept, err := same.as(t.Context(), step); err != nil || kept {
		t.Fatalf("%v, kept %t", err, kept)
	}
	o.must(o.Jobs().Keep(t.Context(), step, []byte("same")))
	if err := o.Jobs().Keep(t.Context(), step, []byte("other")); !errors.Is(err, directory.ErrLeaseLost) {
		t.Errorf("kept twice: %v", err)
	}
	_, got, err := o.Jobs().Take(t.Context(), uuid.New(), 0)
	o.must(err)
	if diff := cmp.Diff(map[int][]byte{0: []byte("same")}, got); diff != "" {
		t.Error(diff)
	}
}

// The end of a request is told once, by the worker that holds it.
func TestFinish_TellsOnce(t *testing.T) {
	t.Parallel()
	o, id, e := streaming(t)
	lost := o.steps()(0)
	holder := uuid.New()
	a, _, err := o.Jobs().Take(t.Context(), holder, 0)
	o.must(err)
	answer := directory.Answer{Body: []byte("{}"), Operations: []directory.Answered{
		{Txn: "t:0", URI: "/Users/1", ID: "1", Result: []byte(`{"status":"201"}`)}, {Txn: "t:1", URI: "/Users", Result: []byte(`{"status":"409"}`)},
	}}
	refused := func(worker uuid.UUID) {
		if err := o.Jobs().Finish(t.Context(), worker, a, answer); !errors.Is(err, directory.ErrLeaseLost) {
			t.Errorf("finished by who does not hold it: %v", err)
		}
	}
	refused(lost.Worker)
	o.must(o.Jobs().Finish(t.Context(), holder, a, answer))
	refused(holder)
	numbers, _ := o.pending(e)
	expect(t, "events", numbers, []int64{1, 2})
	found, _, err := e.Pending(t.Context(), id, 0, 10, 1<<20)
	o.must(err)
	want := `{"events":{"urn:ietf:params:scim:event:misc:asyncresp":{"status":"409"}},"sub_id":{"format":"scim","uri":"/Users"},"txn":"t:1"}`
	if diff := cmp.Diff(want, string(found[1].Claims)); diff != "" {
		t.Error(diff)
	}
}

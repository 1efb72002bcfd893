package postgres

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// retitle gives a user a title.
func (o *tenant) retitle(id uuid.UUID, title string) {
	if err := o.tryRetitle(id, title); err != nil {
		o.t.Error(err)
	}
}

func (o *tenant) tryRetitle(id uuid.UUID, title string) error {
	_, err := o.Update(o.t.Context(), schema.User, id, directory.Change{Edit: edit(with(schema.Title, title))})
	return err
}

func TestCommit_KeepsAllThatCameTogether(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	lane := o.commits.of(o.org)
	ids := o.users(mostTogether)
	groups := []uuid.UUID{o.group("A").ID, o.group("B", ids[0]).ID, o.group("C", ids...).ID}
	all, end := new(sync.WaitGroup), o.busy(lane)
	for _, group := range groups {
		all.Go(func() {
			m := directory.MemberChange{Add: ids[1:2], Remove: ids[:1], Limit: 1}
			if _, err := o.ChangeMembers(t.Context(), group, scim.Condition{}, m); err != nil {
				t.Error(err)
			}
		})
	}
	for i, id := range ids {
		all.Go(func() { o.retitle(id, "Dr") })
		all.Go(func() {
			doc := userDoc(fmt.Sprint("new", i), with(schema.Emails, emails(fmt.Sprint(i, "@x"))))
			if _, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: doc}); err != nil {
				t.Error(err)
			}
		})
	}
	waiting := 2*len(ids) + len(groups)
	o.awaited(lane, waiting)
	before := o.pool.Stat().AcquireCount()
	end()
	all.Wait()
	if n := int(o.pool.Stat().AcquireCount() - before); n > len(ids)/4 {
		t.Errorf("%d writes that waited took %d round trips", waiting, n)
	}
	for _, id := range ids {
		if title := schema.Title.Text(load(t, o.get(schema.User, id, false).Doc)); title != "Dr" {
			t.Errorf("a user has the title %q", title)
		}
	}
	expect(t, "users", o.number(`select count(*) from users where org_id = $1`, o.org), 2*len(ids))
	expect(t, "members", o.number(`select count(*) from group_members where org_id = $1`, o.org), 1+1+len(ids)-1)
	o.consistent()
}

// TestCommit_RefusesAlone has users made under names that are taken, among others.
func TestCommit_RefusesAlone(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	lane := o.commits.of(o.org)
	o.user("taken")
	all, end := new(sync.WaitGroup), o.busy(lane)
	const people = 20
	for i := range people {
		name, taken := fmt.Sprint("user", i), i%5 == 2
		if taken {
			name = "Taken"
		}
		all.Go(func() {
			_, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc(name)})
			var refused *scim.Error
			if taken != (errors.As(err, &refused) && refused.Status == 409) || !taken && err != nil {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	o.awaited(lane, people)
	end()
	all.Wait()
	expect(t, "users", o.number(`select count(*) from users where org_id = $1`, o.org), 1+people*4/5)
	o.consistent()
}

// TestCommit_WaitsForALockAlone has a user locked by somebody else: only who writes
// that user waits.
func TestCommit_WaitsForALockAlone(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	lane := o.commits.of(o.org)
	ids := o.users(10)
	holder, err := o.pool.Begin(t.Context())
	o.must(err)
	_, err = holder.Exec(t.Context(), `select 1 from users where org_id = $1 and id = $2 for update`, o.org, uid(ids[3]))
	o.must(err)
	end := o.busy(lane)
	var locked, others sync.WaitGroup
	for i, id := range ids {
		who := &others
		if i == 3 {
			who = &locked
		}
		who.Go(func() { o.retitle(id, "Dr") })
	}
	o.awaited(lane, len(ids))
	end()
	others.Wait()
	expect(t, "titles", o.number(`select count(*) from users where org_id = $1 and doc like '%Dr%'`, o.org), len(ids)-1)
	o.must(holder.Rollback(t.Context()))
	locked.Wait()
	o.consistent()
}

// TestCommit_TellsWhatItDoesNotKnow has PostgreSQL end connections while writes are
// under way: who is told that a write is stored finds it stored.
func TestCommit_TellsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(16)
	var all sync.WaitGroup
	done := make(chan struct{})
	for _, id := range ids {
		all.Go(func() {
			for i := range 30 {
				title := fmt.Sprint("title", i)
				if err := o.tryRetitle(id, title); err != nil {
					continue
				}
				r, err := o.Get(t.Context(), schema.User, id, false)
				for err != nil {
					r, err = o.Get(t.Context(), schema.User, id, false)
				}
				if got := schema.Title.Text(load(t, r.Doc)); got != title {
					t.Errorf("acknowledged %s, found %s", title, got)
				}
			}
		})
	}
	go func() {
		all.Wait()
		close(done)
	}()
	beside, err := Open(t.Context(), o.pool.Config().ConnString(), Options{})
	o.must(err)
	defer beside.Close()
	killer, killed := &tenant{beside.view(org.ID(o.org)), t}, 0
	for writing := true; writing; {
		killed += killer.number(`select count(pg_terminate_backend(pid)) from pg_stat_activity
			where datname = current_database() and pid <> pg_backend_pid() and state = 'active' and query like '%update users%'`)
		select {
		case <-done:
			writing = false
		case <-time.After(time.Millisecond):
		}
	}
	if killed == 0 {
		t.Error("no connection was ended while it wrote")
	}
	killer.consistent()
}

package servertest_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
	"github.com/purescim/purescim/internal/testdb"
)

// replicated are two servers of one database, which both read of its standbys.
type replicated struct {
	t       *testing.T
	servers [2]*servertest.Server
	orgs    [2]*servertest.Org // one organisation, at each
	standby *testdb.Standby    // the first
}

func newReplicated(t *testing.T) *replicated {
	t.Helper()
	database, standby := testdb.NewWithStandby(t)
	return newReplicatedOf(t, database, standby)
}

func newReplicatedOf(t *testing.T, database string, standbys ...*testdb.Standby) *replicated {
	t.Helper()
	r := &replicated{t: t, standby: standbys[0]}
	var urls []string
	for _, s := range standbys {
		urls = append(urls, s.URL)
	}
	for i := range r.servers {
		r.servers[i] = servertest.NewWith(t, servertest.Options{Database: database, ReadURLs: urls})
	}
	r.orgs[0] = r.servers[0].NewOrg(t, servertest.Unbraked)
	r.orgs[1] = r.orgs[0].At(r.servers[1])
	return r
}

// read tells how many reads the standby was sent by a server.
func (r *replicated) read(server int) int64 {
	states, _ := r.servers[server].Store.Standbys()
	return states[0].Reads
}

// fallbacks tells how many reads the primary has answered instead, for a cause.
func (r *replicated) fallbacks(cause string) (n int64) {
	for _, s := range r.servers {
		_, fallbacks := s.Store.Standbys()
		n += fallbacks[cause]
	}
	return n
}

// awaitReady waits until both servers ask the first standby, or neither does.
func (r *replicated) awaitReady(ready bool) {
	r.t.Helper()
	r.await(0, ready)
}

// await waits until both servers ask a standby, or neither does.
func (r *replicated) await(standby int, ready bool) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		n := 0
		for _, s := range r.servers {
			if states, _ := s.Store.Standbys(); states[standby].Ready == ready {
				n++
			}
		}
		if n == len(r.servers) {
			return
		}
		if time.Now().After(end) {
			r.t.Fatalf("standby %d is asked: %t", standby+1, !ready)
		}
	}
}

// Who writes at one server and reads at the other never reads what was before, in whatever
// way: with a standby that follows at once, late, in jumps, not at all, and that dies.
func TestStandbys(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	r.awaitReady(true)
	before := r.read(1)
	r.readOwnWrites(20)
	if n := r.read(1) - before; n == 0 {
		t.Error("nothing was read of the standby")
	}

	r.standby.Exec(`alter system set recovery_min_apply_delay = '8ms'`)
	r.standby.Exec(`select pg_reload_conf()`)
	r.awaitReady(true)
	r.readOwnWrites(20)

	r.standby.Exec(`alter system set recovery_min_apply_delay = '1h'`)
	r.standby.Exec(`select pg_reload_conf()`)
	r.readOwnWrites(5)
	r.awaitReady(false)
	if r.fallbacks("behind") == 0 {
		t.Error("a standby that was behind was not found to be")
	}
	r.standby.Exec(`alter system reset recovery_min_apply_delay`)
	r.standby.Exec(`select pg_reload_conf()`)
	r.awaitReady(true)

	r.underLoad(func() {
		r.standby.Exec(`select pg_wal_replay_pause()`)
		r.awaitReady(false)
		r.standby.Exec(`select pg_wal_replay_resume()`)
		r.awaitReady(true)
		r.standby.Kill()
		r.awaitReady(false)
		r.standby.Start()
		r.awaitReady(true)
		r.standby.Stop()
		r.awaitReady(false)
		r.standby.Continue()
		r.awaitReady(true)
	})
	if r.fallbacks("lost") == 0 {
		t.Error("a standby that was gone was not found to be")
	}
}

// underLoad does something while clients of both servers write and read.
func (r *replicated) underLoad(do func()) {
	var over atomic.Bool
	var clients sync.WaitGroup
	for range 2 {
		clients.Go(func() {
			for !over.Load() && !r.t.Failed() {
				r.readOwnWrites(1)
			}
		})
	}
	do()
	over.Store(true)
	clients.Wait()
}

// readOwnWrites has a new user and a new group change so many times, and looks at them at the
// other server each time.
func (r *replicated) readOwnWrites(times int) {
	name := uuid.NewString() + "@example.org"
	a, b := r.orgs[0], r.orgs[1]
	user := a.NewUser(r.t, name)
	group := a.NewGroup(r.t, "Group of "+name, user)
	for n := range times {
		title := fmt.Sprint("Title ", n)
		a.Do(r.t, http.MethodPatch, "/Users/"+user, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": title})).Want(r.t, http.StatusOK)
		for _, found := range []map[string]any{
			b.Do(r.t, http.MethodGet, "/Users/"+user, nil).Want(r.t, http.StatusOK).Object(r.t),
			one(r.t, b, "/Users?filter=userName+eq+%22"+name+"%22"),
			one(r.t, b, "/Users?filter=userName+eq+%22"+name+"%22+and+title+ne+%22none%22"),
		} {
			if found["title"] != title {
				r.t.Errorf("%s was written, and %v read", title, found["title"])
			}
		}
		a, b = b, a
	}
	if members := b.Do(r.t, http.MethodGet, "/Groups/"+group, nil).Want(r.t, http.StatusOK).Object(r.t)["members"]; len(members.([]any)) != 1 {
		r.t.Errorf("the members of a group are %v", members)
	}
	a.Do(r.t, http.MethodDelete, "/Users/"+user, nil).Want(r.t, http.StatusNoContent)
	b.Do(r.t, http.MethodGet, "/Users/"+user, nil).Want(r.t, http.StatusNotFound)
}

// one gives the only resource of a list.
func one(t *testing.T, o *servertest.Org, path string) map[string]any {
	t.Helper()
	var list struct{ Resources []map[string]any }
	o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK).Decode(t, &list)
	if len(list.Resources) != 1 {
		t.Errorf("%s finds %d", path, len(list.Resources))
		return nil
	}
	return list.Resources[0]
}

// Of two standbys one may lag, stand still or die: the other one is asked, nobody reads what
// was before, and the primary has no more to do.
func TestStandbys_OneOfTwo(t *testing.T) {
	t.Parallel()
	database, first := testdb.NewWithStandby(t)
	standbys := []*testdb.Standby{first, testdb.NewStandby(t, database)}
	r := newReplicatedOf(t, database, standbys...)
	for _, fault := range []struct {
		name         string
		happen, mend func(s *testdb.Standby)
	}{
		{"lags", func(s *testdb.Standby) { s.Exec(`select pg_wal_replay_pause()`) }, func(s *testdb.Standby) { s.Exec(`select pg_wal_replay_resume()`) }},
		{"stands still", (*testdb.Standby).Stop, (*testdb.Standby).Continue},
		{"dies", (*testdb.Standby).Kill, (*testdb.Standby).Start},
	} {
		for struck, s := range standbys {
			r.await(0, true)
			r.await(1, true)
			r.underLoad(func() {
				fault.happen(s)
				r.await(struck, false)
			})
			before, away := r.reads(), r.fallbacks("away")
			r.readOwnWrites(10)
			after := r.reads()
			if after[struck] != before[struck] || after[1-struck] == before[1-struck] || r.fallbacks("away") != away {
				t.Errorf("standby %d %s: of reads there were %d, and are %d; %d had no standby", struck+1, fault.name, before, after, r.fallbacks("away")-away)
			}
			fault.mend(s)
		}
	}
}

// reads tells how many reads each standby was sent by both servers.
func (r *replicated) reads() (n [2]int64) {
	for _, s := range r.servers {
		states, _ := s.Store.Standbys()
		for i, state := range states {
			n[i] += state.Reads
		}
	}
	return n
}

// An answer that has begun when the standby dies is completed by the primary.
func TestStandbys_DieInAnAnswer(t *testing.T) {
	t.Parallel()
	r := newReplicated(t)
	o, d := r.orgs[0], r.servers[0].Directory
	var ids []uuid.UUID
	for i := range directory.ChunkSize + 10 {
		ids = append(ids, uuid.MustParse(o.NewUser(t, fmt.Sprintf("user-%d@example.org", i))))
	}
	r.awaitReady(true)
	request := directory.ListRequest{Start: 1, Count: len(ids), HasCount: true}
	walked, err := d.List(t.Context(), o.Org, schema.User, request)
	if err != nil {
		t.Fatal(err)
	}
	request.HasFilter, request.Filter = true, `userName co "example"`
	found, err := d.List(t.Context(), o.Org, schema.User, request)
	if err != nil {
		t.Fatal(err)
	}
	names := d.Members(t.Context(), o.Org, ids)
	if n := r.read(0); n < 3 {
		t.Fatalf("the standby was sent %d reads", n)
	}
	r.standby.Kill()
	for name, listed := range map[string]directory.Listed{"walk": walked, "filter": found} {
		var read []uuid.UUID
		add := func(records []directory.Record) {
			for _, r := range records {
				read = append(read, r.ID)
			}
		}
		add(listed.Records)
		for chunk, err := range listed.Rest {
			if err != nil {
				t.Fatal(err)
			}
			add(chunk.Records)
		}
		if !slices.Equal(read, ids) {
			t.Errorf("%s: %d users of %d are read, or in another order", name, len(read), len(ids))
		}
	}
	named := 0
	for links, err := range names {
		if err != nil {
			t.Fatal(err)
		}
		named += len(links)
	}
	if named != len(ids) {
		t.Errorf("%d members of %d are named", named, len(ids))
	}
}

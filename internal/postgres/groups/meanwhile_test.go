package groups

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// server gives the groups of an organisation by a server of its own.
func server(t *testing.T, s *searchtest.DB, o int64) Groups {
	t.Helper()
	opened, err := pool.Open(t.Context(), s.URL, pool.Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	tenant := opened.Tenant(org.ID(o))
	writer := writes.NewWriter(eventstore.New(opened, nil), func(context.Context) string { return "" })
	return New(writer.Of(&tenant), NewQueues())
}

// waitFor returns when so many statements wait for the locks of others.
func waitFor(t *testing.T, p Groups, n int) {
	t.Helper()
	const waiting = `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
	for range 2000 {
		var found int
		if err := p.Own().QueryRow(t.Context(), waiting).Scan(&found); err != nil {
			t.Fatal(err)
		}
		if found == n {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("waited in vain until %d wait for a lock", n)
}

// Requests that were merged wait together, and see no less: here for another server, which
// waits for the group before them.
func TestMerged_RemoveWhoWasAddedMeanwhile(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	o, group := s.Orgs.Add(1), searchtest.Numbered(2, 0)
	ids := []uuid.UUID{searchtest.Numbered(1, 0), searchtest.Numbered(1, 1), searchtest.Numbered(1, 2), searchtest.Numbered(1, 3)}
	s.Add(t, o, schema.User, searchtest.Documents(len(ids), searchtest.NumberedUser))
	s.Add(t, o, schema.Group, searchtest.Documents(1, searchtest.NumberedGroup))
	s.Link(t, o, [][2]uuid.UUID{{group, ids[0]}})
	s.Exec(t, `update groups set version = 1, member_count = 1 where org_id = $1`, o)
	another, merging := server(t, s, o), server(t, s, o)
	wishes := memberWishes{}
	for n, m := range []directory.MemberChange{{Remove: ids[1:2]}, {Add: ids[2:3]}, {Remove: ids[3:]}} {
		wishes.take(n, &memberRequest{MemberChange: m})
	}
	held, err := s.Conn.Begin(t.Context())
	if err == nil {
		_, err = held.Exec(t.Context(), `select from groups where org_id = $1 and id = $2 for no key update`, o, db.ID(group))
	}
	if err != nil {
		t.Fatal(err)
	}
	added, merged := make(chan error, 1), make(chan error, 1)
	go func() {
		_, err := another.ChangeMembers(t.Context(), group, scim.Condition{}, directory.MemberChange{Add: ids[1:2]})
		added <- err
	}()
	waitFor(t, another, 1)
	var a applied
	go func() {
		merged <- merging.Write(t.Context(), "test", func(w *writes.Write) (err error) {
			a, err = apply(t.Context(), w, wishes.statement(w, group, nil, true))
			return err
		})
	}()
	waitFor(t, another, 2)
	if err := held.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, done := range []chan error{added, merged} {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	want := answers{Changed: [2][]uuid.UUID{ids[2:3], ids[1:2]}, Version: 4, Members: []uuid.UUID{ids[0], ids[2]}, Name: "User Number 1"}
	got := answers{Changed: a.changed, Version: a.Version, Name: a.names[ids[1]]}
	for _, l := range a.Links {
		got.Members = append(got.Members, l.ID)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what is answered (-want +got):\n%s", diff)
	}
}

// answers is what the test above looks at.
type answers struct {
	Changed [2][]uuid.UUID
	Version scim.Version
	Members []uuid.UUID
	Name    string // of who was removed
}

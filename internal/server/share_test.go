package server_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// hold locks rows of the server's database until release is called.
func hold(t *testing.T, s *servertest.Server, lock string, args ...any) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), lock, args...)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = tx.Rollback(context.Background()) }
}

const holdGroup = `select from groups where id = $1 for update`

// removals are operations that remove members by what is stored of them.
func removals(count int, filter string) map[string]any {
	operations := make([]map[string]any, count)
	for i := range operations {
		operations[i] = map[string]any{"op": "remove", "path": fmt.Sprintf("members["+filter+"]", i)}
	}
	return servertest.Patch(operations...)
}

// However many operations look at the members of a group, these are read once, and
// nobody waits for that: what is found to change nothing takes no lock.
func TestShare_MembersAreMatchedOnceAndOutsideOfLocks(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	users := make([]string, 12)
	for i := range users {
		users[i] = o.NewUser(t, fmt.Sprintf("zz%d@example.org", i))
	}
	group := o.NewGroup(t, "Claims", users[:10]...)
	release := hold(t, s, holdGroup, group)
	before := s.Store.Stat().AcquireCount()
	// The first of all finds no member, the others neither.
	o.Do(t, http.MethodPatch, "/Groups/"+group+"?attributes=displayName", removals(1000, `display co "yy%d"`)).Want(t, http.StatusOK)
	if n := s.Store.Stat().AcquireCount() - before; n > 5 {
		t.Errorf("1000 operations took a connection %d times", n)
	}
	release()
	body := removals(6, `display co "ZZ%d"`)
	body["Operations"] = append(body["Operations"].([]map[string]any),
		map[string]any{"op": "add", "path": "members", "value": servertest.Values(users[2], users[10], users[11])},
		map[string]any{"op": "remove", "path": `members[display ew "11@example.org"]`})
	o.Do(t, http.MethodPatch, "/Groups/"+group, body).Want(t, http.StatusOK)
	var resource struct{ Members []struct{ Value string } }
	o.Do(t, http.MethodGet, "/Groups/"+group, nil).Want(t, http.StatusOK).Decode(t, &resource)
	want := []string{users[2], users[6], users[7], users[8], users[9], users[10], users[11]}
	found := map[string]bool{}
	for _, m := range resource.Members {
		found[m.Value] = true
	}
	for i, id := range want {
		// The name of a user who was no member before is not known to the operations.
		if !found[id] {
			t.Errorf("member %d is missing", i)
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d members, want %d", len(found), len(want))
	}
}

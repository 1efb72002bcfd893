package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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

// memberReads counts the statements that read or change members of groups, whoever makes them.
type memberReads struct{ atomic.Int64 }

func (n *memberReads) count(sql string) {
	if strings.Contains(sql, "group_members") {
		n.Add(1)
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (n *memberReads) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	n.count(q.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*memberReads) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (*memberReads) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (n *memberReads) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	n.count(q.SQL)
}

// TraceBatchEnd implements pgx.BatchTracer.
func (*memberReads) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// However many operations look at the members of a group, these are read once, and
// nobody waits for that: what is found to change nothing takes no lock.
func TestShare_MembersAreMatchedOnceAndOutsideOfLocks(t *testing.T) {
	t.Parallel()
	var reads memberReads
	s := servertest.NewWith(t, servertest.Options{Tracer: &reads})
	o := s.NewOrg(t)
	users := make([]string, 12)
	for i := range users {
		users[i] = o.NewUser(t, fmt.Sprintf("zz%d@example.org", i))
	}
	group := o.NewGroup(t, "Claims", users[:10]...)
	release := hold(t, s, holdGroup, group)
	// The first of all finds no member, the others neither.
	readBy := func(operations int) int64 {
		before := reads.Load()
		o.Do(t, http.MethodPatch, "/Groups/"+group+"?attributes=displayName", removals(operations, `display co "yy%d"`)).Want(t, http.StatusOK)
		return reads.Load() - before
	}
	if one, many := readBy(1), readBy(1000); one != 1 || many != one {
		t.Errorf("one operation reads the members %d times, and 1000 do %d times", one, many)
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

// retryLater fails the test unless the answer sends the client away for a while.
func retryLater(t *testing.T, what string, a *servertest.Answer) {
	t.Helper()
	if a.Status != http.StatusServiceUnavailable && a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("%s: %d, Retry-After %q: %s", what, a.Status, a.Header.Get("Retry-After"), a.Body)
	}
}

// waitingForRows counts the statements of the database that wait for a lock.
func waitingForRows(t *testing.T, s *servertest.Server) int {
	t.Helper()
	return count(t, s, `select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)
}

// count asks the server's database for a number.
func count(t *testing.T, s *servertest.Server, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// While all that one organisation may have of the database is in use, another reads,
// lists and writes, and the first is told to come later when too many of it wait.
func TestShare_OneOrganisationLeavesTheOthersTheirs(t *testing.T) {
	t.Parallel()
	const share, flood = 3, 290 // of 8 connections 6 are shared; 256 wait
	s := servertest.New(t)
	a, b := s.NewOrg(t), s.NewOrg(t)
	group, beside := a.NewGroup(t, "Claims"), b.NewGroup(t, "Claims")
	user := b.NewUser(t, "ada@example.org")
	release := hold(t, s, holdGroup, group)
	refused, ended := make(chan *servertest.Answer, flood), make(chan *servertest.Answer, flood)
	for i := range flood {
		go func() {
			answer := a.Do(t, http.MethodPatch, "/Groups/"+group, servertest.Patch(
				map[string]any{"op": "replace", "path": "externalId", "value": fmt.Sprint(i)}))
			if answer.Status == http.StatusTooManyRequests {
				refused <- answer
			}
			ended <- answer
		}()
	}
	retryLater(t, "beyond those that may wait", <-refused)
	if n := waitingForRows(t, s); n > share {
		t.Errorf("%d connections wait for a row of one organisation, whose share is %d", n, share)
	}
	b.Do(t, http.MethodGet, "/Users/"+user, nil).Want(t, http.StatusOK)
	b.Do(t, http.MethodGet, `/Users?filter=title+co+"x"`, nil).Want(t, http.StatusOK)
	b.Do(t, http.MethodPatch, "/Groups/"+beside, servertest.Patch(
		map[string]any{"op": "add", "path": "members", "value": servertest.Values(user)},
		map[string]any{"op": "replace", "path": "externalId", "value": "x"})).Want(t, http.StatusOK)
	release()
	for range flood {
		if answer := <-ended; answer.Status != http.StatusOK {
			retryLater(t, "of the flood", answer)
		}
	}
	a.Do(t, http.MethodGet, "/Groups/"+group, nil).Want(t, http.StatusOK)
}

// Who waits for a row in vain is told to come later, whatever it writes, and has
// changed nothing.
func TestShare_WhoWaitsForARowInVain(t *testing.T) {
	t.Parallel()
	whole := servertest.New(t)
	for setting, value := range map[string]string{"lock_timeout": "30", "statement_timeout": "400"} {
		s := servertest.NewWith(t, servertest.Options{Database: withSetting(t, whole.Database, setting, value)})
		o := s.NewOrg(t)
		user, group := o.NewUser(t, "ada@example.org"), o.NewGroup(t, "Claims")
		title := servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Countess"})
		for _, c := range []struct {
			lock, id, method, path string
			body                   any
		}{
			{holdGroup, group, http.MethodPatch, "/Groups/" + group, servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(user)})},
			{holdGroup, group, http.MethodPatch, "/Groups/" + group, servertest.Patch(map[string]any{"op": "replace", "path": "externalId", "value": "x"})},
			{`select from users where id = $1 for update`, user, http.MethodPatch, "/Users/" + user, title},
			{`select from users where id = $1 for update`, user, http.MethodDelete, "/Users/" + user, nil},
		} {
			release := hold(t, s, c.lock, c.id)
			retryLater(t, setting+": "+c.method+" "+c.path, o.Do(t, c.method, c.path, c.body))
			release()
		}
		o.Do(t, http.MethodPatch, "/Users/"+user, title).Want(t, http.StatusOK)
		o.Do(t, http.MethodDelete, "/Users/"+user, nil).Want(t, http.StatusNoContent)
	}
}

// withSetting adds a setting of sessions to the URL of a database.
func withSetting(t *testing.T, database, setting, value string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set(setting, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// While one organisation has as many bulk requests and dry runs under way as it may, each of
// which waits, those of another are done.
func TestShare_BulkRequestsLeaveOthersTheirs(t *testing.T) {
	t.Parallel()
	whole := servertest.New(t)
	s := servertest.NewWith(t, servertest.Options{Database: withSetting(t, whole.Database, "lock_timeout", "60000"), DryRunTime: time.Minute})
	a, b := s.NewOrg(t), s.NewOrg(t)
	bulk := func(users ...string) map[string]any {
		operations := make([]map[string]any, len(users))
		for i, user := range users {
			operations[i] = map[string]any{"method": http.MethodPatch, "path": "/Users/" + user, "data": servertest.Patch(
				map[string]any{"op": "replace", "path": "title", "value": "Countess"})}
		}
		return map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations}
	}
	users := make([]string, 8)
	for i := range users {
		users[i] = a.NewUser(t, fmt.Sprintf("zz%d@example.org", i))
	}
	user := b.NewUser(t, "ada@example.org")
	for _, path := range []string{"/Bulk?dryRun=true", "/Bulk"} {
		release := hold(t, s, `select from users where org_id = $1 for update`, int64(a.ID))
		var under sync.WaitGroup
		var ended atomic.Int64
		for range 12 {
			under.Go(func() {
				a.Do(t, http.MethodPost, path, bulk(users...))
				ended.Add(1)
			})
		}
		for waitingForRows(t, s) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		for _, other := range []string{"/Bulk?dryRun=true", "/Bulk"} {
			answer := b.Do(t, http.MethodPost, other, bulk(user)).Want(t, http.StatusOK)
			if !strings.Contains(string(answer.Body), `"status":"200"`) {
				t.Errorf("%s beside %s: %s", other, path, answer.Body)
			}
		}
		if n := ended.Load(); n > 0 {
			t.Errorf("%d requests to %s ended before those of the other organisation", n, path)
		}
		release()
		under.Wait()
	}
}

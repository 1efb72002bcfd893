package servertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/servertest"
)

const async = "Prefer: respond-async"

// accepted sends operations to be done later and returns the path of their status.
func accepted(t testing.TB, o *servertest.Org, body any) string {
	t.Helper()
	a := o.Do(t, "POST", "/Bulk", body, async).Want(t, 202)
	_, path, ok := strings.Cut(a.Header.Get("Location"), servertest.SCIM)
	if !ok || a.Header.Get("Preference-Applied") != "respond-async" || a.Header.Get("Set-Txn") != path[len("/Bulk/"):] || len(a.Body) > 0 {
		t.Fatalf("headers %v, body %q", a.Header, a.Body)
	}
	return path
}

// collected waits for what has become of a request.
func collected(t testing.TB, o *servertest.Org, path string) []bulkResult {
	t.Helper()
	for {
		a := o.Do(t, "GET", path, nil)
		if a.Status != 202 {
			return bulkResults(t, a)
		}
		if a.Header.Get("Retry-After") == "" || len(a.Body) > 0 {
			t.Fatalf("202 with headers %v, body %q", a.Header, a.Body)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// rows counts by a statement about an organisation.
func rows(t testing.TB, server *servertest.Server, o *servertest.Org, sql string) (n int) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), server.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	if err := db.QueryRow(t.Context(), sql, int64(o.ID)).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAsync_AnswersLaterAsItWouldHaveAtOnce(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	replica := servertest.NewWith(t, servertest.Options{Database: server.Database, LeaveAccepted: true})
	answers := map[string][]bulkResult{}
	for _, way := range []string{"at once", "later", "waiting"} {
		o := server.NewOrg(t)
		id, group := o.NewUser(t, "old"), o.NewGroup(t, "Looms")
		body := bulkBody(0,
			operation{Method: "PATCH", Path: "/Groups/" + group, Data: servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values("bulkId:ada")})},
			managedBy("ada", "bulkId:bob"), managedBy("bob", "bulkId:ada"), newUser("old"),
			operation{Method: "DELETE", Path: "/Users/" + id, Version: `"1"`}, operation{Method: "GET", Path: "/Users"},
			post("secret", "/Users", map[string]any{"userName": "secret", "password": "swordfish-swordfish"}))
		var results []bulkResult
		switch way {
		case "at once":
			results = bulkResults(t, o.Do(t, "POST", "/Bulk", body, "Prefer: return=minimal"))
		case "later":
			path := accepted(t, o, body)
			results = collected(t, o, path)
			elsewhere := o.At(replica)
			if diff := cmp.Diff(results, collected(t, elsewhere, path)); diff != "" {
				t.Errorf("another server answers otherwise:\n%s", diff)
			}
			kept := rows(t, server, o, "select count(*) from async_requests where org_id = $1 and body is null and answer is not null")
			steps := rows(t, server, o, "select count(*) from async_steps where org_id = $1")
			if kept != 1 || steps != 0 {
				t.Errorf("%d requests without body, %d steps; want 1 and 0", kept, steps)
			}
		case "waiting":
			results = bulkResults(t, o.Do(t, "POST", "/Bulk", body, "Prefer: wait=40, respond-async"))
		}
		wantStatuses(t, results, "200 201 201 409 204 400 201")
		if got := manager(t, o, results[1].id()); got != results[2].id() {
			t.Errorf("%s: the manager is %q, want %q", way, got, results[2].id())
		}
		for i := range results {
			results[i].Location = results[i].Location[:strings.LastIndex(results[i].Location, "/")+1]
		}
		answers[way] = results
	}
	for way, results := range answers {
		if diff := cmp.Diff(answers["at once"], results); diff != "" {
			t.Errorf("%s (-at once +then):\n%s", way, diff)
		}
	}
}

func TestAsync_IsRefusedAtOnceWhereItIsWrong(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	o.Do(t, "POST", "/Bulk", "{", async).Refused(t, 400, "invalidSyntax")
	o.Do(t, "POST", "/Bulk", bulkBody(0, make([]operation, 1001)...), async).Refused(t, 413, "")
	o.Do(t, "POST", "/Users", map[string]any{"userName": "ada"}, async).Want(t, 201)
	for _, id := range []string{"x", uuid.NewString(), strings.ToUpper(uuid.NewString())} {
		o.Do(t, "GET", "/Bulk/"+id, nil).Refused(t, 404, "")
	}
	o.Do(t, "DELETE", "/Bulk/"+uuid.NewString(), nil).Refused(t, 405, "")
}

func TestAsync_IsSeenByNobodyElse(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	path := accepted(t, o, bulkBody(0, newUser("ada")))
	for done := range 2 {
		o.As(t, "admin").Do(t, "GET", path, nil).Refused(t, 404, "")
		server.NewOrg(t).Do(t, "GET", path, nil).Refused(t, 404, "")
		o.Do(t, "GET", path, nil, "Authorization: Bearer x").Refused(t, 401, "")
		if done == 0 {
			collected(t, o, path)
		}
	}
}

// The permissions are those that the client had when it asked.
func TestAsync_AsksPermissionsOfEachOperation(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	reader := o.As(t, "SCIM Reader")
	wantStatuses(t, collected(t, reader, accepted(t, reader, bulkBody(0, newUser("ada")))), "403")
}

func TestAsync_TakesSoManyRequestsAndNoMore(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o, other := server.NewOrg(t), server.NewOrg(t)
	for range directory.MaxAccepted {
		accepted(t, o, bulkBody(0))
	}
	refused := o.Do(t, "POST", "/Bulk", bulkBody(0), async)
	if refused.Refused(t, 429, ""); refused.Header.Get("Retry-After") == "" {
		t.Error("nobody tells when to try again")
	}
	accepted(t, other, bulkBody(0))
	o.Do(t, "POST", "/Bulk", bulkBody(0)).Want(t, 200)
}

func TestAsync_AnswersAreForgotten(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	path := accepted(t, o, bulkBody(0))
	collected(t, o, path)
	forget := func(finishedBefore time.Time) {
		t.Helper()
		if err := server.Store.Backlog().Forget(t.Context(), finishedBefore); err != nil {
			t.Fatal(err)
		}
	}
	forget(time.Now().Add(-time.Hour))
	o.Do(t, "GET", path, nil).Want(t, 200)
	forget(time.Now().Add(time.Hour))
	o.Do(t, "GET", path, nil).Refused(t, 404, "")
}

// A server dies in the midst of a request: it has done some operations, noted
// some, and was about to note others. Another goes on, and nothing is done twice.
func TestAsync_IsFinishedByAnotherServer(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o := server.NewOrg(t)
	o.NewUser(t, "foreign")
	id, leaver, stale := o.NewUser(t, "ada"), o.NewUser(t, "leaver"), o.NewUser(t, "stale")
	title := servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Countess"})
	path := accepted(t, o, bulkBody(0,
		newUser("noted"),
		managedBy("doubtful", "bulkId:noted"),
		operation{Method: "PATCH", Path: "/Users/" + id, Version: `"1"`, Data: title},
		newUser("foreign"),
		operation{Method: "PATCH", Path: "/Users/" + stale, Version: `"7"`, Data: title},
		managedBy("fresh", "bulkId:doubtful"),
		operation{Method: "DELETE", Path: "/Users/" + leaver},
		operation{Method: "DELETE", Path: "/Users/" + uuid.NewString()},
	))
	dead := newDeadServer(t, server)
	noted := dead.do(t, 0, func() *servertest.Answer { return o.Do(t, "POST", "/Users", newUser("noted").Data) }).Want(t, 201).ID(t)
	dead.note(t, 0, fmt.Sprintf(`{"status":201,"id":%q,"version":"\"1\""}`, noted))
	doubtful := dead.do(t, 1, func() *servertest.Answer { return o.Do(t, "POST", "/Users", managedBy("doubtful", noted).Data) }).Want(t, 201).ID(t)
	dead.do(t, 2, func() *servertest.Answer { return o.Do(t, "PATCH", "/Users/"+id, title) }).Want(t, 200)
	dead.do(t, 3, nil)
	dead.do(t, 4, nil)
	dead.do(t, 6, func() *servertest.Answer { return o.Do(t, "DELETE", "/Users/"+leaver, nil) }).Want(t, 204)
	before := rows(t, server, o, "select count(*) from users where org_id = $1")

	servertest.NewWith(t, servertest.Options{Database: server.Database})
	results := collected(t, o, path)
	wantStatuses(t, results, "201 201 200 409 412 201 204 404")
	if results[0].id() != noted || results[1].id() != doubtful || results[2].Version != `"2"` {
		t.Errorf("done again: %+v", results[:3])
	}
	if got := manager(t, o, results[5].id()); got != doubtful {
		t.Errorf("the manager is %q, want %q", got, doubtful)
	}
	if after := rows(t, server, o, "select count(*) from users where org_id = $1"); after != before+1 {
		t.Errorf("there are %d users after %d", after, before)
	}
	if err := server.Store.Backlog().Begin(t.Context(), dead.id, dead.request, directory.Progress{Step: 99}); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("the dead server could go on: %v", err)
	}
}

// A server that is told to stop finishes what is under way and lets go of the
// request: nothing is in doubt, and nobody has to wait.
func TestAsync_IsLeftInOrderByAServerThatStops(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o := server.NewOrg(t)
	operations := make([]operation, 1000)
	for i := range operations {
		operations[i] = newUser(fmt.Sprint("user", i))
	}
	path := accepted(t, o, bulkBody(1, operations...))
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { scimapi.Work(ctx, server.Directory, slog.New(slog.DiscardHandler)) })
	for o.Do(t, "GET", "/Users?count=0", nil).List(t).TotalResults < 10 {
		time.Sleep(time.Millisecond)
	}
	stop()
	work.Wait()
	done := o.Do(t, "GET", "/Users?count=0", nil).List(t).TotalResults
	_, steps, err := server.Store.Backlog().Take(t.Context(), uuid.New(), 0)
	if err != nil || len(steps) < done {
		t.Fatalf("%v: %d steps of %d users", err, len(steps), done)
	}
	servertest.NewWith(t, servertest.Options{Database: server.Database})
	wantStatuses(t, collected(t, o, path), strings.TrimSpace(strings.Repeat("201 ", len(operations))))
}

// deadServer has taken a request and never comes back.
type deadServer struct {
	directory.Backlog
	id      uuid.UUID
	request directory.Accepted
}

func newDeadServer(t *testing.T, server *servertest.Server) *deadServer {
	t.Helper()
	d := &deadServer{Backlog: server.Store.Backlog(), id: uuid.New()}
	var err error
	if d.request, _, err = d.Take(t.Context(), d.id, 0); err != nil {
		t.Fatal(err)
	}
	return d
}

// do begins the operation and does it.
func (d *deadServer) do(t *testing.T, operation int, work func() *servertest.Answer) *servertest.Answer {
	t.Helper()
	if err := d.Begin(t.Context(), d.id, d.request, directory.Progress{Step: 2 * operation, Begun: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if work == nil {
		return nil
	}
	return work()
}

func (d *deadServer) note(t *testing.T, operation int, outcome string) {
	t.Helper()
	if err := d.End(t.Context(), d.request, directory.Progress{Step: 2 * operation, Outcome: json.RawMessage(outcome)}); err != nil {
		t.Fatal(err)
	}
}

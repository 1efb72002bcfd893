package servertest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/servertest"
)

const async = "Prefer: respond-async"

// accepted sends operations to be done later and returns the path of their status.
func accepted(t testing.TB, o *servertest.Org, body any) string {
	t.Helper()
	a := o.Do(t, "POST", "/Bulk", body, async).Want(t, 202)
	_, path, ok := strings.Cut(a.Header.Get("Location"), servertest.SCIM)
	if !ok || a.Header.Get("Preference-Applied") != "respond-async" || a.Header.Get("Set-Txn") != "" || len(a.Body) > 0 {
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
	o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{"name": "Remover", "permissionPolicies": []any{
		map[string]any{"domain": "directory", "entityName": "user", "actionSet": []string{"delete"}},
	}}).Want(t, 200)
	remover := o.As(t, "Remover")
	wantStatuses(t, collected(t, remover, accepted(t, remover, bulkBody(0, newUser("ada")))), "403")
}

func TestAsync_TakesSoManyRequestsAndNoMore(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o, other := server.NewOrg(t), server.NewOrg(t)
	for range directory.MaxJobs {
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
		if err := server.Store.Jobs().Forget(t.Context(), finishedBefore); err != nil {
			t.Fatal(err)
		}
	}
	forget(time.Now().Add(-time.Hour))
	o.Do(t, "GET", path, nil).Want(t, 200)
	forget(time.Now().Add(time.Hour))
	o.Do(t, "GET", path, nil).Refused(t, 404, "")
}

// A server dies in the midst of a request. Another goes on with what has no outcome.
func TestAsync_IsFinishedByAnotherServer(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o := server.NewOrg(t)
	o.NewUser(t, "foreign")
	id, leaver := o.NewUser(t, "ada"), o.NewUser(t, "leaver")
	title := servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Countess"})
	path := accepted(t, o, bulkBody(0,
		newUser("noted"),
		managedBy("fresh", "bulkId:noted"),
		operation{Method: "PATCH", Path: "/Users/" + id, Version: `"1"`, Data: title},
		newUser("foreign"),
		operation{Method: "DELETE", Path: "/Users/" + leaver},
		operation{Method: "DELETE", Path: "/Users/" + uuid.NewString()},
	))
	dead := newDeadServer(t, server)
	create := func(name string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := server.Directory.CreateUser(ctx, o.Org, map[string]any{"userName": name})
			return err
		}
	}
	dead.do(t, 0, 201, create("noted"))
	dead.do(t, 2, 200, func(ctx context.Context) error {
		_, err := server.Directory.PatchUser(ctx, o.Org, id, scim.Condition{},
			[]scim.PatchOp{{Op: "add", Path: "title", Value: "Countess", HasValue: true}}, schema.User.Project(nil, nil))
		return err
	})
	dead.do(t, 4, 204, func(ctx context.Context) error {
		return server.Directory.DeleteUser(ctx, o.Org, leaver, scim.Condition{})
	})
	refused := `{"status": 418, "error": {"status": "418", "detail": "short and stout"}}`
	if err := dead.Keep(t.Context(), dead.step(3, 418), []byte(refused)); err != nil {
		t.Fatal(err)
	}
	before := rows(t, server, o, "select count(*) from users where org_id = $1")

	servertest.NewWith(t, servertest.Options{Database: server.Database})
	results := collected(t, o, path)
	wantStatuses(t, results, "201 201 200 418 204 404")
	if results[2].Version != `"2"` {
		t.Errorf("done again: %+v", results[2])
	}
	if got := manager(t, o, results[1].id()); got != results[0].id() {
		t.Errorf("the manager is %q, want %q", got, results[0].id())
	}
	if after := rows(t, server, o, "select count(*) from users where org_id = $1"); after != before+1 {
		t.Errorf("there are %d users after %d", after, before)
	}
	if _, err := dead.step(1, 201).Do(t.Context(), create("late")); !errors.Is(err, directory.ErrLeaseLost) {
		t.Errorf("the dead server could go on: %v", err)
	}
	if n := o.Do(t, "GET", `/Users?filter=userName+eq+"late"`, nil).List(t).TotalResults; n != 0 {
		t.Error("the dead server has changed something")
	}
}

// A server that is told to stop finishes what is under way and lets go of the
// request: all that it has done is known, and nobody has to wait.
func TestAsync_IsLeftInOrderByAServerThatStops(t *testing.T) {
	t.Parallel()
	for _, failOnErrors := range []int{0, 1} { // side by side, one after the other
		server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
		o := server.NewOrg(t)
		operations := make([]operation, 300)
		for i := range operations {
			operations[i] = newUser(fmt.Sprint("user", i))
		}
		for i := range 20 { // who come back, and wait for it until all before are there
			o.Do(t, "DELETE", "/Users/"+o.NewUser(t, fmt.Sprint("user", 11+3*i)), nil).Want(t, 204)
		}
		gate, choir := len(operations)/2, o.NewGroup(t, "Choir")
		operations[gate] = operation{Method: "PATCH", Path: "/Groups/" + choir, Data: servertest.Patch(
			map[string]any{"op": "replace", "path": "displayName", "value": "Choirs"},
		)}
		open := lockedGroup(t, server, o, choir) // so that the request is not done before
		path := accepted(t, o, bulkBody(failOnErrors, operations...))
		ctx, stop := context.WithCancel(t.Context())
		var work sync.WaitGroup
		work.Go(func() { scimapi.Work(ctx, server.Directory, nil, slog.New(slog.DiscardHandler)) })
		for o.Do(t, "GET", "/Users?count=0", nil).List(t).TotalResults < 10 {
			time.Sleep(time.Millisecond)
		}
		stop()
		open()
		work.Wait()
		done := o.Do(t, "GET", "/Users?count=0", nil).List(t).TotalResults
		_, steps, err := server.Store.Jobs().Take(t.Context(), uuid.New(), 0)
		if steps[2*gate] != nil {
			done++
		}
		if err != nil || len(steps) != done {
			t.Fatalf("%v: %d steps are known of %d", err, len(steps), done)
		}
		servertest.NewWith(t, servertest.Options{Database: server.Database})
		results := collected(t, o, path)
		statuses := slices.Repeat([]string{"201"}, len(operations))
		statuses[gate] = "200"
		wantStatuses(t, results, strings.Join(statuses, " "))
		for number, outcome := range steps {
			if id := results[number/2].id(); !strings.Contains(string(outcome), id) {
				t.Errorf("operation %d is done again: %s, and then %s", number/2, outcome, id)
			}
		}
	}
}

// What loses its connection to the database before it could be done is done again, at
// once or later.
func TestAsync_OutlivesItsConnections(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	group := o.NewGroup(t, "Choir")
	rename := servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": "Choirs"})
	var answers sync.WaitGroup
	defer answers.Wait()
	open := lockedGroup(t, server, o, group)
	answers.Go(func() { o.Do(t, "PATCH", "/Groups/"+group, rename).Want(t, 200) })
	path := accepted(t, o, bulkBody(0, operation{Method: "PATCH", Path: "/Groups/" + group, Data: rename}, newUser("ada")))
	// The locks of rows; workers wait for their turn, too.
	const waiting = " from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory' and $1::bigint > 0"
	for rows(t, server, o, "select count(*)"+waiting) < 2 {
		time.Sleep(time.Millisecond)
	}
	rows(t, server, o, "select count(pg_terminate_backend(pid))"+waiting)
	open()
	wantStatuses(t, collected(t, o, path), "200 201")
}

// lockedGroup keeps a group from being changed until open is called.
func lockedGroup(t testing.TB, server *servertest.Server, o *servertest.Org, id string) (open func()) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), server.Database)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := db.Begin(t.Context())
	if err == nil {
		_, err = tx.Exec(t.Context(), "select from groups where org_id = $1 and id = $2 for update", int64(o.ID), id)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = db.Close(t.Context()) }
}

// deadServer has taken a request and never comes back.
type deadServer struct {
	directory.Jobs
	id      uuid.UUID
	request directory.Job
}

func newDeadServer(t *testing.T, server *servertest.Server) *deadServer {
	t.Helper()
	d := &deadServer{Jobs: server.Store.Jobs(), id: uuid.New()}
	var err error
	if d.request, _, err = d.Take(t.Context(), d.id, 0); err != nil {
		t.Fatal(err)
	}
	return d
}

// step is what carries out an operation.
func (d *deadServer) step(operation, status int) directory.Step {
	return directory.Step{
		Org: d.request.Org.ID, Request: d.request.ID, Worker: d.id, Number: 2 * operation, Begun: time.Now(),
		Outcome: func(id uuid.UUID, version scim.Version) ([]byte, error) {
			return json.Marshal(map[string]any{"status": status, "id": id, "version": version.ETag()})
		},
	}
}

// do carries out the operation, and no more.
func (d *deadServer) do(t *testing.T, operation, status int, change func(ctx context.Context) error) {
	t.Helper()
	if kept, err := d.step(operation, status).Do(t.Context(), change); err != nil || !kept {
		t.Fatalf("%v, kept %t", err, kept)
	}
}

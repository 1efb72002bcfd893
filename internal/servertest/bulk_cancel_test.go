package servertest_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/scimapi"
	"github.com/purescim/purescim/internal/servertest"
)

const requests = "/api/v2/async/requests"

// requestOf is the path under which administrators see the request of a status.
func requestOf(status string) string { return requests + strings.TrimPrefix(status, "/Bulk") }

// stateOf is what they see of its state.
func stateOf(t testing.TB, o *servertest.Org, status string) string {
	t.Helper()
	state, _ := o.Do(t, "GET", requestOf(status), nil).Want(t, 200).Object(t)["state"].(string)
	return state
}

// bodies counts what is kept of what an organisation has asked for.
const bodies = "select count(*) from async_requests where org_id = $1 and body is not null"

func TestAsync_IsCancelled(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o, other := server.NewOrg(t), server.NewOrg(t)
	path := accepted(t, o, bulkBody(0, newUser("done"), newUser("ada"), managedBy("bob", "bulkId:cy"), managedBy("cy", "bulkId:bob")))
	if got := stateOf(t, o, path); got != "waiting" {
		t.Errorf("it is %s", got)
	}
	dead := newDeadServer(t, server)
	create := func(name string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := server.Directory.CreateUser(ctx, o.Org, map[string]any{"userName": name})
			return err
		}
	}
	dead.do(t, 0, 201, create("done"))
	other.Do(t, "DELETE", requestOf(path), nil).Want(t, 404)
	o.As(t, "SCIM Integration").Do(t, "DELETE", requestOf(path), nil).Want(t, 403)
	o.As(t, "SCIM Integration").Do(t, "GET", requests, nil).Want(t, 403)
	o.As(t, "admin").Do(t, "DELETE", requestOf(path), nil).Want(t, 204)

	results := collected(t, o, path)
	wantStatuses(t, results, "201 409 409 409")
	if !strings.Contains(results[1].Response.Detail, "cancelled by an administrator") {
		t.Errorf("the client is told %+v", results[1].Response)
	}
	if got := stateOf(t, o, path); got != "cancelled" {
		t.Errorf("it is %s", got)
	}
	if n := rows(t, server, o, bodies); n != 0 {
		t.Error("what it asked for is kept")
	}
	if _, err := dead.step(2, 201).Do(t.Context(), create("late")); !errors.Is(err, directory.ErrLeaseLost) {
		t.Errorf("who worked on it could go on: %v", err)
	}
	o.Do(t, "DELETE", requestOf(path), nil).Want(t, 409)
	o.Do(t, "DELETE", requests+"/"+uuid.NewString(), nil).Want(t, 404)
	next := accepted(t, o, bulkBody(0))
	var list struct {
		Total    int
		Entities []map[string]any
	}
	o.Do(t, "GET", requests+"?pageSize=1", nil).Want(t, 200).Decode(t, &list)
	if list.Total != 2 || len(list.Entities) != 1 || list.Entities[0]["selfUri"] != requestOf(next) {
		t.Errorf("listed %+v", list)
	}
}

// A worker that is in the midst of a request changes nothing more of it.
func TestAsync_IsCancelledUnderWay(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o := server.NewOrg(t)
	choir := o.NewGroup(t, "Choir")
	open := lockedGroup(t, server, o, choir)
	rename := servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": "Choirs"})
	path := accepted(t, o, bulkBody(1, newUser("ada"), operation{Method: "PATCH", Path: "/Groups/" + choir, Data: rename}, newUser("bob")))
	ctx, stop := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { scimapi.Work(ctx, server.Directory, nil, slog.New(slog.DiscardHandler)) })
	// The locks of rows; workers wait for their turn, too.
	const waiting = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and wait_event <> 'advisory' and $1::bigint > 0"
	for rows(t, server, o, waiting) == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := stateOf(t, o, path); got != "running" {
		t.Errorf("it is %s", got)
	}
	o.Do(t, "DELETE", requestOf(path), nil).Want(t, 204)
	open()
	stop()
	work.Wait()
	wantStatuses(t, collected(t, o, path), "201 409 409")
	if name := o.Do(t, "GET", "/Groups/"+choir, nil).Want(t, 200).Object(t)["displayName"]; name != "Choir" {
		t.Errorf("the group is %v after the request was cancelled", name)
	}
}

// Nobody can ask for the answers of a client that is gone: its requests are not
// carried out.
func TestAsync_IsCancelledWithItsClient(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	o := server.NewOrg(t)
	leaver := *o
	token, client := o.NewToken(t, "admin")
	leaver.Token = token
	gone, kept := accepted(t, &leaver, bulkBody(0, newUser("gone"))), accepted(t, o, bulkBody(0, newUser("kept")))
	o.Do(t, "DELETE", "/api/v2/oauth/clients/"+client.ID.String(), nil).Want(t, 204)
	if n := rows(t, server, o, bodies); n != 1 {
		t.Errorf("%d bodies are kept, want that of another client", n)
	}
	if got := stateOf(t, o, gone); got != "cancelled" {
		t.Errorf("it is %s", got)
	}
	servertest.NewWith(t, servertest.Options{Database: server.Database})
	wantStatuses(t, collected(t, o, kept), "201")
	if n := o.Do(t, "GET", `/Users?filter=userName+eq+"gone"`, nil).List(t).TotalResults; n != 0 {
		t.Error("it was carried out")
	}
}

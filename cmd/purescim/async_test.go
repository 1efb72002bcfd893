package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/testdb"
)

// A server that is killed in the midst of a request that it has accepted leaves
// it to another, which does the rest and nothing twice.
func TestServe_FinishesWhatAKilledServerAccepted(t *testing.T) {
	t.Parallel()
	const users = 600
	db := testdb.New(t)
	token := newStream(t, db)
	first := spawn(t, db)
	const path = "/api/v2/scim/v2"
	status := acceptUsers(t, first.url+path+"/Bulk", token, users)
	total := func(url string) (n int) {
		var list struct{ TotalResults int }
		if code, body := get(t, url+path+"/Users?count=0", token); code != http.StatusOK || json.Unmarshal([]byte(body), &list) != nil {
			t.Fatalf("%d %s", code, body)
		}
		return list.TotalResults
	}
	for total(first.url) < users/10 {
		time.Sleep(time.Millisecond)
	}
	first.kill(t)

	second := serve(t, db).url
	var response struct {
		Operations []struct{ BulkID, Status, Location string }
	}
	for {
		code, body := get(t, second+path+status, token)
		if code == http.StatusAccepted {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		if code != http.StatusOK || json.Unmarshal([]byte(body), &response) != nil {
			t.Fatalf("%d %s", code, body)
		}
		break
	}
	seen := map[string]bool{}
	var want []answerEvent
	for i, op := range response.Operations {
		if op.Status != "201" || seen[op.Location] {
			t.Errorf("%+v", op)
		}
		seen[op.Location] = true
		want = append(want, answerEvent{Txn: fmt.Sprint(strings.TrimPrefix(status, "/Bulk/"), ":", i), Location: op.Location})
	}
	if diff := cmp.Diff(want, answerEvents(t, second, token)); diff != "" {
		t.Errorf("told of the answer (-want +got):\n%s", diff)
	}
	if n := total(second); n != users || len(response.Operations) != users {
		t.Errorf("there are %d users and %d results of %d operations", n, len(response.Operations), users)
	}
}

// answerEvent is what an event tells of an operation that was answered later.
type answerEvent struct{ Txn, Location string }

// answerEvents polls all events and gives those, in their order.
func answerEvents(t *testing.T, url, token string) (found []answerEvent) {
	t.Helper()
	acknowledged := []string{}
	for {
		body, err := json.Marshal(map[string]any{"ack": acknowledged, "maxEvents": 1000, "returnImmediately": true})
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Sets map[string]string }
		l := load{token: token}
		if code := l.ask(process{url: url}, http.MethodPost, "/api/v2/events/poll", string(body), &answer); code != http.StatusOK {
			t.Fatalf("a poll is answered with %d", code)
		}
		if len(answer.Sets) == 0 {
			return found
		}
		all := read(t, answer.Sets)
		acknowledged = slices.Collect(maps.Keys(answer.Sets))
		for _, e := range all {
			if payload, ok := e.Events["urn:ietf:params:scim:event:misc:asyncresp"]; ok {
				found = append(found, answerEvent{e.Txn, payload.Location})
			}
		}
	}
}

// acceptUsers has a server promise to create users, one after the other and each
// managed by the one before, and returns the path of the status.
func acceptUsers(t *testing.T, url, token string, users int) string {
	t.Helper()
	type object = map[string]any
	operations := make([]object, users)
	for i := range operations {
		data := object{"userName": fmt.Sprint("user", i)}
		if i > 0 {
			data["manager"] = fmt.Sprint("bulkId:", i-1)
		}
		operations[i] = object{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(i), "data": data}
	}
	body, err := json.Marshal(object{"failOnErrors": 1, "Operations": operations})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Prefer", "respond-async")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	location := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("%d, Location %q", answer.StatusCode, location)
	}
	return location[strings.LastIndex(location, "/Bulk/"):]
}

// An operator finds a request that waits, cancels it, and sees that it is.
func TestAsync_IsCancelled(t *testing.T) {
	t.Parallel()
	url := testdb.New(t)
	command := func(status int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if got := run(t.Context(), append(args, "--database-url="+url), console{out: &out, err: &out}); got != status {
			t.Fatalf("%v: status %d, want %d: %s", args, got, status, out.String())
		}
		return out.String()
	}
	command(0, "org", "create", "acme")
	store, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	o, err := store.Registry().OrgByName(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	a := directory.Job{
		ID: uuid.Must(uuid.NewV7()), Org: o, Client: uuid.New(), Permissions: []string{"*"}, At: time.Now(),
		Body: []byte(`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"DELETE","path":"/Users/x"}]}`),
	}
	if err := store.Jobs().Add(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	var listed []asyncResult
	if err := json.Unmarshal([]byte(command(0, "async", "list", "--org", "acme", "-o", "json")), &listed); err != nil {
		t.Fatal(err)
	}
	if len(listed) != 1 || listed[0].ID != a.ID.String() || listed[0].Client != a.Client.String() || listed[0].State != "waiting" {
		t.Errorf("listed %+v", listed)
	}
	if shown := command(0, "async", "cancel", "--org", "acme", "--yes", a.ID.String()); !strings.Contains(shown, "cancelled") {
		t.Error(shown)
	}
	if refused := command(1, "async", "cancel", "--org", "acme", "--yes", a.ID.String()); !strings.Contains(refused, "is finished") {
		t.Error(refused)
	}
	answer, err := store.Jobs().Answer(t.Context(), o.ID, a.Client, a.ID)
	if err != nil || !strings.Contains(string(answer), "cancelled by an administrator") {
		t.Errorf("the client is told %s, %v", answer, err)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/testdb"
)

// A server that is killed in the midst of a request that it has accepted leaves
// it to another, which does the rest and nothing twice.
func TestServe_FinishesWhatAKilledServerAccepted(t *testing.T) {
	t.Parallel()
	const users = 600
	db := testdb.New(t)
	var out strings.Builder
	if status := run(t.Context(), []string{"org", "create", "acme", "--database-url=" + db}, console{out: &out, err: &out}); status != 0 {
		t.Fatal(out.String())
	}
	token := tokenFor(t, db, "acme", time.Hour)
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
	for _, op := range response.Operations {
		if op.Status != "201" || seen[op.Location] {
			t.Errorf("%+v", op)
		}
		seen[op.Location] = true
	}
	if n := total(second); n != users || len(response.Operations) != users {
		t.Errorf("there are %d users and %d results of %d operations", n, len(response.Operations), users)
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

package servertest_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/servertest"
	"github.com/purescim/purescim/internal/testdb"
)

const title = "title"

// A network that swallows everything keeps nobody waiting beyond the time of a request,
// and what is told is what is known.
func TestUnavailable_DatabaseIsSilent(t *testing.T) {
	t.Parallel()
	link := testdb.NewLink(t, testdb.New(t))
	server := servertest.NewWith(t, servertest.Options{Database: link.URL, RequestTimeout: 700 * time.Millisecond})
	o := server.NewOrg(t)
	id := o.NewUser(t, "ada")
	link.Silence(true)
	rename := servertest.Patch(map[string]any{"op": "replace", "path": title, "value": "Dr"})
	written := o.Do(t, "PATCH", "/Users/"+id, rename).Refused(t, http.StatusServiceUnavailable, "")
	if !strings.Contains(written, "not known whether") {
		t.Errorf("a write whose answer was lost: %s", written)
	}
	var asked sync.WaitGroup
	for _, path := range []string{"/Users/" + id, "/Users", "/Groups", "/api/v2/authorization/roles", "/oauth/token"} {
		asked.Go(func() {
			var a *servertest.Answer
			if path == "/oauth/token" {
				a = o.Do(t, "POST", path, "grant_type=client_credentials", "Content-Type: application/x-www-form-urlencoded", "Authorization: Basic "+base64.StdEncoding.EncodeToString([]byte(id+":x")))
			} else {
				a = o.Do(t, "GET", path, nil)
			}
			if a.Status != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || strings.Contains(string(a.Body), "not known") {
				t.Errorf("%s: %d, %v: %s", path, a.Status, a.Header, a.Body)
			}
			if path == "/oauth/token" && !strings.Contains(string(a.Body), `"error":"temporarily_unavailable"`) {
				t.Errorf("%s: %s", path, a.Body)
			}
		})
	}
	// Where a request may take longer, what it waits for before it begins does not.
	const bulk = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"bob"}}]}`
	asked.Go(func() {
		a := o.Do(t, "POST", "/Bulk", json.RawMessage(bulk), "Prefer: respond-async")
		if a.Refused(t, http.StatusServiceUnavailable, ""); a.Header.Get("Retry-After") == "" {
			t.Errorf("an accepted request: %v", a.Header)
		}
	})
	asked.Go(func() {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/console/signin", nil)
		if err != nil {
			t.Error(err)
			return
		}
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer a.Body.Close()
		if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("the console: %d, %v", a.StatusCode, a.Header)
		}
	})
	asked.Wait()
	link.Silence(false)
	link.Cut()
	for o.Do(t, "PATCH", "/Users/"+id, rename).Status != http.StatusOK {
		time.Sleep(20 * time.Millisecond)
	}
}

// When all connections break, as they do when PostgreSQL restarts, reads are done again.
func TestUnavailable_ConnectionsBreak(t *testing.T) {
	t.Parallel()
	link := testdb.NewLink(t, testdb.New(t))
	server := servertest.NewWith(t, servertest.Options{Database: link.URL})
	o := server.NewOrg(t)
	id := o.NewUser(t, "ada")
	for range 5 {
		o.Do(t, "GET", "/Users/"+id, nil).Want(t, http.StatusOK)
		link.Cut()
		o.Do(t, "GET", "/Users/"+id, nil).Want(t, http.StatusOK)
		link.Cut()
		o.Do(t, "POST", "/Users/.search", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}}).Want(t, http.StatusOK)
	}
}

// What PostgreSQL refuses for now is 503 with the reason, and nobody is told that it is
// not known what became of it.
func TestUnavailable_DatabaseRefuses(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	id, group := o.NewUser(t, "ada"), o.NewGroup(t, "Choir")
	refused := func(a *servertest.Answer, why string) {
		t.Helper()
		if detail := a.Refused(t, http.StatusServiceUnavailable, ""); !strings.Contains(detail, why) || a.Header.Get("Retry-After") == "" {
			t.Errorf("want %q: %s", why, detail)
		}
	}
	hurried := servertest.NewWith(t, servertest.Options{Database: withSetting(server.Database, "statement_timeout=300")})
	open := lockedGroup(t, server, o, group)
	rename := servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": "Choirs"})
	refused(o.At(hurried).Do(t, "PATCH", "/Groups/"+group, rename), "")
	open()
	reading := servertest.NewWith(t, servertest.Options{Database: withSetting(server.Database, "default_transaction_read_only=on")})
	refused(o.At(reading).Do(t, "POST", "/Users", map[string]any{"userName": "bob"}), "no changes")
	o.At(reading).Do(t, "GET", "/Users/"+id, nil).Want(t, http.StatusOK)
}

func withSetting(url, setting string) string {
	if strings.Contains(url, "?") {
		return url + "&" + setting
	}
	return url + "?" + setting
}

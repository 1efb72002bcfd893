package main

import (
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/testdb"
)

// A server whose database is silent answers, and ends when it is told to: the end of this
// test waits for it.
func TestServe_EndsThoughTheDatabaseIsSilent(t *testing.T) {
	t.Parallel()
	link := testdb.NewLink(t, testdb.New(t))
	server := serve(t, link.URL, "--request-timeout=500ms")
	link.Silence(true)
	if status, body := get(t, server.url+"/.well-known/jwks.json", ""); status != http.StatusOK && status != http.StatusServiceUnavailable {
		t.Errorf("%d: %s", status, body)
	}
}

package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/testdb"
)

// demoOf starts a server with a demo. It returns what demo.json holds, and fails
// unless its token provisions and administrates nothing, and that of its
// administrator does.
func demoOf(t *testing.T, databaseURL, dir string) (access demoAccess) {
	t.Helper()
	server := serve(t, databaseURL, "--demo", "--data-dir="+dir)
	text, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err == nil {
		err = json.Unmarshal(text, &access)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	for _, test := range []struct {
		name, token, path string
		want              int
	}{
		{"the pasted token", access.AccessToken, "/api/v2/scim/v2/Users", http.StatusOK},
		{"the pasted token", access.AccessToken, "/api/v2/scim/v2/Groups", http.StatusOK},
		{"the pasted token", access.AccessToken, "/api/v2/oauth/clients", http.StatusForbidden},
		{"the administrator's token", access.Admin.AccessToken, "/api/v2/oauth/clients", http.StatusOK},
	} {
		if got, body := get(t, server.url+test.path, test.token); got != test.want {
			t.Errorf("GET %s with %s: %d, want %d: %s", test.path, test.name, got, test.want, body)
		}
	}
	return access
}

func TestDemo_PastedTokenIsOfAnIdentitySystem(t *testing.T) {
	t.Parallel()
	db, dir := testdb.New(t), t.TempDir()
	first := demoOf(t, db, dir)
	if first.ClientID == first.Admin.ClientID || first.ClientSecret == "" || first.Admin.ClientSecret == "" {
		t.Errorf("clients %q and %q", first.ClientID, first.Admin.ClientID)
	}
	again := demoOf(t, db, dir)
	if again.demoClient != first.demoClient || again.Admin != first.Admin {
		t.Error("a second start has made other clients or tokens")
	}
}

// A version before wrote an administrator as the only client.
func TestDemo_AdministratorOfBeforeIsPastedNoMore(t *testing.T) {
	t.Parallel()
	db, dir := testdb.New(t), t.TempDir()
	demoOf(t, db, t.TempDir()) // makes the organisation
	made := administratorOf(t, db, demoOrg, oauth.MaxValidity)
	old := demoClient{ClientID: made.ID, ClientSecret: made.Secret, AccessToken: made.AccessToken}
	text, err := json.Marshal(old)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "demo.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if now := demoOf(t, db, dir); now.Admin != old || now.ClientID == old.ClientID {
		t.Errorf("the old client %s became %s, its administrator %s", old.ClientID, now.ClientID, now.Admin.ClientID)
	}
}

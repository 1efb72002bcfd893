package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/testdb"
)

// What is asked of all organisations at once, and what changes one as a whole, works where
// the tables are spread over the nodes of a cluster of Citus: CITUS_DATABASE_URL leads to
// one. Elsewhere the same is done in one database, so that this test is one that runs.
func TestCluster_CommandsOfAllOrganisations(t *testing.T) {
	t.Parallel()
	url, migrate := os.Getenv("CITUS_DATABASE_URL"), "migrate --distribute"
	if url == "" {
		t.Log("not proved on Citus: CITUS_DATABASE_URL leads to no database")
		url, migrate = testdb.New(t), "migrate"
	}
	command := func(line string, more ...string) string {
		t.Helper()
		status, out, errs := told(t, append(append(strings.Fields(line), "--database-url="+url), more...)...)
		if status != 0 {
			t.Fatalf("purescim %s: %d %s%s", line, status, out, errs)
		}
		return out
	}
	command(migrate)
	names := []string{"north-" + uuid.NewString(), "south-" + uuid.NewString()}
	people := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(people, []byte("userName,displayName\nada@example.org,Ada\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	server := serve(t, url)
	for _, name := range names {
		var made struct {
			AccessToken string `json:"access_token"`
			Client      struct{ ID string }
		}
		if err := json.Unmarshal([]byte(command("org create --with-client -o json "+name)), &made); err != nil {
			t.Fatal(err)
		}
		command("events set --poll --audience=x --org=" + name)
		command("import --apply --org="+name, people)
		users := server.url + "/api/v2/scim/v2/Users"
		if status, body := get(t, users, made.AccessToken); status != http.StatusOK || !strings.Contains(body, `"totalResults":1`) {
			t.Errorf("%s: %d %s", name, status, body)
		}
		for _, each := range []string{"log", "status", "hold list", "async list", "events show", "client list", "role list"} {
			command(each + " --org=" + name)
		}
		command("token revoke --all --yes --client=" + made.Client.ID)
		for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if status, _ := get(t, users, made.AccessToken); status == http.StatusUnauthorized {
				break
			} else if time.Now().After(deadline) {
				t.Fatalf("the revoked token is good still: %d", status)
			}
		}
	}
	listed := command("org list")
	for _, all := range []string{"key list", "key rotate", "token list --expiring", "fold", "verify"} {
		command(all)
	}
	for _, name := range names {
		if !strings.Contains(listed, name) {
			t.Errorf("org list has no %s", name)
		}
		command("org delete --yes --force " + name)
	}
	if left := command("org list"); strings.Contains(left, names[0]) || strings.Contains(left, names[1]) {
		t.Errorf("deleted, and listed: %s", left)
	}
}

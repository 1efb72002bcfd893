package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/testdb"
)

// A server of the release before and one of this release serve one database, whichever
// comes first. What one has acknowledged the other shows, nothing fails, and what is
// stored agrees with itself.
func TestServe_BesideTheReleaseBefore(t *testing.T) {
	t.Parallel()
	before := releaseBefore(t)
	for name, order := range map[string][2]string{
		"which is replaced":    {before, os.Args[0]},
		"which is put back in": {os.Args[0], before},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := emptyDatabase(t)
			first := spawnOf(t, order[0], db)
			both := beside{servers: []string{first.url}, token: tokenOf(t, order[0], db)}
			both.group(t)
			joined := make(chan struct{})
			var work sync.WaitGroup
			for worker := range 4 {
				work.Go(func() { both.write(t, fmt.Sprint("w", worker), joined) })
			}
			both.join(spawnOf(t, order[1], db).url)
			close(joined)
			work.Wait()
			if status, out, errs := told(t, "verify", "--no-log", "--database-url="+db); status != 0 {
				t.Errorf("%s%s", out, errs)
			}
		})
	}
}

// releaseBefore is the program of the release before, whose commit stands in a file of the
// project. It is built once and kept: a commit never changes.
func releaseBefore(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/release-before")
	if err != nil {
		t.Fatal(err)
	}
	commit := strings.TrimSpace(string(text))
	if _, err := exec.Command("git", "cat-file", "-e", commit+"^{commit}").Output(); err != nil {
		shallow, err := exec.Command("git", "rev-parse", "--is-shallow-repository").Output()
		if err != nil || strings.TrimSpace(string(shallow)) == "true" {
			t.Skipf("the history of this copy does not reach to the release before, %s: 'git fetch --unshallow' brings it", commit)
		}
		t.Fatalf("the release before, %s of deploy/release-before, is not in the history", commit)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	program := filepath.Join(cache, "purescim", "releases", commit)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	source := t.TempDir()
	fresh := filepath.Join(source, "purescim.built")
	script := `set -e; cd "$(git rev-parse --show-toplevel)"; git archive "$1" | tar -x -C "$2"; cd "$2"; CGO_ENABLED=0 go build -trimpath -buildvcs=false -o "$3" ./cmd/purescim; mkdir -p "$(dirname "$4")"; cp "$3" "$4.$$"; mv "$4.$$" "$4"`
	if out, err := exec.Command("sh", "-c", script, "sh", commit, source, fresh, program).CombinedOutput(); err != nil {
		t.Fatalf("build the release before: %v\n%s", err, out)
	}
	return program
}

// emptyDatabase is a database without a schema.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	migrated := testdb.New(t)
	name := databaseName(t, migrated) + "_empty"
	u, err := url.Parse(migrated)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	inDatabase(t, migrated, `create database "`+name+`"`)
	t.Cleanup(func() {
		c, err := pgx.Connect(context.Background(), migrated)
		if err == nil {
			_, err = c.Exec(context.Background(), `drop database "`+name+`" with (force)`)
			_ = c.Close(context.Background())
		}
		if err != nil {
			t.Error(err)
		}
	})
	return u.String()
}

// tokenOf has a program make an organisation with a client that may do everything.
func tokenOf(t *testing.T, program, db string) string {
	t.Helper()
	args := []string{"org", "create", "acme", "--with-client", "-o", "json", "--database-url=" + db}
	if program == os.Args[0] {
		args = append(args, "--admin") // without it the release before asked for
	}
	var errs bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Stderr = &errs
	out, err := cmd.Output()
	var made struct {
		AccessToken string `json:"access_token"`
	}
	if err == nil {
		err = json.Unmarshal(out, &made)
	}
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, errs.String())
	}
	return made.AccessToken
}

// beside are servers of one database, and a group that everybody changes.
type beside struct {
	token, groupPath string

	mu      sync.Mutex
	servers []string
}

func (b *beside) join(server string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.servers = append(b.servers, server)
}

// server gives one of those that serve by now: another one for the next number.
func (b *beside) server(n int) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.servers[n%len(b.servers)]
}

// group makes the group.
func (b *beside) group(t *testing.T) {
	t.Helper()
	var made struct{ ID string }
	body := `{"name":"Looms","type":"official","visibility":"public"}`
	if err := b.ask(0, http.MethodPost, "/api/v2/groups", body, http.StatusOK, &made); err != nil {
		t.Fatal(err)
	}
	b.groupPath = scimPath + "/Groups/" + made.ID
}

const scimPath = "/api/v2/scim/v2"

// beforeAndAfter are rounds that each worker writes before the second server is there, at
// least, and with both of them.
const beforeAndAfter = 6

// write makes, changes and deletes users of its own, each request at the other server than
// the one before.
func (b *beside) write(t *testing.T, worker string, joined <-chan struct{}) {
	t.Helper()
	after := 0
	for round := 0; after < beforeAndAfter; round++ {
		select {
		case <-joined:
			after++
		default:
		}
		if err := b.life(round, fmt.Sprintf("%s.%d", worker, round)); err != nil {
			t.Errorf("round %d, %d with both: %v", round, after, err)
			return
		}
	}
}

// person is what is read of one.
type person struct {
	ID, UserName, Title, ExternalID string

	Active bool
}

// life is what happens to one user.
func (b *beside) life(n int, name string) error {
	var made, seen person
	create := fmt.Sprintf(`{"userName":"%s@example.org","displayName":"%s","externalId":"x-%s","phoneNumbers":[{"type":"work","value":"+13175724245"}]}`, name, name, name)
	if err := b.ask(n, http.MethodPost, scimPath+"/Users", create, http.StatusCreated, &made); err != nil {
		return err
	}
	at := scimPath + "/Users/" + made.ID
	replaced := fmt.Sprintf(`{"userName":"%s@example.org","displayName":"%s","externalId":"y-%s","title":"Weaver","active":false}`, name, strings.ToUpper(name), name)
	for i, step := range []struct{ method, path, body string }{
		{http.MethodPatch, at, patchOf(`{"op":"replace","path":"title","value":"Spinner"}`)},
		{http.MethodPatch, b.groupPath, patchOf(`{"op":"add","path":"members","value":[{"value":"` + made.ID + `"}]}`)},
		{http.MethodPut, at, replaced},
	} {
		if err := b.ask(n+i+1, step.method, step.path, step.body, http.StatusOK, nil); err != nil {
			return err
		}
	}
	if err := b.ask(n, http.MethodGet, at, "", http.StatusOK, &seen); err != nil {
		return err
	}
	if seen.Title != "Weaver" || seen.Active || seen.ExternalID != "y-"+name {
		return fmt.Errorf("a server shows %+v of what the other has stored", seen)
	}
	for i, filter := range []string{`userName eq "` + name + `@example.org"`, `externalId eq "y-` + name + `"`, `displayName eq "` + name + `" and active eq false`} {
		var list struct{ Resources []person }
		if err := b.ask(n+i, http.MethodGet, scimPath+"/Users?filter="+url.QueryEscape(filter), "", http.StatusOK, &list); err != nil {
			return err
		}
		if len(list.Resources) != 1 || list.Resources[0].ID != made.ID {
			return fmt.Errorf("%s finds %+v", filter, list.Resources)
		}
	}
	if n%3 != 0 {
		return nil
	}
	if err := b.ask(n+1, http.MethodDelete, at, "", http.StatusNoContent, nil); err != nil {
		return err
	}
	return b.ask(n, http.MethodGet, at, "", http.StatusNotFound, nil)
}

func patchOf(operation string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[` + operation + `]}`
}

// ask sends a request to the server of the number and reads the answer, whose status must
// be that.
func (b *beside) ask(n int, method, path, body string, want int, answer any) error {
	r, err := http.NewRequest(method, b.server(n)+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+b.token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("ININ-Correlation-Id", uuid.NewString())
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != want {
		err = errors.New(string(text))
	}
	if err == nil && answer != nil {
		err = json.Unmarshal(text, answer)
	}
	if err != nil {
		return fmt.Errorf("%s %s%s: %d: %w", method, b.server(n), path, response.StatusCode, err)
	}
	return nil
}

package server_test

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// impatient is a server that waits for a row as short as possible.
func impatient(t *testing.T, log *slog.Logger) *servertest.Server {
	t.Helper()
	whole := servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	return servertest.NewWith(t, servertest.Options{Database: withSetting(t, whole.Database, "lock_timeout", "30"), Log: log})
}

const (
	holdUser   = `select from users where id = $1 for update`
	holdEntry  = `select from catalogue where id = $1 for update`
	holdClient = `select from oauth_clients where client_id = $1 for update`
	holdKeys   = `select from signing_keys for update`
)

// A name that users have is changed with all of them, or nothing is.
func TestLocked_RenameIsWhole(t *testing.T) {
	t.Parallel()
	const skills = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:routingSkills"
	s := impatient(t, nil)
	o := s.NewOrg(t)
	first, last := o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org")
	skill := o.Do(t, http.MethodPost, "/api/v2/routing/skills", map[string]any{"name": "Welding"}).Want(t, http.StatusOK).ID(t)
	for _, user := range []string{first, last} {
		o.Do(t, http.MethodPatch, "/Users/"+user, servertest.Patch(map[string]any{
			"op": "replace", "path": skills, "value": []any{map[string]any{"name": "Welding", "proficiency": 3}},
		})).Want(t, http.StatusOK)
	}
	have := func(name string) {
		t.Helper()
		for _, path := range []string{"/Users/" + first, "/Users/" + last, "/api/v2/routing/skills/" + skill} {
			if a := o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK); !strings.Contains(string(a.Body), `"`+name+`"`) {
				t.Errorf("%s has not the name %s: %s", path, name, a.Body)
			}
		}
	}
	rename := func() *servertest.Answer {
		return o.Do(t, http.MethodPut, "/api/v2/routing/skills/"+skill, map[string]any{"name": "Riveting"})
	}
	for lock, id := range map[string]string{holdUser: last, holdEntry: skill} {
		release := hold(t, s, lock, id)
		retryLater(t, lock, rename())
		release()
		have("Welding")
	}
	rename().Want(t, http.StatusOK)
	have("Riveting")
}

// A client whose row is locked stays as it is, with the secret that it has.
func TestLocked_ClientIsWhole(t *testing.T) {
	t.Parallel()
	s := impatient(t, nil)
	o := s.NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	path := "/api/v2/oauth/clients/" + client.ID.String()
	before := o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK).Body
	release := hold(t, s, holdClient, client.ID)
	retryLater(t, "change", o.Do(t, http.MethodPut, path, map[string]any{"name": "other"}))
	retryLater(t, "secret", o.Do(t, http.MethodPost, path+"/secret", nil))
	retryLater(t, "deletion", o.Do(t, http.MethodDelete, path, nil))
	release()
	if after := o.Do(t, http.MethodGet, path, nil).Want(t, http.StatusOK).Body; string(after) != string(before) {
		t.Errorf("the client was %s and is %s", before, after)
	}
	o.Do(t, http.MethodPost, "/oauth/token", "grant_type=client_credentials", form, asClient(client.ID.String(), secret)).Want(t, http.StatusOK)
	o.Do(t, http.MethodPut, path, map[string]any{"name": "other"}).Want(t, http.StatusOK)
}

// The signing key is replaced or stays: there is always one that signs.
func TestLocked_KeyIsWhole(t *testing.T) {
	t.Parallel()
	s := impatient(t, nil)
	o := s.NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	keys := func() int {
		t.Helper()
		all, err := s.OAuth.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		signing := 0
		for _, k := range all {
			if k.Retired.IsZero() {
				signing++
			}
		}
		if signing != 1 {
			t.Errorf("%d keys sign", signing)
		}
		return len(all)
	}
	if err := s.OAuth.RotateKey(t.Context()); err != nil { // the first key
		t.Fatal(err)
	}
	before := keys()
	release := hold(t, s, holdKeys)
	var refused *scim.Error
	if err := s.OAuth.RotateKey(t.Context()); !errors.As(err, &refused) || refused.Status != http.StatusServiceUnavailable {
		t.Errorf("rotation beside another: %v", err)
	}
	release()
	if n := keys(); n != before {
		t.Errorf("%d keys, want %d", n, before)
	}
	if err := s.OAuth.RotateKey(t.Context()); err != nil || keys() != before+1 {
		t.Errorf("%d keys after the rotation: %v", keys(), err)
	}
	o.Do(t, http.MethodPost, "/oauth/token", "grant_type=client_credentials", form, asClient(client.ID.String(), secret)).Want(t, http.StatusOK)
}

// An accepted request that finds a user locked is gone on with later, and each of its
// operations is carried out once.
func TestLocked_AcceptedRequestIsRepeated(t *testing.T) {
	t.Parallel()
	logged, log := io.Pipe()
	s := impatient(t, slog.New(slog.NewTextHandler(log, nil)))
	tried := make(chan struct{})
	go func() {
		text, buffer := "", make([]byte, 4096)
		for told := false; ; {
			n, err := logged.Read(buffer)
			if text += string(buffer[:n]); !told && strings.Contains(text, "accepted requests wait") {
				told = true
				close(tried)
			}
			if err != nil {
				return
			}
		}
	}()
	o := s.NewOrg(t)
	free, locked := o.NewUser(t, "ada@example.org"), o.NewUser(t, "bob@example.org")
	var operations []any
	for _, user := range []string{free, locked} {
		operations = append(operations, map[string]any{
			"method": http.MethodPatch, "path": "/Users/" + user,
			"data": servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Countess"}),
		})
	}
	release := hold(t, s, holdUser, locked)
	a := o.Do(t, http.MethodPost, "/Bulk", map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": operations,
	}, "Prefer: respond-async").Want(t, http.StatusAccepted)
	_, path, _ := strings.Cut(a.Header.Get("Location"), servertest.SCIM)
	<-tried
	release()
	// Nobody waits until the request is no longer held.
	execute(t, s, `update async_requests set held_until = accepted_at where org_id = $1`, int64(o.ID))
	for a.Status == http.StatusAccepted {
		time.Sleep(20 * time.Millisecond)
		a = o.Do(t, http.MethodGet, path, nil)
	}
	if a.Want(t, http.StatusOK); strings.Count(string(a.Body), `"200"`) != 2 {
		t.Errorf("the operations were answered %s", a.Body)
	}
	for _, user := range []string{free, locked} {
		if etag := o.Do(t, http.MethodGet, "/Users/"+user, nil).Header.Get("ETag"); etag != `"2"` {
			t.Errorf("a user has the version %s", etag)
		}
	}
}

func execute(t *testing.T, s *servertest.Server, sql string, args ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

package servertest_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// wrongClocks are two servers of a database, of which the second's machine has a clock
// that is off.
func wrongClocks(t *testing.T, off time.Duration) (right, wrong *servertest.Server, log *diary) {
	t.Helper()
	right = servertest.NewWith(t, servertest.Options{LeaveAccepted: true})
	log = new(diary)
	wrong = servertest.NewWith(t, servertest.Options{
		Database: right.Database, LeaveAccepted: true,
		Clock: func() time.Time { return time.Now().Add(off) },
		Log:   slog.New(slog.NewTextHandler(log, nil)),
	})
	return right, wrong, log
}

// diary is a log in memory.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(line []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(line)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// meta is what a resource says of its changes.
type meta struct {
	ID   string
	Meta struct {
		Created, LastModified time.Time
		Version               string
	}
}

func readMeta(t *testing.T, a *servertest.Answer) (m meta) {
	t.Helper()
	if err := json.Unmarshal(a.Body, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Two servers of a database tell one time, whatever the clocks of their machines say.
func TestClocks_DoNotMatter(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{26 * time.Hour, -26 * time.Hour} {
		t.Run(off.String(), func(t *testing.T) {
			t.Parallel()
			right, wrong, log := wrongClocks(t, off)
			here := right.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
			there := here.At(wrong)

			t.Run("lastModified", func(t *testing.T) {
				user := readMeta(t, there.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "ada@example.org"}).Want(t, http.StatusCreated))
				if apart := time.Since(user.Meta.Created).Abs(); apart > 30*time.Second {
					t.Errorf("created %v from now", apart)
				}
				group := readMeta(t, there.Do(t, http.MethodPost, "/Groups", map[string]any{"displayName": "G"}).Want(t, http.StatusCreated))
				path := map[string]string{"title": "/Users/" + user.ID, "displayName": "/Groups/" + group.ID}
				last := map[string]time.Time{"title": user.Meta.LastModified, "displayName": group.Meta.LastModified}
				for n := range 4 {
					at := []*servertest.Org{here, there}[n%2]
					for attribute, path := range path {
						m := readMeta(t, at.Do(t, http.MethodPatch, path, map[string]any{
							"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
							"Operations": []any{map[string]any{"op": "replace", "path": attribute, "value": fmt.Sprint("t", n)}},
						}).Want(t, http.StatusOK))
						if m.Meta.LastModified.Before(last[attribute]) || time.Since(m.Meta.LastModified).Abs() > 30*time.Second {
							t.Errorf("%s: modified %v after %v", path, m.Meta.LastModified, last[attribute])
						}
						last[attribute] = m.Meta.LastModified
					}
				}
			})

			t.Run("revocation", func(t *testing.T) {
				for _, way := range [][2]*servertest.Server{{right, wrong}, {wrong, right}} {
					token, client := here.NewToken(t, "admin")
					as := *here
					as.Token = token
					for _, s := range way {
						as.At(s).Do(t, http.MethodGet, "/api/v2/organizations/me", nil).Want(t, http.StatusOK)
					}
					if err := way[0].OAuth.RevokeTokens(t.Context(), here.ID, client.ID); err != nil {
						t.Fatal(err)
					}
					time.Sleep(1100 * time.Millisecond)
					for _, s := range way {
						as.At(s).Do(t, http.MethodGet, "/api/v2/organizations/me", nil).Want(t, http.StatusUnauthorized)
					}
				}
			})

			t.Run("token", func(t *testing.T) {
				for _, way := range [][2]*servertest.Server{{right, wrong}, {wrong, right}} {
					_, client := here.NewToken(t, "admin")
					_, expires, err := way[0].OAuth.Issue(t.Context(), client, time.Hour)
					if err != nil {
						t.Fatal(err)
					}
					if apart := (time.Until(expires) - time.Hour).Abs(); apart > 30*time.Second {
						t.Errorf("a token ends %v from where it should", apart)
					}
				}
			})

			t.Run("lease", func(t *testing.T) {
				for _, way := range [][2]*servertest.Server{{right, wrong}, {wrong, right}} {
					a := directory.Job{ID: uuid.New(), Org: here.Org, Client: uuid.New(), Permissions: []string{}, Body: []byte("{}"), At: time.Now()}
					if err := way[0].Store.Jobs().Add(t.Context(), a); err != nil {
						t.Fatal(err)
					}
					worker := uuid.New()
					if _, _, err := way[0].Store.Jobs().Take(t.Context(), worker, 30*time.Second); err != nil {
						t.Fatal(err)
					}
					// The other neither takes what is held,
					if _, _, err := way[1].Store.Jobs().Take(t.Context(), uuid.New(), time.Minute); err == nil {
						t.Error("a request that is held was taken over")
					}
					// nor leaves what is held no longer.
					if err := way[0].Store.Jobs().Renew(t.Context(), worker, a, 0); err != nil {
						t.Fatal(err)
					}
					time.Sleep(100 * time.Millisecond)
					if _, _, err := way[1].Store.Jobs().Take(t.Context(), uuid.New(), time.Minute); err != nil {
						t.Errorf("a request that nobody holds: %v", err)
					}
				}
			})

			if found := wrong.Store.ClockOffset() - off; found.Abs() > 30*time.Second {
				t.Errorf("the offset is found to be %v from what it is", found)
			}
			if !strings.Contains(log.String(), "the clock of this machine is not that of PostgreSQL") {
				t.Error("the log says nothing of the clock")
			}
		})
	}
}

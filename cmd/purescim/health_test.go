package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/health"
	"github.com/purescim/purescim/internal/testdb"
)

// readiness is what the server says at a URL.
func readiness(t *testing.T, url string) (int, health.Report) {
	t.Helper()
	status, body := get(t, url+health.ReadyPath, "")
	var report health.Report
	if err := json.Unmarshal([]byte(body), &report); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return status, report
}

// becomes waits until the server says of a check what is wanted.
func becomes(t *testing.T, url, check string, want health.Status) (detail string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		_, report := readiness(t, url)
		if report.Checks[check].Status == want {
			return report.Checks[check].Detail
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not become %s: %v", check, want, report)
		}
	}
}

func inDatabase(t *testing.T, databaseURL string, statements ...string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(context.WithoutCancel(t.Context()))
	for _, sql := range statements {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

// A server is ready as long as its database takes changes and has its schema, and tells
// which is not so; it lives all the same, and is ready again by itself.
func TestHealth_TellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	server := serve(t, db)
	for _, url := range []string{server.url, server.metrics} {
		if status, report := readiness(t, url); status != http.StatusOK || !report.Ready() || len(report.Checks) != 5 {
			t.Errorf("%d: %v", status, report)
		}
	}
	name := databaseName(t, db)
	broken := `alter database "` + name + `" set default_transaction_read_only = on`
	inDatabase(t, db, broken, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
	if detail := becomes(t, server.url, "database", health.Failed); !strings.Contains(detail, "no changes") {
		t.Errorf("a database that is read-only: %s", detail)
	}
	if status, _ := get(t, server.url+health.LivePath, ""); status != http.StatusOK {
		t.Errorf("a server without a database lives: %d", status)
	}
	inDatabase(t, db+"&default_transaction_read_only=off", `alter database "`+name+`" reset default_transaction_read_only`,
		`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`)
	becomes(t, server.url, "database", health.OK)
	inDatabase(t, db, `insert into schema_needs (needed) values (99999)`)
	if detail := becomes(t, server.url, "schema", health.Failed); !strings.Contains(detail, "migration 99999") {
		t.Errorf("a schema that needs a newer program: %s", detail)
	}
	var out strings.Builder
	addr := strings.TrimPrefix(server.url, "http://")
	if status := run(t.Context(), []string{"health", "--addr=" + addr}, console{out: &out, err: &out}); status != 1 || !strings.Contains(out.String(), "migration 99999") {
		t.Errorf("health: %d %s", status, out.String())
	}
	if status := run(t.Context(), []string{"health", "--live", "--url=" + server.url}, console{out: io.Discard, err: io.Discard}); status != 0 {
		t.Errorf("health --live: %d", status)
	}
	inDatabase(t, db, `delete from schema_needs where needed = 99999`)
	becomes(t, server.url, "schema", health.OK)
	if status := run(t.Context(), []string{"health", "--addr=" + addr}, console{out: io.Discard, err: io.Discard}); status != 0 {
		t.Errorf("health: %d", status)
	}
}

// A server whose clock is off is ready, for it goes by PostgreSQL's, and says so.
func TestHealth_TellsOfAClockThatIsOff(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	inDatabase(t, db, `create function clock_timestamp() returns timestamptz language sql as 'select pg_catalog.clock_timestamp() - interval ''1 hour'''`,
		`alter database "`+databaseName(t, db)+`" set search_path = public, pg_catalog`)
	server := serve(t, db)
	hour := regexp.MustCompile(`1h0m0|59m59`)
	if detail := becomes(t, server.url, "clock", health.Warning); !hour.MatchString(detail) {
		t.Errorf("a clock that is an hour ahead: %s", detail)
	}
	if status, _ := readiness(t, server.url); status != http.StatusOK {
		t.Errorf("a server whose clock is off answers %d", status)
	}
	figure := regexp.MustCompile(`(?m)^purescim_clock_offset_seconds (3600|3599)`)
	if _, figures := get(t, server.metrics+"/metrics", ""); !figure.MatchString(figures) {
		t.Error("the metrics tell nothing of it")
	}
}

// A server that is told to stop is not ready first, and goes on to serve.
func TestHealth_OfAServerThatStops(t *testing.T) {
	t.Parallel()
	server := serve(t, testdb.New(t), "--drain=3s")
	server.stop()
	if detail := becomes(t, server.url, "serving", health.Failed); detail != "the server is shutting down" {
		t.Error(detail)
	}
	for path, want := range map[string]int{"/readyz": 503, "/livez": 200, "/": 200, "/api/v2/scim/v2/Users": 401} {
		if status, body := get(t, server.url+path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func databaseName(t *testing.T, databaseURL string) string {
	t.Helper()
	c, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	return c.Database
}

func TestHealth_OfNoServer(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if status := run(t.Context(), []string{"health", "--addr=127.0.0.1:1"}, console{out: &out, err: &out}); status != 1 || !strings.Contains(out.String(), "no server answers") {
		t.Errorf("%d %s", status, out.String())
	}
}

// A server reads from the standby of a file, tells of it, and goes on without.
func TestServe_ReadsFromAStandby(t *testing.T) {
	t.Parallel()
	url, standby := testdb.NewWithStandby(t)
	dir := t.TempDir()
	urls, settings := filepath.Join(dir, "urls"), filepath.Join(dir, "settings")
	for file, text := range map[string]string{urls: standby.URL, settings: "PURESCIM_READ_URLS_FILE=" + urls} {
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := serve(t, url, "--config="+settings)
	becomes(t, s.url, "standbys", health.OK)
	standby.Kill()
	if told := becomes(t, s.url, "standbys", health.Warning); told != "standby 1 is away; the primary answers instead" {
		t.Error(told)
	}
	if _, figures := get(t, s.metrics+"/metrics", ""); !strings.Contains(figures, `purescim_standby_ready{standby="1"} 0`) {
		t.Errorf("the figures do not tell of the standby:\n%s", figures)
	}
	if status, report := readiness(t, s.url); status != http.StatusOK || !report.Ready() {
		t.Errorf("without its standby the server is %d %v", status, report)
	}
}

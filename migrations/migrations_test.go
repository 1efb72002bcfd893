package migrations

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/purescim/purescim/internal/localpg"
)

// emptyDatabase is a database without a schema, in a cluster of this test's own: goose's
// lock is per database, and this test is about the lock.
func emptyDatabase(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "migrations-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Test: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return server.URL()
}

func count(t *testing.T, url, sql string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var n int
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// concurrent has the statement that deadlocks replicas whose lock keeps a snapshot, and
// one that fails when it is run twice.
var concurrent = fstest.MapFS{
	"00001_words.sql": {Data: []byte("-- +goose Up\ncreate table words (word text);\ninsert into words values ('one');\n")},
	"00002_index.sql": {Data: []byte("-- +goose NO TRANSACTION\n-- +goose Up\ncreate index concurrently words_word on words (word);\n")},
}

func TestUp_SixReplicasAtOnce(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	sixTimes(t, func() error { return up(t.Context(), url, concurrent, nil) })
	if n := count(t, url, "select count(*) from words"); n != 1 {
		t.Errorf("the first migration ran %d times, want once", n)
	}
}

func TestUp_BringsOurSchemaUp(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	var said strings.Builder
	if err := Up(t.Context(), url, slog.New(slog.NewTextHandler(&said, nil))); err != nil {
		t.Fatal(err)
	}
	// Settings of the server's pool in the URL do not disturb.
	sixTimes(t, func() error { return Up(t.Context(), url+"&pool_max_conns=4", nil) })
	names, err := fs.Glob(Files, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	if n := count(t, url, "select count(*) from goose_db_version where version_id > 0"); n != len(names) {
		t.Errorf("%d migrations are recorded, want %d", n, len(names))
	}
	if want := fmt.Sprintf("migrations=%d newest=%s took=", len(names), names[len(names)-1]); strings.Count(said.String(), want) != 1 {
		t.Errorf("the log does not say once %q:\n%s", want, said.String())
	}
}

func TestUp_NamesTheFailingFile(t *testing.T) {
	t.Parallel()
	url := emptyDatabase(t)
	broken := fstest.MapFS{"00001_broken.sql": {Data: []byte("-- +goose Up\nselect no_such_column;\n")}}
	err := up(t.Context(), url, broken, nil)
	if err == nil || !strings.Contains(err.Error(), "00001_broken.sql") {
		t.Errorf("error %v, want one that names 00001_broken.sql", err)
	}
}

func sixTimes(t *testing.T, migrate func() error) {
	t.Helper()
	var replicas sync.WaitGroup
	for range 6 {
		replicas.Go(func() {
			if err := migrate(); err != nil {
				t.Error(err)
			}
		})
	}
	replicas.Wait()
}

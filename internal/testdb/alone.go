package testdb

import (
	"context"
	"os"
	"testing"

	"github.com/purescim/purescim/internal/localpg"
	"github.com/purescim/purescim/migrations"
)

// NewAlone is New on a server that nobody else uses, for tests of what others would
// disturb: PostgreSQL does not reuse the room of a row that was replaced while an older
// transaction writes, be it in another database. It takes some seconds. When
// TEST_DATABASE_URL is set, it is New.
func NewAlone(t testing.TB) string {
	t.Helper()
	if os.Getenv("TEST_DATABASE_URL") != "" {
		return New(t)
	}
	// t.TempDir would not let PostgreSQL's user in.
	dir, err := os.MkdirTemp("", "testdb-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	server, err := localpg.Start(t.Context(), localpg.Options{Dir: dir, Test: true})
	if err != nil {
		t.Fatalf("tests need a PostgreSQL: %v", err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := migrations.Up(t.Context(), server.URL(), nil); err != nil {
		t.Fatal(err)
	}
	return server.URL()
}

package pool

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/testdb"
)

// The check that the database takes changes writes a file, which a full disk has no room
// for, and leaves nothing behind.
func TestCheckWritable_NeedsRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	database := testdb.New(t)
	s, err := Open(t.Context(), database, Options{MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.CheckWritable(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Close() // which has its connections tell their statistics
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	files, bytes := 0, 0
	for deadline := time.Now().Add(10 * time.Second); files == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		const told = `select temp_files, temp_bytes, pg_stat_clear_snapshot() from pg_stat_database where datname = current_database()`
		if err := c.QueryRow(t.Context(), told).Scan(&files, &bytes, nil); err != nil {
			t.Fatal(err)
		}
	}
	if files != 1 || bytes > 1<<20 {
		t.Errorf("%d files of %d bytes were written", files, bytes)
	}
}

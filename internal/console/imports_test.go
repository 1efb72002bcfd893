package console_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/seal"
	"github.com/purescim/purescim/internal/servertest"
)

// at is the same browser at another server of the database.
func (b *browser) at(s *servertest.Server) *browser {
	other := *b
	other.server = s
	return &other
}

// Servers show and do the same, whichever of them took the file: what one is asked for another
// may do, and what one does another may stop.
func TestImport_AtTwoServers(t *testing.T) {
	t.Parallel()
	idle := servertest.NewWith(t, servertest.Options{LeaveAccepted: true}) // which works on no import
	busy := servertest.NewWith(t, servertest.Options{Database: idle.Database})
	f := furnish(t, idle)
	b := member(t, idle, f.ID, "ada@example.org", accounts.Administrator)
	b.upload(f.home+"/imports", "people.csv", "userName,title\nlinus@acme.example,Engineer\n").has("Where do the columns")
	path, away := b.path, b.at(busy)
	away.get(f.home+"/transfer").want(http.StatusOK).has("people.csv", "waiting").get(path).has("linus@acme.example", `value="title"`)
	b.post(path+"/check", "to.0", "userName", "to.1", "title").settle().has("1 line of people.csv can be imported")
	release := lockUsers(t, idle.Database)
	b.post(path + "/apply").want(http.StatusOK).has("Importing people.csv")
	away.get(path).has("Importing people.csv").post(path + "/apply").want(http.StatusConflict)
	b.post(path+"/stop").settle().has("The import of people.csv stopped", "It was stopped after 0 lines")
	release()
	away.get(path).has("stopped", "Go on").post(path+"/apply").settle().has("1 line of people.csv is imported", "<dt>Created</dt><dd>1</dd>")
	b.get(f.home + "/people?q=linus").has("1 person found")
	away.post(path+"/remove").has("Remove the report of people.csv?", "What was imported stays").get(path).want(http.StatusOK).sure(path + "/remove").has("The file is removed")
	b.get(path).want(http.StatusNotFound)
}

// lockUsers keeps all from changing users until it is told to release them.
func lockUsers(t *testing.T, database string) (release func()) {
	t.Helper()
	locker := connect(t, database)
	if _, err := locker.Exec(t.Context(), "begin; lock table users in exclusive mode"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if _, err := locker.Exec(t.Context(), "rollback"); err != nil {
			t.Error(err)
		}
	}
}

func connect(t *testing.T, database string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// With a key file a dump opens neither a file nor its report. The file goes with its last line;
// the report, and a file that nobody goes on with, after a day; all of them with a person who
// is erased.
func TestImport_KeepsPeopleToItselfAndNotForLong(t *testing.T) {
	t.Parallel()
	s := servertest.NewWith(t, servertest.Options{Keys: keysOf(t, seal.Rand())})
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	database := connect(t, s.Database)
	kept := func(what string) [][]byte {
		t.Helper()
		rows, err := database.Query(t.Context(), "select "+what)
		if err != nil {
			t.Fatal(err)
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	const states, parts = "state from imports", "content from import_parts"
	upload := func(name string) {
		t.Helper()
		b.upload(f.home+"/imports", name+".csv", "userName\n"+name+"@acme.example\n").want(http.StatusOK)
	}
	upload("linus")
	path := b.path
	b.post(path+"/check", "to.0", "userName").settle().has("can be imported")
	sealed := slices.Concat(kept(states), kept(parts))
	if len(sealed) != 2 || !seal.Sealed(sealed[0]) || !seal.Sealed(sealed[1]) {
		t.Errorf("in the clear: %q", sealed)
	}
	b.post(path+"/apply").settle().has("is imported", "linus@acme.example")
	if left := kept(parts); len(left) != 0 {
		t.Errorf("the file is kept: %q", left)
	}
	upload("katherine")
	imports := s.Store.Imports()
	age := func(interval string, want int) {
		t.Helper()
		if _, err := database.Exec(t.Context(), "update imports set touched_at = touched_at - interval '"+interval+"' where stage = 'imported'"); err != nil {
			t.Fatal(err)
		}
		if err := imports.Forget(t.Context(), imports.Now().Add(-24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if left := kept(states); len(left) != want {
			t.Errorf("%d imports are left after %s, want %d", len(left), interval, want)
		}
	}
	age("23 hours", 2)
	age("2 hours", 1)
	if err := s.Directory.EraseUser(t.Context(), f.Org.Org, f.person); err != nil {
		t.Fatal(err)
	}
	if left := slices.Concat(kept(states), kept(parts)); len(left) != 0 {
		t.Errorf("left with a person erased: %d", len(left))
	}
}

// keysOf are keys as a file has them, of which the first seals.
func keysOf(t *testing.T, keys ...string) *seal.Keys {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := seal.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// A file that waits is sealed again with a new key, and needs the old one no more.
func TestImport_OutlivesItsKey(t *testing.T) {
	t.Parallel()
	old, next := seal.Rand(), seal.Rand()
	before := servertest.NewWith(t, servertest.Options{Keys: keysOf(t, old), LeaveAccepted: true})
	f := furnish(t, before)
	b := member(t, before, f.ID, "ada@example.org", accounts.Administrator)
	b.upload(f.home+"/imports", "people.csv", "userName\nlinus@acme.example\n").want(http.StatusOK)
	both := servertest.NewWith(t, servertest.Options{Database: before.Database, Keys: keysOf(t, next, old), LeaveAccepted: true})
	for _, want := range []int{2, 0} { // what is told of the file, and its part
		sealed, err := both.Store.Rewrap(t.Context())
		if err != nil || sealed < want || want == 0 && sealed > 0 {
			t.Errorf("%d values are sealed again, %v", sealed, err)
		}
	}
	b = b.at(servertest.NewWith(t, servertest.Options{Database: before.Database, Keys: keysOf(t, next)}))
	path := b.path
	b.get(path).has("linus@acme.example").post(path+"/check", "to.0", "userName").settle().post(path + "/apply").settle().has("1 line of people.csv is imported")
}

// An organisation has so many files, and one that is removed makes room.
func TestImport_FilesAreBounded(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	for range 10 {
		b.upload(f.home+"/imports", "people.jsonl", `{"userName":"a"}`).want(http.StatusOK)
	}
	path := b.path
	b.upload(f.home+"/imports", "people.jsonl", `{"userName":"a"}`).want(http.StatusConflict).has("has 10 files that wait")
	b.sure(path + "/remove").want(http.StatusOK)
	b.upload(f.home+"/imports", "people.jsonl", `{"userName":"a"}`).want(http.StatusOK)
}

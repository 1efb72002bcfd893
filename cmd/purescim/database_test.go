package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/testdb"
	"github.com/purescim/purescim/migrations"
)

// told runs a command and returns what it writes for its user and for others.
func told(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(t.Context(), args, console{out: &o, err: &e})
	return status, o.String(), e.String()
}

// A command that is not a server makes no database, but says how to have one.
func TestDatabase_IsNotMadeByTheWay(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	for _, command := range []string{"org create acme", "org list", "migrate", "verify", "client list --org=acme"} {
		status, out, errs := told(t, append(strings.Fields(command), "--database-url=", "--data-dir="+dir)...)
		if status != 1 || out != "" || !strings.Contains(errs, "set DATABASE_URL") || !strings.Contains(errs, "purescim serve") || !strings.Contains(errs, dir) {
			t.Errorf("%s: %d %s%s", command, status, out, errs)
		}
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("something was made: %v", err)
	}
}

// What changes something names the database, apart from its result and without secrets.
func TestDatabase_IsNamedByWhatChangesIt(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	url := db + "&password=sesame"
	want := "purescim: changed the database " + databaseName(t, db) + " on "
	people := filepath.Join(t.TempDir(), "people.csv")
	if err := os.WriteFile(people, []byte("userName,displayName\njane@example.org,Jane\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"org create acme", "org set acme --strict", "role create --org=acme clerk -o json", "import --org=acme --apply " + people} {
		status, out, errs := told(t, append(strings.Fields(command), "--database-url="+url)...)
		if status != 0 || !strings.HasPrefix(errs, want) || strings.Contains(out+errs, "sesame") || strings.Contains(out, "purescim: changed") {
			t.Errorf("%s: %d %s%s", command, status, out, errs)
		}
	}
	for _, command := range []string{"org list", "org show acme", "role list --org=acme", "group history --org=acme Nobody", "verify", "import --org=acme " + people, "user restore --org=acme --at=0s jane@example.org"} {
		if status, _, errs := told(t, append(strings.Fields(command), "--database-url="+url)...); status != 0 || errs != "" {
			t.Errorf("%s: %d %s", command, status, errs)
		}
	}
}

// Settings come from a file too, and secrets from files of their own.
func TestSettings_ComeFromFiles(t *testing.T) {
	t.Parallel()
	db, dir := testdb.New(t), t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	secret := write("url", db+"\n")
	for name, text := range map[string]string{
		"plain":  "# a comment\n\nDATABASE_URL=" + db + "\n",
		"quoted": `export DATABASE_URL="` + db + `"`,
		"apart":  "DATABASE_URL_FILE=" + secret + "\nPURESCIM_ADDR=127.0.0.1:1\nGOMEMLIMIT=1GiB\n",
	} {
		if status, out, errs := told(t, "org", "list", "--config="+write(name, text)); status != 0 {
			t.Errorf("%s: %d %s%s", name, status, out, errs)
		}
	}
	if status, _, errs := told(t, "org", "list", "--config="+write("other", "DATABASE_URL=postgres://127.0.0.1:1/x"), "--database-url="+db); status != 0 {
		t.Errorf("a flag does not come before the file: %s", errs)
	}
	for text, want := range map[string]string{
		"PURESCIM_ADRR=127.0.0.1:1":             "there is no setting PURESCIM_ADRR",
		"DATABASE_URL":                          "line 1",
		"DATABASE_URL_FILE=" + dir + "/missing": "DATABASE_URL_FILE",
		"PURESCIM_LOG_LEVEL=loud":               "must be one of",
	} {
		if status, _, errs := told(t, "org", "list", "--config="+write("bad", text)); status == 0 || !strings.Contains(errs, want) {
			t.Errorf("%s: %d %s", text, status, errs)
		}
	}
}

// A program that does not fit the schema does nothing with it, and says what would.
func TestSchema_MustFit(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	refused := func(want string, commands ...string) {
		t.Helper()
		for _, command := range commands {
			status, _, errs := told(t, append(strings.Fields(command), "--database-url="+db)...)
			if status != 1 || !strings.Contains(errs, want) {
				t.Errorf("%s: %d %s", command, status, errs)
			}
		}
	}
	inDatabase(t, db, fmt.Sprint("delete from goose_db_version where version_id = ", migrations.Latest()))
	refused("run 'purescim migrate'", "org list", "org create acme", "serve --no-migrate --addr=127.0.0.1:0")
	inDatabase(t, db, fmt.Sprint("insert into goose_db_version (version_id, is_applied) values (", migrations.Latest(), ", true), (99998, true)"))
	if status, _, errs := told(t, "org", "create", "acme", "--database-url="+db); status != 0 {
		t.Errorf("beside the next release: %s", errs)
	}
	inDatabase(t, db, `insert into schema_needs (needed) values (99999)`)
	refused("knows migration 99999", "org list", "migrate", "serve --addr=127.0.0.1:0")
}

// Who misspells the URL, or whose PostgreSQL is away, is told so once.
func TestDatabase_ThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"postgres://u:sesame@127.0.0.1:1/x": "connection refused",
		"postgres://u:sesame@[::1/x":        "no connection URL",
		"sesame":                            "no connection URL",
	} {
		for _, command := range []string{"org list", "migrate", "serve --addr=127.0.0.1:0"} {
			status, _, errs := told(t, append(strings.Fields(command), "--database-url="+url)...)
			if status != 1 || strings.Count(errs, "DATABASE_URL") != 1 || strings.Count(errs, want) != 1 || strings.Contains(errs, ":sesame@") {
				t.Errorf("%s: %d %s", command, status, errs)
			}
		}
	}
}

// Commands work through a pooler in transaction mode, but do not migrate through it: the
// lock by which replicas take turns would be left in a session of others.
func TestMigrate_NotThroughSharedSessions(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	pooled := testdb.Pooled(t, db, "transaction", "")
	for _, command := range []string{"org create acme", "org show acme", "migrate", "verify"} {
		if status, out, errs := told(t, append(strings.Fields(command), "--database-url="+pooled)...); status != 0 {
			t.Errorf("%s: %d %s%s", command, status, out, errs)
		}
	}
	inDatabase(t, db, fmt.Sprint("delete from goose_db_version where version_id = ", migrations.Latest()))
	for _, command := range []string{"migrate", "serve --addr=127.0.0.1:0"} {
		status, _, errs := told(t, append(strings.Fields(command), "--database-url="+pooled)...)
		if status != 1 || !strings.Contains(errs, "leads to PostgreSQL itself") || !strings.Contains(errs, "lacks the migration") {
			t.Errorf("%s: %d %s", command, status, errs)
		}
	}
}

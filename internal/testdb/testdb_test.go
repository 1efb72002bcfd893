package testdb

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
)

// outcome is a test that has ended in the way we choose.
type outcome struct {
	testing.TB
	failed   bool
	said     strings.Builder
	cleanups []func()
}

func (o *outcome) Failed() bool     { return o.failed }
func (o *outcome) Cleanup(f func()) { o.cleanups = append(o.cleanups, f) }

func (o *outcome) Logf(format string, args ...any) {
	o.said.WriteString(format)
	for _, arg := range args {
		o.said.WriteString(" " + arg.(string))
	}
}

func (o *outcome) end() {
	for _, f := range o.cleanups {
		f()
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func databaseExists(t *testing.T, database string) bool {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server, _, err := prepare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var exists bool
	err = connect(t, server.String()).QueryRow(t.Context(),
		"select exists (select from pg_database where datname = $1)", strings.TrimPrefix(u.Path, "/")).Scan(&exists)
	if err != nil {
		t.Fatal(err)
	}
	return exists
}

func TestNew_IsMigratedAndApart(t *testing.T) {
	t.Parallel()
	one, two := connect(t, New(t)), connect(t, New(t))
	if _, err := one.Exec(t.Context(), "create table only_here (n int)"); err != nil {
		t.Fatal(err)
	}
	var migrated, apart bool
	err := two.QueryRow(t.Context(),
		"select to_regclass('goose_db_version') is not null, to_regclass('only_here') is null").Scan(&migrated, &apart)
	if err != nil {
		t.Fatal(err)
	}
	if !migrated {
		t.Error("the database has no schema")
	}
	if !apart {
		t.Error("a table of one database is in the other")
	}
}

func TestNew_DropsWithOpenConnections(t *testing.T) {
	t.Parallel()
	passed := &outcome{TB: t}
	database := New(passed)
	connect(t, database)
	passed.end()
	if databaseExists(t, database) {
		t.Error("the database of a test that passed is still there")
	}
}

func TestNew_KeepsDatabaseOfFailedTest(t *testing.T) {
	t.Parallel()
	failed := &outcome{TB: t, failed: true}
	database := New(failed)
	failed.end()
	if !databaseExists(t, database) {
		t.Fatal("the database of a failed test is gone")
	}
	if !strings.Contains(failed.said.String(), database) {
		t.Errorf("the log does not say how to reach it: %s", failed.said.String())
	}
	failed.failed = false
	failed.end()
}

func TestHashFiles_FollowsTheMigrations(t *testing.T) {
	t.Parallel()
	file := func(sql string) fstest.MapFS {
		return fstest.MapFS{"00001_a.sql": {Data: []byte(sql)}}
	}
	first, err := hashFiles(file("select 1"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := hashFiles(file("select 2"))
	if err != nil {
		t.Fatal(err)
	}
	if first == second {
		t.Error("a changed migration has the same hash, so tests would use the old schema")
	}
}

func TestFindServer_RefusesKeywordForm(t *testing.T) {
	t.Parallel()
	for _, given := range []string{"host=/tmp user=postgres", "mysql://localhost/x"} {
		if _, err := findServer(t.Context(), given); err == nil || !strings.Contains(err.Error(), "TEST_DATABASE_URL") {
			t.Errorf("findServer(%q): error %v, want one that names TEST_DATABASE_URL", given, err)
		}
	}
}

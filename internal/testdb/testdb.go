// Package testdb gives every test a fresh, migrated database on a real PostgreSQL.
//
// It owns the cluster that all test programs of a machine's user share, the template
// database and the tests' databases in it. A machine without PostgreSQL fails the tests
// rather than skipping them. Only tests may import this package.
package testdb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/purescim/purescim/internal/localpg"
	"github.com/purescim/purescim/migrations"
)

const (
	testPrefix     = "purescim_test_"
	templatePrefix = "purescim_template_"
	templateLock   = 0x7465_6d70_6c61_7465 // any number that nobody else locks

	// Databases of failed and killed tests are kept this long for a look at them.
	keptFor = 24 * time.Hour
)

// New returns the URL of a database with the newest schema and no rows. It is dropped at
// the end of the test, or kept if the test failed; then the log says how to reach it.
//
// The server is that of TEST_DATABASE_URL, whose user must be allowed to create databases,
// or else a private one that is started when needed and ends with the last test program.
func New(t testing.TB) string {
	t.Helper()
	ctx := context.Background()
	server, template, err := prepare(ctx)
	if err != nil {
		t.Fatalf("tests need a PostgreSQL: %v", err)
	}
	name := testPrefix + uuid.Must(uuid.NewV7()).String()
	if err := execute(ctx, server, "create database %s template %s", name, template); err != nil {
		t.Fatal(err)
	}
	database := withDatabase(server, name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the database of this test is kept for a day: psql '%s'", database)
			return
		}
		if err := execute(ctx, server, "drop database %s with (force)", name); err != nil {
			t.Error(err)
		}
	})
	return database
}

// prepared is what New needs, found once in a test program.
var prepared struct {
	sync.Mutex
	server   *url.URL
	template string
}

func prepare(ctx context.Context) (server *url.URL, template string, err error) {
	prepared.Lock()
	defer prepared.Unlock()
	if prepared.server != nil {
		return prepared.server, prepared.template, nil
	}
	if server, err = findServer(ctx, os.Getenv("TEST_DATABASE_URL")); err != nil {
		return nil, "", err
	}
	if template, err = makeTemplate(ctx, server, migrations.Files); err != nil {
		return nil, "", err
	}
	prepared.server, prepared.template = server, template
	return server, template, nil
}

// shared is held until the program ends: the end is what tells the others that we left.
var shared *localpg.Server

// findServer returns the given server, or starts or joins the private one.
func findServer(ctx context.Context, given string) (*url.URL, error) {
	if given != "" {
		u, err := url.Parse(given)
		if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
			return nil, errors.New("TEST_DATABASE_URL is not of the form postgres://user@host/database")
		}
		return u, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	shared, err = localpg.Start(ctx, localpg.Options{Dir: filepath.Join(cache, "purescim", "testdb"), Test: true})
	if err != nil {
		return nil, err
	}
	return url.Parse(shared.URL())
}

// makeTemplate returns the name of a migrated database that nobody connects to. Its name
// carries a hash of the migrations; the first test program that wants it makes it.
func makeTemplate(ctx context.Context, server *url.URL, files fs.FS) (string, error) {
	hash, err := hashFiles(files)
	if err != nil {
		return "", err
	}
	name := templatePrefix + hash
	conn, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx) // and with it the lock
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", int64(templateLock)); err != nil {
		return "", err
	}
	var made bool
	err = conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", name).Scan(&made)
	if err != nil || made {
		return name, err
	}
	if err := dropOld(ctx, conn); err != nil {
		return "", err
	}
	// It gets its name when it is complete, so that a killed program leaves no half-made
	// template behind.
	unfinished := name + "_unfinished"
	if err := execute(ctx, server, "drop database if exists %s with (force)", unfinished); err != nil {
		return "", err
	}
	if err := execute(ctx, server, "create database %s", unfinished); err != nil {
		return "", err
	}
	if err := migrations.Up(ctx, withDatabase(server, unfinished), nil); err != nil {
		return "", err
	}
	return name, execute(ctx, server, "alter database %s rename to %s", unfinished, name)
}

// dropOld removes what former runs left: templates of former migrations and databases of
// failed or killed tests.
func dropOld(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, `
		select datname
		from   pg_database d
		where  (starts_with(datname, $1) or starts_with(datname, $2))
		and    (pg_stat_file('base/' || oid || '/PG_VERSION', true)).modification < now() - $3::interval
		and    not exists (select from pg_stat_activity a where a.datid = d.oid)`,
		testPrefix, templatePrefix, keptFor)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, err := conn.Exec(ctx, "drop database if exists "+pgx.Identifier{name}.Sanitize()); err != nil {
			return err
		}
	}
	return nil
}

func hashFiles(files fs.FS) (string, error) {
	hash := sha256.New()
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%s %d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(hash.Sum(nil)[:8]), nil
}

// execute runs a statement about databases, which takes their names as they are.
func execute(ctx context.Context, server *url.URL, statement string, names ...string) error {
	quoted := make([]any, len(names))
	for i, name := range names {
		quoted[i] = pgx.Identifier{name}.Sanitize()
	}
	sql := fmt.Sprintf(statement, quoted...)
	conn, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

func withDatabase(server *url.URL, name string) string {
	u := *server
	u.Path = "/" + name
	return u.String()
}

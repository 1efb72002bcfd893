package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/bench"
	"github.com/purescim/purescim/internal/localpg"
	"github.com/purescim/purescim/internal/org"
)

// benchDatabase is a database of the benchmark's own.
type benchDatabase struct {
	url     string // for pools
	oneConn string // for a connection alone
	drop    func()
}

// newBenchDatabase makes a database on the PostgreSQL of the URL, or on a private one
// when that is empty. It is gone after drop.
func newBenchDatabase(ctx context.Context, databaseURL string, connections int) (*benchDatabase, error) {
	db := &benchDatabase{url: databaseURL, drop: func() {}}
	if db.url == "" {
		if err := db.startPrivate(ctx); err != nil {
			return nil, err
		}
	}
	const least = 16
	if err := db.create(ctx, max(connections, least)); err != nil {
		db.drop()
		return nil, err
	}
	return db, nil
}

// startPrivate starts a PostgreSQL as 'purescim serve' would: what is written is safe.
func (db *benchDatabase) startPrivate(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "purescim-bench-")
	if err != nil {
		return err
	}
	db.drop = func() { os.RemoveAll(dir) }
	// For PostgreSQL, which does not run as root: its own directory inside is closed.
	if err := os.Chmod(dir, 0o755); err != nil {
		db.drop()
		return err
	}
	server, err := localpg.Start(ctx, localpg.Options{Dir: dir})
	if err != nil {
		db.drop()
		return fmt.Errorf("start a private PostgreSQL (--database-url uses another): %w", err)
	}
	db.url = server.URL()
	db.drop = func() {
		_ = server.Stop(context.WithoutCancel(ctx))
		os.RemoveAll(dir)
	}
	return nil
}

// create makes the database. Its URL gives both sides the same number of connections.
func (db *benchDatabase) create(ctx context.Context, connections int) error {
	u, err := url.Parse(db.url)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return errors.New("--database-url is not of the form postgres://user@host/database")
	}
	name := "purescim_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	admin, stop := db.url, db.drop
	if err := execute(ctx, admin, "create database "+name); err != nil {
		return err
	}
	db.drop = func() {
		_ = execute(context.WithoutCancel(ctx), admin, "drop database "+name+" with (force)")
		stop()
	}
	u.Path = "/" + name
	db.oneConn = u.String()
	q := u.Query()
	q.Set("pool_max_conns", strconv.Itoa(connections))
	u.RawQuery = q.Encode()
	db.url = u.String()
	return nil
}

// prepare copies the loaded organisation for the floor, lets the database rest and finds
// PostgreSQL's process.
func (db *benchDatabase) prepare(ctx context.Context, o org.ID, d bench.Data) (postmaster int, err error) {
	if err := bench.Mirror(ctx, db.oneConn, int64(o), d); err != nil {
		return 0, err
	}
	return db.rest(ctx)
}

// rest lets the database rest, and finds PostgreSQL's process.
func (db *benchDatabase) rest(ctx context.Context) (postmaster int, err error) {
	conn, err := pgx.Connect(ctx, db.oneConn)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	if err := bench.Rest(ctx, conn); err != nil {
		return 0, err
	}
	return bench.Postmaster(ctx, conn)
}

func execute(ctx context.Context, databaseURL, sql string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, sql)
	return err
}

// Package migrations holds the database schema as numbered SQL files and brings a
// database up to it. What the tables mean is said in the files; package postgres is the
// one that uses them.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Files are the migrations, in the order of their names.
//
//go:embed *.sql
var Files embed.FS

// Replicas that start together ask for the lock every second, for up to an hour: one of
// them may be building an index on a large table.
const (
	lockPollSeconds = 1
	lockPolls       = 3600
)

// Up applies the migrations that the database lacks, each in its own transaction unless
// the file says otherwise. Any number of processes may call it at once: one works, the
// others wait and find nothing left to do.
//
// databaseURL must lead to PostgreSQL itself, or to a pooler in session mode: the lock
// belongs to a session, which a pooler in transaction mode does not keep.
// A nil log is silent.
func Up(ctx context.Context, databaseURL string, log *slog.Logger) error {
	return up(ctx, databaseURL, Files, log)
}

func up(ctx context.Context, databaseURL string, files fs.FS, log *slog.Logger) error {
	config, err := pgxpool.ParseConfig(databaseURL) // knows the settings of the pool, which PostgreSQL would refuse
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	// Of several hosts the one that takes changes, as package postgres has it.
	several := slices.ContainsFunc(config.ConnConfig.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return f.Host != config.ConnConfig.Host || f.Port != config.ConnConfig.Port
	})
	if several {
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	db := stdlib.OpenDB(*config.ConnConfig)
	defer db.Close()
	provider, err := newProvider(db, files)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	applied, err := provider.Up(ctx)
	if failed := new(goose.PartialError); errors.As(err, &failed) {
		return fmt.Errorf("migrate: %s: %w", failed.Failed.Source.Path, failed.Err)
	}
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if log != nil && len(applied) > 0 {
		tell(ctx, log, applied)
	}
	return nil
}

// tell logs what was done: a line in all, and one for each file that took long.
func tell(ctx context.Context, log *slog.Logger, applied []*goose.MigrationResult) {
	const long = time.Second
	var took time.Duration
	for _, m := range applied {
		took += m.Duration
		if m.Duration >= long {
			log.InfoContext(ctx, "a migration took long", "file", m.Source.Path, "took", m.Duration.Round(time.Millisecond))
		}
	}
	newest := applied[len(applied)-1].Source
	log.InfoContext(ctx, "migrated the database", "migrations", len(applied), "newest", newest.Path, "took", took.Round(time.Millisecond))
}

func newProvider(db *sql.DB, files fs.FS) (*goose.Provider, error) {
	// It polls with pg_try_advisory_lock. Waiting inside pg_advisory_lock would keep a
	// snapshot open, and CREATE INDEX CONCURRENTLY in the other session would deadlock.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(lockPollSeconds, lockPolls))
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker),
		goose.WithDisableGlobalRegistry(true),
	)
}

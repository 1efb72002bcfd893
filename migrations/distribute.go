package migrations

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Tables on a cluster of Citus. Each node has all rows of the reference tables, which are
// small and read before the organisation is known, or for all at once. The rows of an
// organisation lie together on one node. Tables stand behind those to which their foreign
// keys lead; what keeps the migrations stays on the coordinator.
var (
	referenceTables = []string{
		"orgs", "oauth_clients", "signing_keys", "revocations", "secrets", "trusted_issuers", "schema_needs",
		"deleted_orgs", "console_accounts", "console_invitations", "console_sessions", "console_setups",
		"console_passkeys", "console_challenges", "console_providers", "console_identities",
	}

	distributedTables = []string{
		"users", "groups", "group_members", "user_keys", "deleted_users", "modifications", "catalogue", "schemas",
		"counts", "count_changes", "count_ranges", "access_tokens", "client_assertions", "former_grants",
		"event_streams", "event_progress", "events", "async_requests", "async_steps", "async_turns",
		"provisioning_log", "provisioning_counts", "refused_users", "provisioning_loops", "brake_counts", "holds",
		"imports", "import_parts",
	}
)

// ErrNoCitus says that the tables cannot be distributed.
var ErrNoCitus = errors.New("the database has no extension citus: install Citus on every node, " +
	"run 'create extension citus' in the database of each, and add the workers with citus_add_node; no table was distributed")

const (
	selectCitus       = `select exists (select from pg_extension where extname = 'citus')`
	selectDistributed = `select logicalrelid::regclass::text from pg_dist_partition`
	createReference   = `select create_reference_table($1::text::regclass)`
	createDistributed = `select create_distributed_table($1::text::regclass, 'org_id', colocate_with => $2)`
)

// Distribute makes the tables of a migrated database distributed by organisation, on a
// database that has the extension citus; else the error is ErrNoCitus. Tables that are
// distributed already stay as they are, so that it may be done again, and must be after an
// update that brings new tables. While a table with rows is distributed nobody can write to
// it. It tells how many tables it has distributed; a nil log is silent.
func Distribute(ctx context.Context, databaseURL string, log *slog.Logger) (n int, err error) {
	config, err := pgxpool.ParseConfig(databaseURL) // knows the settings of the pool, which PostgreSQL would refuse
	if err != nil {
		return 0, fmt.Errorf("distribute tables: %w", err)
	}
	c, err := pgx.ConnectConfig(ctx, config.ConnConfig)
	if err != nil {
		return 0, fmt.Errorf("distribute tables: %w", err)
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	var there bool
	if err := c.QueryRow(ctx, selectCitus).Scan(&there); err != nil {
		return 0, fmt.Errorf("look for citus: %w", err)
	}
	if !there {
		return 0, ErrNoCitus
	}
	return distribute(ctx, c, log)
}

// distribute distributes those tables that are not yet.
func distribute(ctx context.Context, c *pgx.Conn, log *slog.Logger) (n int, err error) {
	rows, _ := c.Query(ctx, selectDistributed)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("list distributed tables: %w", err)
	}
	known := make(map[string]bool, len(names))
	for _, name := range names {
		known[name] = true
	}
	move := func(name, sql string, args ...any) error {
		if known[name] {
			return nil
		}
		if _, err := c.Exec(ctx, sql, append([]any{name}, args...)...); err != nil {
			return fmt.Errorf("distribute %s: %w", name, err)
		}
		n++
		if log != nil {
			log.InfoContext(ctx, "distributed a table", "table", name)
		}
		return nil
	}
	for _, name := range referenceTables {
		if err := move(name, createReference); err != nil {
			return n, err
		}
	}
	for _, name := range distributedTables {
		with := "users"
		if name == with {
			with = "default"
		}
		if err := move(name, createDistributed, with); err != nil {
			return n, err
		}
	}
	return n, nil
}

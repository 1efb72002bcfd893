package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
)

// floorOrg is the organisation that the floor works on: no more than a number in the tables.
const floorOrg = int64(1)

// Mirror copies an organisation's rows for the floor to work on. Both sides then find the
// same rows, and neither sees what the other writes.
func Mirror(ctx context.Context, databaseURL string, org int64, d Data) error {
	copies := []mirrored{{table: "user_keys"}, {table: "groups"}, {table: "modifications"}}
	const parts = 4 // users are most of the work
	for part := range parts {
		from, to := nobody, everybody
		if part > 0 {
			from = d.Users[part*len(d.Users)/parts]
		}
		if part < parts-1 {
			to = d.Users[(part+1)*len(d.Users)/parts]
		}
		copies = append(copies, mirrored{"users", " and id >= $3 and id < $4", []any{from, to}})
	}
	copying, together := errgroup.WithContext(ctx)
	for _, m := range copies {
		copying.Go(func() error { return m.copy(together, databaseURL, org) })
	}
	if err := copying.Wait(); err != nil {
		return err
	}
	return mirrored{table: "group_members"}.copy(ctx, databaseURL, org) // refers to users and groups
}

// everybody is after all ids.
const everybody = "ffffffff-ffff-ffff-ffff-ffffffffffff"

// mirrored are rows of a table, whatever its columns are.
type mirrored struct {
	table, condition string
	args             []any // of the condition, from $3 on
}

func (m mirrored) copy(ctx context.Context, databaseURL string, org int64) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	const columns = `
select string_agg(quote_ident(column_name), ', ' order by ordinal_position)
from   information_schema.columns
where  table_schema = current_schema and table_name = $1 and column_name <> 'org_id' and is_generated = 'NEVER'`
	var names string
	err = conn.QueryRow(ctx, columns, m.table).Scan(&names)
	if err == nil {
		sql := fmt.Sprintf(`insert into %s (org_id, %s) select $2, %s from %s where org_id = $1%s`, m.table, names, names, m.table, m.condition)
		_, err = conn.Exec(ctx, sql, append([]any{org, floorOrg}, m.args...)...)
	}
	if err != nil {
		return fmt.Errorf("copy %s for the floor: %w", m.table, err)
	}
	return nil
}

// Rest leaves the database as after a quiet night: vacuumed, analysed, with nothing
// waiting to be written.
func Rest(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "vacuum analyze"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	_, err := conn.Exec(ctx, "checkpoint")
	if denied := new(pgconn.PgError); errors.As(err, &denied) && denied.Code == insufficientPrivilege {
		return nil // it will come by itself
	}
	return err
}

// insufficientPrivilege is the SQLSTATE of what only a superuser may do.
const insufficientPrivilege = "42501"

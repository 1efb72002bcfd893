package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// floorOrg is the organisation that the floor works on: no more than a number in the tables.
const floorOrg = int64(1)

// Mirror copies an organisation's rows for the floor to work on, and leaves the database
// as after a quiet night: vacuumed, analysed, with nothing waiting to be written. Both
// sides then find the same rows, and neither sees what the other writes.
func Mirror(ctx context.Context, conn *pgx.Conn, org int64) error {
	for _, table := range []string{"users", "user_keys", "groups", "group_members"} {
		if err := mirror(ctx, conn, table, org); err != nil {
			return fmt.Errorf("copy %s for the floor: %w", table, err)
		}
	}
	return rest(ctx, conn)
}

// rest vacuums, analyses and writes everything out.
func rest(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "vacuum analyze"); err != nil {
		return fmt.Errorf("vacuum: %w", err)
	}
	_, err := conn.Exec(ctx, "checkpoint")
	if denied := new(pgconn.PgError); errors.As(err, &denied) && denied.Code == insufficientPrivilege {
		return nil // it will come by itself
	}
	return err
}

// mirror copies one table, whatever its columns are.
func mirror(ctx context.Context, conn *pgx.Conn, table string, org int64) error {
	const columns = `
select string_agg(quote_ident(column_name), ', ' order by ordinal_position)
from   information_schema.columns
where  table_schema = current_schema and table_name = $1 and column_name <> 'org_id' and is_generated = 'NEVER'`
	var names string
	if err := conn.QueryRow(ctx, columns, table).Scan(&names); err != nil {
		return err
	}
	sql := fmt.Sprintf(`insert into %s (org_id, %s) select $2, %s from %s where org_id = $1`, table, names, names, table)
	_, err := conn.Exec(ctx, sql, org, floorOrg)
	return err
}

// insufficientPrivilege is the SQLSTATE of what only a superuser may do.
const insufficientPrivilege = "42501"

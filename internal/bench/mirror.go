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
		sql := `insert into ` + table + ` select copy.* from ` + table + ` t, ` +
			`jsonb_populate_record(t, jsonb_build_object('org_id', $2::bigint)) copy where t.org_id = $1`
		if _, err := conn.Exec(ctx, sql, org, floorOrg); err != nil {
			return fmt.Errorf("copy %s for the floor: %w", table, err)
		}
	}
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

package pool

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// selectReadOnly tells whether PostgreSQL takes no changes: a standby, or one that is set so.
// What it counts besides does not fit into littleMemory, so that PostgreSQL writes it to its
// disk and at once forgets it: a disk that is full is noticed before a change needs more of
// it, without a row or a line of WAL.
const (
	littleMemory   = `select set_config('work_mem', '64kB', true), set_config('temp_tablespaces', '', true)`
	selectReadOnly = `
select pg_is_in_recovery() or current_setting('transaction_read_only')::boolean, count(*)
from   generate_series(1, 8192)`
)

// fileLimit is what a database answers whose temp_file_limit allows no such file.
const fileLimit = "53400"

// CheckWritable returns an error that wraps a *scim.Error for who may not know more unless
// the database takes changes and has room for them.
func (p *Pool) CheckWritable(ctx context.Context) error {
	readOnly := false
	b := new(pgx.Batch)
	b.Queue(littleMemory)
	b.Queue(selectReadOnly).Query(db.One(func(raw [][]byte) { readOnly = raw[0][0] != 0 }))
	err := p.Own().SendBatch(ctx, b).Close()
	if pgerr.Violates(err, fileLimit, "") {
		err = nil
	}
	if err == nil && readOnly {
		err = &pgconn.PgError{Code: "25006", Message: "it is read-only, or a standby"}
	}
	return pgerr.Wrap("check that the database takes changes", err)
}

// The migrations that were applied, and the oldest one that a program must know to serve
// what they have made; without the table, any may.
const (
	selectApplied = `select version_id from goose_db_version where is_applied`
	selectNeeded  = `select coalesce(max(needed), 0) from schema_needs`
)

// Schema is what is known of a database's schema; package migrations judges it.
type Schema struct {
	Applied []int64 // the numbers of the migrations, in no order
	Needed  int64   // the migration that a program must know
}

// Schema reads what is known of the schema. A database without one has none applied.
func (p *Pool) Schema(ctx context.Context) (known Schema, err error) {
	read := func(sql string, take func(n int64)) error {
		err := db.Bound{SQL: sql}.ReadAll(ctx, p.Own(), func(raw [][]byte) { take(db.ReadInt(raw[0])) })
		if e := (*pgconn.PgError)(nil); errors.As(err, &e) && e.Code == pgerr.UndefinedTable {
			return nil
		}
		return pgerr.Wrap("read the version of the schema", err)
	}
	err = read(selectApplied, func(n int64) { known.Applied = append(known.Applied, n) })
	if err == nil {
		err = read(selectNeeded, func(n int64) { known.Needed = n })
	}
	return known, err
}

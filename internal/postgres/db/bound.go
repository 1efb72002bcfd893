package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Bound is a statement whose arguments have their values.
type Bound struct {
	SQL  string
	Args []any
}

// With gives the arguments of a statement their values. Those that the statement does not
// have are left out, so that statements of one kind can be given the same. It panics when
// one is missing.
//
// Given in the order of their first use, each is found at once.
func (s Statement) With(values ...Arg) Bound {
	return Bound{s.text, s.fill(make([]any, 0, len(s.names)), values)}
}

// Where a statement runs: in a transaction, or by a pool of connections.
type (
	querier interface {
		Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	}
	rower interface {
		QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	}
	executor interface {
		Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	}
)

// Query runs it for its rows.
func (b Bound) Query(ctx context.Context, on querier) (pgx.Rows, error) {
	return on.Query(ctx, b.SQL, b.Args...)
}

// QueryRow runs it for its first row.
func (b Bound) QueryRow(ctx context.Context, on rower) pgx.Row {
	return on.QueryRow(ctx, b.SQL, b.Args...)
}

// Exec runs it for what it does.
func (b Bound) Exec(ctx context.Context, on executor) (pgconn.CommandTag, error) {
	return on.Exec(ctx, b.SQL, b.Args...)
}

// ReadAll runs it and reads its rows. What read is given is only good until it returns.
func (b Bound) ReadAll(ctx context.Context, on querier, read func(raw [][]byte)) error {
	rows, err := b.Query(ctx, on)
	if err != nil {
		return err
	}
	return ReadAll(rows, read)
}

// ReadOne runs it and reads its only row. No row is directory.ErrNotFound.
func (b Bound) ReadOne(ctx context.Context, on querier, read func(raw [][]byte)) error {
	rows, err := b.Query(ctx, on)
	if err != nil {
		return err
	}
	return ReadOne(rows, read)
}

// Queue sends it with others.
func (b Bound) Queue(batch *pgx.Batch) *pgx.QueuedQuery { return batch.Queue(b.SQL, b.Args...) }

// Collect runs a statement and reads its rows.
func Collect[T any](ctx context.Context, on querier, b Bound, read pgx.RowToFunc[T]) ([]T, error) {
	rows, err := b.Query(ctx, on)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, read)
}

// CollectOne reads the only row. None is pgx.ErrNoRows.
func CollectOne[T any](ctx context.Context, on querier, b Bound, read pgx.RowToFunc[T]) (one T, err error) {
	rows, err := b.Query(ctx, on)
	if err != nil {
		return one, err
	}
	return pgx.CollectExactlyOneRow(rows, read)
}

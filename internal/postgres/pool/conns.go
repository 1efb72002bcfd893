package pool

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// conns are connections whose errors tell whether what was sent to store something may
// have been stored; see sent. Query and SendBatch are for reading.
type conns struct{ *pgxpool.Pool }

// Exec runs a statement that stores something.
func (c conns) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	held, err := c.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer held.Release()
	tag, err := held.Exec(ctx, sql, args...)
	return tag, pgerr.Sent(ctx, err)
}

// Write runs a statement that stores something and answers with rows.
func (c conns) Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	held, err := c.Acquire(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	rows, err := held.Query(ctx, sql, args...)
	if err == nil {
		err = read(rows)
	}
	return pgerr.Sent(ctx, err)
}

// WriteAll runs statements that store something, in one transaction.
func (c conns) WriteAll(ctx context.Context, b *pgx.Batch) error {
	held, err := c.Acquire(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	return pgerr.Committed(ctx, held.SendBatch(ctx, b).Close())
}

// Querier is a pool of connections or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// InTx runs work in a transaction. The statements that begin adds go with BEGIN,
// in one round trip; their results have been read when work starts.
func (c conns) InTx(ctx context.Context, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	b := new(pgx.Batch)
	b.BeginTx(pgx.TxOptions{})
	begin(b)
	results := c.SendBatch(ctx, b)
	tx := results.Tx()
	defer tx.Rollback(ctx) // does nothing after the commit
	if err := results.Close(); err != nil {
		return err
	}
	if err := work(tx); err != nil {
		return err
	}
	return pgerr.Ended(ctx, tx.Commit(ctx))
}

// Nothing adds no statement to the beginning of a transaction.
func Nothing(*pgx.Batch) {}

package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// pool is connections whose errors tell whether what was sent to store something may
// have been stored; see sent. Query and SendBatch are for reading.
type pool struct{ *pgxpool.Pool }

// Exec runs a statement that stores something.
func (p pool) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	c, err := p.Acquire(ctx)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer c.Release()
	tag, err := c.Exec(ctx, sql, args...)
	return tag, sent(ctx, err)
}

// write runs a statement that stores something and answers with rows.
func (p pool) write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	c, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	rows, err := c.Query(ctx, sql, args...)
	if err == nil {
		err = read(rows)
	}
	return sent(ctx, err)
}

// writeAll runs statements that store something, in one transaction.
func (p pool) writeAll(ctx context.Context, b *pgx.Batch) error {
	c, err := p.Acquire(ctx)
	if err != nil {
		return err
	}
	defer c.Release()
	return committed(ctx, c.SendBatch(ctx, b).Close())
}

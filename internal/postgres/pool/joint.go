package pool

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/scim"
)

// Several writes may be one: all that is done with the context of a joint transaction goes
// through its one connection, and is committed at its end or not at all. What would be a
// transaction of its own is a savepoint in it, so that one write may fail and the next go
// on. What is done so comes one after the other: a context that carries a transaction is
// for one goroutine at a time.

// jointKey carries the transaction of a context.
type jointKey struct{}

// jointOf gives the transaction that the context is for, or nil.
func jointOf(ctx context.Context) pgx.Tx {
	tx, _ := ctx.Value(jointKey{}).(pgx.Tx)
	return tx
}

// IsJoint reports whether what is done with the context is committed later, with other
// things, or not at all.
func IsJoint(ctx context.Context) bool { return jointOf(ctx) != nil }

// Apart is ctx for what stays whatever becomes of its joint transaction.
func Apart(ctx context.Context) context.Context {
	return context.WithValue(ctx, jointKey{}, nil)
}

// errTakenBack rolls back what was to be tried only.
var errTakenBack = scim.Conflict("nothing of this stays")

// Jointly does work in one transaction, which it is given in its context: all that it
// writes of the organisation is stored together, if keep says so and work returns no error,
// and else nothing. Work is done again where that helps.
func (t *Tenant) Jointly(ctx context.Context, keep bool, work func(ctx context.Context) error) error {
	err := pgerr.Retry(ctx, func() error {
		return t.DB.InTx(ctx, Nothing, func(tx pgx.Tx) error {
			err := work(context.WithValue(ctx, jointKey{}, tx))
			switch status := tx.Conn().PgConn().TxStatus(); {
			case err != nil:
				return err
			case status != 'T':
				return scim.Unavailable("the transaction was broken off; nothing was changed. Try again")
			case !keep:
				return errTakenBack
			}
			return nil
		})
	})
	if errors.Is(err, errTakenBack) {
		return nil
	}
	return pgerr.Wrap("write together", err)
}

// inSavepoint runs work in a part of a transaction that may fail alone.
func inSavepoint(ctx context.Context, tx pgx.Tx, begin func(b *pgx.Batch), work func(tx pgx.Tx) error) error {
	part, err := tx.Begin(ctx)
	if err != nil {
		return err
	}
	defer part.Rollback(ctx) // does nothing after the commit
	b := new(pgx.Batch)
	if begin(b); b.Len() > 0 {
		if err := part.SendBatch(ctx, b).Close(); err != nil {
			return err
		}
	}
	if err := work(part); err != nil {
		return err
	}
	return part.Commit(ctx)
}

// joined is the executor of statements that are savepoints of a joint transaction.
type joined struct{ pgx.Tx }

// Write implements Executor.
func (j joined) Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	return inSavepoint(ctx, j.Tx, Nothing, func(tx pgx.Tx) error { return Through(tx)(ctx, read, sql, args...) })
}

// WriteAll implements Executor.
func (j joined) WriteAll(ctx context.Context, b *pgx.Batch) error {
	return inSavepoint(ctx, j.Tx, Nothing, func(tx pgx.Tx) error { return tx.SendBatch(ctx, b).Close() })
}

// Exec runs a statement that stores something.
func (j joined) Exec(ctx context.Context, sql string, args ...any) (tag pgconn.CommandTag, err error) {
	err = inSavepoint(ctx, j.Tx, Nothing, func(tx pgx.Tx) error {
		tag, err = tx.Exec(ctx, sql, args...)
		return err
	})
	return tag, err
}

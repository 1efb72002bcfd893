package postgres

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// keeper is an executor that keeps arguments, as a connection does.
type keeper struct {
	pool.Executor
	kept [][]any
}

func (k *keeper) Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	k.kept = append(k.kept, args)
	return k.Executor.Write(ctx, read, sql, args...)
}

func (k *keeper) WriteWith(ctx context.Context, with pool.Batching, read func(rows pgx.Rows) error, sql string, args ...any) error {
	k.kept = append(k.kept, args)
	return k.Executor.WriteWith(ctx, with, read, sql, args...)
}

// What a connection keeps of statements holds no documents: a thousand large ones would be
// in memory.
func TestStore_LetsGoOfDocuments(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	var k keeper
	o.must(o.inTx(func(w *writes.Write, _ pgx.Tx) error {
		k.Executor, w.Through = w.Through, &k
		_, err := o.Create(t.Context(), w, schema.User, directory.Edit{Doc: userDoc("ada")})
		return err
	}))
	expect(t, "statements", len(k.kept), 1)
	for _, arg := range k.kept[0] {
		expect(t, "kept argument", arg, nil)
	}
}

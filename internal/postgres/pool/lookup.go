package pool

import (
	"context"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
)

// lookUpTime ends look-ups that went together. Each then goes alone, for as long as its
// request lasts.
const lookUpTime = 5 * time.Second

// newLookUps batches statements that find little by an index. None waits while fewer are
// under way than there are cores to work on them.
func newLookUps(c conns, timeout time.Duration) *batched {
	flush := func(ctx context.Context, batch []*request) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		lookUpAll(ctx, c, batch)
	}
	alone := func(ctx context.Context, r *request) error { return Through(c)(ctx, r.read, r.sql, r.args...) }
	return newBatched(max(2, runtime.GOMAXPROCS(0)), int(c.Config().MaxConns), alone, flush)
}

// lookUpAll answers those before the first that fails.
func lookUpAll(ctx context.Context, c conns, batch []*request) {
	b := new(pgx.Batch)
	for _, r := range batch {
		b.Queue(r.sql, r.args...).Query(func(rows pgx.Rows) error {
			r.err = r.read(rows)
			err := rows.Err()
			r.answered = err == nil
			return err
		})
	}
	_ = c.SendBatch(ctx, b).Close() // those without an answer will learn why
}

package postgres

import (
	"context"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5"
)

// lookUpTime ends look-ups that went together. Each then goes alone, for as long as its
// request lasts.
const lookUpTime = 5 * time.Second

// newLookUps makes the lane of statements that find little by an index. None waits
// while fewer are under way than there are cores to work on them.
func newLookUps(pool pool, timeout time.Duration) *lane {
	together := func(ctx context.Context, batch []*passenger) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		lookUpAll(ctx, pool, batch)
	}
	return newLane(max(2, runtime.GOMAXPROCS(0)), int(pool.Config().MaxConns), through(pool), together)
}

// lookUpAll answers those before the first that fails.
func lookUpAll(ctx context.Context, pool pool, batch []*passenger) {
	b := new(pgx.Batch)
	for _, p := range batch {
		b.Queue(p.sql, p.args...).Query(func(rows pgx.Rows) error {
			p.err = p.read(rows)
			err := rows.Err()
			p.answered = err == nil
			return err
		})
	}
	_ = pool.SendBatch(ctx, b).Close() // those without an answer will learn why
}

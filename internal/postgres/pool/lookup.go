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

// standbyLookUpTime ends those of a standby, for which the primary is asked then.
const standbyLookUpTime = time.Second

// freeLookUps is how many look-ups are under way before others wait for them: none does while
// there are fewer than cores to work on them.
func freeLookUps() int { return max(2, runtime.GOMAXPROCS(0)) }

// newLookUps batches statements that find little by an index.
func newLookUps(c conns, timeout time.Duration) *batched {
	flush := func(ctx context.Context, batch []*request) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		_ = lookUpAll(ctx, c, Place{}, batch) // those without an answer will learn why
	}
	alone := func(ctx context.Context, r *request) error { return Through(c)(ctx, r.read, r.sql, r.args...) }
	return newBatched(freeLookUps(), int(c.Config().MaxConns), alone, flush)
}

// lookUpAll answers those before the first that fails, or none if a standby has not come so far.
func lookUpAll(ctx context.Context, c conns, after Place, batch []*request) error {
	b := new(pgx.Batch)
	for _, r := range batch {
		b.Queue(r.sql, r.args...).Query(func(rows pgx.Rows) error {
			r.err = r.read(rows)
			err := rows.Err()
			r.answered = err == nil
			return err
		})
	}
	return c.send(ctx, after, b).Close()
}

package pool

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/batcher"
)

// Statements that come at once go in one round trip: finding a user takes PostgreSQL less
// time than being woken for it, and the server less than being woken for the answer. Look-ups
// and writes are batched so. None waits much longer than for a
// database on the same machine: what is saved then is not worth it.

const (
	// BatchSize is how many go in one round trip. Each waits for those before it.
	BatchSize = 32

	// maxWait is how long one waits for those that are on their way.
	maxWait = 500 * time.Microsecond
)

// QueryFunc runs a statement and returns what read returns, which may be called again:
// what it told before counts no more.
type QueryFunc func(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error

// Through asks alone.
func Through(q Querier) QueryFunc {
	return func(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
		rows, err := q.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return read(rows)
	}
}

// batched runs statements in batches.
type batched struct {
	batcher *batcher.Batcher[*request]
	options batcher.Options[*request]
	alone   func(ctx context.Context, r *request) error
}

// request is a statement that waits for its answer. read may be called by another
// goroutine, but not after the statement is answered.
type request struct {
	after Place // of a standby, what it must have replayed
	sql   string
	args  []any
	read  func(rows pgx.Rows) error
	with  Batching

	answered bool // err is the answer
	err      error
}

// newBatched has up to free statements under way before another waits, and never more than
// most round trips. flush sends several statements and answers those that it can; the
// others go alone.
func newBatched(free, most int, alone func(ctx context.Context, r *request) error, flush func(ctx context.Context, batch []*request)) *batched {
	b := &batched{alone: alone}
	b.options = batcher.Options[*request]{Free: free, Most: most, Size: BatchSize, MaxWait: maxWait, Flush: func(ctx context.Context, batch []*request) {
		if len(batch) == 1 {
			b.send(ctx, batch[0])
			return
		}
		flush(ctx, batch)
	}}
	b.batcher = batcher.New(b.options)
	return b
}

// query runs a statement with others, or alone.
func (b *batched) query(ctx context.Context, r *request) error {
	if err := b.batcher.Do(ctx, r); err != nil {
		return err
	}
	if !r.answered {
		b.send(ctx, r)
	}
	return r.err
}

func (b *batched) send(ctx context.Context, r *request) {
	r.err = b.alone(ctx, r)
	r.answered = true
}

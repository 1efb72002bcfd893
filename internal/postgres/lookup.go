package postgres

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A look-up takes PostgreSQL less time than to be woken for it, and the server less
// than to send it and be woken for the answer. So look-ups that come at once share
// that: while as many as there are cores are on their way, those that come wait, and
// then are sent together, in one round trip. One that comes alone waits for nobody.

// mostLookUps is how many look-ups are sent together. Each waits for those before it.
const mostLookUps = 32

// lookUps are those that wait for their turn.
type lookUps struct {
	pool    *pgxpool.Pool
	timeout time.Duration // of what is sent together

	mu      sync.Mutex
	free    int // how many more may be on their way
	waiting []*lookUp
}

func newLookUps(pool *pgxpool.Pool, timeout time.Duration) *lookUps {
	return &lookUps{pool: pool, timeout: timeout, free: max(2, runtime.GOMAXPROCS(0))}
}

// asking runs a statement and returns what read returns.
type asking func(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error

// lookUp is a statement that finds little by an index. read may be called by another
// goroutine, but not after the look-up has ended.
type lookUp struct {
	sql  string
	args []any
	read func(rows pgx.Rows) error

	answered bool // err is what read returned
	err      error
	// turn gives those who are to be asked for, this one first, to the goroutine that
	// waits; it is closed when another has asked.
	turn chan []*lookUp
}

// lookUp runs a statement that finds little by an index.
func (s *Store) lookUp(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	q, l := &lookUp{sql: sql, args: args, read: read}, s.lookUps
	batch, err := l.join(ctx, q)
	if err != nil {
		return err
	}
	if len(batch) > 0 {
		defer l.goOn()
	}
	if len(batch) > 1 {
		l.send(ctx, batch)
	}
	if !q.answered {
		q.err = through(l.pool)(ctx, q.read, q.sql, q.args...)
	}
	return q.err
}

// join waits until it is q's turn, and returns those who are to be asked for. There
// are none when another has asked.
func (l *lookUps) join(ctx context.Context, q *lookUp) ([]*lookUp, error) {
	l.mu.Lock()
	if l.free > 0 {
		l.free--
		l.mu.Unlock()
		return []*lookUp{q}, nil
	}
	q.turn = make(chan []*lookUp, 1)
	l.waiting = append(l.waiting, q)
	l.mu.Unlock()
	select {
	case batch := <-q.turn:
		return batch, nil
	case <-ctx.Done():
		if l.leave(q) {
			return nil, ctx.Err()
		}
		return <-q.turn, nil
	}
}

// leave gives up waiting, unless the turn has come.
func (l *lookUps) leave(q *lookUp) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, q)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	return i >= 0
}

// goOn lets those have their turn who came meanwhile.
func (l *lookUps) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), mostLookUps)
	if n == 0 {
		l.free++
		return
	}
	batch := l.waiting[:n:n]
	l.waiting = l.waiting[n:]
	batch[0].turn <- batch
}

// send asks for all of them. Those who get no answer, because one before them fails,
// have to ask alone.
func (l *lookUps) send(ctx context.Context, batch []*lookUp) {
	// Who asks for others does not go away before they are answered.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.timeout)
	defer cancel()
	defer func() {
		for _, q := range batch[1:] {
			close(q.turn)
		}
	}()
	b := new(pgx.Batch)
	for _, q := range batch {
		b.Queue(q.sql, q.args...).Query(func(rows pgx.Rows) error {
			q.err = q.read(rows)
			err := rows.Err()
			q.answered = err == nil
			return err
		})
	}
	_ = l.pool.SendBatch(ctx, b).Close() // those who got no answer will learn why
}

// through asks alone.
func through(q querier) asking {
	return func(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
		rows, err := q.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return read(rows)
	}
}

package postgres

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Finding a user takes PostgreSQL less time than being woken for it, and the server less
// than being woken for the answer. So statements that come at once travel together:
// while a few are on their way, those that come wait for one of these to return, and
// then go in one round trip. One that comes alone waits for nobody, and none waits much
// longer than for a database on the same machine: what is saved then is not worth it.
// Look-ups (lookup.go) and writes (commit.go) do so.

const (
	// mostTogether is how many go in one round trip. Each waits for those before it.
	mostTogether = 32

	// patience is how long one waits for those under way.
	patience = 500 * time.Microsecond
)

// queryFunc runs a statement and returns what read returns, which may be called again:
// what it told before counts no more.
type queryFunc func(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error

// through asks alone.
func through(q querier) queryFunc {
	return func(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
		rows, err := q.Query(ctx, sql, args...)
		if err != nil {
			return err
		}
		return read(rows)
	}
}

// lane is the way that statements take which may go together.
type lane struct {
	alone queryFunc
	// together sends several and answers those that it can; the others go alone.
	together func(ctx context.Context, batch []*passenger)

	few, most int // of round trips under way: for so many none waits, more must not be

	mu       sync.Mutex
	underWay int
	waiting  []*passenger
	overdue  *time.Timer // of the first who waits
}

func newLane(few, most int, alone queryFunc, together func(ctx context.Context, batch []*passenger)) *lane {
	l := &lane{few: few, most: most, alone: alone, together: together}
	l.overdue = time.AfterFunc(patience, l.hurry)
	return l
}

// passenger is a statement on its way. read may be called by another goroutine, but
// not after the statement is answered.
type passenger struct {
	sql  string
	args []any
	read func(rows pgx.Rows) error

	answered bool // err is the answer
	err      error
	// turn gives the goroutine that waits those whom it takes along, this one first;
	// it is closed when another has taken this one.
	turn chan []*passenger
}

// query sends a statement with others.
func (l *lane) query(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	p := &passenger{sql: sql, args: args, read: read}
	batch, err := l.join(ctx, p)
	if err != nil {
		return err
	}
	if len(batch) > 0 {
		defer l.goOn()
	}
	if len(batch) > 1 {
		l.take(ctx, batch)
	}
	if !p.answered {
		p.err = l.alone(ctx, read, sql, args...)
	}
	return p.err
}

// join waits until it is p's turn, and returns who is to be taken along. There is
// nobody when another has taken p.
func (l *lane) join(ctx context.Context, p *passenger) ([]*passenger, error) {
	l.mu.Lock()
	if l.underWay < l.few {
		l.underWay++
		l.mu.Unlock()
		return []*passenger{p}, nil
	}
	p.turn = make(chan []*passenger, 1) // so that nobody waits for p to take it
	if l.waiting = append(l.waiting, p); len(l.waiting) == 1 {
		l.overdue.Reset(patience)
	}
	l.mu.Unlock()
	select {
	case batch := <-p.turn:
		return batch, nil
	case <-ctx.Done():
		if l.leave(p) {
			return nil, ctx.Err()
		}
		return <-p.turn, nil
	}
}

// leave gives up waiting, unless the turn has come.
func (l *lane) leave(p *passenger) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.waiting, p)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	return i >= 0
}

// goOn lets those have their turn who came meanwhile.
func (l *lane) goOn() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay--; l.underWay < l.few {
		l.depart()
	}
}

// hurry lets those have their turn who have waited long enough.
func (l *lane) hurry() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underWay < l.most {
		l.depart()
	} else {
		l.overdue.Reset(patience)
	}
}

// depart gives those who wait their turn.
func (l *lane) depart() {
	n := min(len(l.waiting), mostTogether)
	if n == 0 {
		return
	}
	batch := slices.Clone(l.waiting[:n])
	if l.waiting = slices.Delete(l.waiting, 0, n); len(l.waiting) > 0 {
		l.overdue.Reset(patience)
	}
	l.underWay++
	batch[0].turn <- batch
}

// take sends a batch for all who are in it. Who sends for others does not go away
// before they are answered.
func (l *lane) take(ctx context.Context, batch []*passenger) {
	defer func() {
		for _, p := range batch[1:] {
			close(p.turn)
		}
	}()
	l.together(context.WithoutCancel(ctx), batch)
}

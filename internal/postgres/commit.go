package postgres

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Writes of one organisation that come at once are committed together, since to commit
// costs as much as to write a user. Each is a statement of its own, and is acknowledged
// when all are on disk. When one fails, nothing of any is stored: the others go again
// without it, and it goes alone, as does one that would have to wait for a lock.

// commits are the lanes of the organisations.
type commits struct {
	shares  *shares
	timeout time.Duration
	lanes   sync.Map // of *lane, by organisation
}

const (
	// fewCommits is how many commits of one organisation are under way before others
	// wait: while one is written to disk, another is made.
	fewCommits = 2

	// commitTime ends writes that went together and do not return.
	commitTime = 10 * time.Second

	// limitLocks has a write that finds its user locked fail, instead of holding up the
	// others until PostgreSQL looks for deadlocks.
	limitLocks = `select set_config('lock_timeout', '50ms', true)`
)

// of gives the lane of an organisation.
func (c *commits) of(org int64) *lane {
	if l, ok := c.lanes.Load(org); ok {
		return l.(*lane)
	}
	db := share{shares: c.shares, org: org}
	together := func(ctx context.Context, batch []*passenger) { c.commit(ctx, db, batch) }
	l, _ := c.lanes.LoadOrStore(org, newLane(fewCommits, int(c.shares.pool.Config().MaxConns), db.write, together))
	return l.(*lane)
}

// commit answers all but those that fail, which have changed nothing.
func (c *commits) commit(ctx context.Context, db share, batch []*passenger) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	for rest := slices.Clone(batch); len(rest) > 1; {
		failed, err := transact(ctx, db, rest)
		if failed == none {
			for _, p := range rest {
				if p.answered = true; err != nil {
					p.err = err // nobody knows what became of it
				}
			}
			return
		}
		rest = slices.Delete(rest, failed, failed+1)
	}
}

const none = -1

// transact makes the writes in one transaction. If PostgreSQL refuses one it tells
// which; then nothing is stored.
func transact(ctx context.Context, db share, batch []*passenger) (failed int, err error) {
	failed = none
	b := new(pgx.Batch)
	b.Queue(limitLocks)
	for i, p := range batch {
		b.Queue(p.sql, p.args...).Query(func(rows pgx.Rows) error {
			p.err = p.read(rows)
			err := rows.Err()
			if _, refused := errors.AsType[*pgconn.PgError](err); refused {
				failed = i
			}
			return err
		})
	}
	return failed, db.writeAll(ctx, b)
}

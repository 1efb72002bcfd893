package pool

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Writes of one organisation that come at once are committed together, since to commit
// costs as much as to write a user. Each is a statement of its own, and is acknowledged
// when all are on disk. When one fails, nothing of any is stored: the others go again
// without it, and it goes alone, as does one that would have to wait for a lock.

const (
	// fewCommits is how many commits of one organisation are under way before others
	// wait: while one is written to disk, another is made.
	fewCommits = 2

	// CommitTime ends writes that went together and do not return.
	CommitTime = 10 * time.Second

	// limitLocks has a write that finds its user locked fail, instead of holding up the
	// others until PostgreSQL looks for deadlocks.
	limitLocks = `select set_config('lock_timeout', '50ms', true)`
)

// Executor runs statements that store something: each in a transaction of its own, with
// others or alone, or all in one.
type Executor interface {
	// Write runs a statement and reads its rows.
	Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error
	// WriteAll runs statements in one round trip.
	WriteAll(ctx context.Context, b *pgx.Batch) error
}

// groupCommit is the executor of writes that are committed with others.
type groupCommit struct {
	Share
	batched *batched
}

// Write implements Executor.
func (g *groupCommit) Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	if IsJoint(ctx) {
		return g.Share.Write(ctx, read, sql, args...)
	}
	return g.batched.query(ctx, read, sql, args...)
}

// Together gives the executor of an organisation that commits writes with others.
func (p *Pool) Together(org int64) Executor { return p.together(org) }

func (p *Pool) together(org int64) *groupCommit {
	if g, ok := p.commits.Load(org); ok {
		return g.(*groupCommit)
	}
	db := Share{pool: p, org: org}
	flush := func(ctx context.Context, batch []*request) { commit(ctx, db, batch) }
	g, _ := p.commits.LoadOrStore(org, &groupCommit{db, newBatched(fewCommits, int(p.conns.Config().MaxConns), db.Write, flush)})
	return g.(*groupCommit)
}

// commit answers all but those that fail, which have changed nothing.
func commit(ctx context.Context, db Share, batch []*request) {
	ctx, cancel := context.WithTimeout(ctx, CommitTime)
	defer cancel()
	for rest := slices.Clone(batch); len(rest) > 1; {
		failed, err := transact(ctx, db, rest)
		if failed == none {
			for _, r := range rest {
				if r.answered = true; err != nil {
					r.err = err // nobody knows what became of it
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
func transact(ctx context.Context, db Share, batch []*request) (failed int, err error) {
	failed = none
	b := new(pgx.Batch)
	b.Queue(limitLocks)
	for i, r := range batch {
		b.Queue(r.sql, r.args...).Query(func(rows pgx.Rows) error {
			r.err = r.read(rows)
			err := rows.Err()
			if _, refused := errors.AsType[*pgconn.PgError](err); refused {
				failed = i
			}
			return err
		})
	}
	return failed, db.WriteAll(ctx, b)
}

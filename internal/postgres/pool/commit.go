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
	// fewCommits is how many writes of one organisation are under way before others wait to
	// be committed together: while one is written to disk, another is made.
	fewCommits = 2

	// CommitTime ends writes that went together and do not return.
	CommitTime = 10 * time.Second

	// limitLocks has a write that finds its user locked fail, instead of holding up the
	// others until PostgreSQL looks for deadlocks. What follows is planned once for a
	// connection: all of it finds rows by their keys, and a plan for the very values of the
	// first five costs as much as several batches.
	limitLocks = `
select set_config('lock_timeout', '50ms', true),
       set_config('plan_cache_mode', 'force_generic_plan', true)`
)

// Executor runs statements that store something: each in a transaction of its own, with
// others or alone, or all in one.
type Executor interface {
	// Write runs a statement and reads its rows.
	Write(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error
	// WriteWith is Write with the check behind the statement, in the same round trip; a batch may
	// make several such writes by one statement.
	WriteWith(ctx context.Context, with Batching, read func(rows pgx.Rows) error, sql string, args ...any) error
	// WriteAll runs statements in one round trip.
	WriteAll(ctx context.Context, b *pgx.Batch) error
}

// Check tells what is asked behind writes, in their transaction: a statement that PostgreSQL
// refuses when something that they have stored must not stay. It sees what others have
// committed while the writes waited. The zero Check is none.
type Check struct {
	SQL  string
	Of   any                   // what a write stores
	Args func(all []any) []any // those of SQL, for what all writes of a transaction store
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
	return g.batched.query(ctx, &request{sql: sql, args: args, read: read})
}

// WriteWith implements Executor.
func (g *groupCommit) WriteWith(ctx context.Context, with Batching, read func(rows pgx.Rows) error, sql string, args ...any) error {
	if IsJoint(ctx) {
		return g.Share.WriteWith(ctx, with, read, sql, args...)
	}
	return g.batched.query(ctx, &request{sql: sql, args: args, read: read, with: with})
}

// Together gives the executor of an organisation that commits writes with others.
func (p *Pool) Together(org int64) Executor { return p.together(org) }

func (p *Pool) together(org int64) *groupCommit {
	if g, ok := p.commits.Load(org); ok {
		return g.(*groupCommit)
	}
	db := Share{pool: p, org: org}
	flush := func(ctx context.Context, batch []*request) { commit(ctx, db, batch) }
	g, _ := p.commits.LoadOrStore(org, &groupCommit{db, newBatched(fewCommits, int(p.conns.Config().MaxConns), db.writeAlone, flush)})
	return g.(*groupCommit)
}

// writeAlone makes one write in a transaction of its own.
func (s Share) writeAlone(ctx context.Context, r *request) error {
	return s.WriteWith(ctx, r.with, r.read, r.sql, r.args...)
}

// WriteWith implements Executor.
func (s Share) WriteWith(ctx context.Context, with Batching, read func(rows pgx.Rows) error, sql string, args ...any) error {
	return WriteWith(ctx, s, with, read, sql, args...)
}

// through sends a write with its check.
func (r *request) through(ctx context.Context, send func(ctx context.Context, b *pgx.Batch) error) error {
	b := new(pgx.Batch)
	b.Queue(r.sql, r.args...).Query(func(rows pgx.Rows) error {
		r.err = r.read(rows)
		return rows.Err()
	})
	queueChecks(b, []*request{r}, func() {})
	if err := send(ctx, b); err != nil {
		return err
	}
	return r.err
}

// queueChecks adds one statement for all writes with the same check. refused is called when
// PostgreSQL refuses it.
func queueChecks(b *pgx.Batch, writes []*request, refused func()) {
	checks, of := map[string]Check{}, map[string][]any{}
	for _, r := range writes {
		if check := r.with.Check; check.SQL != "" {
			checks[check.SQL], of[check.SQL] = check, append(of[check.SQL], check.Of)
		}
	}
	for sql, check := range checks {
		b.Queue(sql, check.Args(of[sql])...).Query(func(rows pgx.Rows) error {
			rows.Close()
			if isRefused(rows.Err()) {
				refused()
			}
			return rows.Err()
		})
	}
}

func isRefused(err error) bool {
	_, refused := errors.AsType[*pgconn.PgError](err)
	return refused
}

// commit answers all but those that fail, which have changed nothing.
func commit(ctx context.Context, db Share, batch []*request) {
	ctx, cancel := context.WithTimeout(ctx, CommitTime)
	defer cancel()
	gather := ofOneKind
	for rest := slices.Clone(batch); len(rest) > 1; {
		failed, err := transact(ctx, db, rest, gather(rest))
		switch failed {
		case none:
			for _, r := range rest {
				if r.answered = true; err != nil {
					r.err = err // nobody knows what became of it
				}
			}
			return
		case some:
			return
		case oneOfSeveral:
			gather = apart
		default:
			rest = slices.Delete(rest, failed, failed+1)
		}
	}
}

const (
	none         = -1 - iota
	some         // of the writes, by a check of all
	oneOfSeveral // that were one statement
)

// transact makes the writes in one transaction, those of a kind by one statement. If
// PostgreSQL refuses one it tells which; then nothing is stored.
func transact(ctx context.Context, db Share, batch []*request, kinds [][]*request) (failed int, err error) {
	failed = none
	b := new(pgx.Batch)
	b.Queue(limitLocks)
	for _, writes := range kinds {
		if len(writes) > 1 {
			args := queueSeveral(b, writes, func() { failed = oneOfSeveral })
			defer clear(args) // a connection keeps those of its last statements, and with them documents
			continue
		}
		r := writes[0]
		b.Queue(r.sql, r.args...).Query(func(rows pgx.Rows) error {
			r.err = r.read(rows)
			if isRefused(rows.Err()) {
				failed = slices.Index(batch, r)
			}
			return rows.Err()
		})
	}
	queueChecks(b, batch, func() { failed = some })
	return failed, db.WriteAll(ctx, b)
}

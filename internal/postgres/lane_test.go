package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/schema"
)

// busy keeps as many statements on their way as may be, until end is called. Those that
// come meanwhile wait for one of these, however long that takes.
func (o *tenant) busy(l *lane) (end func()) {
	l.mu.Lock()
	l.most = l.few
	l.mu.Unlock()
	lock, err := o.pool.Begin(o.t.Context())
	o.must(err)
	_, err = lock.Exec(o.t.Context(), `select pg_advisory_xact_lock(1)`)
	o.must(err)
	var all sync.WaitGroup
	for range l.few {
		all.Go(func() {
			read := func(rows pgx.Rows) error { return readAll(rows, func([][]byte) {}) }
			err := l.query(o.t.Context(), read, `select pg_advisory_xact_lock_shared(1)`)
			if err != nil {
				o.t.Error(err)
			}
		})
	}
	waitUntil(o.t, "no more may be on their way", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.underWay == l.few
	})
	return func() {
		o.must(lock.Rollback(o.t.Context()))
		all.Wait()
	}
}

// awaited waits until n statements wait for their turn.
func (o *tenant) awaited(l *lane, n int) {
	waitUntil(o.t, fmt.Sprint(n, " wait"), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.waiting) == n
	})
}

func TestLookUp_EachGetsItsOwnAnswer(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(3 * mostTogether)
	all, end := new(sync.WaitGroup), o.busy(o.lookUps)
	for i, id := range ids {
		all.Go(func() {
			r, err := o.Get(t.Context(), schema.User, id, true)
			if err != nil || r.ID != id || schema.UserName.Text(load(t, r.Doc)) != fmt.Sprintf("user%05d", i) {
				t.Errorf("asked for %s, got %s: %v", id, r.Doc, err)
			}
		})
		all.Go(func() {
			if _, err := o.neighbour().Get(t.Context(), schema.User, id, true); !isNotFound(err) {
				t.Errorf("another organisation asked for %s: %v", id, err)
			}
		})
	}
	o.awaited(o.lookUps, 2*len(ids))
	before := o.pool.Stat().AcquireCount()
	end()
	all.Wait()
	if n := int(o.pool.Stat().AcquireCount() - before); n > len(ids)/4 {
		t.Errorf("%d look-ups that waited took %d round trips", 2*len(ids), n)
	}
}

// TestLookUp_FailsAlone has some look-ups fail among others that wait with them.
func TestLookUp_FailsAlone(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	all, end := new(sync.WaitGroup), o.busy(o.lookUps)
	for i := range mostTogether {
		all.Go(func() {
			if i%10 == 5 {
				err := o.lookUps.query(t.Context(), func(rows pgx.Rows) error { return readAll(rows, func([][]byte) {}) }, `select 1/0`)
				var refused *pgconn.PgError
				if !errors.As(err, &refused) || refused.Code != "22012" {
					t.Errorf("division by zero: %v", err)
				}
				return
			}
			if r, err := o.Get(t.Context(), schema.User, id, false); err != nil || r.ID != id {
				t.Errorf("%s: %v", r.ID, err)
			}
		})
	}
	o.awaited(o.lookUps, mostTogether)
	end()
	all.Wait()
}

// TestLookUp_CanBeGivenUp has some clients go while they wait: they need not wait for
// PostgreSQL, and the others get their answers.
func TestLookUp_CanBeGivenUp(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	staying, leaving, end := new(sync.WaitGroup), new(sync.WaitGroup), o.busy(o.lookUps)
	ctx, cancel := context.WithCancel(t.Context())
	for range 5 {
		leaving.Go(func() {
			if _, err := o.Get(ctx, schema.User, id, true); !errors.Is(err, context.Canceled) {
				t.Errorf("who went got %v", err)
			}
		})
		staying.Go(func() {
			if r, err := o.Get(t.Context(), schema.User, id, true); err != nil || r.ID != id {
				t.Errorf("%s: %v", r.ID, err)
			}
		})
	}
	o.awaited(o.lookUps, 10)
	cancel()
	leaving.Wait()
	o.awaited(o.lookUps, 5)
	end()
	staying.Wait()
	o.awaited(o.lookUps, 0)
	waitUntil(t, "none is under way", func() bool {
		o.lookUps.mu.Lock()
		defer o.lookUps.mu.Unlock()
		return o.lookUps.underWay == 0
	})
}

// TestLookUp_OutlivesWhoAsks has the client go that asks for others too.
func TestLookUp_OutlivesWhoAsks(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	id := o.user("ada").ID
	ctx, cancel := context.WithCancel(t.Context())
	read := func(rows pgx.Rows) error {
		cancel()
		return readAll(rows, func([][]byte) {})
	}
	batch := []*passenger{{sql: `select 1`, read: read}}
	for range 5 {
		batch = append(batch, &passenger{
			sql: getUser, args: []any{o.org, uid(id)}, turn: make(chan []*passenger),
			read: one(func([][]byte) {}),
		})
	}
	o.lookUps.take(ctx, batch)
	for _, q := range batch[1:] {
		if <-q.turn; !q.answered || q.err != nil {
			t.Errorf("answered %v, %v", q.answered, q.err)
		}
	}
}

// TestLookUp_WaitsNoLongerThanItPays has those under way take long: others do not wait
// for them.
func TestLookUp_WaitsNoLongerThanItPays(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(10)
	end := o.busy(o.lookUps)
	o.lookUps.mu.Lock()
	o.lookUps.most++
	o.lookUps.mu.Unlock()
	var all sync.WaitGroup
	for range 3 {
		for _, id := range ids {
			all.Go(func() {
				if r, err := o.Get(t.Context(), schema.User, id, true); err != nil || r.ID != id {
					t.Errorf("asked for %s, got %s: %v", id, r.ID, err)
				}
			})
		}
		all.Wait()
	}
	end()
	o.awaited(o.lookUps, 0)
	waitUntil(t, "none is under way", func() bool {
		o.lookUps.mu.Lock()
		defer o.lookUps.mu.Unlock()
		return o.lookUps.underWay == 0
	})
}

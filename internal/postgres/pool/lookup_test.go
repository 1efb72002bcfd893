package pool

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/postgres/db"
)

func TestLookUp_EachGetsItsOwnAnswer(t *testing.T) {
	t.Parallel()
	o := open(t)
	const asked = 6 * BatchSize
	all, end := new(sync.WaitGroup), o.busy(o.lookUps)
	for n := range int64(asked) {
		all.Go(func() {
			if said, err := o.say(t.Context(), n); err != nil || said != n {
				t.Errorf("asked for %d, got %d: %v", n, said, err)
			}
		})
	}
	o.awaited(o.lookUps, asked)
	before := o.Stat().AcquireCount()
	end()
	all.Wait()
	if n := int(o.Stat().AcquireCount() - before); n > asked/8 {
		t.Errorf("%d look-ups that waited took %d round trips", asked, n)
	}
}

// TestLookUp_FailsAlone has some look-ups fail among others that wait with them.
func TestLookUp_FailsAlone(t *testing.T) {
	t.Parallel()
	o := open(t)
	all, end := new(sync.WaitGroup), o.busy(o.lookUps)
	for i := range int64(BatchSize) {
		all.Go(func() {
			if i%10 == 5 {
				err := o.Of(1).LookUp(t.Context(), func(rows pgx.Rows) error { return db.ReadAll(rows, func([][]byte) {}) }, `select 1/0`)
				var refused *pgconn.PgError
				if !errors.As(err, &refused) || refused.Code != "22012" {
					t.Errorf("division by zero: %v", err)
				}
				return
			}
			if said, err := o.say(t.Context(), i); err != nil || said != i {
				t.Errorf("%d: %v", said, err)
			}
		})
	}
	o.awaited(o.lookUps, BatchSize)
	end()
	all.Wait()
}

// TestLookUp_CanBeGivenUp has some clients go while they wait: they need not wait for
// PostgreSQL, and the others get their answers.
func TestLookUp_CanBeGivenUp(t *testing.T) {
	t.Parallel()
	o := open(t)
	staying, leaving, end := new(sync.WaitGroup), new(sync.WaitGroup), o.busy(o.lookUps)
	ctx, cancel := context.WithCancel(t.Context())
	for n := range int64(5) {
		leaving.Go(func() {
			if _, err := o.say(ctx, n); !errors.Is(err, context.Canceled) {
				t.Errorf("who went got %v", err)
			}
		})
		staying.Go(func() {
			if said, err := o.say(t.Context(), n); err != nil || said != n {
				t.Errorf("%d: %v", said, err)
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
	o.underWay(o.lookUps, 0)
}

// TestLookUp_OutlivesWhoAsks has the client go that asks for others too.
func TestLookUp_OutlivesWhoAsks(t *testing.T) {
	t.Parallel()
	o := open(t)
	all, end := new(sync.WaitGroup), o.busy(o.lookUps)
	ctx, cancel := context.WithCancel(t.Context())
	read := func(rows pgx.Rows) error {
		cancel()
		return db.ReadAll(rows, func([][]byte) {})
	}
	all.Go(func() {
		if err := o.Of(1).LookUp(ctx, read, `select 1`); err != nil {
			t.Errorf("who went got %v", err)
		}
	})
	o.awaited(o.lookUps, 1)
	for n := range int64(5) {
		all.Go(func() {
			if said, err := o.say(t.Context(), n); err != nil || said != n {
				t.Errorf("%d: %v", said, err)
			}
		})
	}
	o.awaited(o.lookUps, 6)
	before := o.Stat().AcquireCount()
	end()
	all.Wait()
	if n := int(o.Stat().AcquireCount() - before); n > 1+o.lookUps.options.Free { // those that were busy may have waited for connections
		t.Errorf("%d look-ups that waited took %d round trips", 6, n)
	}
}

// TestLookUp_WaitsNoLongerThanItPays has those under way take long: others do not wait
// for them.
func TestLookUp_WaitsNoLongerThanItPays(t *testing.T) {
	t.Parallel()
	o := open(t)
	o.lookUps.bound(o.lookUps.options.Free + 1)
	end := o.occupied(o.lookUps)
	var all sync.WaitGroup
	for range 3 {
		for n := range int64(10) {
			all.Go(func() {
				if said, err := o.say(t.Context(), n); err != nil || said != n {
					t.Errorf("asked for %d, got %d: %v", n, said, err)
				}
			})
		}
		all.Wait()
	}
	end()
	o.awaited(o.lookUps, 0)
	o.underWay(o.lookUps, 0)
}

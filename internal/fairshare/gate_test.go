package fairshare_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/purescim/purescim/internal/fairshare"
)

func enter(t *testing.T, g *fairshare.Gate[string], key string) {
	t.Helper()
	if err := g.Enter(t.Context(), key); err != nil {
		t.Fatalf("%s: %v", key, err)
	}
}

// Nobody has more than a share, and who has less is let in beside.
func TestGate_KeepsPlaceForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := fairshare.New[string](fairshare.Options{Slots: 3, Share: 2, Queue: 1, MaxWait: time.Minute})
		enter(t, g, "a")
		enter(t, g, "a")
		waited := make(chan error, 1)
		go func() { waited <- g.Enter(t.Context(), "a") }()
		synctest.Wait()
		if err := g.Enter(t.Context(), "a"); !errors.Is(err, fairshare.ErrFull) {
			t.Errorf("a second that waits: %v", err)
		}
		start := time.Now()
		enter(t, g, "b")
		if time.Since(start) > 0 {
			t.Error("b waited for a")
		}
		if err := <-waited; !errors.Is(err, fairshare.ErrWaited) || time.Since(start) != time.Minute {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

// Those who wait are let in by turns of their keys, and in their order.
func TestGate_TakesTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := fairshare.New[string](fairshare.Options{Slots: 1, Share: 1, Queue: 9, MaxWait: time.Hour})
		enter(t, g, "x")
		var order []string
		var all sync.WaitGroup
		for _, name := range []string{"a1", "a2", "a3", "b1", "c1", "b2"} {
			all.Go(func() {
				enter(t, g, name[:1])
				order = append(order, name)
				g.Leave(name[:1])
			})
			synctest.Wait()
		}
		g.Leave("x")
		all.Wait()
		want := []string{"a1", "b1", "c1", "a2", "b2", "a3"}
		for i := range want {
			if order[i] != want[i] {
				t.Fatalf("order %v, want %v", order, want)
			}
		}
	})
}

// Who goes away while it waits leaves nothing behind, and takes nobody's place.
func TestGate_WhoGoesAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := fairshare.New[string](fairshare.Options{Slots: 1, Share: 1, Queue: 1, MaxWait: time.Hour})
		enter(t, g, "a")
		ctx, cancel := context.WithCancel(t.Context())
		gone := make(chan error)
		go func() { gone <- g.Enter(ctx, "a") }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		g.Leave("a")
		enter(t, g, "a")
		g.Leave("a")
		enter(t, g, "b")
	})
}

// Under any load there are never more inside than may be, and all get in.
func TestGate_HoldsItsBounds(t *testing.T) {
	t.Parallel()
	const slots, share = 5, 2
	g := fairshare.New[int](fairshare.Options{Slots: slots, Share: share, Queue: 100, MaxWait: time.Minute})
	var inside atomic.Int32
	var held [4]atomic.Int32
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			key := i % len(held)
			for range 20 {
				if err := g.Enter(t.Context(), key); err != nil {
					t.Error(err)
					return
				}
				if n, own := inside.Add(1), held[key].Add(1); n > slots || own > share {
					t.Errorf("%d are inside, %d of one key", n, own)
				}
				held[key].Add(-1)
				inside.Add(-1)
				g.Leave(key)
			}
		})
	}
	all.Wait()
}

func TestGate_KeepsTheBudget(t *testing.T) {
	g := fairshare.New[int64](fairshare.Options{Slots: 2, Share: 1, Queue: 1, MaxWait: time.Minute})
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if g.Enter(ctx, 7) == nil {
			g.Leave(7)
		}
	}); n > 0 {
		t.Errorf("who need not wait allocates %g times", n)
	}
}

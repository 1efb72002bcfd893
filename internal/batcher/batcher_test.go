package batcher_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/batcher"
)

// recorded is a batcher whose batches take a second each.
type recorded struct {
	*batcher.Batcher[int]
	mu      sync.Mutex
	batches [][]int
}

const journey = time.Second

func record(o batcher.Options[int]) *recorded {
	r := new(recorded)
	o.Flush = func(_ context.Context, batch []int) {
		r.mu.Lock()
		r.batches = append(r.batches, slices.Clone(batch))
		r.mu.Unlock()
		time.Sleep(journey)
	}
	r.Batcher = batcher.New(o)
	return r
}

// send sends requests in turn, each in a goroutine of its own.
func (r *recorded) send(t *testing.T, requests ...int) *sync.WaitGroup {
	t.Helper()
	var group sync.WaitGroup
	for _, n := range requests {
		group.Go(func() {
			if err := r.Do(context.Background(), n); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
	}
	return &group
}

func (r *recorded) expect(t *testing.T, want ...[]int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if diff := cmp.Diff(want, r.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options batcher.Options[int]
		send    []int
		want    [][]int
	}{
		{"what comes alone waits for nobody", batcher.Options[int]{}, []int{1}, [][]int{{1}}},
		{"what comes meanwhile goes together", batcher.Options[int]{}, []int{1, 2, 3, 4}, [][]int{{1}, {2, 3, 4}}},
		{"several are on their way", batcher.Options[int]{Free: 2}, []int{1, 2, 3, 4}, [][]int{{1}, {2}, {3, 4}}},
		{"a batch has a size", batcher.Options[int]{Size: 2}, []int{1, 2, 3, 4, 5, 6}, [][]int{{1}, {2, 3}, {4, 5}, {6}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := record(test.options)
				r.send(t, test.send...).Wait()
				r.expect(t, test.want...)
			})
		})
	}
}

// Those that come while a large batch is on its way gather, though it is one batch alone.
func TestDo_GathersBehindABatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record(batcher.Options[int]{Free: 2})
		first := r.send(t, 1, 2, 3, 4)
		time.Sleep(journey + journey/2)
		others := r.send(t, 5, 6)
		r.expect(t, []int{1}, []int{2}, []int{3, 4})
		first.Wait()
		others.Wait()
		r.expect(t, []int{1}, []int{2}, []int{3, 4}, []int{5, 6})
	})
}

func TestDo_WaitsNoLongerThanItPays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record(batcher.Options[int]{Most: 2, MaxWait: journey / 4})
		group := r.send(t, 1, 2, 3)
		time.Sleep(journey / 2)
		r.expect(t, []int{1}, []int{2, 3}) // though 1 is on its way
		others := r.send(t, 4)
		time.Sleep(journey / 4)
		r.expect(t, []int{1}, []int{2, 3}) // two are the most
		group.Wait()
		others.Wait()
		r.expect(t, []int{1}, []int{2, 3}, []int{4})
	})
}

func TestDo_LeavesWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := record(batcher.Options[int]{})
		group := r.send(t, 1)
		ctx, cancel := context.WithTimeout(t.Context(), journey/2)
		defer cancel()
		if err := r.Do(ctx, 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
		group.Wait()
		r.expect(t, []int{1})
	})
}

// One that is sent with others is sent whatever becomes of the first of them.
func TestDo_GoesOnForOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ended atomic.Bool
		b := batcher.New(batcher.Options[int]{Flush: func(ctx context.Context, batch []int) {
			time.Sleep(journey)
			ended.Store(ended.Load() || len(batch) > 1 && ctx.Err() != nil)
		}})
		var group sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for _, ctx := range []context.Context{t.Context(), ctx, t.Context()} {
			group.Go(func() {
				if err := b.Do(ctx, 0); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		time.Sleep(journey + journey/2)
		cancel()
		group.Wait()
		if ended.Load() {
			t.Error("the batch ended with its first request")
		}
	})
}

// A flush that panics lets the others go on.
func TestDo_SurvivesAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := batcher.New(batcher.Options[int]{Flush: func(_ context.Context, batch []int) {
			time.Sleep(journey)
			if batch[0] == 1 {
				panic("as it should")
			}
		}})
		var group sync.WaitGroup
		for n := range 4 {
			group.Go(func() {
				defer func() { _ = recover() }()
				_ = b.Do(t.Context(), n)
			})
			synctest.Wait()
		}
		group.Wait() // or else synctest finds all asleep
		if err := b.Do(t.Context(), 5); err != nil {
			t.Error(err)
		}
	})
}

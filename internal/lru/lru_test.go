package lru_test

import (
	"sync"
	"testing"

	"github.com/purescim/purescim/internal/lru"
)

func TestMap_ForgetsWhatWasNotUsedLately(t *testing.T) {
	t.Parallel()
	const limit = 10
	m := lru.New[int, string](limit)
	for i := range 5 * limit {
		m.Put(i, "value")
		if _, ok := m.Get(0); !ok {
			t.Fatalf("0 is forgotten after %d others, though it was used each time", i)
		}
		if n := m.Len(); n > 2*limit {
			t.Fatalf("%d entries are kept; the limit is %d", n, limit)
		}
	}
	if _, ok := m.Get(1); ok {
		t.Error("1 is kept, though four times the limit came after it")
	}
	for i := 4*limit + 1; i < 5*limit; i++ {
		if _, ok := m.Get(i); !ok {
			t.Errorf("%d is forgotten, though fewer than the limit came after it", i)
		}
	}
}

func TestMap_HoldsTheLastValue(t *testing.T) {
	t.Parallel()
	m := lru.New[string, int](1)
	m.Put("a", 1)
	m.Put("b", 2) // a is old now
	m.Put("a", 3)
	if got, ok := m.Get("a"); !ok || got != 3 {
		t.Errorf("a is %d, %v; want 3", got, ok)
	}
	m.Put("b", 4)
	if got, ok := m.Get("b"); !ok || got != 4 {
		t.Errorf("b is %d, %v; want 4", got, ok)
	}
}

func TestMap_ServesManyAtOnce(t *testing.T) {
	t.Parallel()
	m := lru.New[int, int](50)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 2000 {
				if got, ok := m.Get(i % 120); ok && got != i%120 {
					t.Errorf("%d has the value %d", i%120, got)
				}
				m.Put(i%120, i%120)
			}
		})
	}
	wg.Wait()
}

package fresh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/purescim/purescim/internal/fresh"
)

// store counts how often it is read. Each reading takes a second.
type store struct {
	mu       sync.Mutex
	readings int
	err      error
}

func (s *store) read(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Second):
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readings++
	return s.readings, s.err
}

func get(t *testing.T, v *fresh.Value[int], want int) {
	t.Helper()
	if r, err := v.Get(t.Context()); err != nil || r.Value != want {
		t.Errorf("got %d, %v; want %d", r.Value, err, want)
	}
}

func TestValue_IsReadAgainWhenItIsOld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := fresh.New(5*time.Second, new(store).read)
		get(t, v, 1)
		time.Sleep(3 * time.Second)
		get(t, v, 1) // it counts from when the reading began
		time.Sleep(time.Second)
		get(t, v, 2)
		r, err := v.After(t.Context(), time.Now())
		if err != nil || r.Value != 3 || r.Took != time.Second || time.Since(r.Began) != time.Second {
			t.Errorf("after now: %+v, %v", r, err)
		}
		if r, err := v.After(t.Context(), r.Began.Add(-1)); err != nil || r.Value != 3 {
			t.Errorf("after before: %+v, %v", r, err)
		}
	})
}

func TestValue_IsReadByOneOfThoseWhoAsk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := fresh.New(time.Minute, new(store).read)
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { get(t, v, 1) })
		}
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		time.Sleep(time.Microsecond)
		if _, err := v.Get(impatient); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who cannot wait is told %v", err)
		}
		group.Wait()
	})
}

func TestValue_IsForgottenWhileItIsRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := fresh.New(time.Minute, new(store).read)
		go get(t, v, 1)
		synctest.Wait()
		v.Forget()
		get(t, v, 2)
		get(t, v, 2)
	})
}

func TestValue_StaysWhereAReadingFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(store)
		v := fresh.New(time.Minute, s.read)
		get(t, v, 1)
		s.err = errors.New("down")
		if _, err := v.After(t.Context(), time.Now()); !errors.Is(err, s.err) {
			t.Errorf("told %v", err)
		}
		get(t, v, 1)
	})
}

func TestValue_IsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := new(store)
		v := fresh.New(10*time.Second, s.read)
		ctx, cancel := context.WithCancel(t.Context())
		go v.Keep(ctx, 4*time.Second, 2*time.Second)
		time.Sleep(30 * time.Second)
		began := time.Now()
		get(t, v, 7)
		if time.Since(began) != 0 {
			t.Error("who asked has read")
		}
		cancel()
		synctest.Wait()
	})
}

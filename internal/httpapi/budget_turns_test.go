package httpapi

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/purescim/purescim/internal/org"
)

// Organisations take turns, whoever came first, and none holds more than a half while it
// holds something.
func TestBudget_OrganisationsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100)
		var order []org.ID
		take := func(o org.ID, n int64) {
			go func() {
				if err := b.take(t.Context(), o, n); err != nil {
					t.Error(err)
				}
				order = append(order, o) // one at a time: synctest.Wait stands between
			}()
			synctest.Wait()
		}
		take(1, 40)
		take(1, 20) // more than a half: waits for itself
		take(1, 20)
		take(2, 60) // does not wait for them
		take(3, 10) // waits for memory
		if len(order) != 2 || order[0] != 1 || order[1] != 2 {
			t.Fatalf("given to %v, want 1 and 2", order)
		}
		for _, held := range []struct{ o, next org.ID }{{2, 3}, {1, 1}} {
			before := len(order)
			b.give(held.o, map[org.ID]int64{1: 40, 2: 60}[held.o])
			synctest.Wait()
			if len(order) == before || order[before] != held.next {
				t.Errorf("after %d gave: %v; want %d next", held.o, order, held.next)
			}
		}
		if len(order) != 5 || b.taken != 50 {
			t.Errorf("given to %v, %d bytes", order, b.taken)
		}
	})
}

func TestBudget_WhatIsLargerThanAllIsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(100)
		if err := b.take(t.Context(), 1, 500); err != nil {
			t.Fatal(err)
		}
		if err := b.take(t.Context(), 2, 1); err == nil {
			t.Error("there is room beside it")
		}
		gone, leave := context.WithCancel(t.Context())
		leave()
		if err := b.take(gone, 2, 1); err == nil {
			t.Error("who has gone is given something")
		}
		b.give(1, 500)
		if err := b.take(t.Context(), 2, 100); err != nil {
			t.Error("what nobody waits for any more is kept:", err)
		}
		if b.give(2, 100); b.taken != 0 || len(b.held)+len(b.waits)+len(b.turns) != 0 {
			t.Errorf("what is left: %+v", b)
		}
	})
}

package oauth

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestGuard_SlowsOneClientFromOneAddress(t *testing.T) {
	t.Parallel()
	g, client, at := newGuard(100), uuid.New(), time.Now()
	fail := func(want time.Duration) {
		t.Helper()
		g.failed(client, "a", true, at)
		if got := g.pause(client, "a", at); got != want {
			t.Errorf("pause %v, want %v", got, want)
		}
	}
	for range freeOfPair {
		fail(0)
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		fail(want)
	}
	if got := g.pause(client, "b", at); got != 0 {
		t.Errorf("from another address: %v", got)
	}
	if got := g.pause(uuid.New(), "a", at); got != 0 {
		t.Errorf("another client: %v", got)
	}
	for range 100 {
		g.failed(client, "a", true, at)
	}
	if got := g.pause(client, "a", at); got != longestPause {
		t.Errorf("after 100 failures: %v", got)
	}
	if got := g.pause(client, "a", at.Add(longestPause)); got != 0 {
		t.Errorf("after the pause: %v", got)
	}
	at = at.Add(forgiven + time.Second)
	fail(0)
}

// Who guesses from everywhere, or of everybody, is slowed too; but those who have
// authenticated before are not held back by it.
func TestGuard_SlowsInTotalButLocksNobodyOut(t *testing.T) {
	t.Parallel()
	at := time.Now()
	client, address := uuid.New(), "a"
	for name, fail := range map[string]func(g *guard, n int){
		"one client from many addresses": func(g *guard, n int) { g.failed(client, fmt.Sprint(n), true, at) },
		"many clients from one address":  func(g *guard, _ int) { g.failed(uuid.New(), address, true, at) },
		"unknown clients":                func(g *guard, _ int) { g.failed(uuid.New(), address, false, at) },
	} {
		g := newGuard(100)
		good := newGuard(100)
		good.succeeded(client, address, at)
		for n := range freeOfTotal + 1 {
			fail(g, n)
			fail(good, n)
		}
		if got := g.pause(client, address, at); got != time.Second {
			t.Errorf("%s: pause %v, want a second", name, got)
		}
		if got := good.pause(client, address, at); got != 0 {
			t.Errorf("%s, known at the address: pause %v", name, got)
		}
	}
}

func TestGuard_SuccessForgives(t *testing.T) {
	t.Parallel()
	g, client, at := newGuard(100), uuid.New(), time.Now()
	for range freeOfPair {
		g.failed(client, "a", true, at)
	}
	g.succeeded(client, "a", at)
	g.failed(client, "a", true, at)
	if got := g.pause(client, "a", at); got != 0 {
		t.Errorf("pause %v after a success and one failure", got)
	}
	for range freeOfPair {
		g.failed(client, "a", true, at)
	}
	if got := g.pause(client, "a", at); got != time.Second {
		t.Errorf("pause %v, want a second: a known client is held back by its own failures", got)
	}
}

func TestGuard_IsBounded(t *testing.T) {
	t.Parallel()
	g, at := newGuard(100), time.Now()
	for n := range 1000 {
		g.failed(uuid.New(), fmt.Sprint(n), true, at.Add(time.Duration(n)*time.Second))
	}
	if len(g.records) > 100 {
		t.Errorf("%d records", len(g.records))
	}
}

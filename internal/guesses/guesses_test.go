package guesses

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestGuard_SlowsOneClientFromOneSource(t *testing.T) {
	t.Parallel()
	g, s, at := New(100), Suspect{uuid.New(), "a"}, time.Now()
	fail := func(want time.Duration) {
		t.Helper()
		g.Failed(s, true, at)
		if got := g.Pause(s, at); got != want {
			t.Errorf("pause %v, want %v", got, want)
		}
	}
	for range freeOfPair {
		fail(0)
	}
	for _, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second} {
		fail(want)
	}
	if got := g.Pause(Suspect{s.Who, "b"}, at); got != 0 {
		t.Errorf("from another source: %v", got)
	}
	if got := g.Pause(Suspect{uuid.New(), "a"}, at); got != 0 {
		t.Errorf("another client: %v", got)
	}
	for range 100 {
		g.Failed(s, true, at)
	}
	if got := g.Pause(s, at); got != longestPause {
		t.Errorf("after 100 failures: %v", got)
	}
	if got := g.Pause(s, at.Add(longestPause)); got != 0 {
		t.Errorf("after the pause: %v", got)
	}
	at = at.Add(forgiven + time.Second)
	fail(0)
}

// Who guesses from everywhere, or of everybody, is slowed too; but those who have
// authenticated before are not held back by it.
func TestGuard_SlowsInTotal(t *testing.T) {
	t.Parallel()
	at, s := time.Now(), Suspect{uuid.New(), "a"}
	for name, fail := range map[string]func(g *Guard, n int){
		"one client from many sources": func(g *Guard, n int) { g.Failed(Suspect{s.Who, fmt.Sprint(n)}, true, at) },
		"many clients from one source": func(g *Guard, _ int) { g.Failed(Suspect{uuid.New(), s.Source}, true, at) },
		"unknown clients":              func(g *Guard, _ int) { g.Failed(Suspect{uuid.New(), s.Source}, false, at) },
	} {
		g := New(100)
		good := New(100)
		good.Succeeded(s, at)
		for n := range freeOfTotal + 1 {
			fail(g, n)
			fail(good, n)
		}
		if got := g.Pause(s, at); got != time.Second {
			t.Errorf("%s: pause %v, want a second", name, got)
		}
		if got := good.Pause(s, at); got != 0 {
			t.Errorf("%s, known at the source: pause %v", name, got)
		}
	}
}

func TestGuard_SuccessForgives(t *testing.T) {
	t.Parallel()
	g, s, at := New(100), Suspect{uuid.New(), "a"}, time.Now()
	for range freeOfPair {
		g.Failed(s, true, at)
	}
	g.Succeeded(s, at)
	g.Failed(s, true, at)
	if got := g.Pause(s, at); got != 0 {
		t.Errorf("pause %v after a success and one failure", got)
	}
	for range freeOfPair {
		g.Failed(s, true, at)
	}
	if got := g.Pause(s, at); got != time.Second {
		t.Errorf("pause %v, want a second: a known client is held back by its own failures", got)
	}
}

// Those who fail are any number, and push out only each other.
func TestGuard_IsBounded(t *testing.T) {
	t.Parallel()
	g, at, good := New(100), time.Now(), Suspect{uuid.New(), "a"}
	g.Succeeded(good, at)
	for n := range 1000 {
		at = at.Add(time.Second)
		g.Failed(Suspect{uuid.New(), fmt.Sprint(n)}, true, at)
	}
	if _, kept := g.good[good]; !kept || len(g.fails) > 100 {
		t.Errorf("%d records of failures; who did not fail is known: %v", len(g.fails), kept)
	}
	for n := range 1000 {
		g.Succeeded(Suspect{uuid.New(), fmt.Sprint(n)}, at)
	}
	if len(g.good) > 100 {
		t.Errorf("%d records of those who did not fail", len(g.good))
	}
}

func TestSourceOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":                      "192.0.2.1",
		"::ffff:192.0.2.1":               "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":           "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff:ffff:ffff:fe": "2001:db8:1:2::/64",
		"2001:db8:1:3::1":                "2001:db8:1:3::/64",
		"fe80::1%eth0":                   "fe80::/64",
		"@":                              "@", // of a Unix socket
	} {
		if got := SourceOf(address); got != want {
			t.Errorf("%s counts as %s, want %s", address, got, want)
		}
	}
}

// Who is in a pause because others fail in their name does not wait behind all of these.
func TestGuard_SourcesTakeTurns(t *testing.T) {
	t.Parallel()
	g := New(100)
	turn := func(source string) func() {
		t.Helper()
		done, err := g.Turn(t.Context(), source)
		if err != nil {
			t.Fatal(err)
		}
		return done
	}
	first, second := turn("flood"), turn("flood")
	entered := make(chan string, 11)
	var waiting sync.WaitGroup
	join := func(source string) {
		before := g.turns.Waiting()
		waiting.Go(func() {
			done, err := g.Turn(t.Context(), source)
			if err != nil {
				t.Error(err)
				return
			}
			entered <- source
			done()
		})
		for g.turns.Waiting() == before {
			runtime.Gosched()
		}
	}
	for range 10 {
		join("flood")
	}
	join("client")
	first()
	waiting.Wait()
	second()
	for n := range 11 {
		if <-entered == "client" && n > 2 {
			t.Errorf("the client came after %d of the flood", n)
		}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	defer turn("flood")()
	defer turn("flood")()
	if _, err := g.Turn(gone, "client"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has gone is told %v", err)
	}
}

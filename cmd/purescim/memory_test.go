package main

import (
	"math"
	"runtime"
	"testing"
	"time"
)

// What lies about is bounded in bytes and not by a share of what is in use, and both
// together by what the program may take.
func TestLimitFor(t *testing.T) {
	t.Parallel()
	const mebibyte = 1 << 20
	for _, test := range []struct{ used, besides, most, want int64 }{
		{10, 20, math.MaxInt64, 94},
		{300, 20, math.MaxInt64, 384},
		{500, 0, math.MaxInt64, 600},
		{300, 20, 360, 360},
		{500, 20, 450, 450},
	} {
		most := test.most
		if most != math.MaxInt64 {
			most *= mebibyte
		}
		if got := limitFor(test.used*mebibyte, test.besides*mebibyte, most); got != test.want*mebibyte {
			t.Errorf("%d MiB in use, %d besides, of %d: %d MiB, want %d", test.used, test.besides, test.most, got/mebibyte, test.want)
		}
	}
}

// Each collection is followed by a look at what is in use, not only the first.
func TestAfterCollections_ComesAgain(t *testing.T) {
	t.Parallel()
	called := make(chan struct{}, 100)
	afterCollections(func() {
		select {
		case called <- struct{}{}:
		default:
		}
	})
	for range 3 {
		runtime.GC()
		select {
		case <-called:
		case <-time.After(time.Minute):
			t.Fatal("a collection was not noticed")
		}
	}
}

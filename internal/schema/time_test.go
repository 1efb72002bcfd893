package schema

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestAppendTime(t *testing.T) {
	t.Parallel()
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		at := time.UnixMilli(rapid.Int64Range(first.UnixMilli(), last.UnixMilli()).Draw(t, "ms")).In(time.FixedZone("", 3600))
		if got, want := string(appendTime([]byte("x"), at)), "x"+at.UTC().Format(TimeLayout); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}

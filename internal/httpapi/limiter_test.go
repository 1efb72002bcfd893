package httpapi

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// A limiter holds a bounded number of clients, however many there are at once.
func TestLimiter_IsBounded(t *testing.T) {
	t.Parallel()
	l, now := newLimiter(10), time.Now()
	l.size = 100
	for range 1000 {
		if _, _, retry := l.take(uuid.New(), l.usual, now); retry > 0 {
			t.Fatalf("the first request of a client is refused for %v", retry)
		}
	}
	if len(l.full) > 100 {
		t.Errorf("%d buckets", len(l.full))
	}
	l.take(uuid.New(), l.usual, now.Add(2*time.Minute))
	if len(l.full) != 1 {
		t.Errorf("%d buckets, want the one that is not full", len(l.full))
	}
}

package httpapi

import (
	"context"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
)

// What a scan costs is counted as so many requests, is told, and is refused later.
func TestCharge(t *testing.T) {
	t.Parallel()
	l, limit, w := newLimiter(60), perMinute(60), httptest.NewRecorder()
	x := &exchange{ResponseWriter: w, principal: new(oauth.Principal), limiter: l, limit: limit, bucket: uuid.New()}
	ctx := context.WithValue(t.Context(), exchangeKey{}, x)
	Charge(ctx, 9*time.Millisecond)
	if w.Header().Get(rateCount) != "" {
		t.Error("a short scan is charged")
	}
	Charge(Within(ctx, "part"), 100*time.Millisecond)
	Charge(ctx, 200*time.Millisecond)
	if got := w.Header().Get(rateCount); got != "30" {
		t.Errorf("%s requests are told of, want 30", got)
	}
	Charge(ctx, time.Hour)
	if _, reset, retry := l.take(x.bucket, limit, time.Now()); retry == 0 || reset > 2*time.Minute {
		t.Errorf("the next is allowed after %s, all after %s", retry, reset)
	}
}

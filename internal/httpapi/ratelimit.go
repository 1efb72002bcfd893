package httpapi

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/scim"
)

// The headers of Genesys Cloud, on every answer: requests made of those that
// are allowed, and the seconds until all are allowed again.
const (
	rateCount   = "Inin-Ratelimit-Count"
	rateAllowed = "Inin-Ratelimit-Allowed"
	rateReset   = "Inin-Ratelimit-Reset"
)

var zero = []string{"0"}

// limiter is a token bucket for each access token: it holds a minute's requests
// and fills evenly. It counts the requests of this server only.
//
// A bucket is kept as the time at which it will be full again, the theoretical
// arrival time of GCRA, so that a full bucket need not be kept at all.
type limiter struct {
	allowed  int           // a minute; 0 is no limit
	interval time.Duration // in which one request is earned back
	header   []string      // of rateAllowed

	mu    sync.Mutex
	full  map[uuid.UUID]time.Time // by token id
	swept time.Time
}

func newLimiter(perMinute int) *limiter {
	l := &limiter{allowed: perMinute, full: make(map[uuid.UUID]time.Time)}
	if perMinute <= 0 {
		// Clients read a number here; the largest that all of them can hold
		// says "no limit".
		l.allowed, l.header = 0, []string{strconv.Itoa(math.MaxInt32)}
		return l
	}
	l.interval = max(1, time.Minute/time.Duration(perMinute))
	l.header = []string{strconv.Itoa(perMinute)}
	return l
}

// take spends one request of the bucket. It returns how many are spent, the
// time until the bucket is full and, if it was empty, until a request is
// allowed again.
func (l *limiter) take(token uuid.UUID, now time.Time) (spent int, reset, retry time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep(now)
	reset = max(0, l.full[token].Sub(now))
	capacity := l.interval * time.Duration(l.allowed)
	if over := reset + l.interval - capacity; over > 0 {
		return l.allowed, reset, over
	}
	reset += l.interval
	l.full[token] = now.Add(reset)
	return int((reset + l.interval - 1) / l.interval), reset, 0
}

// sweep forgets full buckets once a minute: any bucket left alone is full by then.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < time.Minute {
		return
	}
	for token, full := range l.full {
		if !full.After(now) {
			delete(l.full, token)
		}
	}
	l.swept = now
}

// announceUnused sets the headers as they are before a request counts.
func (l *limiter) announceUnused(h http.Header) {
	h[rateCount], h[rateAllowed], h[rateReset] = zero, l.header, zero
}

// limitRate counts the request against its token.
func (f *Frame) limitRate(next Handler) Handler {
	l := f.limiter
	if l.allowed == 0 {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r.Context())
		if !x.known {
			return next(w, r)
		}
		spent, reset, retry := l.take(x.principal.Token, time.Now())
		h := w.Header()
		h[rateCount] = []string{strconv.Itoa(spent)}
		h[rateReset] = []string{seconds(reset)}
		if retry > 0 {
			h.Set("Retry-After", seconds(retry))
			return scim.TooManyRequests("the limit of %d requests a minute for one token is reached; retry in [%s] seconds", l.allowed, seconds(retry))
		}
		return next(w, r)
	}
}

// seconds rounds up: who waits that long has waited long enough.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

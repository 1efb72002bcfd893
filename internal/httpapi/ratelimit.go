package httpapi

import (
	"context"
	"maps"
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

// The names of the limit in Genesys Cloud.
const (
	rateKey       = "client.credentials.token.rate.per.minute"
	rateNamespace = "platform.api"
)

var zero = []string{"0"}

const (
	// oauthRate is how many requests a minute a client may make of OAuth's own
	// endpoints, which issue, introspect and revoke tokens, where the limit of requests
	// is not less.
	oauthRate = 600
	// limiterSize bounds the memory of a limiter: 100,000 clients, some 8 MB.
	limiterSize = 100_000
)

// rate is how fast requests may be made by one client.
type rate struct {
	allowed  int           // a minute; 0 is no limit
	interval time.Duration // in which one request is earned back
	header   []string      // of rateAllowed
}

func perMinute(allowed int) rate {
	if allowed <= 0 {
		// Clients read a number here; the largest that all of them can hold
		// says "no limit".
		return rate{header: []string{strconv.Itoa(math.MaxInt32)}}
	}
	return rate{
		allowed:  allowed,
		interval: max(1, time.Minute/time.Duration(allowed)),
		header:   []string{strconv.Itoa(allowed)},
	}
}

// limiter is a token bucket for each client: it holds a minute's requests and fills
// evenly. All tokens of a client share one bucket; otherwise a client could get more by
// asking for another token. It counts the requests of this server only.
//
// A bucket is kept as the time at which it will be full again, the theoretical
// arrival time of GCRA, so that a full bucket need not be kept at all.
type limiter struct {
	usual rate // of clients that have none of their own

	mu    sync.Mutex
	size  int
	full  map[uuid.UUID]time.Time // by client id
	swept time.Time
}

func newLimiter(allowed int) *limiter {
	return &limiter{usual: perMinute(allowed), size: limiterSize, full: make(map[uuid.UUID]time.Time)}
}

// take spends one request of the client's bucket. It returns how many are spent,
// the time until the bucket is full and, if it was empty, until a request is
// allowed again.
func (l *limiter) take(client uuid.UUID, limit rate, now time.Time) (spent int, reset, retry time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	until, kept := l.full[client]
	if !kept {
		l.makeRoom(now)
	}
	reset = max(0, until.Sub(now))
	capacity := limit.interval * time.Duration(limit.allowed)
	if over := reset + limit.interval - capacity; over > 0 {
		return limit.allowed, reset, over
	}
	reset += limit.interval
	l.full[client] = now.Add(reset)
	return int((reset + limit.interval - 1) / limit.interval), reset, 0
}

// scanOfARequest is how much work of a scan counts as one request.
const scanOfARequest = 10 * time.Millisecond

// Charge counts the duration of a scan against the client as further requests, and says so
// in the headers of the answer unless that has begun. A client that scans much finds its
// bucket empty, for at most twice what it holds.
func Charge(ctx context.Context, took time.Duration) {
	x := exchangeOf(ctx)
	n := int(took / scanOfARequest)
	if x == nil || x.limiter == nil || n == 0 {
		return
	}
	spent, reset := x.limiter.charge(x.bucket, x.limit, n, time.Now())
	if x.ResponseWriter != nil && x.status == 0 {
		h := x.Header()
		h[rateCount], h[rateReset] = []string{strconv.Itoa(spent)}, []string{seconds(reset)}
	}
}

// charge spends n requests of the client's bucket, be they there or not.
func (l *limiter) charge(client uuid.UUID, limit rate, n int, now time.Time) (spent int, reset time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	capacity := limit.interval * time.Duration(limit.allowed)
	reset = min(max(0, l.full[client].Sub(now))+time.Duration(n)*limit.interval, 2*capacity)
	l.full[client] = now.Add(reset)
	return min(limit.allowed, int((reset+limit.interval-1)/limit.interval)), reset
}

// makeRoom forgets full buckets once a minute, since any bucket left alone is full by
// then. When there are too many all the same, any one goes.
func (l *limiter) makeRoom(now time.Time) {
	if now.Sub(l.swept) >= time.Minute {
		maps.DeleteFunc(l.full, func(_ uuid.UUID, full time.Time) bool { return !full.After(now) })
		l.swept = now
	}
	if len(l.full) >= l.size {
		for client := range l.full {
			delete(l.full, client)
			break
		}
	}
}

// LimitOAuth counts a request that a client makes of OAuth's own endpoints, in a
// bucket beside that of its other requests. It returns after how long the next one is
// allowed if this one is not, else 0.
func (f *Frame) LimitOAuth(client uuid.UUID) (retry time.Duration) {
	if f.oauth.usual.allowed > 0 {
		_, _, retry = f.oauth.take(client, f.oauth.usual, time.Now())
	}
	return retry
}

// announceUnused sets the headers as they are before a request counts.
func (l *limiter) announceUnused(h http.Header) {
	h[rateCount], h[rateAllowed], h[rateReset] = zero, l.usual.header, zero
}

// limitRate counts the request against the client whose token it has.
func (f *Frame) limitRate(next Handler) Handler {
	l := f.limiter
	return func(w http.ResponseWriter, r *http.Request) error {
		x := exchangeOf(r.Context())
		limit := l.usual
		if own := x.principal.RateLimit; own > 0 {
			limit = perMinute(own)
		}
		if !x.known() || limit.allowed == 0 {
			return next(w, r)
		}
		x.limiter, x.limit, x.bucket = l, limit, x.principal.Client
		spent, reset, retry := l.take(x.principal.Client, limit, time.Now())
		h := w.Header()
		h[rateCount] = []string{strconv.Itoa(spent)}
		h[rateAllowed] = limit.header
		h[rateReset] = []string{seconds(reset)}
		if retry > 0 {
			h.Set("Retry-After", seconds(retry))
			return limit.exceeded(seconds(retry))
		}
		return next(w, r)
	}
}

// exceeded answers a request beyond the limit. Clients of the platform read the
// seconds out of its message.
func (limit rate) exceeded(retry string) error {
	const message = "Rate limit exceeded the maximum. Retry the request in "
	return &coded{
		err: scim.TooManyRequests("the limit of %d requests a minute for one client is reached; retry in [%s] seconds", limit.allowed, retry),
		body: platformError{
			Message:           message + "[" + retry + "] seconds",
			MessageWithParams: message + "[{retryAfter}] seconds",
			MessageParams:     map[string]string{"retryAfter": retry},
			Limit:             &platformLimit{Key: rateKey, Namespace: rateNamespace, Value: limit.allowed},
		},
	}
}

// seconds rounds up, so that a client that waits that long may go on.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}

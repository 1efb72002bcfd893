package httpapi_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/purescim/purescim/internal/httpapi"
)

// limited serves hello at "/" to tokens with which so many requests a minute may be made.
func limited(p httpapi.Protocol, allowed int) http.Handler {
	f := httpapi.New(httpapi.Options{Verify: verify, RateLimit: allowed})
	router := f.Router(p)
	f.Handle(router, "/", get(p, hello))
	return router
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		router := limited(httpapi.SCIM, 3)
		step := func(token string, status int, count, allowed, reset, retry string) {
			t.Helper()
			w := httptest.NewRecorder()
			router.ServeHTTP(w, request("Authorization: Bearer "+token))
			h := w.Header()
			if w.Code != status || h.Get("inin-ratelimit-count") != count || h.Get("inin-ratelimit-allowed") != allowed ||
				h.Get("inin-ratelimit-reset") != reset || h.Get("Retry-After") != retry {
				t.Errorf("%s: status %d, headers %v; want %d, %s of %s, reset %s, Retry-After %q", token, w.Code, h, status, count, allowed, reset, retry)
			}
		}
		step("good-1", 200, "1", "3", "20", "")
		step("good-1", 200, "2", "3", "40", "")
		step("good-1", 200, "3", "3", "60", "")
		step("good-1", 429, "3", "3", "60", "20")
		step("good-2", 429, "3", "3", "60", "20")  // another token of the client
		step("good-slow", 200, "1", "2", "30", "") // another client, with a limit of its own
		step("good-slow", 200, "2", "2", "60", "")
		step("good-slow", 429, "2", "2", "60", "30")
		step("bad", 401, "0", "3", "0", "")
		time.Sleep(19500 * time.Millisecond)
		step("good-1", 429, "3", "3", "41", "1")
		time.Sleep(500 * time.Millisecond)
		step("good-1", 200, "3", "3", "60", "")
		time.Sleep(2 * time.Minute)
		step("good-1", 200, "1", "3", "20", "")
	})
}

func TestRateLimitBody(t *testing.T) {
	t.Parallel()
	for p, test := range map[httpapi.Protocol]struct{ contentType, body string }{
		httpapi.SCIM: {
			"application/scim+json",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"429","detail":"the limit of 1 requests a minute for one client is reached; retry in [60] seconds"}`,
		},
		httpapi.Platform: {
			"application/json",
			`{"message":"Rate limit exceeded the maximum. Retry the request in [60] seconds","code":"too.many.requests.retry.after","status":429,` +
				`"messageWithParams":"Rate limit exceeded the maximum. Retry the request in [{retryAfter}] seconds","messageParams":{"retryAfter":"60"},` +
				`"contextId":"id-1","details":[],"errors":[],"limit":{"key":"client.credentials.token.rate.per.minute","namespace":"platform.api","value":1}}`,
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			router := limited(p, 1)
			router.ServeHTTP(httptest.NewRecorder(), request())
			w := httptest.NewRecorder()
			router.ServeHTTP(w, request())
			checkAnswer(t, w, http.StatusTooManyRequests, test.contentType, test.body)
		})
	}
}

func TestNoRateLimit(t *testing.T) {
	t.Parallel()
	router := limited(httpapi.SCIM, 0)
	for token, want := range map[string]string{"good-1": "2147483647", "good-slow": "2"} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, request("Authorization: Bearer "+token))
		if got := w.Header().Get("inin-ratelimit-allowed"); w.Code != http.StatusOK || got != want {
			t.Errorf("%s: %d, %s requests allowed, want %s", token, w.Code, got, want)
		}
	}
}

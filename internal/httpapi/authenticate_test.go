package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/purescim/purescim/internal/httpapi"
)

func TestAuthentication(t *testing.T) {
	t.Parallel()
	const (
		scheme  = `Bearer realm="purescim"`
		where   = `, resource_metadata="http://example.com/.well-known/oauth-protected-resource"`
		realm   = scheme + where
		invalid = scheme + `, error="invalid_token", error_description="the access token is not valid"` + where
		expired = scheme + `, error="invalid_token", error_description="the access token has expired"` + where
	)
	for _, test := range []struct {
		name          string
		authorization []string
		target        string
		status        int
		challenge     string
		code          string
		detail        string
	}{
		{name: "good", authorization: []string{"Bearer good-1"}, status: 200},
		{name: "scheme in lower case", authorization: []string{"bearer good-1"}, status: 200},
		{name: "two blanks", authorization: []string{"BEARER  good-1"}, status: 200},
		{name: "none", status: 401, challenge: realm, code: "authentication.required", detail: "an access token is needed"},
		{name: "in the query", target: "/?access_token=good-1", status: 401, challenge: realm, code: "authentication.required", detail: "Authorization: Bearer TOKEN"},
		{name: "Basic", authorization: []string{"Basic Z29vZC0xOng="}, status: 401, challenge: realm, code: "authentication.required", detail: "no bearer token"},
		{name: "no token", authorization: []string{"Bearer "}, status: 401, challenge: realm, code: "authentication.required", detail: "no bearer token"},
		{name: "no scheme", authorization: []string{"good-1"}, status: 401, challenge: realm, code: "authentication.required", detail: "no bearer token"},
		{name: "bad", authorization: []string{"Bearer bad"}, status: 401, challenge: invalid, code: "bad.credentials", detail: "the access token is not valid"},
		{name: "expired", authorization: []string{"Bearer expired"}, status: 401, challenge: expired, code: "credentials.expired", detail: "the access token has expired"},
		{name: "twice", authorization: []string{"Bearer good-1", "Bearer good-2"}, status: 400, challenge: scheme + `, error="invalid_request", error_description="more than one Authorization header"` + where, code: "invalid.value", detail: "more than one Authorization"},
		{name: "cannot be checked", authorization: []string{"Bearer unchecked"}, status: 500, code: "internal.server.error", detail: "correlation id"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, p := range []httpapi.Protocol{httpapi.SCIM, httpapi.Platform} {
				if test.target == "" {
					test.target = "/"
				}
				r := httptest.NewRequest(http.MethodGet, test.target, nil)
				r.Header["Authorization"] = test.authorization
				w := serve(httpapi.Options{}, get(p, hello), r)
				if w.Code != test.status || w.Header().Get("WWW-Authenticate") != test.challenge {
					t.Errorf("status %d, want %d; challenge %q, want %q", w.Code, test.status, w.Header().Get("WWW-Authenticate"), test.challenge)
				}
				if test.status == http.StatusOK {
					continue
				}
				var body struct{ Code, Message, Detail string }
				if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(body.Message+body.Detail, test.detail) || (p == httpapi.Platform && body.Code != test.code) {
					t.Errorf("body %s, want code %q and text %q", w.Body, test.code, test.detail)
				}
			}
		})
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	serve(httpapi.Options{}, get(httpapi.SCIM, func(_ http.ResponseWriter, r *http.Request) error {
		if p := httpapi.Principal(r.Context()); p.Org.ID != 42 || p.Client != client {
			t.Errorf("principal %+v", p)
		}
		return nil
	}), request())
}

// A handler that wants to know for whom it acts must not be reachable without a token.
func TestPrincipalOfPublicRoute(t *testing.T) {
	t.Parallel()
	route := get(httpapi.SCIM, func(_ http.ResponseWriter, r *http.Request) error {
		httpapi.Principal(r.Context())
		return nil
	})
	route.Public = true
	if w := serve(httpapi.Options{}, route, request()); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d", w.Code)
	}
}

func TestRefusedTokenIsExplainedInTheLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	serve(httpapi.Options{Log: logTo(&log)}, get(httpapi.SCIM, hello), request("Authorization: Bearer s3cr3t"))
	if records := lines(t, &log, "request failed"); len(records) != 1 || records[0]["level"] != "INFO" || !strings.Contains(log.String(), "unknown signing key") {
		t.Errorf("log: %s", &log)
	}
	if strings.Contains(log.String(), "s3cr3t") {
		t.Error("the log holds the token")
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := httpapi.New(httpapi.Options{Verify: verify, RateLimit: 3})
		router := f.Router(httpapi.SCIM)
		f.Handle(router, "/", get(httpapi.SCIM, hello))
		step := func(token string, status int, count, reset, retry string) {
			t.Helper()
			w := httptest.NewRecorder()
			router.ServeHTTP(w, request("Authorization: Bearer "+token))
			h := w.Header()
			if w.Code != status || h.Get("inin-ratelimit-count") != count || h.Get("inin-ratelimit-allowed") != "3" ||
				h.Get("inin-ratelimit-reset") != reset || h.Get("Retry-After") != retry {
				t.Errorf("status %d, headers %v; want %d, count %s, reset %s, Retry-After %q", w.Code, h, status, count, reset, retry)
			}
		}
		step("good-1", 200, "1", "20", "")
		step("good-1", 200, "2", "40", "")
		step("good-1", 200, "3", "60", "")
		step("good-1", 429, "3", "60", "20")
		step("good-2", 200, "1", "20", "") // another token, another bucket
		step("bad", 401, "0", "0", "")
		time.Sleep(19500 * time.Millisecond)
		step("good-1", 429, "3", "41", "1")
		time.Sleep(500 * time.Millisecond)
		step("good-1", 200, "3", "60", "")
		time.Sleep(2 * time.Minute)
		step("good-1", 200, "1", "20", "")
	})
}

func TestRateLimitBody(t *testing.T) {
	t.Parallel()
	f := httpapi.New(httpapi.Options{Verify: verify, RateLimit: 1})
	router := f.Router(httpapi.Platform)
	f.Handle(router, "/", get(httpapi.Platform, hello))
	var w *httptest.ResponseRecorder
	for range 2 {
		w = httptest.NewRecorder()
		router.ServeHTTP(w, request())
	}
	checkAnswer(t, w, http.StatusTooManyRequests, "application/json",
		`{"message":"the limit of 1 requests a minute for one token is reached; retry in [60] seconds","code":"too.many.requests.retry.after","status":429,"contextId":"id-1","details":[],"errors":[]}`)
}

func TestNoRateLimit(t *testing.T) {
	t.Parallel()
	w := serve(httpapi.Options{}, get(httpapi.SCIM, hello), request())
	h := w.Header()
	if h.Get("inin-ratelimit-count") != "0" || h.Get("inin-ratelimit-allowed") != "2147483647" || h.Get("inin-ratelimit-reset") != "0" {
		t.Errorf("headers %v", h)
	}
}

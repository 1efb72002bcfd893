package httpapi_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
)

func TestCorrelationID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sent string
		kept bool
	}{
		{"", false},
		{"id-1", true},
		{"0198C0DE-0000-7000-8000-000000000001", true},
		{"a.b_c", true},
		{strings.Repeat("x", 64), true},
		{strings.Repeat("x", 65), false},
		{"two words", false},
		{`"quoted"`, false},
		{"<script>", false},
		{"ümlaut", false},
	} {
		t.Run(test.sent, func(t *testing.T) {
			t.Parallel()
			var seen string
			w := serve(httpapi.Options{}, get(httpapi.SCIM, func(_ http.ResponseWriter, r *http.Request) error {
				seen = httpapi.CorrelationID(r.Context())
				return nil
			}), request("ININ-Correlation-Id:"+test.sent))
			got := w.Header().Get("ININ-Correlation-Id")
			if got != seen {
				t.Errorf("the answer says %q, the context %q", got, seen)
			}
			if test.kept {
				if got != test.sent {
					t.Errorf("got %q, want the client's", got)
				}
			} else if id, err := uuid.Parse(got); err != nil || id.Version() != 7 {
				t.Errorf("got %q, want a UUID of version 7", got)
			}
		})
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	f := httpapi.New(httpapi.Options{Verify: verify, Log: logTo(&log)})
	router := f.Router(httpapi.SCIM)
	users := f.Router(httpapi.SCIM)
	f.Handle(users, "/Users/{id}", get(httpapi.SCIM, hello))
	router.Mount("/scim", users)
	r := with(httptest.NewRequest(http.MethodGet, "/scim/Users/7?filter=alice", nil), "Authorization: Bearer good-1", "ININ-Correlation-Id: id-1")
	router.ServeHTTP(httptest.NewRecorder(), r)
	records := lines(t, &log, "request")
	if len(records) != 1 {
		t.Fatalf("log: %s", &log)
	}
	if _, ok := records[0]["duration"].(float64); !ok {
		t.Errorf("no duration: %v", records[0])
	}
	for _, varying := range []string{"time", "duration"} {
		delete(records[0], varying)
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "route": "/scim/Users/{id}", "status": 200.0, "bytes": 7.0,
		"correlation": "id-1", "org": "42", "client": client.String(), "target": "7",
	}
	if diff := cmp.Diff(want, records[0]); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]*httptest.ResponseRecorder{
		"200":           serve(httpapi.Options{}, get(httpapi.SCIM, hello), request()),
		"401":           serve(httpapi.Options{}, get(httpapi.SCIM, hello), request("Authorization:")),
		"405":           serve(httpapi.Options{}, httpapi.Route{}, request()),
		"500":           serve(httpapi.Options{}, get(httpapi.SCIM, fails(errLost)), request()),
		"panic":         serve(httpapi.Options{}, get(httpapi.SCIM, func(http.ResponseWriter, *http.Request) error { panic("x") }), request()),
		"no such route": serve(httpapi.Options{}, get(httpapi.SCIM, hello), httptest.NewRequest(http.MethodGet, "/x", nil)),
	} {
		for header, want := range map[string]string{
			"Cache-Control":           "no-store",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"inin-ratelimit-count":    "0",
			"inin-ratelimit-reset":    "0",
		} {
			if got := w.Header().Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if w.Header().Get("ININ-Correlation-Id") == "" {
			t.Errorf("%s: no correlation id", name)
		}
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	forwarded := []string{"X-Forwarded-Proto: https", "X-Forwarded-Host: public.example"}
	for _, test := range []struct {
		name    string
		options httpapi.Options
		tls     bool
		lines   []string
		want    string
	}{
		{name: "plain", want: "http://example.com"},
		{name: "TLS", tls: true, want: "https://example.com"},
		{name: "configured", options: httpapi.Options{PublicURL: "https://scim.example/"}, want: "https://scim.example"},
		{name: "configured wins", options: httpapi.Options{PublicURL: "http://scim.example", TrustProxy: true}, lines: forwarded, want: "http://scim.example"},
		{name: "proxy not trusted", lines: forwarded, want: "http://example.com"},
		{name: "proxy", options: httpapi.Options{TrustProxy: true}, lines: forwarded, want: "https://public.example"},
		{name: "proxy without headers", options: httpapi.Options{TrustProxy: true}, want: "http://example.com"},
		{name: "two proxies", options: httpapi.Options{TrustProxy: true}, lines: []string{"X-Forwarded-Proto: HTTPS, http", "X-Forwarded-Host: a.example:8443, b.example"}, want: "http://b.example"},
		{name: "two lines", options: httpapi.Options{TrustProxy: true}, lines: []string{"X-Forwarded-Proto: http", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example", "X-Forwarded-Host: [2001:db8::1]:8443"}, want: "https://[2001:db8::1]:8443"},
		{name: "no port", options: httpapi.Options{TrustProxy: true}, lines: []string{`X-Forwarded-Host: a.example:70000`}, want: "http://example.com"},
		{name: "marked up", options: httpapi.Options{TrustProxy: true}, lines: []string{`X-Forwarded-Host: <b>"`}, want: "http://example.com"},
		{name: "empty at last", options: httpapi.Options{TrustProxy: true}, lines: []string{"X-Forwarded-Host: evil.example,"}, want: "http://example.com"},
		{name: "no host", options: httpapi.Options{TrustProxy: true}, lines: []string{`X-Forwarded-Host: a.example/"x`}, want: "http://example.com"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := request(test.lines...)
			if test.tls {
				r.TLS = new(tls.ConnectionState)
			}
			if got := httpapi.New(test.options).BaseURL(r); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			hsts := serve(test.options, get(httpapi.SCIM, hello), r).Header().Get("Strict-Transport-Security")
			if encrypted := strings.HasPrefix(test.want, "https://"); (hsts != "") != encrypted {
				t.Errorf("Strict-Transport-Security is %q", hsts)
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	echo := map[string]httpapi.Handler{http.MethodPost: func(w http.ResponseWriter, r *http.Request) error {
		body, err := httpapi.Body(r)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(w, len(body))
		return err
	}}
	for _, test := range []struct {
		name      string
		limit     int64
		size      int
		announced bool
		status    int
		text      string
	}{
		{"below", 0, 1 << 20, true, 200, "1048576"},
		{"below, not announced", 0, 1 << 20, false, 200, "1048576"},
		{"above", 0, 1<<20 + 1, true, 413, "larger than the 1 MiB (1048576 bytes) allowed here"},
		{"above, not announced", 0, 1<<20 + 1, false, 413, "larger than the 1 MiB (1048576 bytes) allowed here"},
		{"groups", httpapi.GroupBodyLimit, 16 << 20, true, 200, "16777216"},
		{"above groups", httpapi.GroupBodyLimit, 16<<20 + 1, false, 413, "larger than the 16 MiB (16777216 bytes) allowed here"},
		{"small limit", 10, 11, false, 413, "larger than the 10 bytes allowed here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(make([]byte, test.size)))
			r.Header.Set("Authorization", "Bearer good-1")
			if !test.announced {
				r.ContentLength = -1
			}
			w := serve(httpapi.Options{}, httpapi.Route{BodyLimit: test.limit, Methods: echo}, r)
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.text) {
				t.Errorf("got %d %s, want %d %s", w.Code, w.Body, test.status, test.text)
			}
		})
	}
}

func TestObserve_NeedsNoLog(t *testing.T) {
	t.Parallel()
	type observation struct {
		route, method string
		status        int
	}
	var got []observation
	f := httpapi.New(httpapi.Options{Verify: verify, Observe: func(_ context.Context, o httpapi.Observed) {
		got = append(got, observation{o.Route, o.Method, o.Status})
	}})
	router, users := f.Router(httpapi.SCIM), f.Router(httpapi.SCIM)
	f.Handle(users, "/Users/{id}", get(httpapi.SCIM, hello))
	router.Mount("/scim", users)
	for _, r := range []*http.Request{
		httptest.NewRequest(http.MethodGet, "/scim/Users/7", nil),
		httptest.NewRequest(http.MethodPost, "/scim/Users/8", nil),
		httptest.NewRequest(http.MethodGet, "/elsewhere/9", nil),
	} {
		router.ServeHTTP(httptest.NewRecorder(), with(r, "Authorization: Bearer good-1"))
	}
	want := []observation{{"/scim/Users/{id}", "GET", 200}, {"/scim/Users/{id}", "POST", 405}, {"", "GET", 404}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(observation{})); diff != "" {
		t.Errorf("observed (-want +got):\n%s", diff)
	}
}

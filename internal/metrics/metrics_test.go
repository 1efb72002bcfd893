package metrics_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/purescim/purescim/internal/metrics"
)

// newPool makes a pool of at most 7 connections, of which it needs none.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@localhost:1/none?pool_max_conns=7")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestHandler(t *testing.T) {
	t.Parallel()
	m := metrics.New(metrics.Sources{Expiring: func() int { return 3 }, Pool: newPool(t).Stat})
	m.Observe("/Users/{id}", "GET", 200, 20*time.Millisecond)
	m.Observe("/Users/{id}", "GET", 204, 30*time.Second)
	m.Observe("/Users/{id}", "PATCH", 412, time.Millisecond)
	m.Observe("", "BREW", 501, time.Millisecond)
	m.Observe("", "STEEP", 501, time.Millisecond)
	m.Observe("/Groups", "GET", 0, time.Millisecond)
	var during string
	m.InFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { during = read(m) })).
		ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if !strings.Contains(during, "\npurescim_http_requests_in_flight 1\n") {
		t.Errorf("a request under way is not counted:\n%s", during)
	}
	after := read(m)
	for _, want := range []string{
		`purescim_http_requests_total{method="GET",route="/Users/{id}",status="2xx"} 2`,
		`purescim_http_requests_total{method="PATCH",route="/Users/{id}",status="4xx"} 1`,
		`purescim_http_requests_total{method="other",route="none",status="5xx"} 2`,
		`purescim_http_requests_total{method="GET",route="/Groups",status="none"} 1`,
		`purescim_http_request_duration_seconds_bucket{method="GET",route="/Users/{id}",le="0.025"} 1`,
		`purescim_http_request_duration_seconds_bucket{method="GET",route="/Users/{id}",le="30"} 2`,
		`purescim_http_request_duration_seconds_count{method="GET",route="/Users/{id}"} 2`,
		`purescim_http_requests_in_flight 0`,
		`purescim_tokens_expiring 3`,
		`purescim_database_connections_acquired 0`,
		`purescim_database_connections_idle 0`,
		`purescim_database_connections_max 7`,
	} {
		if !strings.Contains(after, "\n"+want+"\n") {
			t.Errorf("no line %s in:\n%s", want, after)
		}
	}
	for _, want := range []string{"\ngo_goroutines ", "\nprocess_cpu_seconds_total "} {
		if !strings.Contains(after, want) {
			t.Errorf("no%s", want)
		}
	}
}

func read(m *metrics.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	return w.Body.String()
}

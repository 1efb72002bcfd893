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
	end := time.Unix(1_800_000_000, 0)
	m := metrics.New(metrics.Sources{
		Version: "v1", Expiring: func() int { return 3 }, NextExpiry: func() (time.Time, bool) { return end, true },
		CertificateExpiry: func() (time.Time, bool) { return time.Time{}, false },
		Dropped:           func() int { return 2 }, Held: func() int { return 4 }, Pending: func() (int, int) { return 4, 5000 },
		ClockOffset: func() time.Duration { return -1500 * time.Millisecond }, Pool: newPool(t).Stat,
		Waiting: func() (int, int) { return 6, 7 }, LookUps: func() (int, int) { return 8, 9 },
		Standbys: func() ([]metrics.Standby, map[string]int64) {
			return []metrics.Standby{{Number: 1, Reads: 12, Ready: true}, {Number: 2, Late: 90 * time.Second}}, map[string]int64{"behind": 13}
		},
		Organisations: func(size string) int { return len(size) },
		Events:        func() (time.Duration, int, int) { return 90 * time.Second, 10, 11 },
	})
	for _, r := range []metrics.Request{
		{Route: "/Users/{id}", Method: "GET", Status: 200, Took: 20 * time.Millisecond, Organisation: metrics.Small, Product: "entra"},
		{Route: "/Users/{id}", Method: "GET", Status: 204, Took: 30 * time.Second, Organisation: metrics.SizeOf(60_000)},
		{Route: "/Users/{id}", Method: "PATCH", Status: 412, Took: time.Millisecond, Organisation: metrics.SizeOf(999), Product: "entra"},
		{Method: "BREW", Status: 501, Took: time.Millisecond},
		{Method: "STEEP", Status: 501, Took: time.Millisecond},
		{Route: "/Groups", Method: "GET", Took: time.Millisecond},
	} {
		m.Observe(r)
	}
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
		`purescim_client_requests_total{organisation="small",product="entra",status="2xx"} 1`,
		`purescim_client_requests_total{organisation="small",product="entra",status="4xx"} 1`,
		`purescim_client_requests_total{organisation="large",product="other",status="2xx"} 1`,
		`purescim_client_request_duration_seconds_bucket{organisation="small",product="entra",le="0.05"} 2`,
		`purescim_tokens_expiring 3`,
		`purescim_token_expiry_timestamp_seconds 1.8e+09`,
		`purescim_log_pending 4`,
		`purescim_log_pending_bytes 5000`,
		`purescim_database_waiting{for="connection"} 6`,
		`purescim_database_waiting{for="scan"} 7`,
		`purescim_lookup_batches_in_flight 8`,
		`purescim_lookups_waiting 9`,
		`purescim_standby_reads_total{standby="1"} 12`,
		`purescim_standby_ready{standby="1"} 1`,
		`purescim_standby_ready{standby="2"} 0`,
		`purescim_standby_lag_seconds{standby="2"} 90`,
		`purescim_standby_fallbacks_total{cause="behind"} 13`,
		`purescim_organisations{size="medium"} 6`,
		`purescim_events_oldest_seconds 90`,
		`purescim_event_streams_waiting 10`,
		`purescim_event_streams_full 11`,
		`purescim_database_acquires_waited_total 0`,
		`purescim_database_acquire_wait_seconds_total 0`,
		`purescim_log_dropped_total 2`,
		`purescim_requests_held_total 4`,
		`purescim_clock_offset_seconds -1.5`,
		`purescim_database_connections_acquired 0`,
		`purescim_database_connections_idle 0`,
		`purescim_database_connections_max 7`,
	} {
		if !strings.Contains(after, "\n"+want+"\n") {
			t.Errorf("no line %s in:\n%s", want, after)
		}
	}
	for _, without := range []string{"purescim_tls_", "purescim_database_statement"} {
		if strings.Contains(after, without) {
			t.Errorf("there is a figure of what there is not: %s", without)
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

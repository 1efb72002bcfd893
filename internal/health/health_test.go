package health_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/health"
)

func ask(t *testing.T, h *health.Health, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.Before(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(method, path, http.NoBody))
	return w
}

func TestReady_TellsWhyNot(t *testing.T) {
	t.Parallel()
	found := health.Finding{Status: health.OK}
	look := func(context.Context) health.Finding { return found }
	for _, test := range []struct {
		finding health.Finding
		stop    bool
		status  int
		want    health.Report
	}{
		{finding: health.Finding{Status: health.OK}, status: 200, want: health.Report{Status: "ready", Checks: map[string]health.Finding{
			"database": {Status: health.OK}, "serving": {Status: health.OK},
		}}},
		{finding: health.Finding{Status: health.Warning, Detail: "slow"}, status: 200, want: health.Report{Status: "ready", Checks: map[string]health.Finding{
			"database": {health.Warning, "slow"}, "serving": {Status: health.OK},
		}}},
		{finding: health.Finding{Status: health.Failed, Detail: "away"}, status: 503, want: health.Report{Status: "not ready", Checks: map[string]health.Finding{
			"database": {health.Failed, "away"}, "serving": {Status: health.OK},
		}}},
		{finding: health.Finding{Status: health.OK}, stop: true, status: 503, want: health.Report{Status: "not ready", Checks: map[string]health.Finding{
			"database": {Status: health.OK}, "serving": {health.Failed, "the server is shutting down"},
		}}},
	} {
		found = test.finding
		h := health.New(health.Check{Name: "database", Look: look})
		if test.stop {
			h.Stop()
		}
		w := ask(t, h, http.MethodGet, health.ReadyPath)
		var got health.Report
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != test.status {
			t.Errorf("status %d, want %d: %s", w.Code, test.status, w.Body)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if alive := ask(t, h, http.MethodGet, health.LivePath); alive.Code != 200 {
			t.Errorf("%s: %d", health.LivePath, alive.Code)
		}
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	h := health.New()
	for _, test := range []struct {
		method, path string
		status       int
	}{{"HEAD", "/readyz", 200}, {"HEAD", "/livez", 200}, {"POST", "/readyz", 405}, {"DELETE", "/livez", 405}, {"GET", "/other", 404}} {
		w := ask(t, h, test.method, test.path)
		if w.Code != test.status || test.method == http.MethodHead && w.Body.Len() > 0 {
			t.Errorf("%s %s: %d %s", test.method, test.path, w.Code, w.Body)
		}
	}
}

// However many ask, it is looked once a second, and no longer than a check may take.
func TestReady_IsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var looked atomic.Int32
		h := health.New(health.Check{Name: "database", Look: func(ctx context.Context) health.Finding {
			looked.Add(1)
			<-ctx.Done()
			return health.Finding{Status: health.Failed}
		}})
		began := time.Now()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { ask(t, h, http.MethodGet, health.ReadyPath) })
		}
		all.Wait()
		if looked.Load() != 1 || time.Since(began) > 3*time.Second {
			t.Errorf("looked %d times within %v", looked.Load(), time.Since(began))
		}
		time.Sleep(time.Second)
		ask(t, h, http.MethodGet, health.ReadyPath)
		if looked.Load() != 2 {
			t.Errorf("looked %d times", looked.Load())
		}
	})
}

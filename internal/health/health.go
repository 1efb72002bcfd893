// Package health answers liveness and readiness probes at /livez and /readyz, as Kubernetes
// and load balancers expect them.
//
// What is checked, and what a failure means, is left to the checks that it is given.
package health

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The paths that are answered.
const (
	LivePath  = "/livez"
	ReadyPath = "/readyz"
)

const (
	// lookTime is how long a check may take.
	lookTime = 2 * time.Second
	// fresh is how long what was found is told again: anybody may ask.
	fresh = time.Second
)

// Status is what a check has found.
type Status string

// The statuses of checks. A warning keeps no server from being asked.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Finding is what a check has found. Detail is for anybody, and names no host.
type Finding struct {
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"`
}

// Check is something that must be right for the server to be asked.
type Check struct {
	Name string
	Look func(ctx context.Context) Finding
}

// Report is the answer at ReadyPath.
type Report struct {
	Status string             `json:"status"` // "ready" or "not ready"
	Checks map[string]Finding `json:"checks"`
}

// Ready reports whether the server should be asked.
func (r Report) Ready() bool { return r.Status == ready }

const (
	ready    = "ready"
	notReady = "not ready"
)

// Health looks after one server. It is safe for concurrent use.
type Health struct {
	checks   []Check
	stopping atomic.Bool

	looking chan struct{} // holds a value while a request looks; others wait for what it finds
	looked  time.Time
	found   map[string]Finding
}

// New makes the health of a server that is not stopping.
func New(checks ...Check) *Health {
	return &Health{checks: checks, looking: make(chan struct{}, 1)}
}

// Stop has the server be not ready from now on.
func (h *Health) Stop() { h.stopping.Store(true) }

// Report looks at everything, unless that was done within the last second.
func (h *Health) Report(ctx context.Context) Report {
	found := h.look(ctx)
	r := Report{Status: ready, Checks: make(map[string]Finding, len(found)+1)}
	maps.Copy(r.Checks, found)
	r.Checks["serving"] = Finding{Status: OK}
	if h.stopping.Load() {
		r.Checks["serving"] = Finding{Failed, "the server is shutting down"}
	}
	for _, f := range r.Checks {
		if f.Status == Failed {
			r.Status = notReady
		}
	}
	return r
}

// look gives what the checks find, at the same time. Its time is not that of the request,
// for others may be told the same.
func (h *Health) look(ctx context.Context) map[string]Finding {
	h.looking <- struct{}{}
	defer func() { <-h.looking }()
	if h.found != nil && time.Since(h.looked) < fresh {
		return h.found
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTime)
	defer cancel()
	findings := make([]Finding, len(h.checks))
	var all sync.WaitGroup
	for i, c := range h.checks {
		all.Go(func() { findings[i] = c.Look(ctx) })
	}
	all.Wait()
	found := make(map[string]Finding, len(findings))
	for i, c := range h.checks {
		found[c.Name] = findings[i]
	}
	h.looked, h.found = time.Now(), found
	return found
}

// Before answers at the paths of this package, and leaves the others to next. These
// requests need no token, and no log tells of them.
func (h *Health) Before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case LivePath:
			answer(w, r, http.StatusOK, map[string]string{"status": "alive"})
		case ReadyPath:
			report, status := h.Report(r.Context()), http.StatusOK
			if !report.Ready() {
				status = http.StatusServiceUnavailable
				w.Header().Set("Retry-After", "1")
			}
			answer(w, r, status, report)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func answer(w http.ResponseWriter, r *http.Request, status int, body any) {
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	text, err := json.Marshal(body)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if r.Method == http.MethodGet {
		_, _ = w.Write(append(text, '\n'))
	}
}

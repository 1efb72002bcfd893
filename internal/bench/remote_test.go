package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// resources is a server that keeps nothing of its resources but that they are there.
type resources struct {
	sync.Mutex
	made   int
	paths  map[string]bool
	groups bool // it lets clients make groups
}

func (s *resources) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.Lock()
	defer s.Unlock()
	switch {
	case r.Method == http.MethodPost && (r.URL.Path == "/Users" || s.groups):
		s.made++
		id := strconv.Itoa(s.made)
		s.paths[r.URL.Path+"/"+id] = true
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"id":%q}`, id)
	case r.Method == http.MethodDelete && s.paths[r.URL.Path]:
		delete(s.paths, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPatch || r.Method == http.MethodPut || r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/Users"):
		fmt.Fprint(w, `{"totalResults":0}`)
	default:
		w.WriteHeader(http.StatusForbidden)
	}
}

func (s *resources) options(t *testing.T) Options {
	t.Helper()
	s.paths = map[string]bool{}
	running := httptest.NewServer(s)
	t.Cleanup(running.Close)
	return Options{
		Server: Server{URL: running.URL}, Connections: 2, Rounds: 1, Run: time.Millisecond,
		Lines: true, Progress: func(Step) {},
	}
}

// Who interrupts the benchmark finds the server as it was.
func TestRemote_CleansUpWhenInterrupted(t *testing.T) {
	t.Parallel()
	s := resources{groups: true}
	o := s.options(t)
	ctx, interrupt := context.WithCancel(t.Context())
	o.Progress = func(step Step) {
		if step.What == "filling groups" {
			interrupt()
		}
	}
	_, err := Remote(ctx, o, MinUsers)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("err is %v", err)
	}
	if s.made <= MinUsers || len(s.paths) > 0 {
		t.Errorf("%d resources were made, and %d are left", s.made, len(s.paths))
	}
}

// A server that refuses groups, and finds nobody, is measured in the rest.
func TestRemote_LeavesOutWhatIsRefused(t *testing.T) {
	t.Parallel()
	var s resources
	o := s.options(t)
	report, err := Remote(t.Context(), o, MinUsers)
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]string{}
	for _, l := range report.Lines {
		why[l.Name] = l.Skipped
	}
	for name, want := range map[string]string{
		"GET by id":                            "",
		"POST user":                            "",
		"add or remove 1 member, groups of 10": "the server did not let the benchmark make groups",
		"Bulk of 50 creates":                   "the server says that it offers no Bulk",
		"filter userName eq":                   "GET /Users?filter=userName%20eq%20%22",
	} {
		if got, ok := why[name]; !ok || want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s is left out because of %q, want %q", name, got, want)
		}
	}
	if report.Data.Groups != 0 || len(s.paths) > 0 {
		t.Errorf("%d groups; %d resources are left", report.Data.Groups, len(s.paths))
	}
}

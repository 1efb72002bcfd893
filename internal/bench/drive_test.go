package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// somebody is a driver of a server with the handler.
func somebody(t *testing.T, handle http.HandlerFunc) *driver {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	d, err := newDriver(Server{URL: s.URL + "/scim/", Token: "t"}, Options{Connections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
	return d
}

func TestSend_AsksWhatTheRequestSays(t *testing.T) {
	t.Parallel()
	var asked atomic.Value
	d := somebody(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		asked.Store(fmt.Sprintf("%s %s %s %s %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), body))
		fmt.Fprint(w, `{"id":"7"}`)
	})
	for want, r := range map[string]request{
		"GET /scim/Users Bearer t  ":                                     {method: "GET", path: "/Users"},
		"PATCH /scim/Users/1 Bearer t application/scim+json {}":          {method: "PATCH", path: "/Users/1", body: "{}"},
		"POST /api/v2/groups Bearer t application/json {\"name\":\"a\"}": {method: "POST", path: "/api/v2/groups", body: `{"name":"a"}`, platform: true},
	} {
		var keep bytes.Buffer
		if err := d.send(t.Context(), d.conns[0], r, &keep); err != nil {
			t.Fatal(err)
		}
		if asked.Load() != want || keep.String() != `{"id":"7"}` {
			t.Errorf("asked %q and got %s, want %q", asked.Load(), &keep, want)
		}
	}
}

func TestSend_AsksAgainAfterAPause(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	d := somebody(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		}
	})
	then := request{method: "GET", path: "/b"}
	if err := d.send(t.Context(), d.conns[0], request{method: "GET", path: "/a", then: &then}, nil); err != nil {
		t.Fatal(err)
	}
	if asked.Load() != 3 || d.throttled.Load() != 1 {
		t.Errorf("%d requests, of which %d were sent again; want 3 and 1", asked.Load(), d.throttled.Load())
	}
}

func TestSend_TellsOfRefusals(t *testing.T) {
	t.Parallel()
	d := somebody(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/scim/Bulk" {
			w.WriteHeader(http.StatusNotImplemented)
			fmt.Fprint(w, "no Bulk here")
		}
	})
	err := d.send(t.Context(), d.conns[0], request{method: "POST", path: "/Bulk", body: "{}"}, nil)
	if refused := (*refusalError)(nil); !errors.As(err, &refused) || refused.Error() != "POST /Bulk: status 501: no Bulk here" {
		t.Errorf("err is %v", err)
	}
	err = d.send(t.Context(), d.conns[0], request{method: "GET", path: "/Users", contains: "7"}, nil)
	if err == nil || !strings.Contains(err.Error(), `the answer has no "7"`) {
		t.Errorf("err is %v", err)
	}
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]features{
		http.StatusOK:       everything(),
		http.StatusNotFound: {Patch: struct{ Supported bool }{true}, Filter: struct{ Supported bool }{true}},
	} {
		d := somebody(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"patch":{"supported":true},"filter":{"supported":true},"sort":{"supported":true},
				"bulk":{"supported":true,"maxOperations":1000},"pagination":{"cursor":true}}`)
		})
		got, err := d.discover(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d (-want +got):\n%s", status, diff)
		}
	}
}

func TestLedger_KnowsWhatWasCreated(t *testing.T) {
	t.Parallel()
	var l ledger
	l.add(request{path: "/Users"}, []byte(`{"id":"a b"}`))
	l.add(request{path: "/api/v2/groups", platform: true}, []byte(`{"id":"g"}`))
	l.add(request{path: "/Bulk"}, []byte(`{"Operations":[{"location":"https://x/scim/Users/1"},{"status":"400"}]}`))
	l.add(request{path: "/Users"}, nil)
	want := []created{{"/Users/a%20b", false}, {"/api/v2/groups/g", true}, {"/Users/1", false}}
	if diff := cmp.Diff(want, l.taken(), cmp.AllowUnexported(created{})); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
}

// A cycle at a rate gives each request its turn, and notes what goes wrong.
func TestCycle_NotesErrorsAndGoesOn(t *testing.T) {
	t.Parallel()
	d := somebody(t, func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("startIndex") == "1":
			fmt.Fprint(w, `{"totalResults":3,"Resources":[{"id":"a"},{"id":"b"}]}`)
		case r.URL.Query().Get("startIndex") == "3" && r.URL.Path == "/scim/Users":
			fmt.Fprint(w, `{"totalResults":3,"Resources":[{"id":"c"}]}`)
		default:
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	c := cycle{name: "import", run: func(ctx context.Context, y *cyclist) {
		y.readAll(ctx, "/Users?", 2)
		y.readAll(ctx, "/Groups?", 2)
	}}
	const rate = 100
	got, err := c.measure(t.Context(), d, Options{Rate: rate, CycleUsers: 1, Data: made(MinUsers)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != 4 || got.Errors != 1 || !strings.Contains(got.FirstError, "status 500") {
		t.Errorf("%+v", got)
	}
	if least := 3 * time.Second / rate; got.Seconds < least.Seconds() {
		t.Errorf("4 requests took %g s, want at least %s", got.Seconds, least)
	}
}

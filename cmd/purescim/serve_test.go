package main

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/testdb"
)

// A running server: 'purescim serve', on ports of its own choice.
type running struct {
	url, metrics string
	redirect     string // of clients without TLS
	stop         func() // tells it to end, and does not wait
}

// serve runs the program until the test ends.
func serve(t *testing.T, databaseURL string, flags ...string) running {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	log, errs := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, append([]string{
			"serve", "--database-url=" + databaseURL, "--log-format=json",
			"--addr=127.0.0.1:0", "--metrics-addr=127.0.0.1:0", "--drain=0s",
		}, flags...), console{out: io.Discard, err: errs})
		errs.Close()
	}()
	t.Cleanup(func() {
		stop()
		if status := <-ended; status != 0 {
			t.Errorf("serve: exit status %d", status)
		}
	})
	server := running{stop: stop}
	for lines := bufio.NewScanner(log); server.url == "" && lines.Scan(); {
		var line struct {
			Msg, Addr string
			TLS       bool
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		switch line.Msg {
		case "serving metrics":
			server.metrics = "http://" + line.Addr
		case "redirecting to TLS":
			server.redirect = "http://" + line.Addr
		case "serving":
			server.url = "http://" + line.Addr
			if line.TLS {
				server.url = "https://" + line.Addr
			}
		}
	}
	go func() { _, _ = io.Copy(io.Discard, log) }()
	return server
}

// get returns the status and the body.
func get(t *testing.T, url, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

// administratorOf makes an administrator of the organisation, whose tokens live as long
// as told.
func administratorOf(t *testing.T, databaseURL, organisation string, lives time.Duration) (made credentials) {
	t.Helper()
	d := database{DatabaseURL: databaseURL, LogLevel: "error"}
	err := d.with(t.Context(), console{out: io.Discard, err: io.Discard}, changes, func(p *parts) error {
		o, err := p.orgNamed(t.Context(), organisation)
		if err != nil {
			return err
		}
		made, err = p.createClient(t.Context(), o.ID, oauth.ClientSpec{Name: uuid.NewString(), Validity: lives}, adminRole)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestServe_TellsMetrics(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	var out strings.Builder
	if status := run(t.Context(), []string{"org", "create", "acme", "--database-url=" + db}, console{out: &out, err: &out}); status != 0 {
		t.Fatal(out.String())
	}
	const day = 24 * time.Hour
	lasting, ending := administratorOf(t, db, "acme", 100*day).AccessToken, administratorOf(t, db, "acme", 10*day).AccessToken
	server := serve(t, db)
	id := uuid.NewString()
	for _, path := range []string{"/Users/" + id, "/Users/" + uuid.NewString(), "/Users"} {
		get(t, server.url+"/api/v2/scim/v2"+path, lasting)
	}
	figures := func(lines ...string) string {
		t.Helper()
		status, body := get(t, server.metrics+"/metrics", "")
		for _, line := range lines {
			if status != http.StatusOK || !strings.Contains(body, "\n"+line+"\n") {
				t.Errorf("%d: no line %s in:\n%s", status, line, body)
			}
		}
		return body
	}
	body := figures(
		`purescim_http_requests_total{method="GET",route="/api/v2/scim/v2/Users/{id}",status="4xx"} 2`,
		`purescim_http_requests_total{method="GET",route="/api/v2/scim/v2/Users",status="2xx"} 1`,
		`purescim_http_request_duration_seconds_count{method="GET",route="/api/v2/scim/v2/Users/{id}"} 2`,
		`purescim_client_requests_total{organisation="small",product="other",status="4xx"} 2`,
		`purescim_http_requests_in_flight 0`,
		`purescim_tokens_expiring 0`,
	)
	if strings.Contains(body, id) {
		t.Error("the figures hold an id")
	}
	for _, figure := range []string{`purescim_build_info{`, `purescim_database_statement_duration_seconds_count{statement="select users"}`} {
		if !strings.Contains(body, "\n"+figure) {
			t.Errorf("no figure %s in:\n%s", figure, body)
		}
	}
	for path, want := range map[string]int{"/debug/pprof/": 200, "/debug/pprof/heap": 200, "/debug/pprof/cmdline": 404} {
		if status, body := get(t, server.metrics+path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	for range 2 {
		get(t, server.url+"/api/v2/scim/v2/Users", ending)
	}
	figures(`purescim_tokens_expiring 1`)
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/profile"} {
		if status, _ := get(t, server.url+path, lasting); status != http.StatusNotFound {
			t.Errorf("the public port answers %s with %d", path, status)
		}
	}
	if status, _ := get(t, server.url+"/metrics", lasting); status != http.StatusNotFound {
		t.Errorf("the public port answers /metrics with %d", status)
	}
}

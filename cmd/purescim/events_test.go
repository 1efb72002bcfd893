package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/localpg"
)

// A server and then PostgreSQL are killed while they work. What was acknowledged
// has its event, and each event its change.
func TestServe_LosesNoEventWhenKilled(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "events-")
	if err == nil {
		err = os.Chmod(dir, 0o755) // PostgreSQL's user may be another
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	pg, err := localpg.Start(t.Context(), localpg.Options{Dir: dir}) // durable, as a server starts it
	if err != nil {
		t.Fatal(err)
	}
	l := load{token: newStream(t, pg.URL()), acknowledged: map[string]map[int]bool{}}

	const enough = 60
	first := spawn(t, pg.URL())
	l.until(t, first, enough, func() { first.kill(t) })
	second := spawn(t, pg.URL())
	postmaster := postmasterOf(t, pg.URL())
	l.until(t, second, 2*enough, func() {
		if err := syscall.Kill(postmaster, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
	again, err := localpg.Start(t.Context(), localpg.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop(context.Background()); _ = again.Stop(context.Background()) })
	third := spawn(t, again.URL())
	l.check(t, third)
	second.kill(t)
	third.kill(t)
}

// newStream makes an organisation whose events are polled, and a token of it.
func newStream(t *testing.T, databaseURL string) (token string) {
	t.Helper()
	var out, errs bytes.Buffer
	for _, args := range [][]string{
		{"migrate"},
		{"org", "create", "acme", "--with-client", "--admin", "-o", "json"},
		{"events", "set", "--org", "acme", "--poll", "--audience", "receiver"},
	} {
		out.Reset()
		if status := run(t.Context(), append(args, "--database-url="+databaseURL), console{out: &out, err: &errs}); status != 0 {
			t.Fatal(errs.String())
		}
		if args[0] != "org" {
			continue
		}
		var made struct {
			AccessToken string `json:"access_token"`
		}
		if err := json.Unmarshal(out.Bytes(), &made); err != nil {
			t.Fatalf("%v: %s", err, out.String())
		}
		token = made.AccessToken
	}
	return token
}

// postmasterOf finds PostgreSQL's process.
func postmasterOf(t *testing.T, databaseURL string) int {
	t.Helper()
	db, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	var data string
	if err := db.QueryRow(t.Context(), `select setting from pg_settings where name = 'data_directory'`).Scan(&data); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// process is a server in a process of its own.
type process struct {
	cmd *exec.Cmd
	url string
}

// spawn starts a server: this program again, which TestMain lets be one.
func spawn(t *testing.T, databaseURL string) process {
	t.Helper()
	return spawnOf(t, os.Args[0], databaseURL)
}

// spawnOf starts a server of a program.
func spawnOf(t *testing.T, program, databaseURL string) process {
	t.Helper()
	cmd := exec.Command(program, "serve", "--database-url="+databaseURL, "--addr=127.0.0.1:0", "--log-format=json")
	log, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var line struct{ Msg, Addr string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return process{cmd: cmd, url: "http://" + line.Addr}
		}
	}
	t.Fatal("the server does not serve")
	return process{}
}

func (p process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = p.cmd.Wait() // tells that it was killed
}

// load makes changes and keeps which were acknowledged: the versions of users.
type load struct {
	token        string
	mu           sync.Mutex
	acknowledged map[string]map[int]bool
	changes      atomic.Int32
}

// until makes changes, many at once, until so many were acknowledged in all; then
// it strikes and goes on until each of the writers has met an error.
func (l *load) until(t *testing.T, server process, enough int32, strike func()) {
	t.Helper()
	var work sync.WaitGroup
	var struck sync.Once
	for range 4 {
		work.Go(func() {
			for l.write(server) {
				if l.changes.Load() >= enough {
					go struck.Do(strike)
				}
			}
			// What the strike has hit is answered with an error, or not at all.
		})
	}
	work.Wait()
	struck.Do(func() { t.Error("the writers met an error before anything was killed") })
}

// write makes a user and changes it. It reports whether all was acknowledged.
func (l *load) write(server process) bool {
	var user struct {
		ID   string
		Meta struct{ Version string }
	}
	body := fmt.Sprintf(`{"userName":"user%d@example.org"}`, time.Now().UnixNano())
	if l.ask(server, http.MethodPost, "/api/v2/scim/v2/Users", body, &user) != http.StatusCreated {
		return false
	}
	l.note(user.ID, user.Meta.Version)
	for i := range 3 {
		body := fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":"%d"}]}`, i)
		if l.ask(server, http.MethodPatch, "/api/v2/scim/v2/Users/"+user.ID, body, &user) != http.StatusOK {
			return false
		}
		l.note(user.ID, user.Meta.Version)
	}
	return true
}

func (l *load) note(id, version string) {
	n, _ := strconv.Atoi(version)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.acknowledged[id] == nil {
		l.acknowledged[id] = map[int]bool{}
	}
	l.acknowledged[id][n] = true
	l.changes.Add(1)
}

// ask gives the status, 0 when there is no answer.
func (l *load) ask(server process, method, path, body string, answer any) int {
	r, err := http.NewRequest(method, server.url+path, strings.NewReader(body))
	if err != nil {
		return 0
	}
	r.Header.Set("Authorization", "Bearer "+l.token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	if json.NewDecoder(response.Body).Decode(answer) != nil {
		return 0
	}
	return response.StatusCode
}

// check compares what was acknowledged, what is stored and what is told.
func (l *load) check(t *testing.T, server process) {
	t.Helper()
	told := l.told(t, server)
	var stored struct {
		TotalResults int
		Resources    []struct {
			ID   string
			Meta struct{ Version string }
		}
	}
	if l.ask(server, http.MethodGet, "/api/v2/scim/v2/Users?count=1000", "", &stored) != http.StatusOK || stored.TotalResults != len(stored.Resources) {
		t.Fatalf("%d of %d users", len(stored.Resources), stored.TotalResults)
	}
	for _, user := range stored.Resources {
		var want []int
		last, _ := strconv.Atoi(user.Meta.Version)
		for v := range last {
			want = append(want, v+1)
		}
		if !slices.Equal(told[user.ID], want) {
			t.Errorf("a user of version %d: events of the versions %v", last, told[user.ID])
		}
		for version := range l.acknowledged[user.ID] {
			if version > last {
				t.Errorf("a user of version %d: version %d was acknowledged", last, version)
			}
		}
		delete(told, user.ID)
		delete(l.acknowledged, user.ID)
	}
	if len(told)+len(l.acknowledged) > 0 {
		t.Errorf("users that are not: %d were told, %d acknowledged", len(told), len(l.acknowledged))
	}
}

// told polls all events: the versions of each user, in the order of the events.
func (l *load) told(t *testing.T, server process) map[string][]int {
	t.Helper()
	var answer struct {
		Sets          map[string]string
		MoreAvailable bool
	}
	if l.ask(server, http.MethodPost, "/api/v2/events/poll", `{"maxEvents":1000,"returnImmediately":true}`, &answer) != http.StatusOK || answer.MoreAvailable {
		t.Fatalf("%d events, and more %v", len(answer.Sets), answer.MoreAvailable)
	}
	told := map[string][]int{}
	for i, e := range read(t, answer.Sets) {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has the number %d", i+1, e.Seq)
		}
		for _, payload := range e.Events {
			version, _ := strconv.Atoi(strings.Trim(payload.Version, `"`))
			told[e.Subject.ID] = append(told[e.Subject.ID], version)
		}
	}
	return told
}

// event is what is read of a token.
type event struct {
	Seq     int64
	Txn     string
	Subject struct{ ID string } `json:"sub_id"`
	Events  map[string]struct{ Version, Location string }
}

// read reads tokens, in the order of their numbers.
func read(t *testing.T, tokens map[string]string) (all []event) {
	t.Helper()
	for _, token := range tokens {
		var e event
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err == nil {
			err = json.Unmarshal(payload, &e)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, token)
		}
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b event) int { return int(a.Seq - b.Seq) })
	return all
}

//go:build chaos

package chaos

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	lasts  = flag.Duration("lasts", time.Minute, "how long the clients work")
	strike = flag.Bool("strike", true, "whether anything is struck meanwhile")
	pause  = flag.Duration("pause", 0, "how long each client waits before each request")
	seed   = flag.Uint64("seed", uint64(time.Now().UnixNano()), "which faults are chosen")
)

const workers = 8

// world is what is struck.
type world struct {
	pair     *Pair
	programs []*Program
	clients  *Clients
	probe    string // a user that is no part of the history
	rand     *rand.Rand
}

// fault is something that happens, and is over when it returns.
type fault struct {
	name   string
	happen func(ctx context.Context, w *world) error
}

// faults are as often as they stand here.
var faults = []fault{
	{"a server is killed", func(_ context.Context, w *world) error { w.program().Signal(syscall.SIGKILL); return nil }},
	{"a server is told to stop", func(_ context.Context, w *world) error { w.program().Signal(syscall.SIGTERM); return nil }},
	{"a server stands still", func(_ context.Context, w *world) error {
		p := w.program()
		p.Signal(syscall.SIGSTOP)
		w.pause(500, 3000)
		p.Signal(syscall.SIGCONT)
		return nil
	}},
	{"the network is cut", func(_ context.Context, w *world) error {
		w.pair.primary.proxy.Cut(true)
		w.pause(100, 2000)
		w.pair.primary.proxy.Cut(false)
		return nil
	}},
	{"the network is slow", func(_ context.Context, w *world) error {
		w.pair.primary.proxy.Delay(time.Duration(20+w.rand.IntN(200)) * time.Millisecond)
		w.pause(500, 2000)
		w.pair.primary.proxy.Delay(0)
		return nil
	}},
	{"PostgreSQL crashes", func(ctx context.Context, w *world) error {
		if err := w.pair.Crash(ctx); err != nil {
			return err
		}
		return w.pair.Start(ctx)
	}},
	{"the standby takes over", func(ctx context.Context, w *world) error {
		if err := w.pair.Crash(ctx); err != nil {
			return err
		}
		return w.pair.Promote(ctx)
	}},
	{"all are killed", func(ctx context.Context, w *world) error {
		for _, p := range w.programs {
			p.Signal(syscall.SIGKILL)
		}
		if err := w.pair.Crash(ctx); err != nil {
			return err
		}
		return w.pair.Start(ctx)
	}},
}

const takesOver = "the standby takes over"

// TestChaos has clients work while faults happen, and checks what they saw.
func TestChaos(t *testing.T) {
	t.Logf("-seed %d", *seed)
	w := newWorld(t)
	ctx, stop := context.WithTimeout(t.Context(), *lasts)
	defer stop()
	var work sync.WaitGroup
	for i := range workers {
		work.Go(func() { w.clients.Work(ctx, i) })
	}
	before := w.memory(t)
	recoveries := map[string][]time.Duration{}
	if *strike {
		recoveries = w.strikeUntil(t, ctx)
	}
	<-ctx.Done()
	work.Wait()
	w.report(t, recoveries, before)
}

// newWorld starts everything.
func newWorld(t *testing.T) *world {
	t.Helper()
	program, err := filepath.Abs(cmp.Or(os.Getenv("PURESCIM"), "../../bin/purescim"))
	must(t, err)
	dir, err := os.MkdirTemp("/tmp", "purescim-chaos-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	w := &world{rand: rand.New(rand.NewPCG(*seed, 0))}
	w.pair, err = NewPair(t.Context(), dir)
	must(t, err)
	t.Cleanup(func() {
		for _, p := range w.programs {
			p.End()
		}
		w.pair.Stop(context.WithoutCancel(t.Context()))
		if t.Failed() {
			t.Logf("logs, and what clients saw, are kept in %s: %v", dir, w.clients.History.Keep(filepath.Join(dir, "history.json")))
			return
		}
		_ = os.RemoveAll(dir)
	})
	w.command(t, program, "migrate")
	var made struct {
		AccessToken string `json:"access_token"`
	}
	must(t, json.Unmarshal(w.command(t, program, "org", "create", "acme", "--with-client", "--admin", "-o", "json"), &made))
	// Clients make and delete groups, and delete without end.
	w.command(t, program, "org", "set", "acme", "--group-lifecycle", "--brake-users", "off", "--brake-members", "off")
	w.clients = NewClients(made.AccessToken, *pause)
	for i := range 2 {
		p, err := NewProgram(program, w.pair.URL(), filepath.Join(dir, fmt.Sprintf("server%d.log", i)))
		must(t, err)
		w.programs = append(w.programs, p)
		w.clients.Servers = append(w.clients.Servers, p.URL)
	}
	for w.probe == "" {
		w.probe = w.clients.ask(t.Context(), w.programs[0].URL, http.MethodPost, usersPath, `{"userName":"probe@example.org"}`, 0).ID
	}
	return w
}

// strikeUntil lets faults happen, each after all is well, and tells how long each took
// until changes were acknowledged through every server again.
func (w *world) strikeUntil(t *testing.T, ctx context.Context) map[string][]time.Duration {
	t.Helper()
	recoveries := map[string][]time.Duration{}
	for ctx.Err() == nil {
		w.pause(200, 1000)
		f := faults[w.rand.IntN(len(faults))]
		began := time.Now()
		must(t, f.happen(t.Context(), w))
		if f.name != takesOver {
			began = time.Now() // it lasted as long as it was chosen to
		}
		limit, cancel := context.WithTimeout(t.Context(), time.Minute)
		for _, p := range w.programs {
			must(t, w.clients.Recovered(limit, p.URL, w.probe))
		}
		recoveries[f.name] = append(recoveries[f.name], time.Since(began))
		if f.name == takesOver {
			must(t, w.pair.Join(limit))
		}
		must(t, w.pair.awaitSync(limit))
		cancel()
	}
	return recoveries
}

// report reads all users and groups once more, and fails for what cannot be.
func (w *world) report(t *testing.T, recoveries map[string][]time.Duration, before []int) {
	t.Helper()
	w.clients.ReadAll(t.Context())
	acknowledged, reads := w.clients.History.Count(Acknowledged)
	unknown, _ := w.clients.History.Count(Unknown)
	refused, _ := w.clients.History.Count(Refused)
	struck, longest := 0, time.Duration(0)
	t.Logf("%-26s %6s %10s %10s", "fault", "times", "median", "longest")
	for _, name := range slices.Sorted(maps.Keys(recoveries)) {
		took := recoveries[name]
		slices.Sort(took)
		struck += len(took)
		longest = max(longest, took[len(took)-1])
		t.Logf("%-26s %6d %10s %10s", name, len(took), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	}
	found := w.clients.History.Check()
	t.Logf("%d faults, %d writes acknowledged, %d without an answer, %d refused, %d reads, %d wrong", struck, acknowledged, unknown, refused, reads, len(found))
	t.Logf("memory of the servers: %d MB, then %d MB", before, w.memory(t))
	for _, fault := range append(found, w.clients.Unexpected()...) {
		t.Error(fault)
	}
	t.Logf("%s", w.command(t, w.programs[0].path, "verify"))
}

// command runs a command of the program on the database.
func (w *world) command(t *testing.T, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(program, append(args, "--database-url="+w.pair.URL())...)
	said := new(strings.Builder)
	cmd.Stderr = said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, out, said)
	}
	return out
}

// memory is how many megabytes each server has.
func (w *world) memory(t *testing.T) (megabytes []int) {
	t.Helper()
	for _, p := range w.programs {
		p.mu.Lock()
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
		p.mu.Unlock()
		pages := 0
		if fields := strings.Fields(string(text)); len(fields) > 1 {
			pages, _ = strconv.Atoi(fields[1])
		}
		megabytes = append(megabytes, pages*os.Getpagesize()>>20)
	}
	return megabytes
}

func (w *world) program() *Program { return w.programs[w.rand.IntN(len(w.programs))] }

// pause waits for some milliseconds.
func (w *world) pause(least, most int) {
	time.Sleep(time.Duration(least+w.rand.IntN(most-least)) * time.Millisecond)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

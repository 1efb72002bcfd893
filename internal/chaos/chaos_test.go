//go:build chaos

package chaos

import (
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
	"testing"
	"time"
)

var (
	lasts  = flag.Duration("lasts", time.Minute, "how long the clients work")
	strike = flag.Bool("strike", true, "whether anything is struck meanwhile")
	only   = flag.String("only", "", "strike with the faults alone whose names have this")
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

	other  *Clients // of another organisation, with a user
	floods Flood    // all together
	most   int      // megabytes of a server in a flood
}

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
	before := w.memory()
	recoveries := map[string][]time.Duration{}
	if *strike {
		recoveries = w.strikeUntil(ctx, t)
	}
	<-ctx.Done()
	work.Wait()
	w.report(t, recoveries, before)
}

// newWorld starts everything.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "purescim-chaos-")
	must(t, err)
	program, err := filepath.Abs(os.Getenv("PURESCIM"))
	if os.Getenv("PURESCIM") == "" {
		program, err = Build(t.Context(), dir)
	}
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
	if w.pair.NoDisks != nil {
		t.Logf("no disk is filled: %v", w.pair.NoDisks)
	}
	w.command(t, program, "migrate")
	w.clients = NewClients(w.organisation(t, program, "acme"), *pause)
	w.other = NewClients(w.organisation(t, program, "other"), 0)
	// Clients make and delete groups, and delete without end.
	w.command(t, program, "org", "set", "acme", "--group-lifecycle", "--brake-users", "off", "--brake-members", "off")
	for i, reads := range []string{"", w.pair.ReadURLs()} {
		p, err := NewProgram(program, w.pair.URL(), reads, filepath.Join(dir, fmt.Sprintf("server%d.log", i)))
		must(t, err)
		w.programs = append(w.programs, p)
		w.clients.Servers = append(w.clients.Servers, p.URL)
		if reads != "" {
			w.clients.OfStandby = p.URL
		}
	}
	w.probe = w.clients.probe(t.Context(), w.programs[0].URL)
	w.other.keys = []string{w.other.probe(t.Context(), w.programs[0].URL)}
	return w
}

// organisation makes one and a client, and gives its token.
func (w *world) organisation(t *testing.T, program, name string) (token string) {
	t.Helper()
	var made struct {
		AccessToken string `json:"access_token"`
	}
	must(t, json.Unmarshal(w.command(t, program, "org", "create", name, "--with-client", "--admin", "-o", "json"), &made))
	return made.AccessToken
}

// probe makes a user, as soon as the server takes changes.
func (c *Clients) probe(ctx context.Context, server string) (id string) {
	for id == "" && ctx.Err() == nil {
		id = c.ask(ctx, server, http.MethodPost, usersPath, `{"userName":"probe@example.org"}`, 0).ID
	}
	return id
}

// strikeUntil lets faults happen, each after all is well, and tells how long each took
// until changes were acknowledged through every server again.
func (w *world) strikeUntil(ctx context.Context, t *testing.T) map[string][]time.Duration {
	t.Helper()
	recoveries := map[string][]time.Duration{}
	list := slices.DeleteFunc(slices.Clone(faults), func(f fault) bool {
		return !strings.Contains(f.name, *only) || f.name == diskIsFull && w.pair.NoDisks != nil
	})
	for ctx.Err() == nil {
		w.pause(200, 1000)
		f := list[w.rand.IntN(len(list))]
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
	t.Logf("memory of the servers: %d MB, then %d MB", before, w.memory())
	t.Logf("floods: %d requests answered and %d shed, %d look-ups of another organisation answered and %d not; a server had %d MB at most",
		w.floods.Answered, w.floods.Shed, w.floods.Others, w.floods.Missed, w.most)
	t.Logf("without an answer: %s", w.clients.Broken())
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
func (w *world) memory() (megabytes []int) {
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

package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Flood is what one organisation sends to do harm, while a client of another one asks for
// little. It is of bounded length and number, and made for a server that has nothing else
// to do.
//
// A new one is a function in a file of its own, hostile_NAME.go, that returns a Flood, and a
// line in floods.
type Flood struct {
	// Name is what the report and Options.Only call it.
	Name string
	// Memory is how many bytes the process may need above what it needs when idle;
	// 0 is no bound.
	Memory int64
	// Beside is how long 99 of 100 answers to the other client may take; 0 is no bound.
	Beside time.Duration

	// prepare stores what the flood needs; nil is nothing. What the server does then is
	// not measured.
	prepare func(ctx context.Context, a *attack) error
	// send is the flood. Its answers may have any status but 500.
	send func(ctx context.Context, a *attack) error
}

// floods are all that are measured.
func floods() []Flood {
	return []Flood{
		manyValues(),
		manyMembers(),
		manyRemovals(),
		manyScans(),
		manyRemovalsAndScans(),
		largeDivisions(),
		largeRoles(),
		largeEvents(),
		unreadUsers(),
		largeTokens(),
	}
}

// Floods are those whose name contains only.
func Floods(only string) (chosen []Flood, err error) {
	for _, f := range floods() {
		if strings.Contains(f.Name, only) {
			chosen = append(chosen, f)
		}
	}
	if chosen == nil {
		return nil, fmt.Errorf("no flood has %q in its name", only)
	}
	return chosen, nil
}

// Attacked is what a flood did to a server.
type Attacked struct {
	Name string `json:"name"`
	// Memory is how many bytes more than Idle the process had at most, which should be
	// no more than MemoryAtMost. It is 0 when that is not known.
	Idle         int64 `json:"idle_bytes"`
	Memory       int64 `json:"peak_above_idle_bytes"`
	MemoryAtMost int64 `json:"peak_above_idle_bytes_at_most,omitempty"`
	// Beside is of the small requests of the other organisation; its P99 should be at
	// most BesideAtMost milliseconds.
	Beside       Figures `json:"beside"`
	Slowest      float64 `json:"beside_slowest_ms"`
	BesideAtMost float64 `json:"beside_p99_ms_at_most,omitempty"`
	// Seconds is how long the flood took, Statuses how it was answered; 0 counts the
	// connections that ended without an answer.
	Seconds  float64     `json:"seconds"`
	Statuses map[int]int `json:"statuses"`
}

// Measure lets the flood loose on a server that has just started. Both servers are the
// same one, below its root, with the tokens of administrators of two organisations. Scale
// is how much of the flood is sent; 1 is all.
func (f Flood) Measure(ctx context.Context, attacker, other Server, scale float64) (Attacked, error) {
	result := Attacked{Name: f.Name, MemoryAtMost: f.Memory, BesideAtMost: milliseconds(f.Beside)}
	a, err := newAttack(attacker, scale)
	if err != nil {
		return result, err
	}
	defer a.client.CloseIdleConnections()
	beside, err := newNeighbour(ctx, other)
	if err != nil {
		return result, err
	}
	result.Idle, _ = Memory(attacker.PID)
	if f.prepare != nil {
		if err := f.prepare(ctx, a); err != nil {
			return result, fmt.Errorf("prepare: %w", err)
		}
	}
	a.statuses = make(map[int]int)
	peak := watchMemory(attacker.PID)
	stop := beside.ask(ctx)
	began := time.Now()
	err = f.send(ctx, a)
	result.Seconds = time.Since(began).Seconds()
	latencies, failed := stop()
	result.Memory = max(0, peak()-result.Idle)
	result.Beside, result.Statuses = latencies, a.statuses
	result.Slowest = beside.slowest
	if n := a.statuses[http.StatusInternalServerError]; n > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests were answered 500", n))
	}
	return result, errors.Join(err, failed)
}

// attack is the means of a flood.
type attack struct {
	client *http.Client
	url    string // of the server's root, without a slash at the end
	token  string // of an administrator
	scale  float64

	group    string // that prepareScans made
	removals []byte // of its members

	mu       sync.Mutex
	statuses map[int]int
}

func newAttack(s Server, scale float64) (*attack, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, err
	}
	const connections = 1000
	transport := &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}
	return &attack{
		client: &http.Client{Transport: transport, Timeout: answerPatience},
		url:    strings.TrimRight(u.String(), "/"), token: s.Token, scale: scale, statuses: make(map[int]int),
	}, nil
}

// many is n as the scale has it, at least 1.
func (a *attack) many(n int) int { return max(1, int(float64(n)*a.scale)) }

// do sends a request as the administrator and reads the answer, whatever its status. A
// connection that the server ends without an answer is status 0, and no error: floods
// are refused in that way too.
func (a *attack) do(ctx context.Context, method, path string, body []byte) (status int, answer []byte, err error) {
	return a.doAs(ctx, a.token, method, path, body)
}

// doAs is do with another token.
func (a *attack) doAs(ctx context.Context, token, method, path string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, method, a.url+path, &inParts{Reader: bytes.NewReader(body)})
	if err != nil {
		return 0, nil, err
	}
	r.ContentLength = int64(len(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(&inParts{Reader: bytes.NewReader(body)}), nil }
	if len(body) == 0 {
		r.Body = http.NoBody
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := a.client.Do(r)
	if err == nil {
		defer response.Body.Close()
		if answer, err = io.ReadAll(response.Body); err == nil {
			status = response.StatusCode
		}
	}
	a.mu.Lock()
	a.statuses[status]++
	a.mu.Unlock()
	return status, answer, ctx.Err()
}

// inParts is a body that is sent so that the client beside has the processor too: the
// flood is to hold up the server, and not whoever measures it.
type inParts struct{ *bytes.Reader }

func (b *inParts) Read(p []byte) (int, error) {
	runtime.Gosched()
	return b.Reader.Read(p)
}

// WriteTo would send all of it at once.
func (b *inParts) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{b})
}

// must is do for what has to succeed; it returns the answer.
func (a *attack) must(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	status, answer, err := a.do(ctx, method, path, body)
	if err == nil && status/100 != 2 {
		err = &refusalError{method + " " + path, status, string(answer[:min(len(answer), 300)])}
	}
	return answer, err
}

// atOnce does n things at the same time and waits for all.
func (a *attack) atOnce(n int, do func(i int) error) error {
	var work sync.WaitGroup
	failures := make([]error, n)
	for i := range n {
		work.Go(func() { failures[i] = do(i) })
	}
	work.Wait()
	return errors.Join(failures...)
}

// watchMemory begins to look for the most memory that a process has; peak ends it.
func watchMemory(pid int) (peak func() int64) {
	forgotten := forgetPeak(pid)
	done, result := make(chan struct{}), make(chan int64)
	go func() {
		var most int64
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			now, _ := Memory(pid)
			most = max(most, now)
			select {
			case <-done:
				if of, ok := peakMemory(pid); ok && forgotten {
					most = max(most, of)
				}
				result <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(done)
		return <-result
	}
}

// neighbour is a client that asks for one user by id, again and again.
type neighbour struct {
	*attack
	path    string
	slowest float64 // milliseconds
}

func newNeighbour(ctx context.Context, s Server) (*neighbour, error) {
	a, err := newAttack(s, 1)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("ada.%d@example.org", time.Now().UnixNano())
	user, err := a.must(ctx, http.MethodPost, "/api/v2/scim/v2/Users", []byte(`{"userName":"`+name+`"}`))
	return &neighbour{attack: a, path: "/api/v2/scim/v2/Users/" + readID(user)}, err
}

// ask begins; stop ends it and tells how it went. Each answer must be a success.
func (b *neighbour) ask(ctx context.Context) (stop func() (Figures, error)) {
	const pause = 10 * time.Millisecond
	var ended atomic.Bool
	var asking sync.WaitGroup
	var r run
	var failed error
	asking.Go(func() {
		for began := time.Now(); !ended.Load() && failed == nil; time.Sleep(pause) {
			asked := time.Now()
			_, failed = b.must(ctx, http.MethodGet, b.path, nil)
			r.latencies = append(r.latencies, time.Since(asked))
			r.elapsed = time.Since(began)
		}
	})
	return func() (Figures, error) {
		ended.Store(true)
		asking.Wait()
		b.client.CloseIdleConnections()
		b.slowest = milliseconds(slices.Max(r.latencies))
		if failed != nil {
			failed = fmt.Errorf("a small request beside the flood: %w", failed)
		}
		return r.figures(cpuTime{}), failed
	}
}

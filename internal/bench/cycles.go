package bench

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Cycle is what an identity system meets that does a whole job.
type Cycle struct {
	Name    string  `json:"name"`
	Does    string  `json:"does"`
	Seconds float64 `json:"seconds"`
	// Figures are those of all its requests; CPU time is a request's share.
	Figures
	// Errors are requests without success; the first is told.
	Errors     int    `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
	// Busy is how often the server asked to come again later, with 429.
	Busy int `json:"answered_429"`
}

// cycle is a job.
type cycle struct {
	name, does string
	run        func(ctx context.Context, y *cyclist)
}

var errNotFound = errors.New("a look-up did not find what was there")

// cyclist does one job for an identity system. What goes wrong it notes, and goes on.
type cyclist struct {
	*driver
	data    Data
	users   int // how many the job is about
	pace    *pace
	mu      sync.Mutex
	run     run
	errors  int
	failure error
}

func (c cycle) measure(ctx context.Context, server *driver, o Options) (Cycle, error) {
	result := Cycle{Name: c.name, Does: c.does}
	y := &cyclist{driver: server, data: o.Data, users: min(o.CycleUsers, len(o.Data.Users)), pace: newPace(o.Rate)}
	busy, used, start := server.throttled.Load(), server.cpu(), time.Now()
	c.run(ctx, y)
	y.run.elapsed = time.Since(start)
	result.Seconds = y.run.elapsed.Seconds()
	result.Figures = y.run.figures(server.cpu().minus(used))
	result.Errors, result.Busy = y.errors, int(server.throttled.Load()-busy)
	if y.failure != nil {
		result.FirstError = y.failure.Error()
	}
	if y.errors > 0 && !o.alone() {
		return result, y.failure
	}
	return result, ctx.Err()
}

// ask sends one request and keeps the answer's body.
func (y *cyclist) ask(ctx context.Context, c *connection, r request, keep *bytes.Buffer) bool {
	y.pace.wait(ctx)
	asked := time.Now()
	keep.Reset()
	err := y.send(ctx, c, r, keep)
	took := time.Since(asked)
	y.mu.Lock()
	defer y.mu.Unlock()
	y.run.latencies = append(y.run.latencies, took)
	if err != nil {
		y.errors++
		y.failure = cmp.Or(y.failure, err)
	}
	return err == nil
}

// each does n things on all connections at once.
func (y *cyclist) each(ctx context.Context, n int, do func(c *connection, i int, keep *bytes.Buffer)) {
	var next atomic.Int64
	var clients sync.WaitGroup
	for _, c := range y.conns {
		clients.Go(func() {
			var keep bytes.Buffer
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				do(c, i, &keep)
			}
		})
	}
	clients.Wait()
}

// list is what cycles read of a ListResponse.
type list struct {
	TotalResults int
	Resources    []struct{ ID string }
}

// found reads the only resource of a look-up.
func found(body []byte) (id string, ok bool) {
	var l list
	if json.Unmarshal(body, &l) != nil || len(l.Resources) != 1 {
		return "", false
	}
	return l.Resources[0].ID, true
}

// readAll reads a list to its end by index, one page after the other, and fails when it
// does not hold as many resources as it said.
func (y *cyclist) readAll(ctx context.Context, path string, count int) {
	var keep bytes.Buffer
	read := 0
	for total := 1; read < total && ctx.Err() == nil; {
		if !y.ask(ctx, y.conns[0], request{method: http.MethodGet, path: fmt.Sprintf("%sstartIndex=%d&count=%d", path, read+1, count)}, &keep) {
			return
		}
		var l list
		err := json.Unmarshal(keep.Bytes(), &l)
		if err == nil && len(l.Resources) == 0 && read < l.TotalResults {
			err = fmt.Errorf("an empty page after %d of %d resources", read, l.TotalResults)
		}
		if err != nil {
			y.fail(err)
			return
		}
		read, total = read+len(l.Resources), l.TotalResults
	}
}

func (y *cyclist) fail(err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.errors++
	y.failure = cmp.Or(y.failure, err)
}

// pace lets so many requests a second begin.
type pace struct {
	interval time.Duration
	mu       sync.Mutex
	next     time.Time
}

func newPace(rate float64) *pace {
	if rate <= 0 {
		return new(pace)
	}
	return &pace{interval: time.Duration(float64(time.Second) / rate)}
}

// wait returns when it is the caller's turn.
func (p *pace) wait(ctx context.Context) {
	if p.interval == 0 {
		return
	}
	p.mu.Lock()
	now := time.Now()
	turn := p.next
	if turn.Before(now) {
		turn = now
	}
	p.next = turn.Add(p.interval)
	p.mu.Unlock()
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(turn)):
	}
}

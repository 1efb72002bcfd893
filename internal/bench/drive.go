package bench

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// requests are what is asked of one side.
type requests struct {
	// request gives the i-th request. No two goroutines ask for the same i, and no i
	// is asked for twice in the runs of a line.
	request func(i int) request
	// before is how many requests are sent in turn, by one client, before the line is
	// run; answered, unless nil, sees the answers to those.
	before   int
	answered func(i int, body []byte)
	// clients is how many ask at once; 0 is all.
	clients int
}

// driver is the clients of one server. Connections stay open from run to run.
type driver struct {
	server     Server
	url        *url.URL
	path       string // that of the server's URL
	header     string // what all requests have
	postmaster int
	alone      bool
	conns      []*connection
	throttled  atomic.Int64 // requests that were sent again, for 429
	made       *ledger      // what was created, unless nil
}

func newDriver(s Server, o Options) (*driver, error) {
	u, err := parseURL(s.URL)
	if err != nil {
		return nil, err
	}
	d := &driver{
		server: s, url: u, path: strings.TrimSuffix(u.Path, "/"), postmaster: o.Postmaster, alone: o.alone(), made: o.made,
		header: "Host: " + u.Host + "\r\nUser-Agent: purescim-bench\r\nAccept: application/scim+json, application/json\r\n",
	}
	if s.Token != "" {
		d.header += "Authorization: Bearer " + s.Token + "\r\n"
	}
	for range o.Connections {
		d.conns = append(d.conns, new(connection))
	}
	return d, nil
}

func (d *driver) close() {
	for _, c := range d.conns {
		c.shut()
	}
}

// inTurn sends the first n requests one after the other.
func (d *driver) inTurn(ctx context.Context, n int, r requests) error {
	var keep *bytes.Buffer
	if r.answered != nil {
		keep = new(bytes.Buffer)
	}
	for i := range n {
		if err := d.send(ctx, d.conns[0], r.request(i), keep); err != nil {
			return err
		}
		if keep != nil {
			r.answered(i, keep.Bytes())
		}
	}
	return nil
}

// run is what became of the requests of one run.
type run struct {
	taken     int // how far the requests were used up
	latencies []time.Duration
	elapsed   time.Duration
}

// drive sends requests from the first on for some time, on all connections at once, and
// at least one on each. Those under way at the end are waited for and counted.
func (d *driver) drive(ctx context.Context, r requests, first int, length time.Duration) (run, error) {
	var next atomic.Int64
	next.Store(int64(first))
	start := time.Now()
	end := start.Add(length)
	conns := d.conns
	if r.clients > 0 {
		conns = conns[:min(r.clients, len(conns))]
	}
	latencies := make([][]time.Duration, len(conns))
	failures := make([]error, len(conns))
	var clients sync.WaitGroup
	for client, c := range conns {
		clients.Go(func() {
			for asked := start; ctx.Err() == nil && failures[client] == nil && !asked.After(end); {
				asked = time.Now()
				failures[client] = d.send(ctx, c, r.request(int(next.Add(1))-1), nil)
				latencies[client] = append(latencies[client], time.Since(asked))
			}
		})
	}
	clients.Wait()
	result := run{taken: int(next.Load()) - first, elapsed: time.Since(start)}
	for _, some := range latencies {
		result.latencies = append(result.latencies, some...)
	}
	return result, errors.Join(errors.Join(failures...), ctx.Err())
}

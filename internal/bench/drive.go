package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// answerPatience is how long one answer may take before the benchmark fails.
const answerPatience = 30 * time.Second

// requests are what is asked of one side.
type requests struct {
	// request gives the i-th request. No two goroutines ask for the same i, and no i
	// is asked for twice in the runs of a line.
	request func(i int) request
	// status is that of each answer.
	status int
	// before is how many requests are sent in turn, by one client, before the line is run.
	before int
	// limit is how many requests there are; 0 is any number.
	limit int
}

// request is what differs between the requests of a line.
type request struct {
	method, path string
	body         string
}

// driver is the clients of one server. Connections stay open from run to run.
type driver struct {
	server     Server
	postmaster int
	header     string // what all requests have
	conns      []*connection
}

// connection writes requests as they go over the wire and reads answers no further than
// it must: what the client costs, server and PostgreSQL cannot use.
type connection struct {
	net.Conn
	reader *bufio.Reader
	out    []byte
}

func newDriver(ctx context.Context, s Server, o Options) (*driver, error) {
	d := &driver{server: s, postmaster: o.Postmaster, header: "Host: " + s.Addr + "\r\n"}
	if s.Token != "" {
		d.header += "Authorization: Bearer " + s.Token + "\r\n"
	}
	var dialer net.Dialer
	for range o.Connections {
		conn, err := dialer.DialContext(ctx, "tcp", s.Addr)
		if err != nil {
			d.close()
			return nil, err
		}
		d.conns = append(d.conns, &connection{Conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)})
	}
	return d, nil
}

func (d *driver) close() {
	for _, c := range d.conns {
		c.Close()
	}
}

// send asks and reads the answer's status; body sees the rest.
func (d *driver) send(c *connection, r request, body func(status int, body io.Reader) error) error {
	out := c.out[:0]
	out = append(append(append(append(out, r.method...), ' '), r.path...), " HTTP/1.1\r\n"...)
	out = append(out, d.header...)
	if r.body != "" {
		out = append(out, "Content-Type: application/scim+json\r\nContent-Length: "...)
		out = append(strconv.AppendInt(out, int64(len(r.body)), 10), "\r\n"...)
	}
	c.out = append(append(out, "\r\n"...), r.body...)
	if err := c.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return err
	}
	if _, err := c.Write(c.out); err != nil {
		return err
	}
	answer, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	defer answer.Body.Close()
	if err := body(answer.StatusCode, answer.Body); err != nil {
		return fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	return nil
}

// discard reads the body to its end if the status is the wanted one.
func discard(want int) func(int, io.Reader) error {
	return func(status int, body io.Reader) error {
		if status != want {
			return unexpected(status, body)
		}
		_, err := io.Copy(io.Discard, body)
		return err
	}
}

func unexpected(status int, body io.Reader) error {
	const enough = 500
	text, _ := io.ReadAll(io.LimitReader(body, enough))
	return fmt.Errorf("status %d: %s", status, text)
}

// inTurn sends the first n requests one after the other.
func (d *driver) inTurn(n int, r requests) error {
	for i := range n {
		if err := d.send(d.conns[0], r.request(i), discard(r.status)); err != nil {
			return err
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

// drive sends requests from the first on for d, on all connections at once. The
// requests under way at the end are waited for and counted.
func (d *driver) drive(ctx context.Context, r requests, first int, length time.Duration) (run, error) {
	var next atomic.Int64
	next.Store(int64(first))
	start := time.Now()
	end := start.Add(length)
	latencies := make([][]time.Duration, len(d.conns))
	failures := make([]error, len(d.conns))
	var clients sync.WaitGroup
	for client, c := range d.conns {
		clients.Go(func() {
			for ctx.Err() == nil && failures[client] == nil {
				asked := time.Now()
				if asked.After(end) {
					return
				}
				i := int(next.Add(1)) - 1
				if r.limit > 0 && i >= r.limit {
					failures[client] = fmt.Errorf("all %d different requests are used up; more users give more", r.limit)
					return
				}
				failures[client] = d.send(c, r.request(i), discard(r.status))
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

package bench

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	// answerPatience is how long one answer may take before the benchmark fails.
	answerPatience = 60 * time.Second
	// idle connections are not trusted to be open still after this.
	idle = 3 * time.Second
	// throttlePatience bounds a single Retry-After.
	throttlePatience = 2 * time.Minute
)

// request is what differs between the requests of a line.
type request struct {
	method, path string // below the server's URL
	body         string
	// contains is a text that the answer must have; empty is any.
	contains string
	// then is what the same client asks next, as a part of the same request.
	then *request
	// platform tells that the path is below the root of the server.
	platform bool
	// leads tells that an answer may lead to another place.
	leads bool
}

// connection writes requests as they go over the wire and reads answers no further than
// it must: what the client costs, server and PostgreSQL cannot use.
type connection struct {
	net.Conn
	reader *bufio.Reader
	out    []byte
	used   time.Time
}

// refusalError is an answer that tells of no success.
type refusalError struct {
	asked  string
	status int
	text   string
}

func (r *refusalError) Error() string {
	return fmt.Sprintf("%s: status %d: %s", r.asked, r.status, r.text)
}

// parseURL reads the URL of a server.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("the URL of the server is not of the form https://host/path")
	}
	return u, nil
}

// open connects, unless c is connected well enough.
func (d *driver) open(ctx context.Context, c *connection) error {
	if c.Conn != nil && time.Since(c.used) < idle {
		return nil
	}
	c.shut()
	host := d.url.Host
	if d.url.Port() == "" {
		host = net.JoinHostPort(d.url.Hostname(), d.url.Scheme)
	}
	var err error
	if d.url.Scheme == "https" {
		c.Conn, err = (&tls.Dialer{Config: &tls.Config{MinVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", host)
	} else {
		c.Conn, err = new(net.Dialer).DialContext(ctx, "tcp", host)
	}
	if err != nil {
		c.Conn = nil
		return err
	}
	c.reader = bufio.NewReaderSize(c.Conn, 64<<10)
	return nil
}

func (c *connection) shut() {
	if c.Conn != nil {
		c.Close()
		c.Conn = nil
	}
}

// send asks, and asks again when the server is busy (RFC 6585 section 4) for as long as
// it says. An answer of no success is a *refusalError; keep, unless nil, gets the body.
func (d *driver) send(ctx context.Context, c *connection, r request, keep *bytes.Buffer) error {
	for {
		pause, err := d.try(ctx, c, r, keep)
		if err != nil {
			c.shut()
			return fmt.Errorf("%s %s: %w", r.method, r.path, err)
		}
		if pause == 0 {
			if r.then != nil {
				return d.send(ctx, c, *r.then, keep)
			}
			return nil
		}
		d.throttled.Add(1)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

// try asks once. A pause is how long the server wants to be left alone.
func (d *driver) try(ctx context.Context, c *connection, r request, keep *bytes.Buffer) (pause time.Duration, err error) {
	if err := d.open(ctx, c); err != nil {
		return 0, err
	}
	if err := c.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return 0, err
	}
	c.out = d.render(c.out[:0], r)
	if _, err := c.Write(c.out); err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: r.method})
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	switch status := answer.StatusCode; {
	case status == http.StatusTooManyRequests:
		pause, err = retryAfter(answer.Header), discard(answer.Body)
	case status/100 != 2 && (status != http.StatusSeeOther || !r.leads):
		return 0, refused(r, status, answer.Body)
	default:
		err = d.take(r, answer.Body, keep)
	}
	if c.used = time.Now(); answer.Close {
		c.shut()
	}
	return pause, err
}

// render writes the request as it goes over the wire.
func (d *driver) render(out []byte, r request) []byte {
	out = append(append(out, r.method...), ' ')
	if !r.platform {
		out = append(out, d.path...)
	}
	out = append(append(append(out, r.path...), " HTTP/1.1\r\n"...), d.header...)
	if r.body != "" {
		out = append(out, "Content-Type: "...)
		if r.platform {
			out = append(out, "application/json"...)
		} else {
			out = append(out, "application/scim+json"...)
		}
		out = append(out, "\r\nContent-Length: "...)
		out = append(strconv.AppendInt(out, int64(len(r.body)), 10), "\r\n"...)
	}
	return append(append(out, "\r\n"...), r.body...)
}

// take reads the body of a success.
func (d *driver) take(r request, body io.Reader, keep *bytes.Buffer) error {
	watched := d.made != nil && r.method == http.MethodPost
	if keep == nil && r.contains == "" && !watched {
		return discard(body)
	}
	if keep == nil {
		keep = new(bytes.Buffer)
	}
	keep.Reset()
	if _, err := keep.ReadFrom(body); err != nil {
		return err
	}
	if watched {
		d.made.add(r, keep.Bytes())
	}
	if !bytes.Contains(keep.Bytes(), []byte(r.contains)) {
		return &refusalError{r.method + " " + r.path, http.StatusOK, "the answer has no " + strconv.Quote(r.contains)}
	}
	return nil
}

func discard(body io.Reader) error {
	_, err := io.Copy(io.Discard, body)
	return err
}

func refused(r request, status int, body io.Reader) error {
	const enough = 300
	text, _ := io.ReadAll(io.LimitReader(body, enough))
	return &refusalError{r.method + " " + r.path, status, string(bytes.TrimSpace(text))}
}

// retryAfter reads Retry-After in seconds; a second when there is none.
func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil || seconds < 1 {
		seconds = 1
	}
	return min(time.Duration(seconds)*time.Second, throttlePatience)
}

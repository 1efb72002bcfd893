package httpserver

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// past is a deadline that wakes the reader.
var past = time.Unix(1, 0)

// conn is a connection of a client that can be ended while it is idle, without losing the
// request that comes at that moment.
//
// The reader ends it: woken by a deadline, it looks a last time whether a request has come. If
// not, it closes the sending side (FIN), and discards what the client may have sent before it
// learnt that: otherwise the system would answer with a reset, which some clients take for a
// lost answer.
type conn struct {
	net.Conn
	listener *listener

	mu     sync.Mutex
	tls    *tls.Conn // above, nil without one
	http2  bool
	busy   bool      // with a request
	used   time.Time // for the last time
	ending bool      // who reads is to end it
	ended  bool      // has begun to
}

// Read reads what the client has sent. Once it is to be ended and is idle, it is at its end.
func (c *conn) Read(b []byte) (int, error) {
	for {
		n, err := c.Conn.Read(b)
		if n == 0 && errors.Is(err, os.ErrDeadlineExceeded) && c.isEnding() {
			n, err = readNow(c.Conn, b)
		}
		switch {
		case n > 0:
			c.use()
			return n, err
		case err == nil: // there is nothing now
			if c.end() {
				return 0, io.EOF
			}
		default:
			return n, err
		}
	}
}

// CloseWrite tells the client that nothing follows. net/http asks for it.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection.
func (c *conn) Close() error {
	c.listener.remove(c)
	return c.Conn.Close()
}

func (c *conn) use() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = time.Now()
}

func (c *conn) changed(state http.ConnState, above *tls.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tls = above
	c.http2 = state != http.StateNew && above != nil && above.ConnectionState().NegotiatedProtocol == "h2"
	c.busy = state == http.StateActive
	c.used = time.Now()
	if c.busy {
		c.ending = false
	}
}

func (c *conn) isEnding() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ending
}

func (c *conn) isIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.busy
}

// endWhenIdle has the reader end the connection if it has been idle for the grace period. It
// reports whether the connection has a reader to do so: those of HTTP/2 end by a GOAWAY.
func (c *conn) endWhenIdle() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.busy && !c.http2 && !c.ended && c.isUnused() {
		c.ending = true
		_ = c.SetReadDeadline(past) // fails when it is closed already
	}
	return !c.http2
}

func (c *conn) isUnused() bool { return time.Since(c.used) >= c.listener.grace }

// end ends the connection, unless it was used meanwhile. It returns when the client has
// closed it too, or was given its time.
func (c *conn) end() bool {
	c.mu.Lock()
	above := c.tls
	c.ended = !c.busy && c.isUnused()
	ended := c.ended
	_ = c.SetReadDeadline(time.Time{})
	c.mu.Unlock()
	if !ended {
		return false
	}
	if above != nil {
		_ = above.CloseWrite() // it may be gone already
	}
	_ = c.CloseWrite()
	_ = c.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.Copy(io.Discard, c.Conn)
	return true
}

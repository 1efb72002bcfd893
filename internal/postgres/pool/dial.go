package pool

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// How soon it is noticed that PostgreSQL, or the way to it, is gone.
const (
	// connectTimeout is for a connection to be made and authenticated, unless the URL
	// says another connect_timeout.
	connectTimeout = 5 * time.Second
	// standbyConnectTimeout is that for a standby, beside which there is the primary.
	standbyConnectTimeout = 2 * time.Second
	// pingTimeout is for a connection that was idle to answer before it is used.
	pingTimeout = 3 * time.Second
	// userTimeout is how long what was sent may stay without acknowledgement.
	userTimeout = 20 * time.Second

	// closeGrace is how long Close waits for statements before it closes their sockets.
	closeGrace = 5 * time.Second
)

// keepAlive finds a dead peer of a silent connection within half a minute.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}

// sockets are the open ones of a Store. They can be closed though statements hang on them.
type sockets struct {
	mu   sync.Mutex
	open map[*socket]bool
	lost time.Time // when a connection was last found broken
}

type socket struct {
	net.Conn
	of *sockets
}

// dial opens one. pgconn passes the network "unix" for paths.
func (s *sockets) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive, Control: limitSilence}
	conn, err := d.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &socket{Conn: conn, of: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = true
	return c, nil
}

// Close implements net.Conn.
func (c *socket) Close() error {
	c.of.mu.Lock()
	delete(c.of.open, c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// Read implements net.Conn. That a connection has broken is known before anybody is told.
func (c *socket) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		c.of.mu.Lock()
		defer c.of.mu.Unlock()
		c.of.lost = time.Now()
	}
	return n, err
}

// suspects reports whether an idle connection is asked before it is used: when it was
// idle for long, and when another one has broken since it was used.
func (s *sockets) suspects(_ context.Context, p pgxpool.ShouldPingParams) bool {
	if p.IdleDuration > time.Second {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.lost) < p.IdleDuration
}

func (s *sockets) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		_ = c.Conn.Close()
	}
}

// closePool closes the connections, within grace and what it takes to end the statements
// that hang. It reports whether none had to be broken off.
func closePool(p *pgxpool.Pool, s *sockets, grace time.Duration) (orderly bool) {
	closed := make(chan struct{})
	go func() {
		p.Close()
		close(closed)
	}()
	select {
	case <-closed:
		return true
	case <-time.After(grace):
	}
	s.closeAll()
	select {
	case <-closed:
	case <-time.After(time.Second): // who holds a connection has not noticed yet
	}
	return false
}

package httpserver

import (
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	// sweepPause is how often idle connections are looked for at the end.
	sweepPause = 20 * time.Millisecond
	// connectTime is how long a client may take to connect, at most, once it has begun.
	connectTime = 250 * time.Millisecond
	// lingerTime is how long a client may take to close a connection that was closed to it.
	lingerTime = time.Second
)

// listener is a port whose connections can be ended one by one.
type listener struct {
	net.Listener
	grace  time.Duration // that an idle connection has
	last   chan struct{} // is closed when the last connection is accepted
	closed chan struct{} // is closed when net/http closes the port

	mu      sync.Mutex
	conns   map[*conn]struct{}
	stopped bool
	queue   []net.Conn // made when it was stopped, and not accepted
}

func newListener(inner net.Listener, grace time.Duration) *listener {
	return &listener{Listener: inner, grace: grace, last: make(chan struct{}), closed: make(chan struct{}), conns: make(map[*conn]struct{})}
}

// Accept gives the next connection. After the last one it waits for net/http to shut down,
// which asks clients of HTTP/2 to go (GOAWAY), waits for Accept, and closes what is idle then,
// be that word on its way or not. So Accept returns when these clients have gone.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		return l.add(c), nil
	}
	l.mu.Lock()
	stopped, queue := l.stopped, l.queue
	if len(queue) > 0 {
		l.queue = queue[1:]
	}
	l.mu.Unlock()
	switch {
	case len(queue) > 0:
		return l.add(queue[0]), nil
	case stopped:
		close(l.last)
		<-l.closed
		l.await(lingerTime, (*conn).isIdle)
	}
	return nil, err
}

// stop closes the port. What has begun to connect by then is accepted.
func (l *listener) stop() {
	if l.grace > 0 && ignoreConnecting(l.Listener) == nil {
		time.Sleep(connectTime)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue, l.stopped = stopListening(l.Listener), true
	_ = l.Listener.Close() // it is open
}

// Close is called by net/http, once.
func (l *listener) Close() error {
	close(l.closed)
	if err := l.Listener.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

func (l *listener) add(inner net.Conn) *conn {
	c := &conn{Conn: inner, listener: l, used: time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns[c] = struct{}{}
	return c
}

func (l *listener) remove(c *conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.conns, c)
}

// state hears from net/http what a connection does.
func (l *listener) state(outer net.Conn, state http.ConnState) {
	inner := outer
	encrypted, isTLS := outer.(*tls.Conn)
	if isTLS {
		inner = encrypted.NetConn()
	}
	if c, ok := inner.(*conn); ok {
		c.changed(state, encrypted)
	}
}

// endIdle ends connections when they are idle, until there are none but those of HTTP/2, or
// some are busy for long.
func (l *listener) endIdle() { l.await(l.grace+lingerTime, (*conn).endWhenIdle) }

// await waits until none of the connections is as asked for, most at most.
func (l *listener) await(most time.Duration, is func(c *conn) bool) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(sweepPause) {
		l.mu.Lock()
		conns := slices.Collect(maps.Keys(l.conns))
		l.mu.Unlock()
		some := false
		for _, c := range conns {
			some = is(c) || some
		}
		if !some {
			return
		}
	}
}

package httpserver

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// ending is a server that answers "x", and can be told to stop.
type ending struct {
	t    *testing.T
	addr string
	stop func()
	done chan error
}

// serveUntil serves with a drain, after which connections may be idle for the grace.
func serveUntil(t *testing.T, drain, grace time.Duration, encryption *tls.Config) ending {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := New("", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }), slog.New(slog.DiscardHandler))
	s.TLSConfig = encryption
	ctx, stop := context.WithCancel(t.Context())
	e := ending{t: t, addr: ln.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { e.done <- serve(ctx, s, newListener(ln, grace), drain) }()
	return e
}

func (e ending) dial() *net.TCPConn {
	e.t.Helper()
	c, err := net.Dial("tcp", e.addr)
	if err != nil {
		e.t.Fatal(err)
	}
	e.t.Cleanup(func() { _ = c.Close() })
	return c.(*net.TCPConn)
}

// awaitClosed waits until the port is closed.
func (e ending) awaitClosed() {
	e.t.Helper()
	for {
		c, err := net.DialTimeout("tcp", e.addr, 100*time.Millisecond)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			return
		case err == nil:
			_ = c.Close()
		}
	}
}

// ended waits for the end.
func (e ending) ended() {
	e.t.Helper()
	if err := <-e.done; err != nil {
		e.t.Error(err)
	}
}

// ask sends a request on a connection, and reports whether the answer closes it.
func (e ending) ask(c net.Conn) (closes bool) {
	e.t.Helper()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
		e.t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); string(text) != "x" || err != nil {
		e.t.Errorf("the answer is %q: %v", text, err)
	}
	return answer.Close
}

// Who asks while a server stops is answered, or finds no connection: no request is broken off,
// on a new connection or on one that is used again.
func TestServe_BreaksNothingOff(t *testing.T) {
	t.Parallel()
	for range 5 {
		e := serveUntil(t, 50*time.Millisecond, keepAliveGrace, nil)
		var clients sync.WaitGroup
		for n := range 16 {
			clients.Go(func() { e.askUntilRefused(n%4 == 0) })
		}
		e.stop()
		clients.Wait()
		e.ended()
	}
}

func (e ending) askUntilRefused(keepAlive bool) {
	transport := &http.Transport{DisableKeepAlives: !keepAlive}
	defer transport.CloseIdleConnections()
	for {
		r, err := http.NewRequest(http.MethodPost, "http://"+e.addr, nil)
		if err != nil {
			e.t.Error(err)
			return
		}
		answer, err := transport.RoundTrip(r)
		if failed, ok := errors.AsType[*net.OpError](err); ok && failed.Op == "dial" {
			return
		}
		if err != nil {
			e.t.Errorf("a request was broken off: %v", err)
			return
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
}

// A connection that a client has used lately may be used once more when the port is closed,
// and so may one that was made and never used; then the server ends.
func TestServe_AnswersOnceMore(t *testing.T) {
	t.Parallel()
	e := serveUntil(t, time.Millisecond, time.Hour, nil)
	used, fresh := e.dial(), e.dial()
	if e.ask(used) {
		t.Error("a server that goes on closes connections")
	}
	e.stop()
	e.awaitClosed()
	for name, c := range map[string]net.Conn{"used": used, "fresh": fresh} {
		if !e.ask(c) {
			t.Errorf("a connection that was %s is kept", name)
		}
	}
	e.ended()
}

// A connection that is idle for too long is told so, and what its client sends all the same
// is no reason for a reset.
func TestServe_EndsWhatIsIdle(t *testing.T) {
	t.Parallel()
	e := serveUntil(t, 0, 0, nil)
	c := e.dial()
	e.ask(c)
	e.stop()
	for range 2 {
		if n, err := c.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("an idle connection: %d, %v", n, err)
		}
		if _, err := io.WriteString(c, "POST / HTTP/1.1\r\n\r\n"); err != nil {
			t.Error(err)
		}
	}
	_ = c.CloseWrite()
	e.ended()
}

// A request that has come when its connection is ended is read.
func TestConn_LooksALastTime(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newListener(ln, 0)
	client, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if !accepted.(*conn).endWhenIdle() {
		t.Fatal("a connection is not idle")
	}
	if _, err := io.WriteString(client, "x"); err != nil {
		t.Fatal(err)
	}
	come := func() (n int) {
		_ = control(accepted.(*conn).Conn, func(fd int) { n, _, _ = syscall.Recvfrom(fd, make([]byte, 1), syscall.MSG_PEEK) })
		return n
	}
	for come() < 1 { // the system may take its time
	}
	read := make([]byte, 2)
	if n, err := accepted.Read(read); string(read[:n]) != "x" || err != nil {
		t.Errorf("read %q: %v", read[:n], err)
	}
}

// A client of HTTP/2 that asks for nothing is asked to go.
func TestServe_SendsGoAway(t *testing.T) {
	t.Parallel()
	model := httptest.NewTLSServer(nil)
	defer model.Close()
	e := serveUntil(t, time.Millisecond, time.Hour, &tls.Config{Certificates: model.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
	trusted := model.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	trusted.NextProtos, trusted.ServerName = []string{"h2"}, "example.com"
	c := tls.Client(e.dial(), trusted)
	if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	frames := http2.NewFramer(c, c)
	if err := frames.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	for stopped := false; ; {
		frame, err := frames.ReadFrame()
		if err != nil {
			t.Fatalf("the connection ended without GOAWAY: %v", err)
		}
		if settings, ok := frame.(*http2.SettingsFrame); ok && settings.IsAck() && !stopped {
			e.stop()
			stopped = true
		}
		if away, ok := frame.(*http2.GoAwayFrame); ok {
			if away.ErrCode != http2.ErrCodeNo {
				t.Errorf("GOAWAY says %v", away.ErrCode)
			}
			break
		}
	}
	e.ended()
}

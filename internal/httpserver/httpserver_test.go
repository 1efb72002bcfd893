package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/httpserver"
)

// start serves h on a port of its own until the returned function is called.
func start(t *testing.T, h http.Handler) (addr string, stop func() error) {
	t.Helper()
	return startDraining(t, h, 0)
}

func startDraining(t *testing.T, h http.Handler, drain time.Duration) (addr string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- httpserver.Serve(ctx, httpserver.New("", h, slog.New(slog.DiscardHandler)), ln, drain)
	}()
	return ln.Addr().String(), func() error { cancel(); return <-ended }
}

func TestServeFinishesRequests(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	addr, stop := start(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "finished")
	}))
	body := make(chan string, 1)
	go func() {
		answer, err := http.Get("http://" + addr)
		if err != nil {
			body <- err.Error()
			return
		}
		defer answer.Body.Close()
		text, _ := io.ReadAll(answer.Body)
		body <- string(text)
	}()
	<-begun
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	// The port closes first; the request goes on.
	for {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			break
		}
		_ = c.Close()
	}
	close(finish)
	if got := <-body; got != "finished" {
		t.Errorf("the request that was running got %q", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// Who asks while the server drains is answered, also on a new connection, and asked to
// close it; nobody's request meets a closed connection.
func TestServeDrains(t *testing.T) {
	t.Parallel()
	addr, stop := startDraining(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") }), 2*time.Second)
	ask := func() (closes bool) {
		answer, err := http.Get("http://" + addr)
		if err != nil {
			t.Error(err)
			return true
		}
		defer answer.Body.Close()
		_, _ = io.Copy(io.Discard, answer.Body)
		return answer.Close
	}
	if ask() {
		t.Error("a server that goes on closes connections")
	}
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for !ask() { // until the server has heard
	}
	for range 2 {
		if !ask() {
			t.Error("a connection is kept")
		}
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestServeTellsWhyItEnds(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := httpserver.Serve(t.Context(), httpserver.New("", nil, slog.New(slog.DiscardHandler)), ln, 0); err == nil {
		t.Error("a closed listener is no error")
	}
}

func TestHeaderLimit(t *testing.T) {
	t.Parallel()
	addr, stop := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, test := range []struct{ size, status int }{{60 << 10, 200}, {80 << 10, 431}} {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		// The server may close before it has read all, which is no matter.
		_, _ = fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Pad: %s\r\n\r\n", strings.Repeat("x", test.size))
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer.StatusCode != test.status {
			t.Errorf("a header of %d bytes: %d, want %d", test.size, answer.StatusCode, test.status)
		}
		_ = answer.Body.Close()
		_ = c.Close()
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Who sends a header drop by drop loses the connection, though each drop comes soon after
// the one before; another client is answered meanwhile.
func TestHeaderTime(t *testing.T) {
	t.Parallel()
	addr, stop := start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const dropsOfHalfAMinute = 300
	if err := c.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, err := fmt.Fprint(c, "GET / HTTP/1.1\r\nHost: x\r\nX-Pad: ")
		for n := 0; err == nil && n < dropsOfHalfAMinute; n++ {
			time.Sleep(100 * time.Millisecond)
			_, err = fmt.Fprint(c, "x")
		}
	}()
	answer, err := http.Get("http://" + addr)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("another client: %v, %v", answer, err)
	} else {
		_ = answer.Body.Close()
	}
	var slow net.Error
	if _, err := c.Read(make([]byte, 1)); errors.As(err, &slow) && slow.Timeout() {
		t.Error("a header may take half a minute")
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

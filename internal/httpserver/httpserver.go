// Package httpserver serves HTTP on an open port: with the limits that such a port needs, and
// with an end at which no request is lost.
//
// What is answered is left to the handler, and certificates to package tlsserver.
package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	// A slow link needs its time for the 16 MiB of a large group, as an
	// attacker's does for the few bytes of a header.
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 2 * time.Minute
	// writeTimeout counts from the end of the header until the answer begins: reading and
	// working. What is written has its own times (httpapi/progress.go).
	writeTimeout = 5 * time.Minute
	idleTimeout  = 2 * time.Minute

	maxHeader = 64 << 10

	// shutdownGrace leaves the rest of the 30 seconds that Kubernetes waits for background
	// work and connections to the database.
	shutdownGrace = 15 * time.Second
	// keepAliveGrace is how long a connection may be idle in that time before it is closed. A
	// client that uses one again does so within moments, most often.
	keepAliveGrace = 3 * time.Second
)

// New makes a server with the limits that an open port needs.
func New(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// Serve serves on ln until ctx ends, over TLS if the server has a configuration of it, and
// returns nil after an orderly end. That has three parts:
//
//   - For the time of drain all goes on, and each answer asks its client to close the
//     connection. Who chooses among servers can learn meanwhile that this one is not ready.
//   - Then there are no new connections. The others end by an answer, or when they have been
//     idle for some seconds; without a drain, when they are idle.
//   - Requests that take longer are waited for, all in all for a quarter of a minute.
func Serve(ctx context.Context, s *http.Server, ln net.Listener, drain time.Duration) error {
	grace := keepAliveGrace
	if drain == 0 {
		grace = 0
	}
	return serve(ctx, s, newListener(ln, grace), drain)
}

func serve(ctx context.Context, s *http.Server, l *listener, drain time.Duration) error {
	s.ConnState = l.state
	s.Handler = closing(ctx, s.Handler)
	failed := make(chan error, 1)
	go func() {
		if s.TLSConfig != nil {
			failed <- s.ServeTLS(l, "", "")
		} else {
			failed <- s.Serve(l)
		}
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-time.After(drain):
	}
	l.stop()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-l.last:
	}
	within, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	// From Shutdown on net/http closes a connection whose request it has read, without an answer.
	l.endIdle()
	if err := s.Shutdown(within); err != nil {
		return fmt.Errorf("shut down: %w", errors.Join(err, s.Close()))
	}
	return nil
}

// closing asks clients to close their connections once ctx has ended, those of HTTP/2 by a
// GOAWAY. A connection that a server closes while its client sends the next request would
// lose that.
func closing(ctx context.Context, next http.Handler) http.Handler {
	ended := ctx.Done()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-ended:
			w.Header().Set("Connection", "close")
		default:
		}
		next.ServeHTTP(w, r)
	})
}

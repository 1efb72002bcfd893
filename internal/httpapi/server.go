package httpapi

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
	// working. What is written has its own times (progress.go).
	writeTimeout = 5 * time.Minute
	idleTimeout  = 2 * time.Minute

	maxHeader = 64 << 10

	// shutdownGrace leaves the rest of the 30 seconds that Kubernetes waits for background
	// work and connections to the database.
	shutdownGrace = 15 * time.Second
)

// Server makes a server with the limits that an open port needs.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
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

// Serve serves on ln until ctx ends, over TLS if the server has a configuration of it. Then it goes on for the time of drain, in which each
// answer asks its client to close the connection, and who chooses among servers can learn
// that this one is not ready; then it takes no new connections and lets requests finish. It
// returns nil after an orderly end.
func Serve(ctx context.Context, s *http.Server, ln net.Listener, drain time.Duration) error {
	s.Handler = closing(ctx, s.Handler)
	failed := make(chan error, 1)
	go func() {
		if s.TLSConfig != nil {
			failed <- s.ServeTLS(ln, "", "")
		} else {
			failed <- s.Serve(ln)
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
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancel()
	if err := s.Shutdown(grace); err != nil {
		return fmt.Errorf("shut down: %w", errors.Join(err, s.Close()))
	}
	return nil
}

// closing asks clients to close their connections once ctx has ended. A connection that a
// server closes while its client sends the next request would lose that.
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

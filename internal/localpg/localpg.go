// Package localpg runs a private PostgreSQL from the machine's own binaries, so that a
// fresh clone serves and tests without a database set up by hand.
//
// It owns the search for the binaries, one cluster in a directory and the life of its
// processes. Clients reach it through a Unix socket in a directory that only its user can
// enter; there is no TCP port. Which directory to use, and whether to use this package
// at all, is the caller's decision; the schema belongs to package migrations.
//
// A cluster is shared by every process that calls [Start] on its directory and runs until
// the last of them has called [Server.Stop] or died, in whatever way it died.
package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

const (
	// A postmaster.pid left by a killed PostgreSQL counts as taken until its processes are
	// gone, which takes about a second.
	staleLockPatience = 10 * time.Second
	// How long Stop waits to see whether PostgreSQL begins to stop; if it does not, other
	// processes use it.
	handoverPatience = 2 * time.Second

	retryPause = 100 * time.Millisecond
	readyPause = 10 * time.Millisecond
)

// Options say which cluster to run and how.
type Options struct {
	// Dir holds the cluster, in a folder "postgres". It is created when missing. When root
	// starts a cluster below a directory that the unprivileged user cannot enter, the
	// cluster lies in a folder of /var/lib/purescim that is derived from Dir.
	Dir string
	// Test trades durability for speed and allows more connections: only for data that may
	// be lost. It takes effect in the process that starts PostgreSQL, not in those that
	// find it running.
	Test bool
	// Log receives what an operator should know; nil discards it. PostgreSQL's own messages
	// go to postgres.log beside the data.
	Log *slog.Logger
}

// Server is one process' use of a running cluster.
type Server struct {
	url      string
	data     string
	hold     io.Closer     // what the watchman waits to see closed by everybody
	watchman *os.Process   // nil if another process posted him
	exited   chan struct{} // closed at the end of the PostgreSQL this process started; nil if it found one running
	stopOnce sync.Once
	stopErr  error
}

// Start makes the cluster of o.Dir if there is none, starts PostgreSQL if it is not
// running, and returns once it answers. An existing cluster is never initialised again:
// it needs binaries of exactly its major version.
func Start(ctx context.Context, o Options) (*Server, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	c, err := place(o)
	if err != nil {
		return nil, fmt.Errorf("local PostgreSQL: %w", err)
	}
	unlock, err := lockFile(ctx, c.path("lock"))
	if err != nil {
		return nil, fmt.Errorf("local PostgreSQL: %w", err)
	}
	defer unlock()
	s, err := c.start(ctx)
	if err != nil {
		return nil, fmt.Errorf("local PostgreSQL in %s: %w", c.base, err)
	}
	return s, nil
}

// URL is the connection string of the cluster's database, for pgx and for psql.
func (s *Server) URL() string { return s.url }

// Stop ends this process' use of the cluster. The process that started PostgreSQL waits
// until it is down, unless others still use it; then it stops when they have finished.
// The error is that of ctx. Calling Stop again does nothing.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() { s.stopErr = s.stop(ctx) })
	return s.stopErr
}

func (s *Server) stop(ctx context.Context) error {
	s.hold.Close()
	if s.exited == nil {
		return nil
	}
	handover := time.NewTimer(handoverPatience)
	defer handover.Stop()
	for {
		select {
		case <-s.exited:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("stop local PostgreSQL: %w", ctx.Err())
		case <-handover.C:
			if pm, ok := readPostmaster(s.data); ok && pm.status != stopping {
				return nil
			}
			handover.Reset(handoverPatience)
		}
	}
}

// start runs under the cluster's lock: nobody else starts or joins meanwhile.
func (c *cluster) start(ctx context.Context) (*Server, error) {
	for {
		hold, watchman, err := c.guard(ctx)
		if err != nil {
			return nil, err
		}
		s := &Server{data: c.data, hold: hold, watchman: watchman}
		if s.url, s.exited, err = c.findOrLaunch(ctx); err != nil {
			hold.Close()
			return nil, err
		}
		if c.isWatched() {
			return s, nil
		}
		hold.Close() // the watchman had already seen everybody leave when we came
	}
}

// findOrLaunch returns the URL of the running PostgreSQL, and if it was launched for this,
// a channel that closes at its end.
func (c *cluster) findOrLaunch(ctx context.Context) (url string, exited chan struct{}, err error) {
	giveUp := time.Now().Add(staleLockPatience)
	for {
		url, state := c.probe(ctx)
		switch state {
		case answering:
			return url, nil, nil
		case down:
			exited, err := c.launch(ctx)
			if err == nil {
				return c.url(), exited, nil
			}
			if !errors.Is(err, errDataInUse) || time.Now().After(giveUp) {
				return "", nil, err
			}
		case busy: // starting or stopping: it will answer or be down
		}
		if err := pause(ctx, retryPause); err != nil {
			return "", nil, err
		}
	}
}

var errDataInUse = errors.New("the data directory is in use")

// launch starts PostgreSQL and waits until it answers. The channel closes when it ends.
func (c *cluster) launch(ctx context.Context) (chan struct{}, error) {
	if err := c.initialise(ctx); err != nil {
		return nil, err
	}
	socket, err := c.makeSocketDir()
	if err != nil {
		return nil, err
	}
	logFile, err := openLog(c.path("postgres.log"))
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	begin, err := logFile.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	cmd := c.command(c.tool("postgres"), c.settings(socket)...)
	cmd.Stdout, cmd.Stderr = logFile, logFile
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start postgres: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the log file tells why
		close(exited)
	}()
	if err := c.awaitReady(ctx, exited, begin); err != nil {
		endProcess(cmd, exited)
		return nil, err
	}
	c.log.Debug("local PostgreSQL started", "data", c.data, "pid", cmd.Process.Pid)
	return exited, nil
}

func (c *cluster) awaitReady(ctx context.Context, exited <-chan struct{}, logBegin int64) error {
	for {
		select {
		case <-exited:
			return startError(c.path("postgres.log"), logBegin)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(readyPause):
		}
		if pm, ok := readPostmaster(c.data); !ok || pm.status != ready {
			continue
		}
		if ping(ctx, c.url()) == answering {
			return nil
		}
	}
}

func endProcess(cmd *exec.Cmd, exited <-chan struct{}) {
	_ = cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-exited:
	case <-time.After(15 * time.Second):
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		<-exited
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// lockFile waits for the exclusive lock on path, which the kernel frees when the process
// ends.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if err := pause(ctx, readyPause); err != nil {
			f.Close()
			return nil, fmt.Errorf("another process is starting it: %w", err)
		}
	}
}

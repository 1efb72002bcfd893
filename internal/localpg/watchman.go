package localpg

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// watchmanPatience is ample for /bin/sh to start on a busy machine.
const watchmanPatience = 20 * time.Second

// The watchman is a shell that outlives us. Every process that uses the cluster holds the
// writing end of a pipe on disk; the kernel closes it however the process ends, and when
// the last one is closed the watchman reads its end and tells PostgreSQL to stop: quickly,
// and after 15 seconds at once.
//
// A parent-death signal would do this on Linux only, and would take the database from
// the other processes that use it when the one that started it ends.
const watchman = `while read -r _; do :; done <"$1"
{ read -r pid <"$2" && kill -INT "$pid"; } 2>/dev/null || exit 0
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
	sleep 1
	kill -0 "$pid" 2>/dev/null || exit 0
done
kill -QUIT "$pid"`

// How long a watchman may take, on a busy machine, from seeing the last user leave to
// telling PostgreSQL; if it still runs then, the watchman was killed.
const watchmanFarewell = 2 * time.Second

// guard joins the users whom the watchman sees, and posts a watchman if there is none.
// Closing the result leaves them. The process is nil if the watchman was there already.
func (c *cluster) guard(ctx context.Context) (io.Closer, *os.Process, error) {
	pipe := c.path("users")
	hold, err := openPipe(pipe)
	switch {
	case err == nil:
		return hold, nil, nil
	case errors.Is(err, os.ErrNotExist):
		err = c.makePipe(pipe)
	case errors.Is(err, syscall.ENXIO):
		err = c.awaitFarewell(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	cmd := c.command("/bin/sh", "-c", watchman, "purescim-watchman", pipe, c.data+"/postmaster.pid")
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start the watchman: %w", err)
	}
	go func() { _ = cmd.Wait() }()
	hold, err = awaitReader(ctx, pipe)
	if err != nil {
		_ = cmd.Process.Kill()
		return nil, nil, fmt.Errorf("the watchman did not come: %w", err)
	}
	return hold, cmd.Process, nil
}

// awaitFarewell lets a watchman who has left the pipe finish: a process that came in
// between could still find the PostgreSQL answering that he is about to stop.
func (c *cluster) awaitFarewell(ctx context.Context) error {
	for limit := time.Now().Add(watchmanFarewell); time.Now().Before(limit); {
		if pm, ok := readPostmaster(c.data); !ok || pm.status == stopping {
			return nil
		}
		if err := pause(ctx, readyPause); err != nil {
			return err
		}
	}
	return nil
}

// isWatched tells whether a watchman still reads.
func (c *cluster) isWatched() bool {
	pipe, err := openPipe(c.path("users"))
	if err != nil {
		return false
	}
	pipe.Close()
	return true
}

func (c *cluster) makePipe(path string) error {
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		return fmt.Errorf("make pipe %s: %w", path, err)
	}
	return c.give(path)
}

func awaitReader(ctx context.Context, pipe string) (*os.File, error) {
	ctx, cancel := context.WithTimeout(ctx, watchmanPatience)
	defer cancel()
	for {
		hold, err := openPipe(pipe)
		if !errors.Is(err, syscall.ENXIO) {
			return hold, err
		}
		if err := pause(ctx, readyPause/2); err != nil {
			return nil, err
		}
	}
}

// openPipe opens the writing end. The error is ENXIO when no watchman reads.
func openPipe(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
}

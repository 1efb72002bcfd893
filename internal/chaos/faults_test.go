//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// Two faults are known elsewhere: one lasts until the standby has taken over, one takes a
// disk that can be filled.
const (
	takesOver  = "the standby takes over"
	diskIsFull = "the disk is full"
)

// fault is something that happens, and is over when it returns.
type fault struct {
	name   string
	happen func(ctx context.Context, w *world) error
}

// faults are as often as they stand here.
var faults = []fault{
	{"a server is killed", func(_ context.Context, w *world) error { w.program().Signal(syscall.SIGKILL); return nil }},
	{"a server is told to stop", func(_ context.Context, w *world) error { w.program().Signal(syscall.SIGTERM); return nil }},
	{"a server stands still", func(_ context.Context, w *world) error {
		p := w.program()
		p.Signal(syscall.SIGSTOP)
		w.pause(500, 3000)
		p.Signal(syscall.SIGCONT)
		return nil
	}},
	{"the network is cut", func(_ context.Context, w *world) error {
		w.pair.primary.proxy.Cut(true)
		w.pause(100, 2000)
		w.pair.primary.proxy.Cut(false)
		return nil
	}},
	{"the network is slow", func(_ context.Context, w *world) error {
		w.pair.primary.proxy.Delay(time.Duration(20+w.rand.IntN(200)) * time.Millisecond)
		w.pause(500, 2000)
		w.pair.primary.proxy.Delay(0)
		return nil
	}},
	{"PostgreSQL crashes", func(ctx context.Context, w *world) error {
		if err := w.pair.Crash(ctx); err != nil {
			return err
		}
		return w.pair.Start(ctx)
	}},
	{takesOver, func(ctx context.Context, w *world) error {
		if err := w.pair.Crash(ctx); err != nil {
			return err
		}
		return w.pair.Promote(ctx)
	}},
	{"all are killed", func(ctx context.Context, w *world) error {
		for _, p := range w.programs {
			p.Signal(syscall.SIGKILL)
		}
		if err := w.pair.Crash(ctx); err != nil {
			return err
		}
		return w.pair.Start(ctx)
	}},
	{"the standby stands still", func(_ context.Context, w *world) error {
		goOn, err := w.pair.Pause()
		if err != nil {
			return err
		}
		w.pause(1000, 7000)
		goOn()
		return nil
	}},
	{diskIsFull, func(ctx context.Context, w *world) error {
		if err := w.pair.Fill(ctx, w.rand.IntN(2) == 0); err != nil {
			return err
		}
		w.pause(1000, 4000)
		return w.pair.Free(ctx)
	}},
	{"others take all connections", func(ctx context.Context, w *world) error {
		ctx, stop := context.WithTimeout(ctx, time.Duration(1000+w.rand.IntN(3000))*time.Millisecond)
		defer stop()
		time.AfterFunc(300*time.Millisecond, func() { // the servers' own are taken, too
			w.pair.primary.proxy.Cut(true)
			w.pair.primary.proxy.Cut(false)
		})
		w.pair.Exhaust(ctx)
		return nil
	}},
	{"ten times the clients", func(ctx context.Context, w *world) error {
		ctx, stop := context.WithTimeout(ctx, time.Duration(2000+w.rand.IntN(3000))*time.Millisecond)
		defer stop()
		f := w.clients.floodOf(ctx, 10*workers, w.other, w.other.keys[0])
		w.floods = w.floods.and(f)
		w.most = max(w.most, slices.Max(w.memory()))
		if f.Others == 0 {
			return fmt.Errorf("in a flood none of %d look-ups of another organisation was answered", f.Missed)
		}
		return nil
	}},
	{"the clock of a server is moved", func(_ context.Context, w *world) error {
		return w.program().MoveClock(time.Duration(w.rand.IntN(1200)-600) * time.Second)
	}},
}

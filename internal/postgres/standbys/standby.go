package standbys

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/purescim/purescim/internal/postgres/pool"
)

const (
	// lookPause is how often a standby is looked at, and lookTime how long it may take to
	// answer: what hangs on it for longer is broken off, and asked of the primary.
	lookPause = time.Second
	lookTime  = 2 * time.Second
	// restTime is how long a standby is left alone, at least, that has failed, and skipTime one
	// that was found behind by a read: it may catch up at any moment, but not each read is to
	// wait for that.
	restTime = 2 * time.Second
	skipTime = 100 * time.Millisecond
)

// errOtherSystem tells that a URL is not that of a standby of the primary.
var errOtherSystem = errors.New("it is of another cluster than the primary")

// standby is one standby.
type standby struct {
	number  int // 1 is the first
	url     string
	options pool.Options
	log     *slog.Logger
	reads   atomic.Int64
	skipped atomic.Int64 // until then, in Unix nanoseconds

	// ready are the connections for reads; nil while the standby is not to be asked.
	ready atomic.Pointer[pool.Pool]

	mu     sync.Mutex // of what follows
	why    string     // it is not to be asked; empty when it may be
	failed time.Time  // for the last time, but for being behind
	late   lateness

	// of look alone
	watch, connections *pool.Pool
	system             string
}

// State tells of a standby.
type State struct {
	Number int    // 1 is the first
	Reads  int64  // that it was sent
	Ready  bool   // whether it is asked
	Why    string // it is not, for anybody
	// Late is for how long it has not come to where the primary was; 0 when it has.
	Late time.Duration
}

func (r *standby) state() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return State{Number: r.number, Reads: r.reads.Load(), Ready: r.why == "", Why: r.why, Late: r.late.now()}
}

// keep looks at it again and again.
func (r *standby) keep(ctx context.Context, primary *pool.Pool) {
	tick := time.NewTicker(lookPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look(ctx, primary)
		}
	}
}

// look finds out whether it may be asked.
func (r *standby) look(ctx context.Context, primary *pool.Pool) {
	within, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	written, err := primary.Written(within)
	if err != nil {
		return // nothing is read of a standby then
	}
	at, err := r.reach(within, primary, written)
	if ctx.Err() != nil {
		return
	}
	if err != nil && !errors.Is(err, pool.ErrBehind) {
		at = pool.Place{}
	}
	r.mu.Lock()
	r.late.measure(written, at)
	r.mu.Unlock()
	switch {
	case err == nil:
		r.resume()
	case errors.Is(err, pool.ErrBehind):
		r.rest(Behind, err)
	default:
		r.rest(Lost, err)
		r.breakOff()
	}
}

// reach asks it where it is, which must be behind a place, on connections that nothing else
// takes.
func (r *standby) reach(ctx context.Context, primary *pool.Pool, written pool.Place) (at pool.Place, err error) {
	if r.system == "" {
		if r.system, err = primary.System(ctx); err != nil {
			return at, err
		}
	}
	if r.watch == nil {
		o := r.options
		o.MaxConns = 1
		if r.watch, err = pool.Open(ctx, r.url, o); err != nil {
			return at, err
		}
	}
	system, err := r.watch.System(ctx)
	if err == nil && system != r.system {
		err = errOtherSystem
	}
	if err != nil {
		return at, err
	}
	if at, err = r.watch.Replayed(ctx, written); err != nil {
		return at, err
	}
	if r.connections == nil {
		r.connections, err = pool.Open(ctx, r.url, r.options)
	}
	return at, err
}

// breakOff ends what hangs.
func (r *standby) breakOff() {
	for _, p := range []*pool.Pool{r.watch, r.connections} {
		if p != nil {
			p.BreakOff()
		}
	}
}

// skip leaves it out for a moment.
func (r *standby) skip() { r.skipped.Store(time.Now().Add(skipTime).UnixNano()) }

func (r *standby) isSkipped() bool { return time.Now().UnixNano() < r.skipped.Load() }

// rest leaves it alone until a look finds it well.
func (r *standby) rest(cause Cause, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cause != Behind {
		r.failed = time.Now()
	}
	why := fmt.Sprintf("standby %d is %s", r.number, map[Cause]string{Behind: "behind", Lost: "away"}[cause])
	if r.ready.Swap(nil) != nil || r.why == "" {
		r.log.Warn(why+"; the primary answers instead", "error", err)
	}
	r.why = why
}

// resume has it asked again, unless it has failed just now.
func (r *standby) resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ready.Load() != nil || time.Since(r.failed) < restTime {
		return
	}
	r.ready.Store(r.connections)
	r.why = ""
	r.log.Info(fmt.Sprintf("standby %d answers reads", r.number))
}

func (r *standby) close() {
	r.ready.Store(nil)
	for _, p := range []*pool.Pool{r.watch, r.connections} {
		if p != nil {
			p.Close()
		}
	}
}

// lateness tells for how long a standby has not come to where the primary was.
type lateness struct {
	wanted pool.Place // where it was
	since  time.Time
}

// measure takes where both are; a standby that does not tell is nowhere.
func (l *lateness) measure(primary, standby pool.Place) {
	switch {
	case primary.Lead(standby) == 0:
		*l = lateness{}
	case l.wanted.IsZero() || l.wanted.Lead(standby) == 0:
		*l = lateness{wanted: primary, since: time.Now()}
	}
}

func (l *lateness) now() time.Duration {
	if l.wanted.IsZero() {
		return 0
	}
	return time.Since(l.since)
}

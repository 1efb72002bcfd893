// Package standbys sends reads to the standbys of the primary, and keeps them from returning
// anything older than what was acknowledged before, by whichever server.
//
// Each read first asks for the primary's position in its log, together with all reads that
// come at the same time. A standby that has replayed that position answers it (pool.Place),
// otherwise the primary does. Which reads these are, and what they say, is left to the
// stores.
package standbys

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/purescim/purescim/internal/batcher"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/fairshare"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// Cause is why the primary was asked instead of a standby.
type Cause int

// The causes.
const (
	Away     Cause = iota // there was none to ask
	Unplaced              // the primary did not tell where it is
	Behind                // it had not replayed what was written
	Lost                  // its connection broke, or it did not answer
	Conflict              // it had to give up the statement to go on replaying
	Failed                // something else went wrong there
	causes
)

// String names the cause for figures.
func (c Cause) String() string {
	return [...]string{"away", "unplaced", "behind", "lost", "conflict", "failed"}[c]
}

// writtenTime is how long it may take to ask where the primary is.
const writtenTime = 5 * time.Second

// Set are the standbys of a database. It is safe for concurrent use. Nil are none.
type Set struct {
	primary *pool.Pool
	all     []*standby
	turn    atomic.Uint32
	written *batcher.Batcher[*written]

	fallbacks [causes]atomic.Int64
}

// written is a question where the primary is, and the answer.
type written struct {
	at  pool.Place
	err error
}

// Open connects to the standbys of the URLs, as far as they can be reached; Run goes on to
// try the others. Without a URL there is no set.
func Open(ctx context.Context, primary *pool.Pool, urls []string, o pool.Options) (*Set, error) {
	if len(urls) == 0 {
		return nil, nil //nolint:nilnil // nil are none
	}
	o.Standby = true
	s := &Set{primary: primary}
	for i, url := range urls {
		if _, err := pool.Configure(url, o); err != nil {
			return nil, err
		}
		s.all = append(s.all, &standby{number: i + 1, url: url, options: o, log: primary.Log, why: fmt.Sprintf("standby %d was not reached yet", i+1)})
	}
	s.written = batcher.New(batcher.Options[*written]{Free: 1, Most: 1, Flush: s.ask})
	var looking sync.WaitGroup
	for _, r := range s.all {
		looking.Go(func() { r.look(ctx, primary) })
	}
	looking.Wait()
	return s, nil
}

// Run looks after the standbys until ctx ends.
func (s *Set) Run(ctx context.Context) {
	if s == nil {
		return
	}
	var running sync.WaitGroup
	for _, r := range s.all {
		running.Go(func() { r.keep(ctx, s.primary) })
	}
	running.Wait()
}

// Close closes the connections.
func (s *Set) Close() {
	if s == nil {
		return
	}
	var closing sync.WaitGroup
	for _, r := range s.all {
		closing.Go(r.close)
	}
	closing.Wait()
}

// ask asks once for all that have come.
func (s *Set) ask(ctx context.Context, batch []*written) {
	ctx, cancel := context.WithTimeout(ctx, writtenTime)
	defer cancel()
	at, err := s.primary.Written(ctx)
	for _, w := range batch {
		w.at, w.err = at, err
	}
}

// Reading is a read that is sent to a standby.
type Reading struct {
	set     *Set
	standby *standby
	pool    *pool.Pool
	at      pool.Place
}

// Begin chooses the standby for a read that begins now; nil is the primary.
func (s *Set) Begin(ctx context.Context) *Reading {
	if s == nil {
		return nil
	}
	r, connections, why := s.choose()
	if r == nil {
		s.fallbacks[why].Add(1)
		return nil
	}
	w := new(written)
	if err := s.written.Do(ctx, w); err != nil || w.err != nil {
		s.fallbacks[Unplaced].Add(1)
		return nil
	}
	r.reads.Add(1)
	return &Reading{s, r, connections, w.at}
}

// choose gives the standbys turns, as far as they may be asked, or tells why none may.
func (s *Set) choose() (*standby, *pool.Pool, Cause) {
	why, first := Away, int(s.turn.Add(1))
	for i := range s.all {
		r := s.all[(first+i)%len(s.all)]
		switch connections := r.ready.Load(); {
		case connections == nil:
		case r.isSkipped():
			why = Behind
		default:
			return r, connections, 0
		}
	}
	return nil, nil, why
}

// Tenant gives what an organisation has of the standby.
func (r *Reading) Tenant(o org.ID) pool.Tenant { return r.pool.Behind(o, r.at) }

// Again reports whether the primary is to be asked, since the read has ended with an error
// that may be the standby's: not with that of the client, of its share, or of its time.
func (r *Reading) Again(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || errors.Is(err, directory.ErrNotFound) ||
		errors.Is(err, fairshare.ErrFull) || errors.Is(err, fairshare.ErrWaited) || pgerr.Violates(err, pgerr.QueryCancelled, "") {
		return false
	}
	cause := causeOf(err)
	r.set.fallbacks[cause].Add(1)
	switch cause {
	case Behind:
		r.standby.skip()
	case Lost:
		r.standby.rest(cause, err)
	}
	return true
}

func causeOf(err error) Cause {
	switch {
	case errors.Is(err, pool.ErrBehind):
		return Behind
	case errors.Is(err, pool.ErrOtherTimeline), errors.Is(err, pool.ErrNoStandby), errors.Is(err, context.DeadlineExceeded), pgerr.IsLost(err):
		return Lost
	case pgerr.IsTransient(err):
		return Conflict
	default:
		return Failed
	}
}

// Fallbacks counts the reads that the primary has answered instead of a standby.
func (s *Set) Fallbacks() map[string]int64 {
	counted := make(map[string]int64, causes)
	for c := range causes {
		counted[c.String()] = s.fallbacks[c].Load()
	}
	return counted
}

// States tells of the standbys, in the order of their URLs.
func (s *Set) States() []State {
	if s == nil {
		return nil
	}
	states := make([]State, len(s.all))
	for i, r := range s.all {
		states[i] = r.state()
	}
	return states
}

package events

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
)

const (
	// lookPause is how often a server looks for events to push.
	lookPause = 250 * time.Millisecond
	// upkeepPause is how often old events are looked for.
	upkeepPause = time.Minute
	upkeepTime  = time.Minute // ends what hangs
	// fillPause is how often streams of which too much waits are looked for.
	fillPause = 5 * time.Second
	// leaseTime is how long a server that dies keeps others from delivering. A
	// lease is renewed when half of it is over, which leaves more than one push.
	leaseTime = time.Minute
	// atOnce bounds the streams that one server delivers at the same time.
	atOnce = 16
	// batch is how many events are read at once.
	batch = 50
	// maxAttempts is how often an event is pushed, for some fifty minutes, before
	// it is dead and the next one has its turn.
	maxAttempts = 20
	// maxRetry bounds the pause between two attempts.
	maxRetry = 5 * time.Minute
	// settleTime is how long a server may take to find what is due, and to note what was
	// delivered, also when it ends.
	settleTime = 5 * time.Second
)

// Run pushes events until the context ends. Each server may run it: of a stream
// one at a time delivers, in the order of the changes. An event may arrive more
// than once, under the same `jti`, when a server dies.
func (s *Service) Run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() {
		periodic.Every(ctx, upkeepPause, s.log, "old events were not looked for", periodic.Within(upkeepTime, s.expire))
	})
	work.Go(func() {
		periodic.Every(ctx, fillPause, s.log, "full streams were not looked for", periodic.Within(upkeepTime, s.fill))
	})
	delivering := deliveries{places: make(chan struct{}, atOnce), orgs: make(map[org.ID]bool)}
	periodic.Every(ctx, lookPause, s.log, "events to be pushed were not looked for", func(ctx context.Context) error {
		looking, cancel := context.WithTimeout(ctx, settleTime)
		defer cancel()
		due, err := s.store.Due(looking, s.store.Now())
		for _, o := range due {
			if delivering.begin(o) {
				work.Go(func() {
					defer delivering.end(o)
					s.deliver(ctx, o)
				})
			}
		}
		return err
	})
	work.Wait()
}

func (s *Service) fill(ctx context.Context) error {
	full, err := s.store.Fill(ctx, MaxWaiting, MaxWaitingBytes)
	for _, o := range full {
		s.log.WarnContext(ctx, "stream of events is full and makes no more until what waits is taken", "org", o)
	}
	return err
}

func (s *Service) expire(ctx context.Context) error {
	now := s.store.Now()
	return s.store.Expire(ctx, now.Add(-Kept), now.Add(-KeptDead), fmt.Sprintf("not delivered within %.0f days", Kept.Hours()/24))
}

// deliveries are the streams that this server delivers.
type deliveries struct {
	places chan struct{}
	mu     sync.Mutex
	orgs   map[org.ID]bool
}

// begin reports whether there is a place, and the stream is not being delivered.
func (d *deliveries) begin(o org.ID) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.orgs[o] {
		return false
	}
	select {
	case d.places <- struct{}{}:
		d.orgs[o] = true
		return true
	default:
		return false
	}
}

func (d *deliveries) end(o org.ID) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.orgs, o)
	<-d.places
}

// deliver pushes the events of one stream until there are none, one fails or
// another server delivers them.
func (s *Service) deliver(ctx context.Context, o org.ID) {
	for {
		more, err := s.stretch(ctx, o)
		if err != nil && !errors.Is(err, ErrNotHeld) && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "events were not delivered; they are tried again", "org", o, "error", err)
		}
		if err != nil || !more {
			return
		}
	}
}

// stretch delivers under one lease. more says that there may be others.
func (s *Service) stretch(ctx context.Context, o org.ID) (more bool, err error) {
	began := time.Now()
	reading, stop := context.WithTimeout(ctx, leaseTime/2)
	defer stop()
	at := s.store.Now()
	lease, err := s.store.Lease(reading, o, s.holder, at, at.Add(leaseTime))
	if err != nil {
		return false, err
	}
	pending, more, err := s.store.Pending(ctx, o, 0, batch, MaxBytes)
	if err != nil {
		return false, err
	}
	done := Outcome{Done: !more, Failures: lease.Failures}
	for _, e := range pending {
		if time.Since(began) > leaseTime/2 {
			done.Done = false
			break
		}
		if failed := s.deliverOne(ctx, lease.Stream, e, &done); failed {
			break
		}
	}
	settling, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	return !done.Done, s.store.Settle(settling, o, s.holder, done)
}

// deliverOne pushes an event and notes what came of it. After a failure no later
// event may be pushed.
func (s *Service) deliverOne(ctx context.Context, stream Stream, e Event, done *Outcome) (failed bool) {
	err := s.push(ctx, stream, e)
	var missed *undelivered
	switch {
	case err == nil:
		done.Delivered = append(done.Delivered, e.ID)
		done.Failures, done.Fault, done.Retry = 0, "", time.Time{}
		return false
	case errors.As(err, &missed) && missed.final:
		s.log.WarnContext(ctx, "the receiver refused an event", "org", stream.Org, "event", e.ID, "error", missed.cause)
		done.Dead = append(done.Dead, Letter{ID: e.ID, Fault: string(missed.fault)})
		return false
	}
	done.Done = true
	switch {
	case ctx.Err() != nil: // this server ends; the event was not the reason
	case missed == nil: // nothing was sent, for a reason of our own
		s.log.ErrorContext(ctx, "an event was not made ready; it is tried again", "org", stream.Org, "event", e.ID, "error", err)
		done.Retry = s.store.Now().Add(s.backoff(max(done.Failures, 1)))
	default:
		s.missed(ctx, stream, e, missed, done)
	}
	return true
}

// missed notes that an event did not arrive, and when it is tried again.
func (s *Service) missed(ctx context.Context, stream Stream, e Event, why *undelivered, done *Outcome) {
	done.Failures++
	s.log.WarnContext(ctx, "an event was not delivered",
		"org", stream.Org, "event", e.ID, "fault", why.fault, "error", why.cause, "attempt", done.Failures, "of", maxAttempts)
	done.Fault = string(why.fault)
	if done.Failures == maxAttempts {
		done.Dead = append(done.Dead, Letter{ID: e.ID, Fault: done.Fault})
		done.Failures = 0
	}
	done.Retry = s.store.Now().Add(s.backoff(max(done.Failures, 1)))
}

// backoff is the pause after so many failures in a row: twice as long after each,
// up to maxRetry, of which a random half is left out, so that the streams of a
// receiver that was away do not come back all at once.
func (s *Service) backoff(failures int) time.Duration {
	pause := maxRetry
	if doublings := failures - 1; doublings < 20 {
		pause = min(s.pause<<doublings, maxRetry)
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, as crypto/rand documents
	return pause/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(pause/2+1))
}

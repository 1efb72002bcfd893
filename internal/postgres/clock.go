package postgres

import (
	"context"
	"encoding/binary"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	clockPause = 5 * time.Second
	clockTime  = 5 * time.Second // ends what hangs
	// clockTolerance is how far the machine's clock may be off before the log says so.
	clockTolerance = 2 * time.Second
)

// clock tells PostgreSQL's time: what it was when it was last asked, and what has passed
// since then by a clock of the machine that nobody sets. All servers of a database so
// tell one time, whatever their machines' clocks say. It never goes back.
type clock struct {
	machine func() time.Time
	began   time.Time // tells what has passed

	mu     sync.Mutex
	zero   time.Time // PostgreSQL's time when it began
	last   time.Time
	lastID int64 // the time in the last id, in 4096ths of a millisecond
}

// newClock is right once it was measured. Nil is the clock of the machine.
func newClock(machine func() time.Time) *clock {
	if machine == nil {
		machine = time.Now
	}
	return &clock{machine: machine, began: time.Now()}
}

// read gives the time, in UTC.
func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.zero.Add(time.Since(c.began)); t.After(c.last) {
		c.last = t
	}
	return c.last
}

// now is the time as it is stored of resources: in milliseconds.
func (c *clock) now() time.Time { return c.read().Truncate(time.Millisecond) }

// stamp is the time as it is stored of tokens: in microseconds.
func (c *clock) stamp() time.Time { return c.read().Truncate(time.Microsecond) }

// since is when something changes that was changed before: now, but not before that.
func (c *clock) since(before time.Time) time.Time {
	if t := c.now(); t.After(before) {
		return t
	}
	return before
}

// newID makes an id (RFC 9562, version 7) whose order on this server is that of creation,
// and which tells when that was.
func (c *clock) newID() uuid.UUID {
	id := uuid.Must(uuid.NewRandom())
	t := c.read()
	at := t.UnixMilli()<<12 | int64(t.Nanosecond()%1e6)<<12/1e6
	c.mu.Lock()
	c.lastID = max(at, c.lastID+1)
	at = c.lastID
	c.mu.Unlock()
	binary.BigEndian.PutUint64(id[:8], uint64(at>>12)<<16|7<<12|uint64(at&0xfff))
	return id
}

// measured takes in that PostgreSQL told a time, between asked and now. The clock moves no
// more than that demands: an answer that took long says little.
func (c *clock) measured(told, asked time.Time) {
	earliest := told.Add(-time.Since(c.began))
	latest := told.Add(-asked.Sub(c.began))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.zero.IsZero():
		c.zero = earliest.Add(latest.Sub(earliest) / 2)
	case c.zero.Before(earliest):
		c.zero = earliest
	case c.zero.After(latest):
		c.zero = latest
	}
}

// offset is how far the clock of the machine is ahead.
func (c *clock) offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine().Round(0).Sub(c.zero.Add(time.Since(c.began)))
}

// selectTime asks for the time of this moment, not of when a transaction began.
const selectTime = `select clock_timestamp()`

// measure asks PostgreSQL what time it is.
func (s *Store) measure(ctx context.Context) error {
	asked := time.Now()
	rows, err := s.own().Query(ctx, selectTime)
	if err == nil {
		err = readOne(rows, func(raw [][]byte) { s.clock.measured(readTime(raw[0]), asked) })
	}
	return wrap("ask for the time", err)
}

// keepTime gives the work that measures, and says when the machine's clock begins and
// ceases to be off.
func (s *Store) keepTime() func(context.Context) error {
	off := false
	return func(ctx context.Context) error {
		if err := s.measure(ctx); err != nil {
			return err
		}
		offset := s.ClockOffset()
		was := off
		off = offset.Abs() > clockTolerance
		switch {
		case off && !was:
			s.log.WarnContext(ctx, "the clock of this machine is not that of PostgreSQL, which is used instead", "ahead", offset)
		case was && !off:
			s.log.InfoContext(ctx, "the clock of this machine is that of PostgreSQL again", "ahead", offset)
		}
		return nil
	}
}

// Now is PostgreSQL's time. It never goes back.
func (s *Store) Now() time.Time { return s.clock.stamp() }

// NewID makes an id that tells when it was made, by PostgreSQL's time.
func (s *Store) NewID() uuid.UUID { return s.clock.newID() }

// ClockOffset is how far the clock of this machine is ahead of PostgreSQL's, as it was
// found within the last five seconds unless PostgreSQL is away; negative when behind.
func (s *Store) ClockOffset() time.Duration { return s.clock.offset() }

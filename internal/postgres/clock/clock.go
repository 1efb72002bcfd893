// Package clock keeps the time of a database, whatever the clock of the machine says, and
// makes ids that contain it.
//
// Who asks the database for the time, and how often, is left to package pool.
package clock

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Clock tells PostgreSQL's time: what it was when it was last asked, and what has passed
// since then by a clock of the machine that nobody sets. All servers of a database so
// tell one time, whatever their machines' clocks say. It never goes back.
type Clock struct {
	machine func() time.Time
	began   time.Time // tells what has passed

	mu     sync.Mutex
	zero   time.Time // PostgreSQL's time when it began
	last   time.Time
	lastID int64 // the time in the last id, in 4096ths of a millisecond
}

// New is right once it was measured. Nil is the clock of the machine.
func New(machine func() time.Time) *Clock {
	if machine == nil {
		machine = time.Now
	}
	return &Clock{machine: machine, began: time.Now()}
}

// Time gives the time, in UTC.
func (c *Clock) Time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.zero.Add(time.Since(c.began)); t.After(c.last) {
		c.last = t
	}
	return c.last
}

// Now is the time as it is stored of resources: in milliseconds.
func (c *Clock) Now() time.Time { return c.Time().Truncate(time.Millisecond) }

// Stamp is the time as it is stored of tokens: in microseconds.
func (c *Clock) Stamp() time.Time { return c.Time().Truncate(time.Microsecond) }

// Since is when something changes that was changed before: now, but not before that.
func (c *Clock) Since(before time.Time) time.Time {
	if t := c.Now(); t.After(before) {
		return t
	}
	return before
}

// NewID makes an id (RFC 9562, version 7) whose order on this server is that of creation,
// and which tells when that was.
func (c *Clock) NewID() uuid.UUID {
	id := uuid.Must(uuid.NewRandom())
	t := c.Time()
	at := t.UnixMilli()<<12 | int64(t.Nanosecond()%1e6)<<12/1e6
	c.mu.Lock()
	c.lastID = max(at, c.lastID+1)
	at = c.lastID
	c.mu.Unlock()
	binary.BigEndian.PutUint64(id[:8], uint64(at>>12)<<16|7<<12|uint64(at&0xfff))
	return id
}

// Measured takes in that PostgreSQL told a time, between asked and now. The clock moves no
// more than that demands: an answer that took long says little.
func (c *Clock) Measured(told, asked time.Time) {
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

// Offset is how far the clock of the machine is ahead.
func (c *Clock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.machine().Round(0).Sub(c.zero.Add(time.Since(c.began)))
}

// MadeAt is when an id was made, which is when its resource is said to be
// created: then the order of the ids is that of meta.created.
func (c *Clock) MadeAt(id uuid.UUID) time.Time {
	if id.Version() != 7 {
		return c.Now()
	}
	seconds, nanoseconds := id.Time().UnixTime()
	return time.Unix(seconds, nanoseconds).UTC().Truncate(time.Millisecond)
}

package eventstore

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

const (
	// streamsFresh is how long a server goes by the streams that it has read, and
	// so how long a change may be told as before after its stream was set.
	streamsFresh = time.Second
	// streamsPause is how often they are read, so that no request has to.
	streamsPause = streamsFresh / 4
	streamsTime  = 5 * time.Second // ends what hangs
)

// streamCache holds the streams of all organisations, of which there are few: a
// change asks it, and nobody else, whether it is to be told.
type streamCache struct {
	current atomic.Pointer[streamSet]
	reading sync.Mutex
}

// streamSet is what one reading gave. It is never changed.
type streamSet struct {
	read    time.Time // when the reading began
	streams map[org.ID]events.Stream
}

// forget has the streams read again before they are used, also when a reading is
// under way.
func (c *streamCache) forget() { c.current.Store(new(streamSet)) }

// fresh gives what is known, or nil when that is too old.
func (c *streamCache) fresh() (set, known *streamSet) {
	set = c.current.Load()
	if set != nil && time.Since(set.read) < streamsFresh {
		known = set
	}
	return set, known
}

// Of gives the stream of an organisation whose changes are to be told.
func (e *Store) Of(ctx context.Context, o org.ID) (stream events.Stream, told bool, err error) {
	known, err := e.all(ctx)
	stream, told = known[o]
	return stream, told && stream.Status != events.Disabled && stream.Full == nil, err
}

// all gives the streams as they were at most streamsFresh ago.
func (e *Store) all(ctx context.Context) (map[org.ID]events.Stream, error) {
	c := &e.streams
	if _, known := c.fresh(); known != nil {
		return known.streams, nil
	}
	c.reading.Lock()
	defer c.reading.Unlock()
	old, known := c.fresh()
	if known != nil {
		return known.streams, nil
	}
	return e.renew(ctx, old)
}

// renew reads the streams in the place of those of before.
func (e *Store) renew(ctx context.Context, old *streamSet) (map[org.ID]events.Stream, error) {
	set := &streamSet{read: time.Now(), streams: map[org.ID]events.Stream{}}
	rows, err := e.pool.Own().Query(ctx, selectAllStreams)
	if err != nil {
		return nil, pgerr.Wrap("read streams of events", err)
	}
	all, err := pgx.CollectRows(rows, scanStream)
	if err != nil {
		return nil, pgerr.Wrap("read streams of events", err)
	}
	for _, stream := range all {
		stream.Credential = "" // it may be sealed, and is nothing that a change asks for
		set.streams[stream.Org] = stream
	}
	e.streams.current.CompareAndSwap(old, set)
	return set.streams, nil
}

// Keep reads the streams before they are too old, until the context ends.
func (e *Store) Keep(ctx context.Context) {
	tick := time.NewTicker(streamsPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// A failure is told by the next change, which reads them itself.
		renewing, cancel := context.WithTimeout(ctx, streamsTime)
		_, _ = e.renew(renewing, e.streams.current.Load())
		cancel()
	}
}

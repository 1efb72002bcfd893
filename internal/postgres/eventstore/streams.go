package eventstore

import (
	"context"
	"time"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
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

// Of gives the stream of an organisation whose changes are to be told.
func (e *Store) Of(ctx context.Context, o org.ID) (stream events.Stream, told bool, err error) {
	known, err := e.all(ctx)
	stream, told = known[o]
	return stream, told && stream.Status != events.Disabled && stream.Full == nil, err
}

// all gives the streams of all organisations, of which there are few, as they were at most
// streamsFresh ago: a change asks, and nobody else, whether it is to be told.
func (e *Store) all(ctx context.Context) (map[org.ID]events.Stream, error) {
	known, err := e.streams.Get(ctx)
	return known.Value, pgerr.Wrap("read streams of events", err)
}

func (e *Store) readStreams(ctx context.Context) (map[org.ID]events.Stream, error) {
	all, err := db.Collect(ctx, e.pool.Own(), db.Bound{SQL: selectAllStreams}, scanStream)
	streams := make(map[org.ID]events.Stream, len(all))
	for _, stream := range all {
		stream.Credential = "" // it may be sealed, and is nothing that a change asks for
		streams[stream.Org] = stream
	}
	return streams, err
}

// Keep reads the streams before they are too old, until the context ends.
func (e *Store) Keep(ctx context.Context) { e.streams.Keep(ctx, streamsPause, streamsTime) }

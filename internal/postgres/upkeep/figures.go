package upkeep

import (
	"context"
	"time"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// Figures are what the monitoring of a server is told of the database.
type Figures struct {
	// Sizes are how many users each organisation has, those of the last seconds left out.
	Sizes map[org.ID]int
	// Streams are how many streams of events have some waiting, and Full how many make
	// none until those are taken.
	Streams, Full int
	// Oldest is when the event was queued that waits the longest; zero is that none waits.
	Oldest time.Time
}

// Statements across organisations, for the background work only. The second looks at one
// event of each stream: the first in line.
const (
	selectSizes = `
select c.org_id, sum(c.n)::bigint
from   counts c
where  c.kind in (1, 2)
group  by c.org_id`
	selectLags = `
select count(e.queued_at), count(s.full_at), min(e.queued_at)
from   event_streams s
left   join lateral (
  select e.queued_at
  from   events e
  where  e.org_id = s.org_id and e.dead_at is null
  order  by e.seq
  limit  1) e on true`
)

// ReadFigures reads the figures of now.
func ReadFigures(ctx context.Context, p *pool.Pool) (Figures, error) {
	f := Figures{Sizes: make(map[org.ID]int)}
	err := db.Bound{SQL: selectSizes}.
		ReadAll(ctx, p.Own(), func(raw [][]byte) { f.Sizes[org.ID(db.ReadInt(raw[0]))] = int(db.ReadInt(raw[1])) })
	if err != nil {
		return f, pgerr.Wrap("read the sizes of organisations", err)
	}
	if err := p.Own().QueryRow(ctx, selectLags).Scan(&f.Streams, &f.Full, (*db.NullTime)(&f.Oldest)); err != nil {
		return f, pgerr.Wrap("read how long events wait", err)
	}
	return f, nil
}

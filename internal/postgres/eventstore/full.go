package eventstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// A stream is full when too much of it waits. That is looked for beside the writes, which
// find it with the settings of the stream: none of them counts what waits.

// fillStream reads no claims: PostgreSQL knows their length.
var fillStream = db.New(`
update event_streams s
set    full_at = @at
where  s.org_id = @org and s.full_at is null and s.status <> 'disabled'
and    exists (
  select from (
    select count(*) as n, sum(octet_length(f.claims)) as size
    from  (select e.claims from events e where e.org_id = @org and e.dead_at is null order by e.seq limit @most) f
  ) w
  where w.n >= @most or w.size >= @bytes
)`)

// A stream that goes on leaves a number out, in the place of the events that were not
// made, so that a receiver can tell. By then no server makes any.
const (
	resumeStream = `
with resumed as (
  update event_streams
  set    full_at = null
  where  org_id = $1 and full_at is not null
  returning org_id
)` + skipNumber
	resumeEmptied = `
with resumed as (
  update event_streams
  set    full_at = null
  where  org_id = $1 and full_at is not null
  and    not exists (select from events e where e.org_id = $1 and e.dead_at is null)
  returning org_id
)` + skipNumber
	skipNumber = `
update event_progress p
set    last_seq = p.last_seq + 1
where  p.org_id = $1 and exists (select from resumed)`
)

// Fill implements events.Store.
func (e *Store) Fill(ctx context.Context, most int, bytes int64) (full []org.ID, err error) {
	known, err := e.all(ctx)
	if err != nil {
		return nil, err
	}
	for o, stream := range known {
		if stream.Full != nil || stream.Status == events.Disabled {
			continue
		}
		tag, err := fillStream.With(db.Org(o), db.Named("at", e.pool.Clock.Now()), db.Named("most", most), db.Named("bytes", bytes)).Exec(ctx, e.pool.Own())
		if err != nil {
			return full, pgerr.Wrap("look for full streams", err)
		}
		if tag.RowsAffected() > 0 {
			full = append(full, o)
		}
	}
	if len(full) > 0 {
		e.streams.Forget()
	}
	return full, nil
}

// queueResumed has a full stream go on when what waited is gone.
func (e *Store) queueResumed(b *pgx.Batch, o org.ID) {
	b.Queue(resumeEmptied, int64(o)).Exec(func(tag pgconn.CommandTag) error {
		if tag.RowsAffected() > 0 {
			e.streams.Forget()
		}
		return nil
	})
}

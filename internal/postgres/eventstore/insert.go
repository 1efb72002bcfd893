package eventstore

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
)

// insertEvents numbers and stores events, unless the stream is removed.
var insertEvents = db.New(`
with advanced as (
  update event_progress
  set    last_seq = last_seq + @n
  where  org_id = @org
  returning last_seq - @n as base
)
insert into events (org_id, id, seq, made_at, queued_at, claims)
select @org, e.id, advanced.base + e.n, @at, @at, e.claims
from   advanced, unnest(@ids::uuid[], @claims::text[]) with ordinality as e (id, claims, n)`)

// Insert stores events of an organisation by their claims; those that are nil
// are not told.
func (e *Store) Insert(ctx context.Context, tx pgx.Tx, o org.ID, claims [][]byte) error {
	var ids db.IDs
	var texts []string
	for _, of := range claims {
		if of != nil {
			ids, texts = append(ids, uuid.UUID(db.NewID())), append(texts, string(of))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := insertEvents.With(
		db.Org(o), db.Named("n", int64(len(ids))), db.Named("at", e.pool.Clock.Now()), db.Named("ids", ids), db.Named("claims", texts),
	).Exec(ctx, tx)
	return err
}

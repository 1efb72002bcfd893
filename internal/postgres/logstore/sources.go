package logstore

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/provisioning"
)

// mostBehind is among how many of the newest entries of a target its last change is looked
// for: who is refused again and again must not make a page slow.
const mostBehind = 20

// selectSources finds the last change of each target by the index of targets.
var selectSources = db.New(`
select asked.id, last.id, last.client_id, last.actor
from   unnest(@targets::uuid[]) as asked (id)
cross  join lateral (
  select e.id, e.client_id, e.actor
  from   (select e.org_id, e.id, e.client_id, e.actor, e.result
          from   provisioning_log e
          where  e.org_id = @org and e.target_id = asked.id
          order  by e.id desc
          limit  @most) e
  where  e.org_id = @org and e.result in ('success', 'warning')
  order  by e.id desc
  limit  1) last`)

// Sources implements provisioning.Store.
func (l *Store) Sources(ctx context.Context, o org.ID, targets []uuid.UUID) (map[uuid.UUID]provisioning.Source, error) {
	sources := make(map[uuid.UUID]provisioning.Source, len(targets))
	if len(targets) == 0 {
		return sources, nil
	}
	err := selectSources.With(db.Org(o), db.Named("targets", db.IDs(targets)), db.Named("most", mostBehind)).
		ReadAll(ctx, l.pool.Of(o), func(raw [][]byte) {
			client := uuid.Nil
			if raw[2] != nil {
				client = db.ReadID(raw[2])
			}
			sources[db.ReadID(raw[0])] = provisioning.Source{Entry: db.ReadID(raw[1]), Actor: readActor(client, string(raw[3]))}
		})
	return sources, pgerr.Wrap("list sources", err)
}

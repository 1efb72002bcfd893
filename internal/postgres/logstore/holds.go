package logstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

// mostHolds is how many holds are listed.
const mostHolds = 1000

const (
	selectHolds = `
select h.id, h.client_id, coalesce(c.name, ''), h.target_id, coalesce(g.display_name, ''), h.state, h.held_at, h.last_at,
       h.attempts, h.removed, h.most, h.until_at
from   holds h
left   join oauth_clients c on c.org_id = $1 and c.client_id = h.client_id
left   join groups g on g.org_id = $1 and g.id = h.target_id
where  h.org_id = $1`

	listHolds = selectHolds + `
order  by h.last_at desc, h.id
limit  $2`

	selectHold = selectHolds + ` and h.id = $2`

	// countHolds counts for each client what waits for a decision.
	countHolds = `
select h.client_id, count(*)
from   holds h
where  h.org_id = $1 and h.state = 'held' and h.last_at > $2
group  by h.client_id`

	decideHold = `
update holds h
set    state = $3, until_at = $4
where  h.org_id = $1 and h.id = $2`
)

// Holds implements provisioning.BrakeStore.
func (l *Store) Holds(ctx context.Context, o org.ID) ([]provisioning.Hold, error) {
	rows, err := l.pool.Of(o).Query(ctx, listHolds, int64(o), mostHolds)
	if err != nil {
		return nil, pgerr.Wrap("list holds", err)
	}
	holds, err := pgx.CollectRows(rows, scanHold)
	return holds, pgerr.Wrap("list holds", err)
}

func scanHold(row pgx.CollectableRow) (h provisioning.Hold, err error) {
	var until *time.Time
	err = row.Scan(&h.ID, &h.Client, &h.ClientName, &h.Group, &h.GroupName, &h.State, &h.Held, &h.Last, &h.Attempts, &h.Removed, &h.Most, &until)
	h.Held, h.Last, h.Until = h.Held.UTC(), h.Last.UTC(), db.OrZero(until)
	return h, err
}

// Decide implements provisioning.BrakeStore.
func (l *Store) Decide(
	ctx context.Context, o org.ID, id uuid.UUID, state provisioning.HoldState, lasting time.Duration,
) (h provisioning.Hold, err error) {
	err = l.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		until := l.pool.Clock.Now().Add(lasting)
		if _, err := tx.Exec(ctx, decideHold, int64(o), db.ID(id), string(state), until); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, selectHold, int64(o), db.ID(id))
		if err != nil {
			return err
		}
		if h, err = pgx.CollectExactlyOneRow(rows, scanHold); errors.Is(err, pgx.ErrNoRows) {
			return provisioning.ErrNoHold
		} else if err != nil {
			return err
		}
		operation := provisioning.Reject
		if state == provisioning.Released {
			operation = provisioning.Release
		}
		changes := []provisioning.Change{{Attribute: "until", After: until.UTC().Format(time.RFC3339)}}
		return InsertChange(ctx, tx, l.pool.Clock, int64(o), operation, provisioning.Target{Type: provisioning.Brakes, ID: h.ID, Name: h.What()}, changes)
	})
	return h, pgerr.Wrap("decide about hold", err)
}

// What brakes have counted, and holds, that are long over.
const (
	forgetBraked = `delete from brake_counts c where c.org_id = $1 and c.began_at < $2`
	forgetHolds  = `delete from holds h where h.org_id = $1 and h.last_at < $2 and (h.until_at is null or h.until_at < $2)`
	// holdsKept is how long a hold is listed after its last attempt or decision.
	holdsKept = 90 * 24 * time.Hour
	// countsBraked is longer than brakes look back.
	countsBraked = 3 * time.Hour
)

// forgetBrakes deletes what is too old of what brakes have counted and held.
func (l *Store) forgetBrakes(ctx context.Context, o org.ID) error {
	at := l.pool.Clock.Now()
	_, err := l.pool.Own().Exec(ctx, forgetBraked, int64(o), at.Add(-countsBraked))
	if err == nil {
		_, err = l.pool.Own().Exec(ctx, forgetHolds, int64(o), at.Add(-holdsKept))
	}
	return err
}

package logstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

// braked is the condition that the brake of a hold h is on.
const braked = `case when h.target_id = ` + db.LeastID + ` then o.brake_users else o.brake_members end > 0`

// mostHolds is how many holds are listed.
const mostHolds = 1000

// selectHolds knows none of a brake that is off: a server may not have noticed that yet.
const selectHolds = `
select h.id, h.client_id, coalesce(c.name, ''), h.target_id, coalesce(g.display_name, ''), h.state, h.held_at, h.last_at,
       h.attempts, h.removed, h.most, h.until_at
from   holds h
join   orgs o on o.org_id = @org and ` + braked + `
left   join oauth_clients c on c.org_id = @org and c.client_id = h.client_id
left   join groups g on g.org_id = @org and g.id = h.target_id
where  h.org_id = @org`

var (
	listHolds = db.New(selectHolds + `
order  by h.last_at desc, h.id
limit  @limit`)

	selectHold = db.New(selectHolds + ` and h.id = @id`)

	// countHolds counts for each client what waits for a decision.
	countHolds = db.New(`
select h.client_id, count(*)
from   holds h
join   orgs o on o.org_id = @org and ` + braked + `
where  h.org_id = @org and h.state = 'held' and h.last_at > @since
group  by h.client_id`)

	decideHold = db.New(`
update holds h
set    state = @state, until_at = @until
where  h.org_id = @org and h.id = @id`)
)

// Holds implements provisioning.BrakeStore.
func (l *Store) Holds(ctx context.Context, o org.ID) ([]provisioning.Hold, error) {
	holds, err := db.Collect(ctx, l.pool.Of(o), listHolds.With(db.Org(o), db.Named("limit", mostHolds)), scanHold)
	return holds, pgerr.Wrap("list holds", err)
}

func scanHold(row pgx.CollectableRow) (h provisioning.Hold, err error) {
	err = row.Scan(&h.ID, &h.Client, &h.ClientName, &h.Group, &h.GroupName, &h.State, &h.Held, &h.Last, &h.Attempts, &h.Removed, &h.Most, (*db.NullTime)(&h.Until))
	return h, err
}

// Decide implements provisioning.BrakeStore.
func (l *Store) Decide(
	ctx context.Context, o org.ID, id uuid.UUID, state provisioning.HoldState, lasting time.Duration,
) (h provisioning.Hold, err error) {
	err = l.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		until := l.pool.Clock.Now().Add(lasting)
		if _, err := decideHold.With(db.Org(o), db.Named("id", db.ID(id)), db.Named("state", string(state)), db.Named("until", until)).Exec(ctx, tx); err != nil {
			return err
		}
		if h, err = db.CollectOne(ctx, tx, selectHold.With(db.Org(o), db.Named("id", db.ID(id))), scanHold); err != nil {
			return pgerr.NoRows(err, provisioning.ErrNoHold)
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
var (
	forgetBraked = db.New(`delete from brake_counts c where c.org_id = @org and c.began_at < @before`)
	forgetHolds  = db.New(`delete from holds h where h.org_id = @org and h.last_at < @before and (h.until_at is null or h.until_at < @before)`)
)

const (
	// holdsKept is how long a hold is listed after its last attempt or decision.
	holdsKept = 90 * 24 * time.Hour
	// countsBraked is longer than brakes look back.
	countsBraked = 3 * time.Hour
)

// forgetBrakes deletes what is too old of what brakes have counted and held.
func (l *Store) forgetBrakes(ctx context.Context, o org.ID) error {
	at := l.pool.Clock.Now()
	_, err := forgetBraked.With(db.Org(o), db.Named("before", at.Add(-countsBraked))).Exec(ctx, l.pool.Own())
	if err == nil {
		_, err = forgetHolds.With(db.Org(o), db.Named("before", at.Add(-holdsKept))).Exec(ctx, l.pool.Own())
	}
	return err
}

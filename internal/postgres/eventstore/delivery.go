package eventstore

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
)

var deleteDelivered = db.New(`
delete from events
where  org_id = @org and id = any(@ids) and dead_at is null`)

var buryEvents = db.New(`
update events e
set    dead_at = @at, fault = l.fault
from   unnest(@ids::uuid[], @faults::text[]) as l (id, fault)
where  e.org_id = @org and e.id = l.id and e.dead_at is null`)

// Acknowledge implements events.Store.
func (e *Store) Acknowledge(ctx context.Context, o org.ID, delivered []uuid.UUID, dead []events.Letter) error {
	err := e.pool.Of(o).InTx(ctx, func(b *pgx.Batch) { e.queueAcknowledged(b, o, delivered, dead) }, func(tx pgx.Tx) error {
		_, err := markDelivered.With(db.Org(o), db.Named("at", e.pool.Clock.Now())).Exec(ctx, tx)
		return err
	})
	return pgerr.Wrap("acknowledge events", err)
}

var markDelivered = db.New(`
update event_progress
set    delivered_at = @at
where  org_id = @org`)

func (e *Store) queueAcknowledged(b *pgx.Batch, o org.ID, delivered []uuid.UUID, dead []events.Letter) {
	if len(delivered) > 0 {
		deleteDelivered.With(db.Org(o), db.Named("ids", db.IDs(delivered))).Queue(b)
	}
	if len(dead) > 0 {
		ids, faults := make(db.IDs, len(dead)), make([]string, len(dead))
		for i, l := range dead {
			ids[i], faults[i] = l.ID, l.Fault
		}
		buryEvents.With(db.Org(o), db.Named("at", e.pool.Clock.Now()), db.Named("ids", ids), db.Named("faults", faults)).Queue(b)
	}
	e.queueResumed(b, o)
}

// Dead events have their order again as soon as they are queued.
var requeueEvents = db.New(`
update events e
set    dead_at = null, fault = '', queued_at = @at
where  e.org_id = @org and e.dead_at is not null and (@ids::uuid[] is null or e.id = any(@ids))`)

// Requeue implements events.Store.
func (e *Store) Requeue(ctx context.Context, o org.ID, ids []uuid.UUID) (int, error) {
	var n int
	err := e.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		tag, err := requeueEvents.With(db.Org(o), db.Named("at", e.pool.Clock.Now()), db.Named("ids", db.ChosenIDs(ids))).Exec(ctx, tx)
		if n = int(tag.RowsAffected()); err != nil || n == 0 {
			return err
		}
		return e.log(ctx, tx, o, provisioning.Requeue, logstore.Number("events", n))
	})
	return n, pgerr.Wrap("queue dead events again", err)
}

// selectDue finds the streams of all organisations that a server may deliver.
var selectDue = db.New(`
select s.org_id
from   event_streams s
join   event_progress p on p.org_id = s.org_id
where  s.method = 'push' and s.status <> 'paused'
and    (p.held_until is null or p.held_until < @at)
and    (p.retry_at is null or p.retry_at <= @at)
and    exists (select from events e where e.org_id = s.org_id and e.dead_at is null)
order  by p.delivered_at nulls first
limit  100`)

// Now implements events.Store.
func (e *Store) Now() time.Time { return e.pool.Now() }

// Due implements events.Store. Without streams it asks nothing.
func (e *Store) Due(ctx context.Context, at time.Time) ([]org.ID, error) {
	known, err := e.all(ctx)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	var due []org.ID
	err = selectDue.With(db.Named("at", at)).ReadAll(ctx, e.pool.Own(), func(raw [][]byte) { due = append(due, org.ID(db.ReadInt(raw[0]))) })
	return due, pgerr.Wrap("find events to push", err)
}

// leaseStream may wait for whoever writes events. So selectLeased reads the stream after
// it: as it is while it is held, and not as it was before.
var (
	leaseStream = db.New(`
update event_progress p
set    holder = @holder, held_until = @until
where  p.org_id = @org and (p.holder = @holder or p.held_until is null or p.held_until < @at)`)

	selectLeased = db.New(`
select ` + streamColumns + `, p.failures
from   event_streams s
join   event_progress p on p.org_id = @org
where  s.org_id = @org and s.method = 'push' and s.status <> 'paused' and p.holder = @holder`)
)

// Lease implements events.Store.
func (e *Store) Lease(ctx context.Context, o org.ID, holder uuid.UUID, at, until time.Time) (events.Lease, error) {
	var lease events.Lease
	err := e.pool.Of(o).InTx(ctx, func(b *pgx.Batch) {
		leaseStream.With(db.Org(o), db.Named("holder", db.ID(holder)), db.Named("at", at), db.Named("until", until)).Queue(b)
		selectLeased.With(db.Org(o), db.Named("holder", db.ID(holder))).Queue(b).QueryRow(func(row pgx.Row) error {
			return row.Scan(append(streamFields(&lease.Stream), &lease.Failures)...)
		})
	}, func(pgx.Tx) error { return nil })
	if err = pgerr.NoRows(err, events.ErrNotHeld); err == nil {
		lease.Stream.Credential, err = e.keys.OpenText(CredentialPlace(o, lease.Stream.Endpoint), lease.Stream.Credential)
	}
	return lease, pgerr.Wrap("lease stream", err)
}

var settleStream = db.New(`
update event_progress p
set    failures     = @failures,
       fault        = @fault,
       retry_at     = @retry,
       delivered_at = coalesce(@delivered, p.delivered_at),
       held_until   = case when @done then null else p.held_until end
where  p.org_id = @org and p.holder = @holder`)

// Settle implements events.Store. It takes no share: what was delivered is noted, however
// much the organisation asks for.
func (e *Store) Settle(ctx context.Context, o org.ID, holder uuid.UUID, done events.Outcome) error {
	var delivered time.Time
	if len(done.Delivered) > 0 {
		delivered = e.pool.Clock.Now()
	}
	err := e.pool.Own().InTx(ctx, func(b *pgx.Batch) { e.queueAcknowledged(b, o, done.Delivered, done.Dead) }, func(tx pgx.Tx) error {
		_, err := settleStream.With(
			db.Org(o), db.Named("holder", db.ID(holder)), db.Named("failures", done.Failures),
			db.Named("fault", done.Fault), db.Named("retry", db.NullTime(done.Retry)), db.Named("delivered", db.NullTime(delivered)),
			db.Named("done", done.Done),
		).Exec(ctx, tx)
		return err
	})
	return pgerr.Wrap("note what was delivered", err)
}

// Old events of one organisation.
var (
	buryOldEvents = db.New(`
update events e
set    dead_at = @at, fault = @fault
where  e.org_id = @org and e.dead_at is null and e.queued_at < @before`)
	deleteOldEvents = db.New(`
delete from events
where  org_id = @org and dead_at < @before`)
)

// Expire implements events.Store.
func (e *Store) Expire(ctx context.Context, queued, dead time.Time, fault string) error {
	known, err := e.all(ctx)
	if err != nil {
		return err
	}
	for o := range known {
		b := new(pgx.Batch)
		deleteOldEvents.With(db.Org(o), db.Named("before", dead)).Queue(b)
		buryOldEvents.With(db.Org(o), db.Named("at", e.pool.Clock.Now()), db.Named("before", queued), db.Named("fault", fault)).Queue(b)
		e.queueResumed(b, o)
		if err := e.pool.Own().SendBatch(ctx, b).Close(); err != nil {
			return pgerr.Wrap("remove old events", err)
		}
	}
	return nil
}

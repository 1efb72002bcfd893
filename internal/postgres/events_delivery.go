package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
)

const deleteDelivered = `
delete from events
where  org_id = $1 and id = any($2) and dead_at is null`

const buryEvents = `
update events e
set    dead_at = $2, fault = l.fault
from   unnest($3::uuid[], $4::text[]) as l (id, fault)
where  e.org_id = $1 and e.id = l.id and e.dead_at is null`

// Acknowledge implements events.Store.
func (e Events) Acknowledge(ctx context.Context, o org.ID, delivered []uuid.UUID, dead []events.Letter) error {
	err := e.store.of(o).inTx(ctx, func(b *pgx.Batch) { e.queueAcknowledged(b, o, delivered, dead) }, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, markDelivered, int64(o), e.store.clock.now())
		return err
	})
	return wrap("acknowledge events", err)
}

const markDelivered = `
update event_progress
set    delivered_at = $2
where  org_id = $1`

func (e Events) queueAcknowledged(b *pgx.Batch, o org.ID, delivered []uuid.UUID, dead []events.Letter) {
	if len(delivered) > 0 {
		b.Queue(deleteDelivered, int64(o), uids(delivered))
	}
	if len(dead) > 0 {
		ids, faults := make(uids, len(dead)), make([]string, len(dead))
		for i, l := range dead {
			ids[i], faults[i] = l.ID, l.Fault
		}
		b.Queue(buryEvents, int64(o), e.store.clock.now(), ids, faults)
	}
	e.queueResumed(b, o)
}

// Dead events have their order again as soon as they are queued.
const (
	requeueEvents = `
update events e
set    dead_at = null, fault = '', queued_at = $2
where  e.org_id = $1 and e.dead_at is not null`
	requeueSomeEvents = requeueEvents + ` and e.id = any($3)`
)

// Requeue implements events.Store.
func (e Events) Requeue(ctx context.Context, o org.ID, ids []uuid.UUID) (int, error) {
	sql, args := requeueEvents, []any{int64(o), e.store.clock.now()}
	if ids != nil {
		sql, args = requeueSomeEvents, append(args, uids(ids))
	}
	tag, err := e.store.of(o).Exec(ctx, sql, args...)
	return int(tag.RowsAffected()), wrap("queue dead events again", err)
}

// selectDue finds the streams of all organisations that a server may deliver.
const selectDue = `
select s.org_id
from   event_streams s
join   event_progress p on p.org_id = s.org_id
where  s.method = 'push' and s.status <> 'paused'
and    (p.held_until is null or p.held_until < $1)
and    (p.retry_at is null or p.retry_at <= $1)
and    exists (select from events e where e.org_id = s.org_id and e.dead_at is null)
order  by p.delivered_at nulls first
limit  100`

// Now implements events.Store.
func (e Events) Now() time.Time { return e.store.Now() }

// Due implements events.Store. Without streams it asks nothing.
func (e Events) Due(ctx context.Context, at time.Time) ([]org.ID, error) {
	known, err := e.store.streams.all(ctx, e.store)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	rows, err := e.store.own().Query(ctx, selectDue, at)
	if err != nil {
		return nil, wrap("find events to push", err)
	}
	var due []org.ID
	err = readAll(rows, func(raw [][]byte) { due = append(due, org.ID(readInt(raw[0]))) })
	return due, wrap("find events to push", err)
}

// leaseStream may wait for whoever writes events. So selectLeased reads the stream after
// it: as it is while it is held, and not as it was before.
const (
	leaseStream = `
update event_progress p
set    holder = $2, held_until = $4
where  p.org_id = $1 and (p.holder = $2 or p.held_until is null or p.held_until < $3)`

	selectLeased = `
select ` + streamColumns + `, p.failures
from   event_streams s
join   event_progress p on p.org_id = $1
where  s.org_id = $1 and s.method = 'push' and s.status <> 'paused' and p.holder = $2`
)

// Lease implements events.Store.
func (e Events) Lease(ctx context.Context, o org.ID, holder uuid.UUID, at, until time.Time) (events.Lease, error) {
	var lease events.Lease
	err := e.store.of(o).inTx(ctx, func(b *pgx.Batch) {
		b.Queue(leaseStream, int64(o), uid(holder), at, until)
		b.Queue(selectLeased, int64(o), uid(holder)).QueryRow(func(row pgx.Row) error {
			return row.Scan(append(streamFields(&lease.Stream), &lease.Failures)...)
		})
	}, func(pgx.Tx) error { return nil })
	if errors.Is(err, pgx.ErrNoRows) {
		err = events.ErrNotHeld
	}
	if err == nil {
		lease.Stream.Credential, err = e.store.openText(credentialPlace(o, lease.Stream.Endpoint), lease.Stream.Credential)
	}
	return lease, wrap("lease stream", err)
}

const settleStream = `
update event_progress p
set    failures     = $3,
       fault        = $4,
       retry_at     = $5,
       delivered_at = coalesce($6, p.delivered_at),
       held_until   = case when $7 then null else p.held_until end
where  p.org_id = $1 and p.holder = $2`

// Settle implements events.Store. It takes no share: what was delivered is noted, however
// much the organisation asks for.
func (e Events) Settle(ctx context.Context, o org.ID, holder uuid.UUID, done events.Outcome) error {
	var retry, delivered *time.Time
	if !done.Retry.IsZero() {
		retry = &done.Retry
	}
	if len(done.Delivered) > 0 {
		at := e.store.clock.now()
		delivered = &at
	}
	err := e.store.inTx(ctx, func(b *pgx.Batch) { e.queueAcknowledged(b, o, done.Delivered, done.Dead) }, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, settleStream, int64(o), uid(holder), done.Failures, done.Fault, retry, delivered, done.Done)
		return err
	})
	return wrap("note what was delivered", err)
}

// Old events of one organisation.
const (
	buryOldEvents = `
update events e
set    dead_at = $2, fault = $4
where  e.org_id = $1 and e.dead_at is null and e.queued_at < $3`
	deleteOldEvents = `
delete from events
where  org_id = $1 and dead_at < $2`
)

// Expire implements events.Store.
func (e Events) Expire(ctx context.Context, queued, dead time.Time, fault string) error {
	known, err := e.store.streams.all(ctx, e.store)
	if err != nil {
		return err
	}
	for o := range known {
		b := new(pgx.Batch)
		b.Queue(deleteOldEvents, int64(o), dead)
		b.Queue(buryOldEvents, int64(o), e.store.clock.now(), queued, fault)
		e.queueResumed(b, o)
		if err := e.store.own().SendBatch(ctx, b).Close(); err != nil {
			return wrap("remove old events", err)
		}
	}
	return nil
}

package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
)

// Events is the store of streams and their events.
type Events struct{ store *Store }

var _ events.Store = Events{}

// Events gives the streams and events of the database.
func (s *Store) Events() Events { return Events{s} }

// streamColumns are what scanStream reads.
const streamColumns = `s.org_id, s.method, s.endpoint, s.credential, s.audience, s.form, s.kinds, s.group_id, s.status, s.created_at, s.modified_at, s.full_at`

func scanStream(row pgx.CollectableRow) (s events.Stream, err error) {
	err = row.Scan(streamFields(&s)...)
	s.Created, s.Modified = s.Created.UTC(), s.Modified.UTC()
	return s, err
}

// streamFields are where streamColumns go.
func streamFields(s *events.Stream) []any {
	return []any{
		(*int64)(&s.Org), &s.Method, &s.Endpoint, &s.Credential, &s.Audience, &s.Form, &s.Kinds, &s.Group,
		&s.Status, &s.Created, &s.Modified, &s.Full,
	}
}

const selectAllStreams = `
select ` + streamColumns + `
from   event_streams s`

const selectStream = selectAllStreams + `
where  s.org_id = $1`

// Stream implements events.Store.
func (e Events) Stream(ctx context.Context, o org.ID) (events.Stream, error) {
	s, err := e.oneStream(ctx, e.store.of(o), selectStream, int64(o))
	return s, wrap("read stream of events", err)
}

func (e Events) oneStream(ctx context.Context, q querier, sql string, args ...any) (events.Stream, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return events.Stream{}, err
	}
	s, err := pgx.CollectExactlyOneRow(rows, scanStream)
	if err == nil {
		s.Credential, err = e.store.openText(credentialPlace(s.Org, s.Endpoint), s.Credential)
	}
	return s, noStream(err)
}

// noStream turns pgx's word for "not found" into that of events.
func noStream(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return events.ErrNotFound
	}
	return err
}

// setStream keeps the credential for an endpoint unless another is given.
const setStream = `
insert into event_streams as s (org_id, method, endpoint, credential, audience, form, kinds, group_id, status, created_at, modified_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
on     conflict (org_id) do update
set    method      = excluded.method,
       endpoint    = excluded.endpoint,
       credential  = case when excluded.credential = '' and excluded.endpoint = s.endpoint then s.credential else excluded.credential end,
       audience    = excluded.audience,
       form        = excluded.form,
       kinds       = excluded.kinds,
       group_id    = excluded.group_id,
       status      = excluded.status,
       modified_at = excluded.modified_at
returning ` + streamColumns

// resetProgress has a stream that was changed tried at once.
const resetProgress = `
insert into event_progress as p (org_id, failures)
values ($1, 0)
on     conflict (org_id) do update
set    failures = 0, fault = '', retry_at = null`

// SetStream implements events.Store.
func (e Events) SetStream(ctx context.Context, s events.Stream) (set events.Stream, err error) {
	credential := e.store.sealText(credentialPlace(s.Org, s.Endpoint), s.Credential)
	resume := func(b *pgx.Batch) { b.Queue(resumeStream, int64(s.Org)) }
	err = e.store.of(s.Org).inTx(ctx, resume, func(tx pgx.Tx) error {
		set, err = e.oneStream(ctx, tx, setStream, int64(s.Org), s.Method, s.Endpoint, credential, s.Audience,
			s.Form, s.Kinds, uid(s.Group), s.Status, s.Modified)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, resetProgress, int64(s.Org))
		return err
	})
	e.store.streams.forget()
	return set, wrap("set stream of events", err)
}

const (
	deleteStream   = `delete from event_streams where org_id = $1`
	deleteProgress = `delete from event_progress where org_id = $1`
	deleteEvents   = `delete from events where org_id = $1`
)

// RemoveStream implements events.Store. Whoever is writing events is waited for.
func (e Events) RemoveStream(ctx context.Context, o org.ID) error {
	err := e.store.of(o).inTx(ctx, nothing, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, deleteStream, int64(o))
		switch {
		case err != nil:
			return err
		case tag.RowsAffected() == 0:
			return events.ErrNotFound
		}
		b := new(pgx.Batch)
		b.Queue(deleteProgress, int64(o))
		b.Queue(deleteEvents, int64(o))
		return tx.SendBatch(ctx, b).Close()
	})
	e.store.streams.forget()
	return wrap("remove stream of events", err)
}

const selectProgress = `
select p.last_seq, p.failures, p.fault, p.retry_at, p.delivered_at,
       (select count(*) from events e where e.org_id = $1 and e.dead_at is null),
       (select count(*) from events e where e.org_id = $1 and e.dead_at is not null),
       (select e.made_at from events e where e.org_id = $1 and e.dead_at is null order by e.seq limit 1)
from   event_progress p
where  p.org_id = $1`

// Progress implements events.Store.
func (e Events) Progress(ctx context.Context, o org.ID) (events.Progress, error) {
	rows, err := e.store.of(o).Query(ctx, selectProgress, int64(o))
	if err != nil {
		return events.Progress{}, wrap("read progress of events", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (p events.Progress, err error) {
		var retry, delivered, oldest *time.Time
		err = row.Scan(&p.Seq, &p.Failures, &p.Fault, &retry, &delivered, &p.Pending, &p.Dead, &oldest)
		p.Retry, p.Delivered, p.Oldest = orZero(retry), orZero(delivered), orZero(oldest)
		return p, err
	})
	return p, wrap("read progress of events", noStream(err))
}

// eventColumns are what scanEvent reads.
const eventColumns = `e.seq, e.id, e.made_at, e.queued_at, e.claims, e.fault`

func scanEvent(row pgx.CollectableRow) (v events.Event, err error) {
	err = row.Scan(&v.Seq, &v.ID, &v.Made, &v.Queued, &v.Claims, &v.Fault)
	v.Made, v.Queued = v.Made.UTC(), v.Queued.UTC()
	return v, err
}

// The first events, until they are as large as may be. PostgreSQL knows the length of
// claims without reading them.
const (
	beginEvents = `
select ` + eventColumns + `
from  (select f.*, sum(octet_length(f.claims)) over (order by f.seq) - octet_length(f.claims) as before
       from  (select e.*
              from   events e
              where  e.org_id = $1 and `
	endEvents = `
              order  by e.seq
              limit  $2
              offset $3) f) e
where  e.before < $4
order  by e.seq`

	selectPendingEvents = beginEvents + `e.dead_at is null` + endEvents
	selectDeadEvents    = beginEvents + `e.dead_at is not null` + endEvents
	oneMoreEvent        = `
select 1
from   events e
where  e.org_id = $1 and e.dead_at is null and e.seq > $2
limit  1`
)

// Pending implements events.Store.
func (e Events) Pending(ctx context.Context, o org.ID, limit int) (found []events.Event, more bool, err error) {
	if limit > 0 {
		found, err = e.list(ctx, o, selectPendingEvents, limit, 0, events.MaxBytes)
	}
	if err != nil || limit > 0 && len(found) == 0 {
		return found, false, err
	}
	last := int64(0)
	if n := len(found); n > 0 {
		last = found[n-1].Seq
	}
	rows, err := e.store.of(o).Query(ctx, oneMoreEvent, int64(o), last)
	if err == nil {
		err = readAll(rows, func([][]byte) { more = true })
	}
	return found, more, wrap("look for more events", err)
}

// list reads events; most is how many, and bytes how large they may be together.
func (e Events) list(ctx context.Context, o org.ID, sql string, most, offset int, bytes int64) ([]events.Event, error) {
	rows, err := e.store.of(o).Query(ctx, sql, int64(o), most, offset, bytes)
	if err != nil {
		return nil, wrap("list events", err)
	}
	found, err := pgx.CollectRows(rows, scanEvent)
	return found, wrap("list events", err)
}

const countDeadEvents = `select count(*) from events e where e.org_id = $1 and e.dead_at is not null`

// Dead implements events.Store.
func (e Events) Dead(ctx context.Context, o org.ID, p events.Page) ([]events.Event, int, error) {
	total := 0
	b := new(pgx.Batch)
	queueTotal(b, &total, countDeadEvents, int64(o))
	if err := e.store.of(o).SendBatch(ctx, b).Close(); err != nil {
		return nil, 0, wrap("count dead events", err)
	}
	found, err := e.list(ctx, o, selectDeadEvents, p.Limit, p.Offset, events.MaxBytes)
	return found, total, err
}

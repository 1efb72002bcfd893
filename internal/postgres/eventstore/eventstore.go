// Package eventstore keeps the streams of events, the events that wait, and the leases under
// which servers deliver them.
//
// What an event says, and when it is delivered, is left to package events; which change makes
// one, to the outbox of package writes.
package eventstore

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/fresh"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/seal"
)

// Store is the store of streams and their events. It is safe for concurrent use.
type Store struct {
	pool    *pool.Pool
	keys    *seal.Keys // of credentials
	streams *fresh.Value[map[org.ID]events.Stream]
}

var _ events.Store = (*Store)(nil)

// New makes the store of a database, whose credentials the keys seal.
func New(p *pool.Pool, keys *seal.Keys) *Store {
	e := &Store{pool: p, keys: keys}
	e.streams = fresh.New(streamsFresh, e.readStreams)
	return e
}

// CredentialPlace names the endpoint too: who changes it in the database does not
// have the credential sent elsewhere.
func CredentialPlace(o org.ID, endpoint string) string {
	return "event_streams.credential/" + o.String() + "/" + endpoint
}

// streamColumns are what scanStream reads.
const streamColumns = `s.org_id, s.method, s.endpoint, s.credential, s.audience, s.form, s.kinds, s.group_id, s.status, s.created_at, s.modified_at, s.full_at`

func scanStream(row pgx.CollectableRow) (s events.Stream, err error) {
	err = row.Scan(streamFields(&s)...)
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

var (
	selectStream = db.New(selectAllStreams + ` where s.org_id = @org`)
	// lockStream reads a stream that is about to be changed.
	lockStream = db.New(selectAllStreams + ` where s.org_id = @org for update of s`)
)

// Stream implements events.Store.
func (e *Store) Stream(ctx context.Context, o org.ID) (events.Stream, error) {
	s, err := e.oneStream(ctx, e.pool.Of(o), selectStream.With(db.Org(o)))
	return s, pgerr.Wrap("read stream of events", err)
}

func (e *Store) oneStream(ctx context.Context, q pool.Querier, read db.Bound) (events.Stream, error) {
	s, err := db.CollectOne(ctx, q, read, scanStream)
	if err == nil {
		s.Credential, err = e.keys.OpenText(CredentialPlace(s.Org, s.Endpoint), s.Credential)
	}
	return s, noStream(err)
}

func noStream(err error) error { return pgerr.NoRows(err, events.ErrNotFound) }

// setStream keeps the credential for an endpoint unless another is given.
var setStream = db.New(`
insert into event_streams as s (org_id, method, endpoint, credential, audience, form, kinds, group_id, status, created_at, modified_at)
values (@org, @method, @endpoint, @credential, @audience, @form, @kinds, @group, @status, @modified, @modified)
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
returning ` + streamColumns)

// resetProgress has a stream that was changed tried at once.
const resetProgress = `
insert into event_progress as p (org_id, failures)
values ($1, 0)
on     conflict (org_id) do update
set    failures = 0, fault = '', retry_at = null`

// SetStream implements events.Store.
func (e *Store) SetStream(ctx context.Context, s events.Stream) (set events.Stream, err error) {
	credential := e.keys.SealText(CredentialPlace(s.Org, s.Endpoint), s.Credential)
	resume := func(b *pgx.Batch) { b.Queue(resumeStream, int64(s.Org)) }
	err = e.pool.Of(s.Org).InTx(ctx, resume, func(tx pgx.Tx) error {
		old, err := e.oneStream(ctx, tx, lockStream.With(db.Org(s.Org)))
		if err != nil && !errors.Is(err, events.ErrNotFound) {
			return err
		}
		set, err = e.oneStream(ctx, tx, setStream.With(
			db.Org(s.Org), db.Named("method", s.Method), db.Named("endpoint", s.Endpoint),
			db.Named("credential", credential), db.Named("audience", s.Audience),
			db.Named("form", s.Form), db.Named("kinds", s.Kinds), db.Named("group", db.ID(s.Group)), db.Named("status", s.Status), db.Named("modified", s.Modified)))
		if err != nil {
			return err
		}
		if err := e.logStream(ctx, tx, old, set); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, resetProgress, int64(s.Org))
		return err
	})
	e.streams.Forget()
	return set, pgerr.Wrap("set stream of events", err)
}

// logStream stores the entry of a stream that was set.
func (e *Store) logStream(ctx context.Context, tx pgx.Tx, old, set events.Stream) error {
	operation, before := provisioning.Update, streamValues(old)
	if old.Org == 0 {
		operation, before = provisioning.Create, nil
	}
	changes := streamValues(set).Since(before)
	if len(changes) == 0 {
		return nil
	}
	return e.log(ctx, tx, set.Org, operation, changes)
}

var deleteStream = db.New(`
delete from event_streams s
where  s.org_id = @org
returning ` + streamColumns)

const (
	deleteProgress = `delete from event_progress where org_id = $1`
	deleteEvents   = `delete from events where org_id = $1`
)

// RemoveStream implements events.Store. Whoever is writing events is waited for.
func (e *Store) RemoveStream(ctx context.Context, o org.ID) error {
	err := e.pool.Of(o).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		gone, err := e.oneStream(ctx, tx, deleteStream.With(db.Org(o)))
		if err != nil {
			return err
		}
		if err := e.log(ctx, tx, o, provisioning.Delete, streamValues(gone).Gone()); err != nil {
			return err
		}
		b := new(pgx.Batch)
		b.Queue(deleteProgress, int64(o))
		b.Queue(deleteEvents, int64(o))
		return tx.SendBatch(ctx, b).Close()
	})
	e.streams.Forget()
	return pgerr.Wrap("remove stream of events", err)
}

var selectProgress = db.New(`
select p.last_seq, p.failures, p.fault, p.retry_at, p.delivered_at,
       (select count(*) from events e where e.org_id = @org and e.dead_at is null),
       (select count(*) from events e where e.org_id = @org and e.dead_at is not null),
       (select e.made_at from events e where e.org_id = @org and e.dead_at is null order by e.seq limit 1)
from   event_progress p
where  p.org_id = @org`)

// Progress implements events.Store.
func (e *Store) Progress(ctx context.Context, o org.ID) (events.Progress, error) {
	p, err := db.CollectOne(ctx, e.pool.Of(o), selectProgress.With(db.Org(o)), func(row pgx.CollectableRow) (p events.Progress, err error) {
		err = row.Scan(&p.Seq, &p.Failures, &p.Fault, (*db.NullTime)(&p.Retry), (*db.NullTime)(&p.Delivered), &p.Pending, &p.Dead, (*db.NullTime)(&p.Oldest))
		return p, err
	})
	return p, pgerr.Wrap("read progress of events", noStream(err))
}

// eventColumns are what list reads.
const eventColumns = `e.seq, e.id, e.made_at, e.queued_at, e.claims, e.fault, e.followed`

// The first events, until they are as large as may be. PostgreSQL knows the length of
// claims without reading them. One more than may be read tells whether there are others.
const (
	beginEvents = `
select ` + eventColumns + `
from  (select f.*, sum(octet_length(f.claims)) over (order by f.seq) - octet_length(f.claims) as before,
              row_number() over (order by f.seq) as place, lead(f.seq) over (order by f.seq) is not null as followed
       from  (select e.*
              from   events e
              where  e.org_id = @org and `
	endEvents = `
              order  by e.seq
              limit  @limit::bigint + 1
              offset @offset) f) e
where  e.before < @bytes and e.place <= @limit
order  by e.seq`
)

var (
	selectPendingEvents = db.New(beginEvents + `e.dead_at is null and e.seq > @after` + endEvents)
	selectDeadEvents    = db.New(beginEvents + `e.dead_at is not null` + endEvents)
	anyEvent            = db.New(`
select 1
from   events e
where  e.org_id = @org and e.dead_at is null and e.seq > @after
limit  1`)
)

// Pending implements events.Store.
func (e *Store) Pending(ctx context.Context, o org.ID, after int64, limit int, bytes int64) (found []events.Event, more bool, err error) {
	if limit > 0 {
		return e.list(ctx, o, selectPendingEvents, db.Named("limit", limit), db.Named("offset", 0), db.Named("bytes", bytes), db.Named("after", after))
	}
	err = anyEvent.With(db.Org(o), db.Named("after", after)).ReadAll(ctx, e.pool.Of(o), func([][]byte) { more = true })
	return nil, more, pgerr.Wrap("look for more events", err)
}

// list reads events.
func (e *Store) list(ctx context.Context, o org.ID, s db.Statement, args ...db.Arg) (found []events.Event, more bool, err error) {
	found, err = db.Collect(ctx, e.pool.Of(o), s.With(append(args, db.Org(o))...), func(row pgx.CollectableRow) (v events.Event, err error) {
		err = row.Scan(&v.Seq, &v.ID, &v.Made, &v.Queued, &v.Claims, &v.Fault, &more)
		return v, err
	})
	return found, more, pgerr.Wrap("list events", err)
}

var countDeadEvents = db.New(`select count(*) from events e where e.org_id = @org and e.dead_at is not null`)

// Dead implements events.Store.
func (e *Store) Dead(ctx context.Context, o org.ID, p events.Page) ([]events.Event, int, error) {
	total := 0
	b := new(pgx.Batch)
	db.QueueTotal(b, &total, countDeadEvents.With(db.Org(o)))
	if err := e.pool.Of(o).SendBatch(ctx, b).Close(); err != nil {
		return nil, 0, pgerr.Wrap("count dead events", err)
	}
	found, _, err := e.list(ctx, o, selectDeadEvents, db.Named("limit", p.Limit), db.Named("offset", p.Offset), db.Named("bytes", events.MaxBytes))
	return found, total, err
}

package postgres

import (
	"context"
	"encoding/binary"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// backlog implements directory.Backlog.
type backlog struct{ *Store }

// Backlog implements directory.Store.
func (s *Store) Backlog() directory.Backlog { return backlog{s} }

const insertRequest = `
insert into async_requests (org_id, id, client_id, permissions, root, body, accepted_at, held_until)
select $1, $2, $3, $4, $5, $6, $7, $7
where  (select count(*) from async_requests r where r.org_id = $1 and r.finished_at is null) < $8`

// Add implements directory.Backlog.
func (b backlog) Add(ctx context.Context, a directory.Accepted) error {
	tag, err := b.pool.Exec(ctx, insertRequest,
		int64(a.Org.ID), uid(a.ID), uid(a.Client), a.Permissions, a.Root, string(a.Body), a.At, directory.MaxAccepted)
	if err == nil && tag.RowsAffected() == 0 {
		err = &scim.Error{
			Status: http.StatusTooManyRequests,
			Detail: "the organisation has as many requests waiting to be carried out as it may have; try again later, or without the preference respond-async",
		}
	}
	return wrap("add request to the backlog", err)
}

// selectOpen finds what nobody works on: a statement across organisations, for
// the background work only.
const selectOpen = `
select r.org_id, r.id
from   async_requests r
where  r.finished_at is null and r.held_until <= $1
order  by r.accepted_at
limit  10`

const takeRequest = `
update async_requests r
set    worker = $3, held_until = $4
where  r.org_id = $1 and r.id = $2 and r.finished_at is null and r.held_until <= $5
returning r.client_id, r.permissions, r.root, r.body, r.accepted_at`

const selectSteps = `
select s.step, s.outcome
from   async_steps s
where  s.org_id = $1 and s.request_id = $2 and s.outcome is not null`

// Take implements directory.Backlog.
func (b backlog) Take(ctx context.Context, worker uuid.UUID, hold time.Duration) (a directory.Accepted, outcomes map[int][]byte, err error) {
	rows, err := b.pool.Query(ctx, selectOpen, stamp())
	if err != nil {
		return a, nil, wrap("find open requests", err)
	}
	var open []directory.Accepted
	err = readAll(rows, func(raw [][]byte) {
		open = append(open, directory.Accepted{Org: org.Org{ID: org.ID(readInt(raw[0]))}, ID: readID(raw[1])})
	})
	if err != nil {
		return a, nil, wrap("find open requests", err)
	}
	ctx = context.WithoutCancel(ctx) // what is held must be known to be: nobody else takes it
	for _, a := range open {
		if outcomes, err = b.take(ctx, worker, &a, hold); !isNotFound(err) {
			return a, outcomes, wrap("take request", err)
		}
	}
	return a, nil, directory.ErrNotFound
}

// take is ErrNotFound when another worker was faster.
func (b backlog) take(ctx context.Context, worker uuid.UUID, a *directory.Accepted, hold time.Duration) (map[int][]byte, error) {
	at := stamp()
	rows, err := b.pool.Query(ctx, takeRequest, int64(a.Org.ID), uid(a.ID), uid(worker), at.Add(hold), at)
	if err != nil {
		return nil, err
	}
	err = readOne(rows, func(raw [][]byte) {
		a.Client = readID(raw[0])
		readArray(raw[1], func(name []byte) { a.Permissions = append(a.Permissions, string(name)) })
		a.Root, a.Body, a.At = string(raw[2]), append([]byte(nil), raw[3]...), readTime(raw[4])
	})
	if err != nil {
		return nil, err
	}
	if a.Org, err = b.Registry().Org(ctx, a.Org.ID); err != nil {
		return nil, err
	}
	if rows, err = b.pool.Query(ctx, selectSteps, int64(a.Org.ID), uid(a.ID)); err != nil {
		return nil, err
	}
	outcomes := make(map[int][]byte)
	err = readAll(rows, func(raw [][]byte) {
		outcomes[int(binary.BigEndian.Uint32(raw[0]))] = append([]byte(nil), raw[1]...)
	})
	return outcomes, err
}

const holdRequest = `
update async_requests r
set    held_until = $4
where  r.org_id = $1 and r.id = $2 and r.worker = $3 and r.finished_at is null`

// Hold implements directory.Backlog.
func (b backlog) Hold(ctx context.Context, worker uuid.UUID, a directory.Accepted, hold time.Duration) error {
	return wrap("hold request", held(b.pool.Exec(ctx, holdRequest, int64(a.Org.ID), uid(a.ID), uid(worker), stamp().Add(hold))))
}

// insertStep waits for whoever is storing an outcome of the same step. One without
// an outcome says nothing.
const insertStep = `
insert into async_steps as s (org_id, request_id, step, begun_at, outcome)
select $1, r.id, $4, $5, $6
from   async_requests r
where  r.org_id = $1 and r.id = $2 and r.worker = $3 and r.finished_at is null
on conflict (org_id, request_id, step) do update
set    begun_at = excluded.begun_at, outcome = excluded.outcome
where  s.outcome is null`

// Keep implements directory.Backlog.
func (b backlog) Keep(ctx context.Context, s directory.Step, outcome []byte) error {
	return wrap("keep outcome of step", keepStep(ctx, b.pool, s, outcome))
}

func keepStep(ctx context.Context, q querier, s directory.Step, outcome []byte) error {
	return held(q.Exec(ctx, insertStep, int64(s.Org), uid(s.Request), uid(s.Worker), s.Number, s.Begun, string(outcome)))
}

const finishRequest = `
with finished as (
  update async_requests r
  set    body = null, answer = $4, finished_at = $5
  where  r.org_id = $1 and r.id = $2 and r.worker = $3 and r.finished_at is null
  returning r.id
), dropped as (
  delete from async_steps s
  using  finished
  where  s.org_id = $1 and s.request_id = finished.id
)
select id from finished`

// Finish implements directory.Backlog. The events that tell of the operations are
// stored with the answer, once.
func (b backlog) Finish(ctx context.Context, worker uuid.UUID, a directory.Accepted, answer directory.Answer) error {
	stream, told, err := b.streams.of(ctx, b.Store, a.Org.ID)
	if err != nil {
		return err
	}
	var claims [][]byte
	if told {
		for _, op := range answer.Operations {
			about := events.Answer{URI: op.URI, ID: op.ID, ExternalID: op.ExternalID, Result: op.Result}
			claims = append(claims, stream.TellAnswer(about, op.Txn))
		}
	}
	err = b.inTx(ctx, nothing, func(tx pgx.Tx) error {
		done := []any{int64(a.Org.ID), uid(a.ID), uid(worker), string(answer.Body), stamp()}
		if err := held(tx.Exec(ctx, finishRequest, done...)); err != nil {
			return err
		}
		return storeEvents(ctx, tx, int64(a.Org.ID), claims)
	})
	return wrap("finish request", err)
}

// held turns that a statement found nothing into an error: the request is not the
// worker's.
func held(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return directory.ErrNotHeld
	}
	return err
}

const selectAnswer = `
select r.answer
from   async_requests r
where  r.org_id = $1 and r.id = $2 and r.client_id = $3`

// Answer implements directory.Backlog.
func (b backlog) Answer(ctx context.Context, o org.ID, client, id uuid.UUID) (answer []byte, err error) {
	rows, err := b.pool.Query(ctx, selectAnswer, int64(o), uid(id), uid(client))
	if err == nil {
		err = readOne(rows, func(raw [][]byte) { answer = append(answer, raw[0]...) })
	}
	return answer, wrap("read answer", err)
}

// deleteFinished is a statement across organisations, for the background work only.
const deleteFinished = `delete from async_requests r where r.finished_at < $1`

// Forget implements directory.Backlog.
func (b backlog) Forget(ctx context.Context, before time.Time) error {
	_, err := b.pool.Exec(ctx, deleteFinished, before)
	return wrap("forget answers", err)
}

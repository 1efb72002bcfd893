package postgres

import (
	"context"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
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
select s.step, s.begun_at, s.outcome
from   async_steps s
where  s.org_id = $1 and s.request_id = $2`

// Take implements directory.Backlog.
func (b backlog) Take(ctx context.Context, worker uuid.UUID, hold time.Duration) (a directory.Accepted, steps []directory.Progress, err error) {
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
	for _, a := range open {
		if steps, err = b.take(ctx, worker, &a, hold); !isNotFound(err) {
			return a, steps, wrap("take request", err)
		}
	}
	return a, nil, directory.ErrNotFound
}

// take is ErrNotFound when another worker was faster.
func (b backlog) take(ctx context.Context, worker uuid.UUID, a *directory.Accepted, hold time.Duration) (steps []directory.Progress, err error) {
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
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p directory.Progress, err error) {
		err = row.Scan(&p.Step, &p.Begun, &p.Outcome)
		return p, err
	})
}

const holdRequest = `
update async_requests r
set    held_until = $4
where  r.org_id = $1 and r.id = $2 and r.worker = $3 and r.finished_at is null`

// Hold implements directory.Backlog.
func (b backlog) Hold(ctx context.Context, worker uuid.UUID, a directory.Accepted, hold time.Duration) error {
	return b.held(ctx, "hold request", holdRequest, int64(a.Org.ID), uid(a.ID), uid(worker), stamp().Add(hold))
}

const insertStep = `
insert into async_steps (org_id, request_id, step, begun_at)
select $1, r.id, $4, $5
from   async_requests r
where  r.org_id = $1 and r.id = $2 and r.worker = $3 and r.finished_at is null`

// Begin implements directory.Backlog.
func (b backlog) Begin(ctx context.Context, worker uuid.UUID, a directory.Accepted, p directory.Progress) error {
	return b.held(ctx, "begin step", insertStep, int64(a.Org.ID), uid(a.ID), uid(worker), p.Step, p.Begun)
}

const updateStep = `
update async_steps s
set    outcome = $4
where  s.org_id = $1 and s.request_id = $2 and s.step = $3`

// End implements directory.Backlog.
func (b backlog) End(ctx context.Context, a directory.Accepted, p directory.Progress) error {
	return b.held(ctx, "end step", updateStep, int64(a.Org.ID), uid(a.ID), p.Step, string(p.Outcome))
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

// Finish implements directory.Backlog.
func (b backlog) Finish(ctx context.Context, worker uuid.UUID, a directory.Accepted, answer []byte) error {
	return b.held(ctx, "finish request", finishRequest, int64(a.Org.ID), uid(a.ID), uid(worker), string(answer), stamp())
}

// held does a statement that finds nothing when the request is not the worker's.
func (b backlog) held(ctx context.Context, doing, sql string, args ...any) error {
	tag, err := b.pool.Exec(ctx, sql, args...)
	if err == nil && tag.RowsAffected() == 0 {
		err = directory.ErrNotFound
	}
	return wrap(doing, err)
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

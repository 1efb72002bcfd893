// Package jobstore keeps bulk requests that were accepted to be carried out later: whose turn
// it is, which worker has them, and what has become of their steps.
//
// Carrying them out is left to package scimapi.
package jobstore

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/postgres/logstore"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// Store is the store of accepted requests, and of the outcomes of their steps.
type Store struct {
	pool     *pool.Pool
	events   *eventstore.Store
	registry Registry
}

var _ directory.Jobs = (*Store)(nil)

// Registry is what is asked of organisations and clients.
type Registry interface {
	Org(ctx context.Context, id org.ID) (org.Org, error)
	Client(ctx context.Context, id uuid.UUID) (oauth.Client, error)
}

// New makes the store of a database, which tells by events of what was finished.
func New(p *pool.Pool, e *eventstore.Store, r Registry) *Store { return &Store{p, e, r} }

var insertRequest = db.New(`
insert into async_requests (org_id, id, client_id, permissions, root, address, identity_system, body, accepted_at, held_until)
select @org, @id, @client, @permissions, @root, @address, @system, @body, @at, @at
where  (select count(*) from async_requests r where r.org_id = @org and r.finished_at is null) < @most`)

// Add implements directory.Jobs.
func (j *Store) Add(ctx context.Context, a directory.Job) error {
	tag, err := insertRequest.With(
		db.Org(a.Org.ID), db.Named("id", db.ID(a.ID)), db.Named("client", db.ID(a.Client)), db.Named("permissions", a.Permissions),
		db.Named("root", a.Root), db.Named("address", a.Address), db.Named("system", string(a.System)), db.Named("body", string(a.Body)), db.Named("at", j.pool.Clock.Stamp()), db.Named("most", directory.MaxJobs),
	).Exec(ctx, j.pool.Of(a.Org.ID))
	if err == nil && tag.RowsAffected() == 0 {
		err = &scim.Error{
			Status: http.StatusTooManyRequests,
			Detail: "the organisation has as many requests waiting to be carried out as it may have; try again later, or without the preference respond-async",
		}
	}
	return pgerr.Wrap("add job", err)
}

// selectOpen tells whether there is anything that nobody works on: a statement
// across organisations, for the background work only.
var selectOpen = db.New(`
select 1
from   async_requests r
where  r.finished_at is null and r.held_until <= @at
limit  1`)

// lockTurns lets workers of all servers choose one after the other, so that each
// sees what those before it have taken.
const lockTurns = `select pg_advisory_xact_lock($1)`

// turnsLock is the number of that lock, which nothing else in the database takes.
const turnsLock = 0x7363696d // "scim"

// selectNext chooses across organisations, for the background work only: the one on
// whose requests the fewest work, of those the one that was served the longest ago,
// and its oldest request. It gives the number of this turn, too.
var selectNext = db.New(`
with waiting as (
  select r.org_id
  from   async_requests r
  left   join async_turns t on t.org_id = r.org_id
  where  r.finished_at is null
  group  by r.org_id, t.turn
  having bool_or(r.held_until <= @at)
  order  by count(*) filter (where r.held_until > @at), t.turn nulls first, min(r.accepted_at)
  limit  1
)
select r.org_id, r.id, (select coalesce(max(t.turn), 0) + 1 from async_turns t)
from   async_requests r
join   waiting w on w.org_id = r.org_id
where  r.finished_at is null and r.held_until <= @at
order  by r.accepted_at, r.id
limit  1`)

var setTurn = db.New(`
insert into async_turns (org_id, turn)
values (@org, @turn)
on conflict (org_id) do update
set    turn = excluded.turn`)

var takeRequest = db.New(`
update async_requests r
set    worker = @worker, held_until = @until
where  r.org_id = @org and r.id = @id and r.finished_at is null and r.held_until <= @at
returning ` + jobColumns)

// jobColumns are what readJob reads.
const jobColumns = `r.client_id, r.permissions, r.root, r.body, r.accepted_at, coalesce(r.address, ''), coalesce(r.identity_system, '')`

var selectSteps = db.New(`
select s.step, s.outcome
from   async_steps s
where  s.org_id = @org and s.request_id = @id and s.outcome is not null`)

// Take implements directory.Jobs.
func (j *Store) Take(ctx context.Context, worker uuid.UUID, lease time.Duration) (a directory.Job, outcomes map[int][]byte, err error) {
	open := false
	err = selectOpen.With(db.Named("at", j.pool.Clock.Stamp())).ReadAll(ctx, j.pool.Own(), func([][]byte) { open = true })
	if err != nil || !open {
		return a, nil, pgerr.Wrap("find open requests", cmp.Or(err, directory.ErrNotFound))
	}
	// The outcome must be known even if ctx ends: no other worker takes a request that is held.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pool.CommitTime)
	defer cancel()
	err = j.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		a, err = j.next(ctx, tx, worker, lease)
		return err
	})
	if err != nil {
		return a, nil, pgerr.Wrap("take request", err)
	}
	outcomes, err = j.resumed(ctx, &a)
	return a, outcomes, pgerr.Wrap("read request", err)
}

// next takes the request whose turn it is.
func (j *Store) next(ctx context.Context, tx pgx.Tx, worker uuid.UUID, lease time.Duration) (a directory.Job, err error) {
	if _, err := tx.Exec(ctx, lockTurns, turnsLock); err != nil {
		return a, err
	}
	at := j.pool.Clock.Stamp()
	var turn int64
	err = selectNext.With(db.Named("at", at)).ReadOne(ctx, tx, func(raw [][]byte) {
		a.Org.ID, a.ID, turn = org.ID(db.ReadInt(raw[0])), db.ReadID(raw[1]), db.ReadInt(raw[2])
	})
	if err != nil {
		return a, err
	}
	if err := takeRequest.With(
		db.Org(a.Org.ID), db.Named("id", db.ID(a.ID)), db.Named("worker", db.ID(worker)), db.Named("until", at.Add(lease)), db.Named("at", at),
	).ReadOne(ctx, tx, readJob(&a)); err != nil {
		return a, err
	}
	_, err = setTurn.With(db.Org(a.Org.ID), db.Named("turn", turn)).Exec(ctx, tx)
	return a, err
}

// readJob reads a request that a worker has taken.
func readJob(a *directory.Job) func(raw [][]byte) {
	return func(raw [][]byte) {
		a.Client = db.ReadID(raw[0])
		db.ReadArray(raw[1], func(name []byte) { a.Permissions = append(a.Permissions, string(name)) })
		a.Root, a.Body, a.At = string(raw[2]), append([]byte(nil), raw[3]...), db.ReadTime(raw[4])
		a.Address, a.System = string(raw[5]), provisioning.System(raw[6])
	}
}

// resumed completes a request that is held with its organisation, and gives the
// outcomes of its steps.
func (j *Store) resumed(ctx context.Context, a *directory.Job) (map[int][]byte, error) {
	var err error
	if a.Org, err = j.registry.Org(ctx, a.Org.ID); err != nil {
		return nil, err
	}
	switch client, err := j.registry.Client(ctx, a.Client); {
	case err == nil:
		a.Org, a.ClientName = a.Org.SeenFrom(client.Domain()), client.Name
	case !errors.Is(err, oauth.ErrNotFound): // of one that is deleted the request is cancelled
		return nil, err
	}
	outcomes := make(map[int][]byte)
	err = selectSteps.With(db.Org(a.Org.ID), db.Named("id", db.ID(a.ID))).ReadAll(ctx, j.pool.Own(), func(raw [][]byte) {
		outcomes[int(binary.BigEndian.Uint32(raw[0]))] = append([]byte(nil), raw[1]...)
	})
	return outcomes, err
}

var renewLease = db.New(`
update async_requests r
set    held_until = @until
where  r.org_id = @org and r.id = @id and r.worker = @worker and r.finished_at is null`)

// Renew implements directory.Jobs. It takes no share, and neither does Finish: what is
// under way is held and ended, however much the organisation asks for.
func (j *Store) Renew(ctx context.Context, worker uuid.UUID, a directory.Job, lease time.Duration) error {
	return pgerr.Wrap("renew lease of request", leased(renewLease.With(
		db.Org(a.Org.ID), db.Named("id", db.ID(a.ID)), db.Named("worker", db.ID(worker)), db.Named("until", j.pool.Clock.Stamp().Add(lease)),
	).Exec(ctx, j.pool.Own())))
}

// insertStep waits for whoever is storing an outcome of the same step. One without
// an outcome says nothing. It holds the request until it is committed, so that who
// seizes that knows what was done.
var insertStep = db.New(`
with request as (
  select r.id
  from   async_requests r
  where  r.org_id = @org and r.id = @id and r.worker = @worker and r.finished_at is null
  for    key share
)
insert into async_steps as s (org_id, request_id, step, begun_at, outcome)
select @org, request.id, @step, @begun, @outcome
from   request
on conflict (org_id, request_id, step) do update
set    begun_at = excluded.begun_at, outcome = excluded.outcome
where  s.outcome is null`)

// selectHeld looks again when the outcome is there: while insertStep waited, the request
// may have gone to another worker, whom its lock does not hold up. Who takes it later has
// to store an outcome of this step, and waits for this one.
var selectHeld = db.New(`
select r.id
from   async_requests r
where  r.org_id = @org and r.id = @id and r.worker = @worker and r.finished_at is null`)

// Keep implements directory.Jobs.
func (j *Store) Keep(ctx context.Context, s directory.Step, outcome []byte) error {
	err := j.pool.Of(s.Org).InTx(ctx, pool.Nothing, func(tx pgx.Tx) error { return KeepStep(ctx, tx, s, outcome) })
	return pgerr.Wrap("keep outcome of step", err)
}

// KeepStep stores the outcome of a step, which the worker must hold then.
func KeepStep(ctx context.Context, tx pgx.Tx, s directory.Step, outcome []byte) error {
	b := new(pgx.Batch)
	found := func(tag pgconn.CommandTag) error { return leased(tag, nil) }
	insertStep.With(
		db.Org(s.Org), db.Named("id", db.ID(s.Request)), db.Named("worker", db.ID(s.Worker)),
		db.Named("step", s.Number), db.Named("begun", s.Begun), db.Named("outcome", string(outcome)),
	).Queue(b).Exec(found)
	selectHeld.With(db.Org(s.Org), db.Named("id", db.ID(s.Request)), db.Named("worker", db.ID(s.Worker))).Queue(b).Exec(found)
	return tx.SendBatch(ctx, b).Close()
}

var finishRequest = db.New(`
with finished as (
  update async_requests r
  set    body = null, answer = @answer, finished_at = @at, cancelled_at = @cancelled
  where  r.org_id = @org and r.id = @id and r.worker = @worker and r.finished_at is null
  returning r.id
), dropped as (
  delete from async_steps s
  using  finished
  where  s.org_id = @org and s.request_id = finished.id
)
select id from finished`)

// Finish implements directory.Jobs. The events that tell of the operations are
// stored with the answer, once.
func (j *Store) Finish(ctx context.Context, worker uuid.UUID, a directory.Job, answer directory.Answer) error {
	stream, told, err := j.events.Of(ctx, a.Org.ID)
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
	err = j.pool.Own().InTx(ctx, pool.Nothing, func(tx pgx.Tx) error {
		at := j.pool.Clock.Stamp()
		var cancelled time.Time
		if answer.Cancelled {
			cancelled = at
		}
		if err := leased(finishRequest.With(
			db.Org(a.Org.ID), db.Named("id", db.ID(a.ID)), db.Named("worker", db.ID(worker)),
			db.Named("answer", string(answer.Body)), db.Named("at", at), db.Named("cancelled", db.NullTime(cancelled)),
		).Exec(ctx, tx)); err != nil {
			return err
		}
		if answer.Cancelled {
			if err := logstore.InsertChange(ctx, tx, j.pool.Clock, int64(a.Org.ID), provisioning.Cancel, provisioning.Target{Type: provisioning.Accepted, ID: a.ID}, nil); err != nil {
				return err
			}
		}
		return j.events.Insert(ctx, tx, a.Org.ID, claims)
	})
	return pgerr.Wrap("finish request", err)
}

// leased turns that a statement found nothing into an error: the request is not the
// worker's.
func leased(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return directory.ErrLeaseLost
	}
	return err
}

var selectAnswer = db.New(`
select r.answer
from   async_requests r
where  r.org_id = @org and r.id = @id and r.client_id = @client`)

// Answer implements directory.Jobs.
func (j *Store) Answer(ctx context.Context, o org.ID, client, id uuid.UUID) (answer []byte, err error) {
	err = selectAnswer.With(db.Org(o), db.Named("id", db.ID(id)), db.Named("client", db.ID(client))).
		ReadOne(ctx, j.pool.Of(o), func(raw [][]byte) { answer = append(answer, raw[0]...) })
	return answer, pgerr.Wrap("read answer", err)
}

// deleteFinished is a statement across organisations, for the background work only.
const deleteFinished = `delete from async_requests r where r.finished_at < $1`

// Forget implements directory.Jobs.
func (j *Store) Forget(ctx context.Context, before time.Time) error {
	_, err := j.pool.Own().Exec(ctx, deleteFinished, before)
	return pgerr.Wrap("forget answers", err)
}

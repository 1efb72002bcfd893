package jobstore

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// requestColumns are what scanRequest reads. @at is the time.
const requestColumns = `r.id, r.client_id, r.accepted_at, r.finished_at, r.cancelled_at is not null, r.worker is not null and r.held_until > @at,
       (select count(*) from async_steps s where s.org_id = @org and s.request_id = r.id and s.outcome is not null)`

var selectRequests = db.New(`
select ` + requestColumns + `
from   async_requests r
where  r.org_id = @org
order  by r.id desc
offset @offset
limit  @limit`)

const countRequests = `select count(*) from async_requests r where r.org_id = $1`

// Requests implements directory.Jobs.
func (j *Store) Requests(ctx context.Context, o org.ID, s directory.Selection) ([]directory.JobRecord, int, error) {
	found, err := db.Collect(ctx, j.pool.Of(o), selectRequests.With(
		db.Org(o), db.Named("at", j.pool.Clock.Stamp()), db.Named("offset", s.Offset), db.Named("limit", s.Limit),
	), scanRequest)
	if err != nil {
		return nil, 0, pgerr.Wrap("list accepted requests", err)
	}
	var total int
	err = j.pool.Of(o).QueryRow(ctx, countRequests, int64(o)).Scan(&total)
	return found, total, pgerr.Wrap("count accepted requests", err)
}

var selectRequest = db.New(`
select ` + requestColumns + `
from   async_requests r
where  r.org_id = @org and r.id = @id`)

// Request implements directory.Jobs.
func (j *Store) Request(ctx context.Context, o org.ID, id uuid.UUID) (directory.JobRecord, error) {
	found, err := db.CollectOne(ctx, j.pool.Of(o), selectRequest.With(db.Org(o), db.Named("at", j.pool.Clock.Stamp()), db.Named("id", db.ID(id))), scanRequest)
	return found, pgerr.Wrap("read accepted request", pgerr.NoRows(err, directory.ErrNotFound))
}

func scanRequest(row pgx.CollectableRow) (a directory.JobRecord, err error) {
	var cancelled, running bool
	err = row.Scan(&a.ID, &a.Client, &a.At, (*db.NullTime)(&a.Finished), &cancelled, &running, &a.Steps)
	switch {
	case cancelled:
		a.State = directory.JobCancelled
	case !a.Finished.IsZero():
		a.State = directory.JobDone
	case running:
		a.State = directory.JobRunning
	default:
		a.State = directory.JobWaiting
	}
	return a, err
}

var seizeRequest = db.New(`
update async_requests r
set    worker = @worker, held_until = @until
where  r.org_id = @org and r.id = @id and r.finished_at is null
returning ` + jobColumns)

// lockRequest waits for the steps that are being stored.
var lockRequest = db.New(`
select r.id
from   async_requests r
where  r.org_id = @org and r.id = @id
for    update`)

// Seize implements directory.Jobs. The request is held first, so that no step
// is stored any more, and then those are waited for that were being stored. Only who
// begins takes a share.
func (j *Store) Seize(
	ctx context.Context, worker uuid.UUID, o org.ID, id uuid.UUID, lease time.Duration,
) (a directory.Job, outcomes map[int][]byte, err error) {
	ctx = context.WithoutCancel(ctx)
	a.ID, a.Org.ID = id, o
	err = seizeRequest.With(
		db.Org(o), db.Named("id", db.ID(id)), db.Named("worker", db.ID(worker)), db.Named("until", j.pool.Clock.Stamp().Add(lease)),
	).ReadOne(ctx, j.pool.Of(o), readJob(&a))
	if errors.Is(err, directory.ErrNotFound) {
		if _, err := j.Request(ctx, o, id); err != nil {
			return a, nil, err
		}
		return a, nil, directory.ErrFinished
	}
	if err == nil {
		_, err = lockRequest.With(db.Org(o), db.Named("id", db.ID(id))).Exec(ctx, j.pool.Own())
	}
	if err == nil {
		outcomes, err = j.resumed(ctx, &a)
	}
	return a, outcomes, pgerr.Wrap("seize request", err)
}

// letGoFor is longer than the deletion of a client takes.
const letGoFor = 10 * time.Second

// releaseOfClient keeps workers from storing more steps of the open requests of a client, and
// from taking them for the time that its deletion may take.
var releaseOfClient = db.New(`
update async_requests r
set    worker = null, held_until = @until
where  r.org_id = @org and r.client_id = @client and r.finished_at is null`)

var lockOfClient = db.New(`
select r.id
from   async_requests r
where  r.org_id = @org and r.client_id = @client and r.finished_at is null
for    update`)

// cancelOfClient cancels the open requests of a client that nobody can ask for the
// answers any more.
var cancelOfClient = db.New(`
with cancelled as (
  update async_requests r
  set    body = null, answer = '', finished_at = @at, cancelled_at = @at
  where  r.org_id = @org and r.client_id = @client and r.finished_at is null
  returning r.id
)
delete from async_steps s
using  cancelled
where  s.org_id = @org and s.request_id = cancelled.id`)

// LetGo has nobody go on with the open requests of a client that is about to be deleted,
// from a time on, for as long as that may take.
func LetGo(ctx context.Context, from pool.Share, o org.ID, client uuid.UUID, at time.Time) error {
	_, err := releaseOfClient.With(db.Org(o), db.Named("client", db.ID(client)), db.Named("until", at.Add(letGoFor))).Exec(ctx, from)
	return err
}

// Cancel cancels the open requests of a client that is being deleted.
func Cancel(ctx context.Context, tx pgx.Tx, o org.ID, client uuid.UUID, at time.Time) error {
	if _, err := lockOfClient.With(db.Org(o), db.Named("client", db.ID(client))).Exec(ctx, tx); err != nil {
		return err
	}
	_, err := cancelOfClient.With(db.Org(o), db.Named("client", db.ID(client)), db.Named("at", at)).Exec(ctx, tx)
	return err
}

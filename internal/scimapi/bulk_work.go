package scimapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// workers is how many accepted requests a server works on at once.
	workers = 2
	// workPause is how long a worker that has nothing to do waits.
	workPause = 500 * time.Millisecond
	// lease is how long a request lies when its server has died. One that lives
	// says so three times as often.
	lease = 10 * time.Second
	// answersKept is for how long an answer can be fetched.
	answersKept = 24 * time.Hour
	forgetPause = 10 * time.Minute
	forgetTime  = time.Minute // ends what hangs
)

// Work carries out requests that were accepted to be answered later, until ctx
// ends; then it begins nothing new, and another server goes on. Every server may
// do it. The recorder, if not nil, records the outcome of operations.
func Work(ctx context.Context, d *directory.Directory, recorder httpapi.Recorder, log *slog.Logger) {
	b := background(d, httpapi.Options{Log: log, Recorder: recorder})
	var group sync.WaitGroup
	for range workers {
		w := worker{bulk: b, jobs: d.Jobs(), id: uuid.New()}
		group.Go(func() { periodic.Every(ctx, workPause, log, "accepted requests wait; it is tried again", w.work) })
	}
	group.Go(func() {
		periodic.Every(ctx, forgetPause, log, "old answers were not looked for", periodic.Within(forgetTime, func(ctx context.Context) error {
			return d.Jobs().Forget(ctx, d.Now().Add(-answersKept))
		}))
	})
	group.Wait()
}

// background carries out what was asked before, by no request of now.
func background(d *directory.Directory, o httpapi.Options) bulk {
	served := &door{
		frame:     httpapi.New(o),
		directory: d,
		service:   schema.DefaultService,
		slots:     newSlots(),
	}
	b := bulk{door: served}
	for _, t := range d.Types() {
		b.types = append(b.types, resources{door: served, operations: operationsOf(d, t), t: t})
	}
	return b
}

// worker carries out one accepted request after the other.
type worker struct {
	bulk
	jobs directory.Jobs
	id   uuid.UUID
}

// work does what there is to do. A request that fails is taken up again when the
// time is over for which it is held.
func (w worker) work(ctx context.Context) error {
	for ctx.Err() == nil {
		a, known, err := w.jobs.Take(ctx, w.id, lease)
		if errors.Is(err, directory.ErrNotFound) {
			return nil
		}
		if err == nil {
			err = httpapi.Caught(func() error { return w.carryOut(ctx, a, known) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// carryOut does what is left of a request, and keeps the answer. When ctx ends
// first it lets go of the request: another server need not wait.
func (w worker) carryOut(ctx context.Context, a directory.Job, known map[int][]byte) error {
	run, err := w.resumed(ctx, a, known)
	if err == nil {
		ctx := httpapi.ActingFor(ctx, run.who, a.ID.String(), provisioning.Origin{Address: a.Address, System: a.System})
		err = w.holding(ctx, a, run.carryOut)
	}
	after, cancel := finishing(ctx)
	defer cancel()
	switch {
	case err != nil && ctx.Err() != nil:
		return w.jobs.Renew(after, w.id, a, 0)
	case err != nil:
		return err
	}
	answer, err := run.answerLater(a)
	if err != nil {
		return err
	}
	return w.jobs.Finish(after, w.id, a, answer)
}

// answerLater is the answer to an accepted request, with what events tell of it.
func (r *bulkRun) answerLater(a directory.Job) (answer directory.Answer, err error) {
	if answer.Body, err = r.answer(a.Root); err != nil {
		return answer, err
	}
	for i := range r.operations {
		op, out := &r.operations[i], r.final(i)
		if out.Status == 0 {
			continue
		}
		result, err := rendered(op.result(out, a.Root))
		if err != nil {
			return answer, err
		}
		told := directory.Answered{Txn: r.txn(i), ID: out.ID, Result: result}
		told.ExternalID, _ = op.Body[schema.ExternalID.Name].(string)
		switch {
		case op.on.t == nil: // it was on nothing: only the request can tell
			told.URI = bulkEndpoint + "/" + a.ID.String()
		case out.ID == "":
			told.URI = op.on.t.Endpoint
		default:
			told.URI = op.on.t.Endpoint + "/" + out.ID
		}
		answer.Operations = append(answer.Operations, told)
	}
	return answer, nil
}

// resumed is the request as far as it has been carried out.
func (w worker) resumed(ctx context.Context, a directory.Job, known map[int][]byte) (*bulkRun, error) {
	request, err := scim.ParseBulk(a.Body, w.service.MaxBulkOperations, a.Org.Settings.Strict)
	if err != nil {
		return nil, fmt.Errorf("read accepted request %s: %w", a.ID, err)
	}
	who := oauth.Principal{Org: a.Org, Client: a.Client, ClientName: a.ClientName, Permissions: oauth.NewPermissions(a.Permissions...)}
	run, err := w.newRun(ctx, who, a.ID.String(), request)
	if err != nil {
		return nil, err
	}
	return run, run.resume(w.journal(a), known)
}

// holding runs work while this worker has the lease. Its ctx ends with the lease.
func (w worker) holding(ctx context.Context, a directory.Job, work func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel(nil)
	group.Go(func() {
		tick := time.NewTicker(lease / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := w.jobs.Renew(ctx, w.id, a, lease); err != nil {
				cancel(err)
				return
			}
		}
	})
	return work(ctx)
}

package scimapi

import (
	"context"
	"log/slog"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// Canceller gives a function that cancels an accepted request of an organisation:
// what it asks for is forgotten. Operations that were carried out stay so, and its
// answer tells of them as if it were done; of the others it tells that they were
// not. The function returns directory.ErrNotFound or directory.ErrFinished.
func Canceller(d *directory.Directory, log *slog.Logger) func(ctx context.Context, o org.ID, id uuid.UUID) error {
	b := background(d, httpapi.Options{Log: log})
	return func(ctx context.Context, o org.ID, id uuid.UUID) error {
		return worker{bulk: b, jobs: d.Jobs(), id: uuid.New()}.cancel(ctx, o, id)
	}
}

// cancel takes the request from its worker, and stores the answer.
func (w worker) cancel(ctx context.Context, o org.ID, id uuid.UUID) error {
	ctx = context.WithoutCancel(ctx) // a request that is held is ended
	a, known, err := w.jobs.Seize(ctx, w.id, o, id, lease)
	if err != nil {
		return err
	}
	var answer directory.Answer
	run, err := w.resumed(ctx, a, known)
	if err == nil {
		run.giveUp()
		answer, err = run.answerLater(a)
	}
	if err != nil { // a request that cannot be read is cancelled all the same
		answer = directory.Answer{Body: httpapi.ErrorBody(cancelled())}
	}
	answer.Cancelled = true
	return w.jobs.Finish(ctx, w.id, a, answer)
}

// giveUp decides what is open: nothing more is done.
func (r *bulkRun) giveUp() {
	for i := range r.operations {
		if r.final(i).Status != 0 {
			continue
		}
		told := cancelled()
		out, id := &r.done[i], ""
		if out.Status != 0 { // it was created
			out, id = &r.linked[i], out.ID
			told = scim.Conflict("the request was cancelled when the operation was done in part: "+
				"%s %q was created and has not got the references of the request", r.operations[i].on.t.Name, id)
		}
		*out = outcome{Status: told.Status, ID: id, Error: httpapi.ErrorBody(told)}
	}
}

// cancelled is what has become of an operation that is not carried out any more.
func cancelled() *scim.Error {
	return scim.Conflict("the request was cancelled by an administrator before the operation was carried out")
}

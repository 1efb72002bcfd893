package transfer

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// workers is how many imports a server works on at once.
	workers = 2
	// workPause is how long a worker that has nothing to do waits.
	workPause = 500 * time.Millisecond
	// lease is how long an import lies when its server has died. One that lives says so every
	// lookPause, and looks whether it is to stop.
	lease     = 10 * time.Second
	lookPause = time.Second
	// keepPause is between two times at which it is stored what is done for good.
	keepPause = time.Second
	// finishTime ends the storing of how an import has ended.
	finishTime = 5 * time.Second
	// kept is how long a file and its report are kept after the last work on them.
	kept        = 24 * time.Hour
	forgetPause = 10 * time.Minute
	forgetTime  = time.Minute // ends what hangs
	// mostRefused is how many lines that are refused are kept, and mostOthers how many of
	// each other outcome.
	mostRefused, mostOthers = 1000, 50
	// mostOfName and mostOfError are how many bytes are kept of what such a line says, and of
	// what is wrong with it.
	mostOfName, mostOfError = 200, 1000
)

// Run checks and imports files until ctx ends; then it finishes the lines under way, and
// another server continues. Every server may run it. It also removes abandoned files.
func (u *Uploads) Run(ctx context.Context) {
	var group sync.WaitGroup
	for range workers {
		w := worker{Uploads: u, id: uuid.New()}
		group.Go(func() { periodic.Every(ctx, workPause, u.log, "imports wait; it is tried again", w.work) })
	}
	group.Go(func() {
		periodic.Every(ctx, forgetPause, u.log, "old imports were not removed", periodic.Within(forgetTime, func(ctx context.Context) error {
			return u.store.Forget(ctx, u.store.Now().Add(-kept))
		}))
	})
	group.Wait()
}

// worker works on one import after the other.
type worker struct {
	*Uploads
	id uuid.UUID
}

func (w worker) work(ctx context.Context) error {
	for ctx.Err() == nil {
		f, o, err := w.store.Take(ctx, w.id, lease)
		if errors.Is(err, ErrNoFile) {
			return nil
		}
		if err == nil {
			err = w.carryOut(ctx, f, o)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// errStopped ends an import on request.
var errStopped = errors.New("the import was stopped")

// carryOut does what is left of an import. One that cannot go on at the moment is taken up
// again when the time is over for which it is held.
func (w worker) carryOut(ctx context.Context, f Upload, o org.Org) error {
	p := &pass{worker: w, upload: f, kept: f.clone()}
	err := p.holding(provisioning.WithOrigin(ctx, &f.Origin), func(ctx context.Context) error { return p.run(ctx, o) })
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishTime)
	defer cancel()
	switch {
	case errors.Is(err, ErrLost):
		return nil
	case isAway(err):
		return err
	case err != nil && ctx.Err() != nil: // the server ends
		return w.store.Keep(after, w.id, p.kept, 0)
	default:
		return w.store.Finish(after, w.id, p.ended(ctx, err))
	}
}

// isAway reports whether an import stopped for what the database had to do then, or because it
// is away, and not for what the file says.
func isAway(err error) bool {
	told, ok := errors.AsType[*scim.Error](err)
	return ok && (told.Status == http.StatusServiceUnavailable || told.Status == http.StatusTooManyRequests)
}

// pass is what a worker does with one import while it holds it.
type pass struct {
	worker
	upload Upload // with all that was told
	kept   Upload // as far as it is done for good
	looked atomic.Int64
	steps  int // that are stored as done, since a time
	stored time.Time
}

// holding runs work while it renews the lease. The ctx of work ends when it must stop; the
// cause is the error then.
func (p *pass) holding(ctx context.Context, work func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel(nil)
	if p.upload.Stopping {
		return errStopped
	}
	p.steps = p.upload.Progress.Steps
	p.looked.Store(int64(p.upload.Progress.Summary.Lines))
	now := p.upload
	group.Go(func() {
		tick := time.NewTicker(lookPause)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			now.Done = int(p.looked.Load())
			stopping, err := p.store.Renew(ctx, p.id, now, lease)
			if err == nil && stopping {
				err = errStopped
			}
			if err != nil {
				cancel(err)
				return
			}
		}
	})
	err := work(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// run reads the file from where it is done for good.
func (p *pass) run(ctx context.Context, o org.Org) error {
	text, err := gzip.NewReader(&partReader{of: p.upload.Parts, read: func(n int) ([]byte, error) { return p.store.Part(ctx, p.upload, n) }})
	if err != nil {
		return err
	}
	i := &Import{
		Directory: p.directory, Org: o, Format: p.upload.Format, Mapping: p.upload.Mapping, Begun: p.upload.Progress,
		Tell: p.tell, Keep: p.keep,
	}
	work := i.Check
	if p.upload.Stage == Importing {
		work, i.Earlier = i.Apply, p.earlier(o)
	}
	_, err = work(ctx, text)
	return err
}

// tell notes what becomes of a line.
func (p *pass) tell(out Outcome, n int) {
	if out.Instead == "" {
		p.looked.Add(1)
	} else {
		p.upload.Outcomes = slices.DeleteFunc(p.upload.Outcomes, func(o Outcome) bool { return o.Line == out.Line })
	}
	if n <= mostOthers || out.Action == Refuse && n <= mostRefused {
		out.Name, out.Error = clip(out.Name, mostOfName), clip(out.Error, mostOfError)
		p.upload.Outcomes = append(p.upload.Outcomes, out)
	}
}

// keep notes what is done for good, and stores it from time to time.
func (p *pass) keep(ctx context.Context, done Progress) error {
	p.upload.Progress, p.upload.Done = done, done.Summary.Lines
	p.kept = p.upload.clone()
	if done.Steps-p.steps < block && time.Since(p.stored) < keepPause {
		return nil
	}
	p.steps, p.stored = done.Steps, time.Now()
	return p.store.Keep(ctx, p.id, p.kept, lease)
}

// earlier finds in the log what this import did to a resource before its server died. A
// resource without an entry was already as the file says.
func (p *pass) earlier(o org.Org) func(ctx context.Context, target uuid.UUID) (Action, error) {
	actions := map[provisioning.Operation]Action{provisioning.Create: Create, provisioning.Update: Update, provisioning.Rename: Update, provisioning.MemberAdd: Update}
	return func(ctx context.Context, target uuid.UUID) (Action, error) {
		entries, _, err := p.entries.Page(ctx, o.ID, provisioning.Query{
			TargetID: target, CorrelationID: p.upload.ID.String(), Results: []provisioning.Result{provisioning.Success, provisioning.Warning}, Limit: 20,
		})
		for _, e := range slices.Backward(entries) { // the oldest first
			if action, ok := actions[e.Operation]; ok {
				return action, err
			}
		}
		return Unchanged, err
	}
}

// ended is the import as it is left, after an error or none.
func (p *pass) ended(ctx context.Context, err error) Upload {
	next, back := Checked, Waiting
	if p.upload.Stage == Importing {
		next, back = Imported, Stopped
	}
	f := p.kept
	if f.Done = f.Progress.Summary.Lines; err == nil {
		if f.Stage = next; next == Imported {
			f.Headings = nil // they have the first cells
		}
		return f
	}
	f.Stage, f.Problem = back, "the server could not go on; try again in some minutes"
	told, isTold := errors.AsType[*scim.Error](err)
	wrong, isWrong := errors.AsType[*fileError](err)
	switch {
	case errors.Is(err, errStopped):
		f.Problem = fmt.Sprintf("it was stopped after %d lines", f.Done)
	case isWrong:
		f.Problem = wrong.Error()
	case isTold && told.Status < http.StatusInternalServerError:
		f.Problem = told.Detail
	default:
		p.log.WarnContext(ctx, "import stopped", "file", f.ID, "error", err)
	}
	return f
}

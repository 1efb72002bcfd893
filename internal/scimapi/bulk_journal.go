package scimapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/bulkplan"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/scim"
)

// journal keeps the outcomes of the steps of an accepted request, for the server
// that goes on when this one dies. What a step changes is stored together with its
// outcome, or not at all. Without a journal, nil, nothing is kept.
type journal struct {
	jobs    directory.Jobs
	now     func() time.Time // that of all servers
	worker  uuid.UUID
	request directory.Job
}

func (w worker) journal(a directory.Job) *journal {
	return &journal{jobs: w.jobs, now: w.directory.Now, worker: w.id, request: a}
}

// number names a step in the journal.
func number(s bulkplan.Step) int {
	if s.Link {
		return 2*s.Operation + 1
	}
	return 2 * s.Operation
}

// resume goes on from the outcomes that are known.
func (r *bulkRun) resume(j *journal, known map[int][]byte) error {
	r.journal = j
	for n, text := range known {
		s := bulkplan.Step{Operation: n / 2, Link: n%2 == 1}
		if err := json.Unmarshal(text, r.of(s)); err != nil {
			return err
		}
	}
	return nil
}

// givenUp is how long after its request was accepted an operation is tried that cannot be
// carried out at the moment.
const givenUp = time.Hour

// errAway ends a run that cannot go on now; what was not done is done later.
var errAway = errors.New("an operation cannot be carried out at the moment")

// isAway reports whether an operation was refused for what the database had to do then,
// for the organisation or for others, and not for what it asks.
func isAway(status int) bool {
	return status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests
}

// do makes the change that is a step, and tells whether its outcome was kept with that.
func (j *journal) do(
	ctx context.Context, s bulkplan.Step, outcomeOf func(id uuid.UUID, version scim.Version) outcome, change func(ctx context.Context) error,
) (kept bool, err error) {
	if j == nil {
		return false, change(ctx)
	}
	step := j.step(s)
	step.Outcome = func(id uuid.UUID, version scim.Version) ([]byte, error) { return json.Marshal(outcomeOf(id, version)) }
	return step.Do(ctx, change)
}

func (j *journal) step(s bulkplan.Step) directory.Step {
	return directory.Step{Org: j.request.Org.ID, Request: j.request.ID, Worker: j.worker, Number: number(s), Begun: j.now()}
}

// end keeps the outcome of a step, unless it was kept with what the step changed.
func (j *journal) end(ctx context.Context, s bulkplan.Step, out outcome) error {
	switch {
	case j == nil, out.kept:
		return nil
	case isAway(out.Status) && j.now().Sub(j.request.At) < givenUp:
		return errAway
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return j.jobs.Keep(ctx, j.step(s), text)
}

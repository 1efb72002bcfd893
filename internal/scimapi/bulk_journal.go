package scimapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/scim"
)

// journal notes which steps of an accepted request are done, for the server that
// goes on when this one dies. Without one, nil, nothing is noted.
type journal struct {
	backlog directory.Backlog
	worker  uuid.UUID
	request directory.Accepted
	// doubts are the steps that were begun by a server that died, by number: they
	// may have been done.
	doubts map[int]time.Time
}

func (w worker) journal(a directory.Accepted) *journal {
	return &journal{backlog: w.backlog, worker: w.id, request: a, doubts: make(map[int]time.Time)}
}

// number names a step in the journal.
func (s step) number() int {
	if s.link {
		return 2*s.operation + 1
	}
	return 2 * s.operation
}

// resume goes on from what is known of the steps.
func (r *bulkRun) resume(j *journal, known []directory.Progress) error {
	r.journal = j
	for _, p := range known {
		s := step{operation: p.Step / 2, link: p.Step%2 == 1}
		if p.Outcome == nil {
			j.doubts[p.Step] = p.Begun
			continue
		}
		if err := json.Unmarshal(p.Outcome, r.of(s)); err != nil {
			return err
		}
	}
	return nil
}

// begin notes that a step is about to be done. It fails when that is somebody
// else's business by now.
func (j *journal) begin(ctx context.Context, s step) error {
	if j == nil {
		return nil
	}
	if _, begun := j.doubts[s.number()]; begun {
		return nil
	}
	return j.backlog.Begin(ctx, j.worker, j.request, directory.Progress{Step: s.number(), Begun: time.Now()})
}

// errAway ends a run that cannot go on now; what was not done is done later.
var errAway = errors.New("an operation cannot be carried out at the moment")

// end notes the outcome of a step.
func (j *journal) end(ctx context.Context, s step, out outcome) error {
	switch {
	case j == nil:
		return nil
	case out.Status == http.StatusServiceUnavailable:
		return errAway
	}
	text, err := json.Marshal(out)
	if err != nil {
		return err
	}
	return j.backlog.End(ctx, j.request, directory.Progress{Step: s.number(), Outcome: text})
}

// settled looks at what an operation that is in doubt fails with when it is done
// again: it may be what the operation itself has brought about.
func (r *bulkRun) settled(ctx context.Context, s step, id string, refer references, err error) (directory.Record, error) {
	if r.journal == nil || s.link {
		return directory.Record{}, err
	}
	since, doubted := r.journal.doubts[s.number()]
	told := (*scim.Error)(nil)
	if !doubted || !errors.As(err, &told) {
		return directory.Record{}, err
	}
	op := &r.operations[s.operation]
	var record directory.Record
	var missed error
	switch {
	case op.Method == http.MethodDelete && told.Status == http.StatusNotFound:
		return record, nil
	case op.Method == http.MethodPost && told.Type == scim.TypeUniqueness:
		record, missed = r.namedLike(ctx, op, refer.inObject(op.body))
	case told.Type == scim.TypeInvalidVers:
		record, missed = r.directory.Get(ctx, r.who.Org, op.on.t, id, op.noMore())
		if missed == nil && !op.Version.Matches(record.Version-1) {
			return record, err
		}
	default:
		return record, err
	}
	if missed != nil || record.Modified.Before(since.Truncate(time.Millisecond)) {
		return record, err
	}
	return record, nil
}

// namedLike finds the resource that has a unique value of a body.
func (r *bulkRun) namedLike(ctx context.Context, op *operation, body map[string]any) (directory.Record, error) {
	for a, value := range op.uniqueValues(body) {
		quoted, err := json.Marshal(value)
		if err != nil {
			return directory.Record{}, err
		}
		page, err := r.directory.List(ctx, r.who.Org, op.on.t, directory.ListRequest{
			Filter: a.Name + " eq " + string(quoted), HasFilter: true, Start: 1, Count: 1, Projection: op.noMore(),
		})
		if err != nil {
			return directory.Record{}, err
		}
		if len(page.Records) > 0 {
			return page.Records[0], nil
		}
	}
	return directory.Record{}, directory.ErrNotFound
}

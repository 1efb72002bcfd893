package scimapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/bulkplan"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// outcome is what has become of a step.
type outcome struct {
	Status  int             `json:"status"` // 0 while that is open
	ID      string          `json:"id,omitempty"`
	Version string          `json:"version,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`

	kept      bool                  // in the journal
	uncertain bool                  // it failed, or not
	tried     *provisioning.Attempt // of a dry run: what the step would change
}

func (o outcome) failed() bool { return o.Status >= http.StatusBadRequest }

// mayPass reports whether what failed ahead of others is done again after them: not a name
// that is taken, since what frees names is alone, and not what may have been carried out,
// which would be told to be as it is already, or refused for what it did itself.
func (o outcome) mayPass() bool {
	return o.failed() && o.Status != http.StatusConflict && !o.uncertain
}

// success is the outcome of an operation that made of the resource with the id
// what has the version.
func (op *operation) success(id string, version scim.Version) outcome {
	switch op.Method {
	case http.MethodDelete:
		return outcome{Status: http.StatusNoContent, ID: id}
	case http.MethodPost:
		return outcome{Status: http.StatusCreated, ID: id, Version: version.ETag()}
	default:
		return outcome{Status: http.StatusOK, ID: id, Version: version.ETag()}
	}
}

// result is the outcome of an operation as the client is told it.
func (op *operation) result(o outcome, root string) scim.BulkResult {
	result := scim.BulkResult{
		Method:   op.Method,
		BulkID:   op.BulkID,
		Version:  o.Version,
		Status:   strconv.Itoa(o.Status),
		Response: o.Error,
	}
	if o.ID != "" {
		result.Location = op.on.t.Location(root, o.ID)
	}
	return result
}

// txn names an operation, to the log and to events.
func (r *bulkRun) txn(i int) string { return r.id + ":" + strconv.Itoa(i) }

// do does a step and keeps its outcome.
func (r *bulkRun) do(ctx context.Context, t turn) {
	s := t.Step
	ctx = httpapi.Within(ctx, r.txn(s.Operation))
	op := &r.operations[s.Operation]
	out, id := r.of(s), op.ID
	success := func(on uuid.UUID, version scim.Version) outcome { return op.success(on.String(), version) }
	kept, err := r.journal.do(ctx, s, success, func(changing context.Context) error {
		return httpapi.Caught(func() (err error) {
			id, err = r.change(changing, t)
			return err
		})
	})
	switch {
	case err == nil:
		if out.kept = kept; !s.Link {
			r.frame.Succeed(ctx, provisioning.TargetType(op.on.t.Name), out.ID)
		}
	case kept, errors.Is(err, directory.ErrLeaseLost):
		r.abort(err) // the journal knows better
	case errors.Is(err, directory.ErrDeleted):
		*out = outcome{Status: http.StatusTooEarly} // not ahead of others, which might find who comes back
	case s.Link:
		*out = r.unlinked(ctx, s, err)
		r.refuse(ctx, op, "", err)
	default:
		*out = r.failure(ctx, err, id)
		out.uncertain = errors.Is(err, scim.ErrUncertain)
		if !t.ahead || !out.mayPass() { // else it is done again
			r.refuse(ctx, op, out.ID, err)
		}
	}
}

// change makes the change that a step is, notes its outcome, and gives the id of what the
// step is on, as far as that is known.
func (r *bulkRun) change(ctx context.Context, t turn) (id string, err error) {
	op := &r.operations[t.Operation]
	if op.Fault != nil {
		return op.ID, op.Fault
	}
	refer, err := r.references(op, t.Link)
	if err != nil {
		return op.ID, err
	}
	ctx, tried := r.trying(ctx)
	var record directory.Record
	if t.Link {
		id = r.done[t.Operation].ID
		record, err = r.link(ctx, op, id, refer)
	} else {
		id, _ = refer.In(op.ID)
		record, err = r.perform(ctx, op, id, refer, t.ahead)
	}
	if err == nil {
		*r.of(t.Step) = op.success(cmp.Or(id, record.ID.String()), record.Version)
		r.of(t.Step).tried = tried
		op.sending(ctx, record)
	}
	return id, err
}

// sending notes what an operation asked for, in case that it changed nothing.
func (op *operation) sending(ctx context.Context, record directory.Record) {
	switch op.Method {
	case http.MethodPut:
		provisioning.Sending(ctx, replacing(op.Body), record.Doc)
	case http.MethodPatch:
		provisioning.Sending(ctx, op.Patch, record.Doc)
	}
}

// failure is the outcome of a step that failed on the resource with the id, if
// there is one.
func (r *bulkRun) failure(ctx context.Context, err error, id string) outcome {
	told := r.frame.Explain(ctx, err)
	if strings.HasPrefix(id, bulkplan.ReferencePrefix) {
		id = "" // it stands for nothing
	}
	return outcome{Status: told.Status, ID: id, Error: httpapi.ErrorBody(told)}
}

// refuse tells of an operation that was refused.
func (r *bulkRun) refuse(ctx context.Context, op *operation, id string, err error) {
	refused := httpapi.Refusal{ID: id, Err: err, Operation: provisioning.Bulk, Type: provisioning.Requests}
	if op.on.t != nil {
		path := op.on.t.Endpoint
		if op.Method != http.MethodPost {
			path += "/{id}"
		}
		refused.Operation, refused.Type = provisioning.Asked(op.Method, path)
	}
	if op.Data != nil {
		refused.Body, _ = json.Marshal(op.Data) // it was read from JSON
	}
	r.frame.Refuse(ctx, refused)
}

// references finds the ids for which the references of an operation stand. Unless
// they are asked for, those that come late are none yet.
func (r *bulkRun) references(op *operation, late bool) (bulkplan.References, error) {
	refer := bulkplan.References{IDs: make(map[string]string, len(op.Needs))}
	for _, need := range op.Needs {
		bulkID := r.operations[need].BulkID
		switch id := r.done[need].ID; {
		case !late && slices.Contains(op.Late, need):
			refer.Late = append(refer.Late, bulkID)
		case id == "":
			return refer, scim.Conflict("%q stands for nothing, since operation %d, which was to create it, has failed", bulkplan.ReferencePrefix+bulkID, need+1)
		default:
			refer.IDs[bulkID] = id
		}
	}
	return refer, nil
}

// perform carries out an operation on the resource with the id. While earlier operations
// are under way it does not restore a deleted user: that is directory.ErrDeleted.
func (r *bulkRun) perform(ctx context.Context, op *operation, id string, refer bulkplan.References, ahead bool) (directory.Record, error) {
	if ahead {
		ctx = directory.Ahead(ctx)
	}
	switch op.Method {
	case http.MethodPost:
		if ahead {
			return op.on.createNew(ctx, r.who.Org, refer.InObject(op.Body))
		}
		return op.on.create(ctx, r.who.Org, refer.InObject(op.Body))
	case http.MethodPut:
		return op.on.replace(ctx, r.who.Org, id, op.Version, refer.InObject(op.Body), op.noMore())
	case http.MethodPatch:
		return op.on.patch(ctx, r.who.Org, id, op.Version, refer.InPatch(op.Patch), op.noMore())
	default:
		return directory.Record{}, op.on.remove(ctx, r.who.Org, id, op.Version)
	}
}

// noMore is the projection of a record that is not sent.
func (op *operation) noMore() schema.Projection {
	return op.on.t.Project([]string{schema.ID.Name}, nil)
}

// link gives a resource the references that its creation left out.
func (r *bulkRun) link(ctx context.Context, op *operation, id string, refer bulkplan.References) (directory.Record, error) {
	value := refer.InObject(refer.Referring(op.on.t, op.Body))
	add := []scim.PatchOp{{Op: "add", Value: value, HasValue: true}}
	return op.on.patch(ctx, r.who.Org, id, scim.Condition{}, add, op.noMore())
}

// unlinked takes back what an operation created and could not link because of err,
// as the same step.
func (r *bulkRun) unlinked(ctx context.Context, s bulkplan.Step, err error) outcome {
	out := r.failure(ctx, err, "")
	if r.journal != nil && isAway(out.Status) {
		return out // it is linked later
	}
	failed := func(uuid.UUID, scim.Version) outcome { return out }
	kept, err := r.journal.do(ctx, s, failed, func(ctx context.Context) error {
		trying, _ := r.trying(ctx)
		return r.takeBack(trying, s.Operation)
	})
	if err != nil {
		return r.failure(ctx, err, "")
	}
	out.kept = kept
	return out
}

// takeBack removes what an operation has created.
func (r *bulkRun) takeBack(ctx context.Context, i int) error {
	op, id := &r.operations[i], r.done[i].ID
	err := op.on.remove(provisioning.Unbraked(ctx), r.who.Org, id, scim.Condition{})
	if err == nil || r.frame.Explain(ctx, err).Status == http.StatusNotFound {
		return nil
	}
	return scim.Conflict("the operation was done in part: %s %q was created, has not got the references of the request, and could not be removed again",
		op.on.t.Name, id).Because(err)
}

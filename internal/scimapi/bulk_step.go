package scimapi

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// outcome is what has become of a step.
type outcome struct {
	Status  int             `json:"status"` // 0 while that is open
	ID      string          `json:"id,omitempty"`
	Version string          `json:"version,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

func (o outcome) failed() bool { return o.Status >= http.StatusBadRequest }

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

// do does a step and keeps its outcome.
func (r *bulkRun) do(ctx context.Context, s step) {
	ctx = httpapi.Within(ctx, r.id+":"+strconv.Itoa(s.operation))
	op := &r.operations[s.operation]
	id := op.id
	var record directory.Record
	err := httpapi.Caught(func() (err error) {
		if op.fault != nil {
			return op.fault
		}
		refer, err := r.references(op, s.link)
		if err != nil {
			return err
		}
		if s.link {
			id = r.done[s.operation].ID
			record, err = r.link(ctx, op, id, refer)
			return err
		}
		id, _ = refer.in(op.id)
		if record, err = r.perform(ctx, op, id, refer); err != nil {
			record, err = r.settled(ctx, s, id, refer, err)
		}
		return err
	})
	out := r.of(s)
	switch {
	case err != nil && s.link:
		*out = r.failure(ctx, r.undone(ctx, s.operation, err), "")
	case err != nil:
		*out = r.failure(ctx, err, id)
	case op.Method == http.MethodDelete:
		*out = outcome{Status: http.StatusNoContent, ID: id}
	case op.Method == http.MethodPost:
		*out = outcome{Status: http.StatusCreated, ID: record.ID.String(), Version: record.Version.ETag()}
	default:
		*out = outcome{Status: http.StatusOK, ID: id, Version: record.Version.ETag()}
	}
}

// failure is the outcome of a step that failed on the resource with the id, if
// there is one.
func (r *bulkRun) failure(ctx context.Context, err error, id string) outcome {
	told := r.frame.Explain(ctx, err)
	if strings.HasPrefix(id, referencePrefix) {
		id = "" // it stands for nothing
	}
	return outcome{Status: told.Status, ID: id, Error: httpapi.ErrorBody(told)}
}

// references finds the ids for which the references of an operation stand. Unless
// they are asked for, those that come late are none yet.
func (r *bulkRun) references(op *operation, late bool) (references, error) {
	refer := references{ids: make(map[string]string, len(op.needs))}
	for _, need := range op.needs {
		bulkID := r.operations[need].BulkID
		switch id := r.done[need].ID; {
		case !late && slices.Contains(op.late, need):
			refer.late = append(refer.late, bulkID)
		case id == "":
			return refer, scim.Conflict("%q stands for nothing, since operation %d, which was to create it, has failed", referencePrefix+bulkID, need+1)
		default:
			refer.ids[bulkID] = id
		}
	}
	return refer, nil
}

// perform does what an operation asks for, to the resource with the id.
func (r *bulkRun) perform(ctx context.Context, op *operation, id string, refer references) (directory.Record, error) {
	switch op.Method {
	case http.MethodPost:
		return op.on.create(ctx, r.who.Org, refer.inObject(op.body))
	case http.MethodPut:
		return op.on.replace(ctx, r.who.Org, id, op.Version, refer.inObject(op.body), op.noMore())
	case http.MethodPatch:
		return op.on.patch(ctx, r.who.Org, id, op.Version, refer.inPatch(op.patch), op.noMore())
	default:
		return directory.Record{}, op.on.remove(ctx, r.who.Org, id, op.Version)
	}
}

// noMore is the projection of an answer that nobody is given.
func (op *operation) noMore() schema.Projection {
	return op.on.t.Project([]string{schema.ID.Name}, nil)
}

// link gives a resource the references that its creation left out.
func (r *bulkRun) link(ctx context.Context, op *operation, id string, refer references) (directory.Record, error) {
	value := refer.inObject(op.referring(op.body, refer))
	add := []scim.PatchOp{{Op: "add", Value: value, HasValue: true}}
	return op.on.patch(ctx, r.who.Org, id, scim.Condition{}, add, op.noMore())
}

// undone takes back what an operation created and could not link because of err.
func (r *bulkRun) undone(ctx context.Context, i int, err error) error {
	if failed := r.takeBack(ctx, i); failed != nil {
		return failed
	}
	return err
}

// takeBack removes what an operation has created.
func (r *bulkRun) takeBack(ctx context.Context, i int) error {
	op, id := &r.operations[i], r.done[i].ID
	err := op.on.remove(ctx, r.who.Org, id, scim.Condition{})
	if err == nil || r.frame.Explain(ctx, err).Status == http.StatusNotFound {
		return nil
	}
	return scim.Conflict("the operation was done in part: %s %q was created, has not got the references of the request, and could not be removed again",
		op.on.t.Name, id).Because(err)
}

package scimapi

import (
	"context"
	"net/http"
	"testing"

	"github.com/purescim/purescim/internal/bulkplan"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What fails ahead of an earlier operation is done again after it, but for a name that is
// taken, and for what may have been carried out: its client is told so.
func TestBulk_DoesWhatFailedAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		tries  int
		status int
	}{
		"not there yet": {scim.NotFound("no such user"), 2, http.StatusNoContent},
		"not now":       {scim.Unavailable("the database cannot do this now"), 2, http.StatusNoContent},
		"taken":         {scim.Conflict("the name is taken"), 1, http.StatusConflict},
		"carried out or not": {
			scim.Unavailable("it is not known whether the request was carried out").Because(scim.ErrUncertain), 1, http.StatusServiceUnavailable,
		},
	} {
		tries, earlier := 0, make(chan struct{})
		remove := func(context.Context, org.Org, string, scim.Condition) error {
			if tries++; tries > 1 {
				return nil
			}
			close(earlier)
			return test.err
		}
		r := &bulkRun{
			bulk: bulk{door: &door{frame: httpapi.New(httpapi.Options{}), slots: newSlots()}},
			operations: []operation{{
				Operation: &bulkplan.Operation{BulkOperation: scim.BulkOperation{Method: http.MethodDelete}},
				on:        resources{t: schema.User, operations: operations{remove: remove}},
			}},
			done: make([]outcome, 1), line: make(chan struct{}, 1),
		}
		r.take(t.Context(), turn{earlier: []chan struct{}{earlier}})
		if tries != test.tries || r.done[0].Status != test.status {
			t.Errorf("%s: %d tries and %d, want %d and %d", name, tries, r.done[0].Status, test.tries, test.status)
		}
	}
}

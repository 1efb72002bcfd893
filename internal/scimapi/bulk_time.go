package scimapi

import (
	"context"
	"fmt"
	"time"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

const (
	// bulkTime is what a bulk request may take beyond the time of others: 1,000 users with
	// passwords take minutes.
	bulkTime = 3 * time.Minute
	// stepTime bounds a step, and finishTime what is left of one when its request ends.
	stepTime   = httpapi.RequestTimeout
	finishTime = 5 * time.Second
)

var errStepLate = fmt.Errorf("the operation took too long: %w", context.DeadlineExceeded)

// finishing is ctx for what is finished rather than broken off.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	own, end := context.WithCancelCause(context.WithoutCancel(ctx))
	late := func() { end(errStepLate) }
	timer := time.AfterFunc(stepTime, late)
	stop := context.AfterFunc(ctx, func() { timer.Reset(finishTime) })
	return own, func() {
		stop()
		timer.Stop()
		end(nil)
	}
}

// answerLate answers the operations that were not carried out when the time of the request
// was over.
func (r *bulkRun) answerLate(ctx context.Context) {
	late := scim.Unavailable("the time for a bulk request was over, and this operation was not carried out; send it again")
	for i := range r.operations {
		if r.final(i).Status == 0 {
			r.done[i] = r.failure(ctx, late, "")
		}
	}
}

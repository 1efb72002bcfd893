package scimapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// DryRunTime is how long the dry run of a bulk request may take: all that it touches is held
// until it is over, and taken back at once.
const DryRunTime = 10 * time.Second

// maxRehearsed is how many changes the answer to a dry run tells of; further operations tell
// only how many they would make.
const maxRehearsed = 5000

// rehearse answers as the request would be answered, with what each operation would
// change, and changes nothing. Operations see what those before them have done, in one
// transaction that is rolled back. They come one after the other, which has the outcome
// that they have side by side.
func (b bulk) rehearse(w http.ResponseWriter, r *http.Request, who oauth.Principal, request scim.BulkRequest) error {
	if err := b.enterRehearsal(r.Context(), who.Org.ID); err != nil {
		return err
	}
	defer b.rehearsals.Leave(who.Org.ID)
	ctx, cancel := context.WithTimeout(r.Context(), b.dryRunTime)
	defer cancel()
	var run *bulkRun
	err := b.directory.Rehearse(ctx, who.Org, func(ctx context.Context) (err error) {
		if run, err = b.newRun(ctx, who, httpapi.CorrelationID(ctx), request); err != nil {
			return err
		}
		run.rehearsal = true
		return run.carryOut(ctx)
	})
	if err != nil {
		return b.rehearsedTooLong(err, len(request.Operations))
	}
	answer, err := run.answer(b.root(r))
	if err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, scim.MediaType, answer)
	return nil
}

// rehearsedTooLong tells what to do about a dry run whose time was over.
func (b bulk) rehearsedTooLong(err error, operations int) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return scim.TooMany("the dry run of the %d operations takes longer than the %g seconds for which it may hold what they touch; "+
		"nothing was changed. Try fewer of them at a time", operations, b.dryRunTime.Seconds()).Because(err)
}

// trying gives the context of a step, and what shows what it changes if the run is a dry
// run.
func (r *bulkRun) trying(ctx context.Context) (context.Context, *provisioning.Attempt) {
	if !r.rehearsal {
		return ctx, nil
	}
	a := &provisioning.Attempt{DryRun: true}
	return provisioning.WithAttempt(ctx, a), a
}

// difference is what an operation would change, or nil if the run is no dry run. told is
// how many changes the answer tells of before.
func (r *bulkRun) difference(i int, told *int) any {
	if !r.rehearsal || r.final(i).failed() {
		return nil
	}
	var d difference
	for _, out := range []outcome{r.done[i], r.linked[i]} {
		if out.tried != nil {
			part := differenceOf(out.tried)
			d.Total, d.Changes = d.Total+part.Total, append(d.Changes, part.Changes...)
		}
	}
	if *told += len(d.Changes); *told > maxRehearsed {
		d.Changes = nil
	}
	return d
}

package scimapi

import (
	"context"
	"slices"
	"sync"

	"github.com/purescim/purescim/internal/bulkplan"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// bulkRun is a bulk request that is being carried out.
type bulkRun struct {
	bulk
	who        oauth.Principal
	id         string // under which the log knows it
	request    scim.BulkRequest
	operations []operation

	// What has become of each operation: of all of it, or of its creation and of
	// the references that were left out then. A step writes its own before those
	// that wait for it go on.
	done, linked []outcome

	// line holds those of its steps that wait for a slot or have one: no more than
	// there are slots, so that the steps of another request find few before them.
	line chan struct{}

	rehearsal bool // a dry run
	journal   *journal
	abort     context.CancelCauseFunc // ends carryOut
}

// readRun is newRun for a request of now, in the time of other requests.
func (b bulk) readRun(ctx context.Context, who oauth.Principal, request scim.BulkRequest) (*bulkRun, error) {
	reading, cancel := context.WithTimeout(ctx, b.frame.RequestTimeout())
	defer cancel()
	return b.newRun(reading, who, httpapi.CorrelationID(ctx), request)
}

// newRun reads the operations of a request of somebody.
func (b bulk) newRun(ctx context.Context, who oauth.Principal, id string, request scim.BulkRequest) (*bulkRun, error) {
	operations, err := b.operations(ctx, who, request)
	if err != nil {
		return nil, err
	}
	n := len(operations)
	return &bulkRun{
		bulk: b, who: who, id: id, request: request, operations: operations,
		done: make([]outcome, n), linked: make([]outcome, n), line: make(chan struct{}, sideBySide),
	}, nil
}

// carryOut does the operations, all or those until as many failed as end the
// request. It returns an error when ctx ends first, or when the journal cannot be
// kept: then no more are begun, and those under way have been finished.
func (r *bulkRun) carryOut(ctx context.Context) error {
	ctx, r.abort = context.WithCancelCause(ctx)
	defer r.abort(nil)
	ctx, tell := r.directory.GatherIgnored(ctx, r.who.Org.ID)
	defer tell()
	err := r.doStages(ctx)
	if err == nil || r.journal == nil {
		r.takeHalvesBack(ctx)
	}
	return err
}

func (r *bulkRun) doStages(ctx context.Context) error {
	limit := r.request.FailOnErrors
	for _, stage := range bulkplan.Stages(planned(r.operations), limit > 0 || r.rehearsal) {
		r.stage(ctx, stage)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if limit > 0 && r.failures() >= limit {
			break
		}
	}
	return nil
}

// planned are the operations as their plan sees them.
func planned(operations []operation) []*bulkplan.Operation {
	plan := make([]*bulkplan.Operation, len(operations))
	for i, op := range operations {
		plan[i] = op.Operation
	}
	return plan
}

// final is what has become of the whole of an operation; its status is 0 when
// that is open.
func (r *bulkRun) final(i int) outcome {
	if len(r.operations[i].Late) > 0 && !r.done[i].failed() {
		return r.linked[i]
	}
	return r.done[i]
}

func (r *bulkRun) failures() (n int) {
	for i := range r.operations {
		if r.final(i).failed() {
			n++
		}
	}
	return n
}

// of is where the outcome of a step goes.
func (r *bulkRun) of(s bulkplan.Step) *outcome {
	if s.Link {
		return &r.linked[s.Operation]
	}
	return &r.done[s.Operation]
}

// turn is a step of a stage and what it has to do with those before it.
type turn struct {
	bulkplan.Step
	after   []chan struct{} // the ends of the steps that it waits for
	earlier []chan struct{} // the ends of all steps before it
	ahead   bool            // one of those is under way
}

// stage does bulkplan.Steps side by side, as far as they do not depend on each other.
func (r *bulkRun) stage(ctx context.Context, stage []bulkplan.Step) {
	ends := make([]chan struct{}, len(stage))
	latest, creates := make(map[string]int), make(map[int]int)
	var group sync.WaitGroup
	for i, s := range stage {
		op := &r.operations[s.Operation]
		t := turn{Step: s, earlier: ends[:i]}
		for _, key := range op.Holds() {
			if j, ok := latest[key]; ok {
				t.after = append(t.after, ends[j])
			}
			latest[key] = i
		}
		for _, need := range append(slices.Clone(op.Needs), s.Operation) {
			if j, ok := creates[need]; ok {
				t.after = append(t.after, ends[j])
			}
		}
		if s.Link {
			t.after = t.earlier // one that failed would not be done again: its resource is taken back
		}
		creates[s.Operation] = i
		ends[i] = make(chan struct{})
		group.Go(func() {
			defer close(ends[i])
			r.take(ctx, t)
		})
	}
	group.Wait()
}

// take takes a turn. What fails while an earlier step is under way might succeed
// after it, and is done again then, so that the outcome is that of doing one
// after the other.
func (r *bulkRun) take(ctx context.Context, t turn) {
	wait(t.after)
	out := r.of(t.Step)
	switch {
	case out.Status != 0, t.Link && r.done[t.Operation].failed():
		return // it is known what has become of it
	case r.operations[t.Operation].Fault != nil:
		r.do(ctx, t)
		return
	}
	t.ahead = !ended(t.earlier)
	r.inSlot(ctx, t)
	if t.ahead && out.mayPass() {
		wait(t.earlier)
		t.ahead = false
		*out = outcome{} // open, if ctx has ended
		r.inSlot(ctx, t)
	}
	if out.Status != 0 {
		ending, cancel := finishing(ctx)
		defer cancel()
		if err := r.journal.end(ending, t.Step, *out); err != nil {
			r.abort(err)
		}
	}
}

func wait(ends []chan struct{}) {
	for _, end := range ends {
		<-end
	}
}

func ended(steps []chan struct{}) bool {
	for _, end := range steps {
		select {
		case <-end:
		default:
			return false
		}
	}
	return true
}

// inSlot does a step when it is its turn among those of all requests, unless ctx
// has ended by then.
func (r *bulkRun) inSlot(ctx context.Context, t turn) {
	if r.rehearsal { // has a place for all of them, and is taken back, finished or not
		if ctx.Err() == nil {
			r.do(ctx, t)
		}
		return
	}
	select {
	case <-ctx.Done():
		return
	case r.line <- struct{}{}:
		defer func() { <-r.line }()
	}
	if !r.enter(ctx, r.who.Org.ID) {
		return
	}
	defer r.slots.Leave(r.who.Org.ID)
	if ctx.Err() != nil {
		return
	}
	doing, cancel := finishing(ctx)
	defer cancel()
	r.do(doing, t)
}

// takeHalvesBack removes what was created and never got its references, because
// the request ended before: it was not carried out.
func (r *bulkRun) takeHalvesBack(ctx context.Context) {
	for i := range r.operations {
		if out := r.done[i]; len(r.operations[i].Late) > 0 && out.Status != 0 && r.final(i).Status == 0 {
			taking, cancel := finishing(ctx)
			if err := r.takeBack(taking, i); err != nil {
				r.linked[i] = r.failure(taking, err, out.ID)
			}
			cancel()
		}
	}
}

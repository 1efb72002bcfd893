package groups

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/writes"
	"github.com/purescim/purescim/internal/schema"
)

// Changes of one group follow each other, each waiting until the one before it is
// on disk. So a server does not send them one by one: while one is on its way,
// those that come wait, and then are made together, by one statement. Each is
// answered as if it had come alone and they had come in turn. The changes of other
// servers, and those under a lock, come before or after the whole of it.

// mergedChange is changeMembers for several requests. @requests tells of each id to add
// and then of each to remove which request it is from: of the versions that go by,
// each request that changed something gets one.
var mergedChange = writes.NewTelling(writes.MergedOutbox, changeMembersText, slices.Concat([]db.Part{
	{Name: "versions", SQL: `(
           select count(distinct w.request)
           from   unnest(@add::uuid[] || @remove::uuid[], @requests::integer[]) as w (user_id, request)
           where  w.user_id in (select user_id from added union all select user_id from removed))`},
	{Name: "answer", SQL: `,
       t.modified_at,
       coalesce(c.added, '{}'),
       coalesce(c.removed, '{}')`},
}, adding, removing)...)

// mostMerged is how many ids are changed by one merged statement: of so many the
// commit is the smaller part of the cost.
const mostMerged = 1000

// groupOf names a group of an organisation.
type groupOf struct {
	org int64
	id  uuid.UUID
}

// Queues are the requests that wait for their turn. There is a queue, be it
// empty, while a change of the group is on its way.
//
// They are no batchers (package batcher), with which a request that was sent waits for its
// batch. Whose client is gone leaves here even then, and the statement ends with the last
// of them; and a group has a queue for only as long as it is busy.
type Queues struct {
	mu      sync.Mutex
	waiting map[groupOf][]*memberRequest
}

// NewQueues are the queues of a server.
func NewQueues() *Queues {
	return &Queues{waiting: make(map[groupOf][]*memberRequest)}
}

// memberRequest is a change of members that waits. done is closed when record and
// err tell what became of it.
type memberRequest struct {
	directory.MemberChange
	change writes.Change
	counts *writes.Brake // its removals; nil is none
	write  *writes.Write // of the request, which another may send
	batch  *memberBatch  // nil until its turn has come
	done   chan struct{}
	record directory.Record
	err    error

	changed bool // the request has changed something
}

// memberBatch is what is sent together. The context ends when nobody waits for it
// any more.
type memberBatch struct {
	requests []*memberRequest
	waiting  int
	ctx      context.Context
	cancel   context.CancelFunc
}

// changeInTurn adds and removes, after the change of the group that is on its way.
func (v Groups) changeInTurn(ctx context.Context, w *writes.Write, group uuid.UUID, m directory.MemberChange) (directory.Record, error) {
	g := groupOf{w.Org, group}
	c := writes.OfGroup(events.Patched, schema.Group, directory.Resource{Record: directory.Record{ID: group}}, nil).
		Moving(events.MemberChange{Added: m.Add, Removed: m.Remove})
	r := v.queues.join(g, m, c, w)
	if r == nil {
		defer v.goOn(w, g)
		if len(m.Add)+len(m.Remove) > pool.BatchSize {
			w = w.Alone()
		}
		return applyMembers(ctx, w, group, m, c)
	}
	select {
	case <-r.done:
		w.HasChanged(r.changed)
		return r.record, r.err
	case <-ctx.Done():
		if v.queues.leave(g, r) {
			return directory.Record{}, pgerr.Sent(ctx, ctx.Err())
		}
		return directory.Record{}, ctx.Err()
	}
}

// goOn lets those have their turn who came meanwhile.
func (v Groups) goOn(w *writes.Write, g groupOf) {
	if b := v.queues.next(g); b != nil {
		w = w.ForOthers()
		go func() {
			for ; b != nil; b = v.queues.next(g) {
				applyMerged(w, g.id, b)
			}
		}()
	}
}

// join puts a request into the queue, or returns nil if it need not wait.
func (q *Queues) join(g groupOf, m directory.MemberChange, c writes.Change, w *writes.Write) *memberRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, busy := q.waiting[g]
	if !busy {
		q.waiting[g] = nil
		return nil
	}
	m.Remove = removals(m)
	r := &memberRequest{MemberChange: m, change: c, counts: w.MemberBrake(g.id), write: w, done: make(chan struct{})}
	q.waiting[g] = append(waiting, r)
	return r
}

// InTurn tells how many changes of a group wait for their turn, and whether one is on its
// way.
func (v Groups) InTurn(group uuid.UUID) (waiting int, busy bool) {
	v.queues.mu.Lock()
	defer v.queues.mu.Unlock()
	requests, busy := v.queues.waiting[groupOf{v.Org, group}]
	return len(requests), busy
}

// leave gives up waiting. It reports whether the request has been sent, which may be done all
// the same.
func (q *Queues) leave(g groupOf, r *memberRequest) (sent bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.batch == nil {
		q.waiting[g] = slices.DeleteFunc(q.waiting[g], func(other *memberRequest) bool { return other == r })
		return false
	}
	if r.batch.waiting--; r.batch.waiting == 0 {
		r.batch.cancel()
	}
	return true
}

// next takes those requests out of the queue whose turn it is, the longest waiting
// first. It returns nil, and the group is free, when there are none.
func (q *Queues) next(g groupOf) *memberBatch {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.waiting[g]
	if len(waiting) == 0 {
		delete(q.waiting, g)
		return nil
	}
	var n int
	var removing *memberRequest // the first that removes
	for merged := (memberWishes{}); n < len(waiting) && waiting[n].countsWith(removing) && merged.take(n, waiting[n]); n++ {
		if removing == nil && len(waiting[n].Remove) > 0 {
			removing = waiting[n]
		}
	}
	b := &memberBatch{requests: waiting[:n:n], waiting: n}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for _, r := range b.requests {
		r.batch = b
	}
	q.waiting[g] = waiting[n:]
	return b
}

// countsWith reports whether one brake counts what the request removes and what another
// does.
func (r *memberRequest) countsWith(other *memberRequest) bool {
	if other == nil || len(r.Remove) == 0 {
		return true
	}
	return r.counts.IsOf(other.counts)
}

// memberWishes are the ids that merged requests change.
type memberWishes map[uuid.UUID]memberWish

type memberWish struct {
	request int // the first that asks
	add     bool
}

// take adds the wishes of request n, unless one of them is against what another
// request asks: that would leave open what comes first.
func (wishes memberWishes) take(n int, r *memberRequest) bool {
	against := func(ids []uuid.UUID, add bool) bool {
		return slices.ContainsFunc(ids, func(id uuid.UUID) bool {
			wish, ok := wishes[id]
			return ok && wish.add != add
		})
	}
	tooMany := n > 0 && len(wishes)+len(r.Add)+len(r.Remove) > mostMerged
	if tooMany || against(r.Add, true) || against(r.Remove, false) {
		return false
	}
	for i, ids := range [][]uuid.UUID{r.Add, r.Remove} {
		for _, id := range ids {
			if _, ok := wishes[id]; !ok {
				wishes[id] = memberWish{request: n, add: i == 0}
			}
		}
	}
	return true
}

// statement is mergedChange. When members are asked for, it reads as many as one of
// the requests may have to answer, and the names of those whom a later one removes.
func (wishes memberWishes) statement(w *writes.Write, group uuid.UUID, requests []*memberRequest, links bool) memberStatement {
	var add, remove db.IDs
	var adding, removing []int32
	for id, wish := range wishes {
		if wish.add {
			add, adding = append(add, id), append(adding, int32(wish.request))
		} else {
			remove, removing = append(remove, id), append(removing, int32(wish.request))
		}
	}
	var counts *writes.Brake
	if i := slices.IndexFunc(requests, func(r *memberRequest) bool { return len(r.Remove) > 0 }); i >= 0 {
		counts = requests[i].counts
	}
	args := append(memberArguments(group, add, remove, w.Clock.Now(), counts), db.Named("requests", append(adding, removing...)))
	by, changes := make([]*writes.Write, len(requests)), make([]writes.Change, len(requests))
	for i, r := range requests {
		by[i], changes[i] = r.write, r.change
	}
	args = append(args, writes.MergedArguments(by, changes)...)
	s := memberStatement{
		sql: mergedChange.String(), args: mergedChange.Args(w.Org, args...),
		group: group, links: links, most: directory.MaxAnswerMembers + len(add),
	}
	if links {
		s.named = remove
	}
	return s
}

// applyMerged makes the changes of all requests and answers each. Those that name
// unknown users are refused, and the others sent again without them.
func applyMerged(w *writes.Write, group uuid.UUID, b *memberBatch) {
	defer b.cancel()
	for requests := b.requests; len(requests) > 0; {
		wishes, links := memberWishes{}, false
		for n, r := range requests {
			wishes.take(n, r)
			links = links || r.Links
		}
		if len(wishes) > pool.BatchSize {
			w = w.Alone()
		}
		a, err := apply(b.ctx, w, wishes.statement(w, group, requests, links))
		if err == nil && a.held.IsHeld() {
			requests = heldApart(requests, a.held)
			continue
		}
		switch {
		case err != nil:
			for _, r := range requests {
				r.answer(directory.Record{}, err)
			}
			return
		case a.known == nil:
			wishes.answer(requests, a)
			return
		}
		requests = slices.DeleteFunc(requests, func(r *memberRequest) bool { return r.refuse(a.known) })
	}
}

// heldApart answers the requests that remove members, which are held together: each looks
// for itself then. It gives the others.
func heldApart(requests []*memberRequest, by writes.Verdict) []*memberRequest {
	return slices.DeleteFunc(requests, func(r *memberRequest) bool {
		if len(r.Remove) == 0 {
			return false
		}
		r.answer(directory.Record{}, r.counts.HeldBy(by))
		return true
	})
}

// answer tells each request of the group as it was after that request: its version,
// and the members that it had then.
func (wishes memberWishes) answer(requests []*memberRequest, a applied) {
	made := wishes.madeBy(requests, a)
	r := a.Record
	r.Modified = a.before
	for _, m := range made {
		if m.changes() {
			r.Version--
		}
		r.MemberCount += len(m.Remove) - len(m.Add)
	}
	after := membersAfter(made, a)
	for n, request := range requests {
		if made[n].changes() {
			r.Version, r.Modified = r.Version+1, a.Modified
			request.changed = true
		}
		r.MemberCount += len(made[n].Add) - len(made[n].Remove)
		answer := r
		if answer.Links = nil; request.Links && r.MemberCount <= directory.MaxAnswerMembers {
			answer.Links = after[n]
		}
		request.answer(answer, nil)
	}
}

// madeBy tells what each request has really changed.
func (wishes memberWishes) madeBy(requests []*memberRequest, a applied) []madeChange {
	made := make([]madeChange, len(requests))
	for _, id := range a.changed[0] {
		m := &made[wishes[id].request]
		m.Add = append(m.Add, id)
	}
	for _, id := range a.changed[1] {
		m := &made[wishes[id].request]
		m.Remove = append(m.Remove, id)
	}
	return made
}

// madeChange are the members that a request has added and removed.
type madeChange struct{ Add, Remove []uuid.UUID }

func (m madeChange) changes() bool { return len(m.Add)+len(m.Remove) > 0 }

// membersAfter gives the members after each request: those of the end, and before that
// what the later requests have changed is taken back. They are nil if none were read.
func membersAfter(made []madeChange, a applied) [][]directory.Link {
	after, links := make([][]directory.Link, len(made)), a.Links
	for n := len(made) - 1; n >= 0; n-- {
		after[n] = links
		if links == nil || !made[n].changes() {
			continue
		}
		added := make(map[uuid.UUID]bool, len(made[n].Add))
		for _, id := range made[n].Add {
			added[id] = true
		}
		links = slices.DeleteFunc(slices.Clone(links), func(l directory.Link) bool { return added[l.ID] })
		for _, id := range made[n].Remove {
			links = append(links, directory.Link{ID: id, Display: a.names[id]})
		}
		slices.SortFunc(links, func(a, b directory.Link) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	}
	return after
}

// refuse answers a request that names ids that are not known, and reports whether
// it did.
func (r *memberRequest) refuse(known map[uuid.UUID]bool) bool {
	if !slices.ContainsFunc(r.Add, func(id uuid.UUID) bool { return !known[id] }) {
		return false
	}
	r.answer(directory.Record{}, unknownMembers(r.Add, known))
	return true
}

func (r *memberRequest) answer(record directory.Record, err error) {
	r.record, r.err = record, err
	close(r.done)
}

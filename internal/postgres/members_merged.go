package postgres

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
)

// Changes of one group follow each other, each waiting until the one before it is
// on disk. So a server does not send them one by one: while one is on its way,
// those that come wait, and then are made together, by one statement. Each is
// answered as if it had come alone and they had come in turn. The changes of other
// servers, and those under a lock, come before or after the whole of it.

// mergedChange is changeMembers for several requests. $7 tells of each id to add
// and then of each to remove which request it is from: of the versions that go by,
// each request that changed something gets one.
const mergedChange = `
with ` + beginChange + `(
           select count(distinct w.request)
           from   unnest($3::uuid[] || $4::uuid[], $7::integer[]) as w (user_id, request)
           where  w.user_id in (select user_id from added union all select user_id from removed))` + endChange + `,
       t.modified_at,
       array(select user_id from added),
       array(select user_id from removed)` + fromChange

// mostMerged is how many ids are changed by one merged statement: of so many the
// commit is the smaller part of the cost.
const mostMerged = 1000

// groupOf names a group of an organisation.
type groupOf struct {
	org int64
	id  uuid.UUID
}

// memberQueues are the requests that wait for their turn. There is a queue, be it
// empty, while a change of the group is on its way.
type memberQueues struct {
	mu      sync.Mutex
	waiting map[groupOf][]*memberRequest
}

func newMemberQueues() *memberQueues {
	return &memberQueues{waiting: make(map[groupOf][]*memberRequest)}
}

// memberRequest is a change of members that waits. done is closed when record and
// err tell what became of it.
type memberRequest struct {
	directory.MemberChange
	batch  *memberBatch // nil until its turn has come
	done   chan struct{}
	record directory.Record
	err    error
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
func (v view) changeInTurn(ctx context.Context, group uuid.UUID, m directory.MemberChange) (directory.Record, error) {
	g := groupOf{v.org, group}
	r := v.queues.join(g, m)
	if r == nil {
		defer v.goOn(g)
		return v.applyMembers(ctx, nil, group, m)
	}
	select {
	case <-r.done:
		return r.record, r.err
	case <-ctx.Done():
		v.queues.leave(g, r)
		return directory.Record{}, ctx.Err()
	}
}

// goOn lets those have their turn who came meanwhile.
func (v view) goOn(g groupOf) {
	if b := v.queues.next(g); b != nil {
		go func() {
			for ; b != nil; b = v.queues.next(g) {
				v.applyMerged(g.id, b)
			}
		}()
	}
}

// join puts a request into the queue, or returns nil if it need not wait.
func (q *memberQueues) join(g groupOf, m directory.MemberChange) *memberRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting, busy := q.waiting[g]
	if !busy {
		q.waiting[g] = nil
		return nil
	}
	m.Remove = removals(m)
	r := &memberRequest{MemberChange: m, done: make(chan struct{})}
	q.waiting[g] = append(waiting, r)
	return r
}

// leave gives up waiting. What has been sent may be done all the same.
func (q *memberQueues) leave(g groupOf, r *memberRequest) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r.batch == nil {
		q.waiting[g] = slices.DeleteFunc(q.waiting[g], func(other *memberRequest) bool { return other == r })
		return
	}
	if r.batch.waiting--; r.batch.waiting == 0 {
		r.batch.cancel()
	}
}

// next takes those requests out of the queue whose turn it is, the longest waiting
// first. It returns nil, and the group is free, when there are none.
func (q *memberQueues) next(g groupOf) *memberBatch {
	q.mu.Lock()
	defer q.mu.Unlock()
	waiting := q.waiting[g]
	if len(waiting) == 0 {
		delete(q.waiting, g)
		return nil
	}
	var n int
	for merged := (memberWishes{}); n < len(waiting) && merged.take(n, waiting[n]); n++ {
	}
	b := &memberBatch{requests: waiting[:n:n], waiting: n}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	for _, r := range b.requests {
		r.batch = b
	}
	q.waiting[g] = waiting[n:]
	return b
}

// memberWishes are the ids that merged requests change.
type memberWishes map[uuid.UUID]memberWish

type memberWish struct {
	request int // the first that asks
	add     bool
}

// take adds the wishes of request n, unless one of them is against what another
// request asks: that would leave open what comes first.
func (w memberWishes) take(n int, r *memberRequest) bool {
	against := func(ids []uuid.UUID, add bool) bool {
		return slices.ContainsFunc(ids, func(id uuid.UUID) bool {
			wish, ok := w[id]
			return ok && wish.add != add
		})
	}
	tooMany := n > 0 && len(w)+len(r.Add)+len(r.Remove) > mostMerged
	if tooMany || against(r.Add, true) || against(r.Remove, false) {
		return false
	}
	for i, ids := range [][]uuid.UUID{r.Add, r.Remove} {
		for _, id := range ids {
			if _, ok := w[id]; !ok {
				w[id] = memberWish{request: n, add: i == 0}
			}
		}
	}
	return true
}

// statement is mergedChange. When members are asked for, it reads as many as one of
// the requests may have to answer, and the names of those whom a later one removes.
func (w memberWishes) statement(org int64, group uuid.UUID, links bool, at time.Time) memberStatement {
	var add, remove uids
	var adding, removing []int32
	for id, wish := range w {
		if wish.add {
			add, adding = append(add, id), append(adding, int32(wish.request))
		} else {
			remove, removing = append(remove, id), append(removing, int32(wish.request))
		}
	}
	s := memberStatement{
		sql: mergedChange, args: []any{org, uid(group), add, remove, len(add), at, append(adding, removing...)},
		size: len(w), group: group, links: links, most: directory.MaxAnswerMembers + len(add),
	}
	if links {
		s.named = remove
	}
	return s
}

// applyMerged makes the changes of all requests and answers each. Those that name
// unknown users are refused, and the others sent again without them.
func (v view) applyMerged(group uuid.UUID, b *memberBatch) {
	defer b.cancel()
	for requests := b.requests; len(requests) > 0; {
		wishes, links := memberWishes{}, false
		for n, r := range requests {
			wishes.take(n, r)
			links = links || r.Links
		}
		a, err := v.apply(b.ctx, nil, wishes.statement(v.org, group, links, v.clock.now()))
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

// answer tells each request of the group as it was after that request: its version,
// and the members that it had then.
func (w memberWishes) answer(requests []*memberRequest, a applied) {
	made := w.madeBy(requests, a)
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
func (w memberWishes) madeBy(requests []*memberRequest, a applied) []madeChange {
	made := make([]madeChange, len(requests))
	for _, id := range a.changed[0] {
		m := &made[w[id].request]
		m.Add = append(m.Add, id)
	}
	for _, id := range a.changed[1] {
		m := &made[w[id].request]
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

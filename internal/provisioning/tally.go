package provisioning

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// OutcomeKind is what became of a request.
type OutcomeKind uint8

// The kinds of outcomes.
const (
	Changed    OutcomeKind = iota // something is other than before
	Unchanged                     // it was done, and there was nothing to change
	Read                          // it asked for something
	WasRefused                    // nothing was changed
	WasHeld                       // nothing was changed, until somebody releases it
	Failed                        // by a fault of the server, or there was too much to do
	outcomeKinds
)

// Outcome is what became of one SCIM request of a client, or of one operation of a bulk
// request.
type Outcome struct {
	Client uuid.UUID
	System System
	Kind   OutcomeKind
	// Target is what the request was to change; zero of one that reads.
	Target Target
	// Refusal is the entry that tells why it was refused or held.
	Refusal uuid.UUID
	// Made is what was changed. Of what changed nothing, Sent is what was asked for, and
	// Request tells several such requests about one resource apart; see Loop.
	Made    []Made
	Sent    Sent
	Request string
}

// Counts are numbers of requests by what became of them.
type Counts struct {
	Done      int64 `json:"done"` // and something was changed
	Unchanged int64 `json:"unchanged"`
	Read      int64 `json:"read"`
	Refused   int64 `json:"refused"`
	Held      int64 `json:"held"`
	Failed    int64 `json:"failed"`
}

// Add adds other counts.
func (c *Counts) Add(n Counts) {
	c.Done += n.Done
	c.Unchanged += n.Unchanged
	c.Read += n.Read
	c.Refused += n.Refused
	c.Held += n.Held
	c.Failed += n.Failed
}

// Requests is how many there were.
func (c Counts) Requests() int64 {
	return c.Done + c.Unchanged + c.Read + c.Refused + c.Held + c.Failed
}

// count adds one request.
func (c *Counts) count(kind OutcomeKind) {
	of := [outcomeKinds]*int64{&c.Done, &c.Unchanged, &c.Read, &c.Refused, &c.Held, &c.Failed}
	*of[kind]++
}

// CountSpan is the time whose requests are counted together.
const CountSpan = 10 * time.Minute

// SpanCounts are the requests of a client in one span, as one server counted them.
type SpanCounts struct {
	Client uuid.UUID
	System System
	Began  time.Time // of the span
	Counts
	// Succeeded is when something was done last, and Refusal the last entry of what was
	// refused or held; zero where there is none.
	Succeeded time.Time
	Refusal   uuid.UUID
}

// Refusal is a user for whom a request of a client was refused.
type Refusal struct {
	Client uuid.UUID
	Target Target
	Entry  uuid.UUID
}

// AcceptedUser is a user for whom a request of a client was carried out.
type AcceptedUser struct{ Client, User uuid.UUID }

// Counted is what a server has counted of an organisation and has not stored yet.
type Counted struct {
	Spans     []SpanCounts
	Refused   []Refusal // each user once for each client, the last refusal
	Succeeded []AcceptedUser
	Loops     []Loop
}

// The bounds of what waits to be stored. What is beyond is not counted.
const (
	mostSpans = 20_000
	mostUsers = 5_000 // of an organisation: refused, and as many that succeeded
)

// tally counts in memory what becomes of requests, so that no request waits for a write.
type tally struct {
	mu        sync.Mutex
	orgs      map[org.ID]*orgTally
	held      int // since the server began
	spans     int
	unrefused map[org.ID]bool // organisations of which no user is refused at present
}

// orgTally is what is counted of one organisation.
type orgTally struct {
	spans     map[spanOf]*SpanCounts
	refused   map[refusedUser]Refusal
	succeeded map[AcceptedUser]struct{}
}

type spanOf struct {
	client uuid.UUID
	began  int64
}

// refusedUser is a user as a refused request names it: by an id, or by a name that no user
// need have.
type refusedUser struct {
	client, id uuid.UUID
	name       string
}

func newTally() *tally {
	return &tally{orgs: make(map[org.ID]*orgTally), unrefused: make(map[org.ID]bool)}
}

// of gives the counts of an organisation. The tally is locked.
func (t *tally) of(o org.ID) *orgTally {
	counted := t.orgs[o]
	if counted == nil {
		counted = &orgTally{
			spans: make(map[spanOf]*SpanCounts), refused: make(map[refusedUser]Refusal), succeeded: make(map[AcceptedUser]struct{}),
		}
		t.orgs[o] = counted
	}
	return counted
}

// count counts an outcome.
func (t *tally) count(o org.ID, out Outcome, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	counted := t.of(o)
	began := at.Truncate(CountSpan)
	key := spanOf{out.Client, began.Unix()}
	span := counted.spans[key]
	if span == nil {
		if t.spans >= mostSpans {
			return
		}
		t.spans++
		span = &SpanCounts{Client: out.Client, Began: began.UTC()}
		counted.spans[key] = span
	}
	span.Counts.count(out.Kind)
	if out.System != "" {
		span.System = out.System
	}
	switch out.Kind {
	case Changed, Unchanged:
		span.Succeeded = at
		t.succeed(o, counted, out)
	case WasRefused, WasHeld:
		if out.Kind == WasHeld {
			t.held++
		}
		span.Refusal = out.Refusal
		counted.refuse(out)
	}
}

// succeed notes that a user is refused no more, unless no user of the organisation is.
func (t *tally) succeed(o org.ID, counted *orgTally, out Outcome) {
	if out.Target.Type != User || out.Target.ID == uuid.Nil {
		return
	}
	if len(counted.refused) > 0 {
		delete(counted.refused, refusedUser{client: out.Client, id: out.Target.ID})
	}
	if !t.unrefused[o] && len(counted.succeeded) < mostUsers {
		counted.succeeded[AcceptedUser{out.Client, out.Target.ID}] = struct{}{}
	}
}

func (c *orgTally) refuse(out Outcome) {
	who := refusedUser{client: out.Client, id: out.Target.ID}
	if who.id == uuid.Nil {
		who.name = out.Target.Name
	}
	_, known := c.refused[who]
	if out.Target.Type != User || who == (refusedUser{client: out.Client}) || !known && len(c.refused) >= mostUsers {
		return
	}
	delete(c.succeeded, AcceptedUser{out.Client, out.Target.ID})
	c.refused[who] = Refusal{Client: out.Client, Target: out.Target, Entry: out.Refusal}
}

// take empties the tally.
func (t *tally) take() map[org.ID]*orgTally {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.orgs
	t.orgs, t.spans = make(map[org.ID]*orgTally), 0
	return taken
}

// knows notes whether a user of an organisation is refused at present.
func (t *tally) knows(o org.ID, refused bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if refused {
		delete(t.unrefused, o)
	} else {
		t.unrefused[o] = true
	}
}

func (c *orgTally) counted() (all Counted) {
	for _, span := range c.spans {
		all.Spans = append(all.Spans, *span)
	}
	for _, refused := range c.refused {
		all.Refused = append(all.Refused, refused)
	}
	for succeeded := range c.succeeded {
		all.Succeeded = append(all.Succeeded, succeeded)
	}
	return all
}

// Count counts what became of a request of a client. It does not wait.
func (l *Log) Count(o org.ID, out Outcome) {
	at := l.store.Now()
	l.tally.count(o, out, at)
	l.loops.count(o, out, at)
}

// Held counts the requests that brakes have held on this server since it began.
func (l *Log) Held() int {
	l.tally.mu.Lock()
	defer l.tally.mu.Unlock()
	return l.tally.held
}

// FlushCounts stores what was counted. What cannot be stored is not counted: figures that
// are a little too low are better than a memory that grows.
func (l *Log) FlushCounts(ctx context.Context) (failed error) {
	counts, loops := l.tally.take(), l.loops.take()
	for o, counted := range counts { // each loop is of a request that is counted
		c := counted.counted()
		c.Loops = loopsOf(loops[o])
		refused, err := l.store.Add(ctx, o, c)
		if err != nil {
			failed = errors.Join(failed, err)
			refused = true // as long as nobody knows better
		}
		l.tally.knows(o, refused)
	}
	return failed
}

package provisioning

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/periodic"
)

// ErrNotFound is what a store answers for an entry that the organisation does not have.
var ErrNotFound = errors.New("no such entry")

// Store keeps the entries of all organisations.
type Store interface {
	BrakeStore
	// NewID makes an id that tells when it was made, by the time of Now.
	NewID() uuid.UUID
	Now() time.Time
	// Record stores entries of an organisation that no change stores with itself. The
	// name of a target that is known by its id alone is that of the resource now.
	Record(ctx context.Context, o org.ID, entries []Entry) error
	// Entries reads the newest entries that the query selects, or with After the oldest
	// behind that one: at most Limit, and of those that it has looked at, which are
	// bounded. next is the id to read on before, or after; zero is that there are no more.
	// A page may be short, or empty, and have a next.
	Entries(ctx context.Context, o org.ID, q Query) (entries []Entry, next uuid.UUID, err error)
	// Entry reads one entry with its body, or ErrNotFound.
	Entry(ctx context.Context, o org.ID, id uuid.UUID) (Entry, error)
	// Sources returns who changed each of some targets last, as far as a few of their newest
	// entries say so.
	Sources(ctx context.Context, o org.ID, targets []uuid.UUID) (map[uuid.UUID]Source, error)
	// Add adds what a server has counted of an organisation to what is stored. It reports
	// whether any user of it is refused at present.
	Add(ctx context.Context, o org.ID, c Counted) (refused bool, err error)
	// Activity reads what is known of how provisioning goes: for one client, or with zero
	// for all.
	Activity(ctx context.Context, o org.ID, client uuid.UUID) (Activity, error)
	// Keep makes room for the entries of the months to come, and forgets those that are
	// older than an organisation keeps them.
	Keep(ctx context.Context) error
}

// Query selects entries. A zero field selects all.
type Query struct {
	From, To time.Time // of the entries; To is not included
	Client   uuid.UUID
	Actor    string    // name, in any case
	TargetID uuid.UUID // or
	Target   string    // a name that the target has or had, in any case
	Type     TargetType
	// Operations and Results are those of which an entry has one.
	Operations    []Operation
	Results       []Result
	CorrelationID string   // also of the operations of a bulk request that has it
	Words         []string // each of which is in a name or in the error, in any case
	// Before and After are ids of entries where the page begins; one of them at most.
	Before, After uuid.UUID
	Limit         int
}

const (
	flushPause = 250 * time.Millisecond
	countPause = time.Second // between writes of what was counted
	// Stored is after how long what was refused or counted is stored, on a server that can.
	Stored    = countPause + 2*flushPause
	flushTime = 10 * time.Second // ends what hangs
	keepPause = time.Hour
	keepTime  = 10 * time.Minute
	// What may wait to be written, of all organisations and of one of them, in bytes
	// about.
	mostPending, mostOfOrg = 32 << 20, 8 << 20
	// entryCost is what an entry takes beside its body.
	entryCost = 1 << 10
	// atOnce is how many entries are written by one statement.
	atOnce = 200
)

// Log reads the provisioning log and records what is refused. It is safe for concurrent
// use.
type Log struct {
	store Store
	log   *slog.Logger
	tally *tally
	loops *loops

	mu      sync.Mutex
	pending map[org.ID]*waiting
	bytes   int
	dropped int // since the log was last told
	total   int // dropped since the server began
}

// waiting are the entries of one organisation that are to be written.
type waiting struct {
	entries []Entry
	bytes   int
}

// New makes the log of a store.
func New(store Store, log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Log{store: store, log: log, tally: newTally(), loops: newLoops(), pending: make(map[org.ID]*waiting)}
}

// Refuse records what was refused, soon: no request waits for it. Under more load than
// can be written, entries are dropped and counted. It gives the id of the entry.
func (l *Log) Refuse(o org.ID, e Entry) uuid.UUID {
	if e.ID == uuid.Nil {
		e.ID = l.store.NewID()
	}
	cost := entryCost + len(e.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.pending[o]
	if w == nil {
		w = new(waiting)
	}
	if l.bytes+cost > mostPending || w.bytes+cost > mostOfOrg {
		l.dropped++
		l.total++
		return e.ID
	}
	w.entries, w.bytes = append(w.entries, e), w.bytes+cost
	l.pending[o], l.bytes = w, l.bytes+cost
	return e.ID
}

// Dropped counts the refused requests that this server could not record since it began.
func (l *Log) Dropped() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Pending tells how many refused requests wait to be written, and their bytes about.
func (l *Log) Pending() (entries, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, w := range l.pending {
		entries += len(w.entries)
	}
	return entries, l.bytes
}

// Run writes what was refused, and keeps the log in order, until ctx ends. What waits then
// is written first.
func (l *Log) Run(ctx context.Context) {
	var work sync.WaitGroup
	defer work.Wait()
	work.Go(func() {
		periodic.Every(ctx, keepPause, l.log, "the provisioning log was not kept in order", periodic.Within(keepTime, l.store.Keep))
	})
	work.Go(func() {
		periodic.Every(ctx, countPause, l.log, "requests were not counted", periodic.Within(flushTime, l.FlushCounts))
	})
	periodic.Every(ctx, flushPause, l.log, "refused requests were not recorded", periodic.Within(flushTime, l.Flush))
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime/2)
	defer cancel()
	if err := errors.Join(l.Flush(last), l.FlushCounts(last)); err != nil {
		l.log.ErrorContext(ctx, "refused requests were not recorded, or requests not counted", "error", err)
	}
}

// Flush writes what waits. What cannot be written is dropped: it would be in the way of
// what comes.
func (l *Log) Flush(ctx context.Context) error {
	pending, dropped := l.take()
	var failed error
	for o, w := range pending {
		for at := 0; at < len(w.entries); at += atOnce {
			chunk := w.entries[at:min(at+atOnce, len(w.entries))]
			if err := l.store.Record(ctx, o, chunk); err != nil {
				failed = errors.Join(failed, err)
				dropped += len(chunk)
				l.drop(len(chunk))
			}
		}
	}
	if dropped > 0 {
		l.log.WarnContext(ctx, "refused requests are missing in the provisioning log", "dropped", dropped)
	}
	return failed
}

func (l *Log) take() (pending map[org.ID]*waiting, dropped int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	pending, dropped = l.pending, l.dropped
	l.pending, l.bytes, l.dropped = make(map[org.ID]*waiting), 0, 0
	return pending, dropped
}

func (l *Log) drop(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total += n
}

// Entry reads one entry, or ErrNotFound.
func (l *Log) Entry(ctx context.Context, o org.ID, id uuid.UUID) (Entry, error) {
	return l.store.Entry(ctx, o, id)
}

// Page reads the newest entries that the query selects, at most q.Limit. next is the id
// to read on before, zero behind the last page. A page costs the same however rare is what
// is asked for: where few are found it is short, or empty, and has a next.
func (l *Log) Page(ctx context.Context, o org.ID, q Query) (entries []Entry, next uuid.UUID, err error) {
	return l.store.Entries(ctx, o, q)
}

// Source is the actor who made or last changed something, and the entry of that.
type Source struct {
	Actor Actor
	Entry uuid.UUID
}

// Sources returns who changed each of some users or groups last. A target is missing when the
// log no longer has a change of it, or only behind many refused requests.
func (l *Log) Sources(ctx context.Context, o org.ID, targets []uuid.UUID) (map[uuid.UUID]Source, error) {
	return l.store.Sources(ctx, o, targets)
}

// lookOn is for how long Look reads on: half of what a page may take.
const lookOn = 25 * time.Millisecond

// Look reads a page as Page does, and goes on for a moment while it finds nothing.
func (l *Log) Look(ctx context.Context, o org.ID, q Query) (entries []Entry, next uuid.UUID, err error) {
	for end := time.Now().Add(lookOn); ; q.Before = next {
		entries, next, err = l.Page(ctx, o, q)
		if err != nil || len(entries) > 0 || next == uuid.Nil || time.Now().After(end) {
			return entries, next, err
		}
	}
}

// allAtOnce is how many entries All reads at a time.
const allAtOnce = 500

// All reads all entries that the query selects, the newest first. It reads q.Limit at a
// time, if that is not too many. An error ends it.
func (l *Log) All(ctx context.Context, o org.ID, q Query) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		if q.Limit <= 0 || q.Limit > allAtOnce {
			q.Limit = allAtOnce
		}
		for {
			entries, next, err := l.Page(ctx, o, q)
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
			switch {
			case err != nil:
				yield(Entry{}, fmt.Errorf("read provisioning log: %w", err))
				return
			case next == uuid.Nil:
				return
			}
			q.Before = next
		}
	}
}

// Since reads the oldest entries after one, at most q.Limit, to follow the log. next is the id
// after which there may be more, or zero.
func (l *Log) Since(ctx context.Context, o org.ID, q Query, after uuid.UUID) (entries []Entry, next uuid.UUID, err error) {
	q.After = after
	return l.store.Entries(ctx, o, q)
}

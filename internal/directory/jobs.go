package directory

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// MaxJobs is how many requests of one organisation may wait to be carried out.
const MaxJobs = 100

// Job is a request that its client was promised to have carried out later
// (RFC 7240 section 4.1).
type Job struct {
	ID          uuid.UUID
	Org         org.Org
	Client      uuid.UUID
	ClientName  string   // of now
	Permissions []string // what the client might do when it asked
	Address     string   // IP address that it came from
	System      provisioning.System
	Root        string // absolute URL of the mount that it came through
	Body        []byte
	At          time.Time
}

// JobState is what has become of an accepted request.
type JobState string

// The states of an accepted request.
const (
	JobWaiting   JobState = "waiting"
	JobRunning   JobState = "running" // a worker holds it
	JobDone      JobState = "done"
	JobCancelled JobState = "cancelled"
)

// JobRecord is what an administrator sees of an accepted request: never its content.
type JobRecord struct {
	ID       uuid.UUID
	Client   uuid.UUID
	State    JobState
	At       time.Time
	Finished time.Time // zero while it is open
	// Steps tells how many steps of an open request are done: at least one of each
	// operation that has been carried out.
	Steps int
}

// Answer is the answer to an accepted request.
type Answer struct {
	Body       []byte
	Operations []Answered // those of which something has become, in their order
	Cancelled  bool       // it was ended before it was done
}

// Answered is what has become of one operation of an accepted request.
type Answered struct {
	Txn string // under which its changes are known
	// URI is what it was on, relative to the mount; ID and ExternalID are empty
	// where they are not known.
	URI, ID, ExternalID string
	Result              []byte // as the answer has it
}

// Step is one step of an accepted request, which a worker does.
type Step struct {
	Org     org.ID
	Request uuid.UUID
	Worker  uuid.UUID
	Number  int
	Begun   time.Time

	// Outcome renders what has become of the step from the resource that it
	// changed; the version of one that it deleted is 0.
	Outcome func(id uuid.UUID, version scim.Version) ([]byte, error)
}

// Do makes the change of a step, and reports whether its outcome was stored, which happens
// in the transaction of the change. So each step is done once, even if a worker dies or goes
// on without its lease: then nothing is changed, and the error is ErrLeaseLost. Where there
// turns out to be nothing to change, no outcome is stored.
func (s Step) Do(ctx context.Context, change func(ctx context.Context) error) (kept bool, err error) {
	d := &DoneStep{Step: s}
	err = change(context.WithValue(ctx, stepKey{}, d))
	return d.kept, err
}

type stepKey struct{}

// DoneStep is a step that is being done, as the store has it.
type DoneStep struct {
	Step
	kept bool
}

// StepOf is the step that a change is, or nil.
func StepOf(ctx context.Context) *DoneStep {
	d, _ := ctx.Value(stepKey{}).(*DoneStep)
	return d
}

// Committed notes whether the outcome was committed, with the change.
func (d *DoneStep) Committed(kept bool) { d.kept = kept }

// ErrLeaseLost says that a worker does not hold a request, or not any more, or that
// the step which it has done was done by another.
var ErrLeaseLost = errors.New("the request is in the hands of another worker")

// ErrFinished says that an accepted request is done or cancelled.
var ErrFinished = errors.New("the request is finished")

// Jobs keeps accepted requests until they are done, and their answers until
// they are forgotten. A worker holds a request by a lease; without it, all that a worker does
// with the request returns ErrLeaseLost.
type Jobs interface {
	// Add keeps a request. More than MaxJobs that wait are a *scim.Error with
	// status 429. Of Org only the ID is asked for.
	Add(ctx context.Context, a Job) error
	// Take leases a request that is not held to a worker, with the outcomes of its
	// steps by number; ErrNotFound when there is none. Organisations
	// take turns: it is the oldest request of the one whose requests the fewest hold,
	// and of those of the one that was served the longest ago.
	Take(ctx context.Context, worker uuid.UUID, lease time.Duration) (Job, map[int][]byte, error)
	// Seize is Take even if another worker holds the request. All steps that
	// others have done of it are known by then. It returns ErrNotFound or ErrFinished.
	Seize(ctx context.Context, worker uuid.UUID, o org.ID, id uuid.UUID, lease time.Duration) (Job, map[int][]byte, error)
	// Renew has the lease last for a time from now; none lets go of the request.
	Renew(ctx context.Context, worker uuid.UUID, a Job, lease time.Duration) error
	// Keep keeps the outcome of a step that has changed nothing (Step.Do).
	Keep(ctx context.Context, s Step, outcome []byte) error
	// Finish keeps the answer instead of the request and its steps, and has what
	// listens to the organisation told of each operation.
	Finish(ctx context.Context, worker uuid.UUID, a Job, answer Answer) error
	// Answer gives the answer to a request of a client; nil while it is open, and
	// ErrNotFound when the client has no such request.
	Answer(ctx context.Context, o org.ID, client, id uuid.UUID) ([]byte, error)
	// Requests reads a part of the organisation's requests, the newest first, and how
	// many there are. Finished ones are kept until they are forgotten.
	Requests(ctx context.Context, o org.ID, s Selection) ([]JobRecord, int, error)
	// Request reads one of them, or returns ErrNotFound.
	Request(ctx context.Context, o org.ID, id uuid.UUID) (JobRecord, error)
	// Forget removes what was finished before a time.
	Forget(ctx context.Context, before time.Time) error
}

// Jobs is that of the store.
func (d *Directory) Jobs() Jobs { return d.store.Jobs() }

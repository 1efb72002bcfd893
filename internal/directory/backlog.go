package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// MaxAccepted is how many requests of one organisation may wait to be carried out.
const MaxAccepted = 100

// Accepted is a request that its client was promised to have carried out later
// (RFC 7240 section 4.1).
type Accepted struct {
	ID          uuid.UUID
	Org         org.Org
	Client      uuid.UUID
	Permissions []string // what the client might do when it asked
	Root        string   // absolute URL of the mount that it came through
	Body        []byte
	At          time.Time
}

// Progress is how far one step of an accepted request is.
type Progress struct {
	Step    int
	Begun   time.Time
	Outcome []byte // nil while it is not known whether it was done
}

// Backlog keeps accepted requests until they are done, and their answers until
// they are forgotten. A request is worked on by whoever holds it; what a worker
// does with a request that it does not hold any more is ErrNotFound.
type Backlog interface {
	// Add keeps a request. More than MaxAccepted that wait are a *scim.Error with
	// status 429. Of Org only the ID is asked for.
	Add(ctx context.Context, a Accepted) error
	// Take gives a worker the oldest request that nobody holds, to hold for a
	// time, and what is known of its steps; ErrNotFound when there is none.
	Take(ctx context.Context, worker uuid.UUID, hold time.Duration) (Accepted, []Progress, error)
	// Hold goes on to hold a request for a time from now; none lets go of it.
	Hold(ctx context.Context, worker uuid.UUID, a Accepted, hold time.Duration) error
	// Begin notes that a step is about to be done, for the first time.
	Begin(ctx context.Context, worker uuid.UUID, a Accepted, p Progress) error
	// End notes the outcome of a step.
	End(ctx context.Context, a Accepted, p Progress) error
	// Finish keeps the answer instead of the request and its steps.
	Finish(ctx context.Context, worker uuid.UUID, a Accepted, answer []byte) error
	// Answer gives the answer to a request of a client; nil while it is open, and
	// ErrNotFound when the client has no such request.
	Answer(ctx context.Context, o org.ID, client, id uuid.UUID) ([]byte, error)
	// Forget removes what was finished before a time.
	Forget(ctx context.Context, before time.Time) error
}

// Backlog is that of the store.
func (d *Directory) Backlog() Backlog { return d.store.Backlog() }

package provisioning

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
)

// A brake holds what a client removes when that is more within an hour than an
// organisation expects: an assignment that was removed by mistake, or an emptied group, is
// not carried out before a person has decided.

// HoldState is what was decided about what is held.
type HoldState string

// The states of a hold.
const (
	Holding  HoldState = "held"     // nobody has decided
	Released HoldState = "released" // the client may go on, for a while
	Rejected HoldState = "rejected" // the client may not, for a while
)

const (
	// HoldIdle is how long after the last attempt an undecided hold ends.
	HoldIdle = 7 * 24 * time.Hour
	// DecisionTime is how long a decision holds unless another time is given.
	DecisionTime = 24 * time.Hour
	// MaxDecisionTime is how long it holds at most.
	MaxDecisionTime = 30 * 24 * time.Hour
)

// Hold is what is held of a client: that it deactivates and deletes users, or that it
// removes members from one group.
type Hold struct {
	ID         uuid.UUID
	Client     uuid.UUID
	ClientName string
	// Group is whose members are removed; zero is that users are deactivated or deleted.
	Group     uuid.UUID
	GroupName string // as it is now
	State     HoldState
	Held      time.Time // first
	Last      time.Time // when the client tried last
	Attempts  int64
	// Removed is how many the client had removed within the hour, and Most how many it
	// might.
	Removed, Most int64
	Until         time.Time // when the decision ends; zero is that there is none
}

// Waits reports whether it is still to be decided about.
func (h Hold) Waits(now time.Time) bool { return h.State == Holding && now.Sub(h.Last) < HoldIdle }

// What tells what is held, in words.
func (h Hold) What() string {
	if h.Group == uuid.Nil {
		return "deactivations and deletions of users by " + h.ClientName
	}
	return fmt.Sprintf("removals from %s by %s", Target{Group, h.Group, h.GroupName}, h.ClientName)
}

// HeldError is a removal that was held. Nothing was changed.
type HeldError struct {
	Group         bool // of members of a group, else of users
	Removed, Most int64
	State         HoldState // Holding or Rejected
}

// Instead is what was held, of a request that asked for an operation: a change is held for
// what it removes.
func (e *HeldError) Instead(asked Operation) Operation {
	switch {
	case asked != Update:
		return asked
	case e.Group:
		return MemberRemove
	default:
		return Deactivate
	}
}

// Error is read by an administrator in the identity system, and says what to do.
func (e *HeldError) Error() string {
	const (
		decide = "An administrator can let it go on: in the console, with \"purescim hold list\" and \"purescim hold release ID\", " +
			"or POST /api/v2/scim/holds/{id}/release. Then the identity system tries again by itself"
		unchanged = "Nothing was changed. " + decide
	)
	switch {
	case e.State == Rejected:
		return "held: an administrator has rejected what this client removes. Nothing was changed. Correct the assignment in the identity system. " + decide
	case e.Group:
		return fmt.Sprintf("held: this client may remove %d members from this group within an hour, and this would be more. %s", e.Most, unchanged)
	default:
		return fmt.Sprintf("held: this client may deactivate or delete %d users within an hour, and this would be more. %s", e.Most, unchanged)
	}
}

// ErrNoHold says that the organisation has no such hold.
var ErrNoHold = errors.New("no such hold")

// BrakeStore keeps what is held.
type BrakeStore interface {
	// Holds lists what is held and what was decided, the latest first. It ends at 1,000.
	Holds(ctx context.Context, o org.ID) ([]Hold, error)
	// Decide stores a decision about a hold, for a while, or returns ErrNoHold.
	Decide(ctx context.Context, o org.ID, id uuid.UUID, state HoldState, lasting time.Duration) (Hold, error)
}

// Holds lists what is held in an organisation and what was decided, the latest first.
func (l *Log) Holds(ctx context.Context, o org.ID) ([]Hold, error) { return l.store.Holds(ctx, o) }

// Release lets a client go on with what is held, for a time.
func (l *Log) Release(ctx context.Context, o org.ID, id uuid.UUID, lasting time.Duration) (Hold, error) {
	return l.store.Decide(ctx, o, id, Released, lasting)
}

// Reject refuses what is held for a time, without holding it anew.
func (l *Log) Reject(ctx context.Context, o org.ID, id uuid.UUID, lasting time.Duration) (Hold, error) {
	return l.store.Decide(ctx, o, id, Rejected, lasting)
}

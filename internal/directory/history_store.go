package directory

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// History is the part of a View that undo and restore need: past memberships from the
// provisioning log, and users who are restored.
type History interface {
	// OldestEntry is the id of the oldest entry of the log, or zero.
	OldestEntry(ctx context.Context) (uuid.UUID, error)

	// MembersSince returns the difference of a group's members since an entry: the users
	// who were added and those who were removed, sorted.
	MembersSince(ctx context.Context, group, after uuid.UUID) (come, gone []uuid.UUID, err error)

	// GroupsSince returns the same for the groups of a user.
	GroupsSince(ctx context.Context, user, after uuid.UUID) (joined, left []uuid.UUID, err error)

	// MovedSince lists, the oldest first, the entries behind an id by which some of the
	// users have come to a group or gone from it, as far as they are now as they were. It
	// lists none where all entries behind the id are among those of together: what they have
	// changed was taken back, one by one, and nothing besides.
	MovedSince(ctx context.Context, group, after uuid.UUID, users, together []uuid.UUID) ([]Move, error)

	// DeletedUserNamed finds the most recently deleted user of a name, or returns ErrNotFound.
	DeletedUserNamed(ctx context.Context, name string) (uuid.UUID, error)

	// EraseUser deletes the user if it is not deleted, as DeleteUser does, and removes all
	// personal data but the id from the deleted user, the log and waiting events.
	EraseUser(ctx context.Context, t *schema.Type, id uuid.UUID, forget func(report scim.Document)) error

	// RestoreUser changes a user and memberships at once, all or nothing. The groups to
	// join that are not there are left out and answered.
	RestoreUser(ctx context.Context, t *schema.Type, id uuid.UUID, r UserRestoration) (Record, []uuid.UUID, error)
}

// Move is an entry that has changed members, and the entry that it undoes or zero.
type Move struct{ Entry, Undoes uuid.UUID }

// UserRestoration is the new state of a user.
type UserRestoration struct {
	// Deleted tells that the user is deleted and comes back, under the same id. The
	// edit is given the document of when it was deleted.
	Deleted bool
	// Match is the version that a user who is not deleted must have.
	Match scim.Condition
	// Edit computes the new state, as Change.Edit does.
	Edit func(old Resource) (Edit, error)
	// Join and Leave are ids of groups.
	Join, Leave []uuid.UUID
}

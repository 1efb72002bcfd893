package directory

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Platform is the part of a View that shows groups and users as the platform does.
// They are the same rows that SCIM sees.
type Platform interface {
	PlatformReader

	// CreateGroup stores a new group with the members that the edit adds, all or
	// nothing.
	CreateGroup(ctx context.Context, t *schema.Type, g Group, e Edit) (Record, error)

	// ChangeGroup changes a group that is locked, by a function that may change
	// what it is given. Nothing changed means no write and no new version.
	ChangeGroup(ctx context.Context, t *schema.Type, id uuid.UUID, edit func(v scim.Version, g *Group, doc scim.Document) error) (GroupRecord, error)

	// DeleteGroup deletes a group and all memberships in it.
	DeleteGroup(ctx context.Context, id uuid.UUID, match scim.Condition) error
}

// PlatformReader is the part of Platform that reads.
type PlatformReader interface {
	// Group reads one group, without its members.
	Group(ctx context.Context, id uuid.UUID) (GroupRecord, error)

	// ListGroups reads one page, by name, and the exact total. This page and those below
	// end where their documents have some PlatformBytes, though with one at least.
	ListGroups(ctx context.Context, s Selection) ([]GroupRecord, int, error)

	// ListMembers reads one page of the members of a group, by id.
	ListMembers(ctx context.Context, group uuid.UUID, s Selection) (Page, error)

	// UsersByID reads one page of the users with the ids of s, which are not nil,
	// and one of the states of active, by id.
	UsersByID(ctx context.Context, s Selection, active []bool) (Page, error)

	// DeletedUsers reads one page of the deleted users, by id. They were last
	// modified when they were deleted.
	DeletedUsers(ctx context.Context, s Selection) (Page, error)
}

// Selection is the part of a list that the platform asks for.
type Selection struct {
	// IDs are the ids to be found; nil selects all.
	IDs []uuid.UUID
	// Descending turns the order round, where it is that of names.
	Descending bool
	// Offset is how many are left out before the page of at most Limit.
	Offset, Limit int
}

// Group is what the platform keeps of a group beside its SCIM document.
type Group struct {
	Description  string
	Type         string // official or social
	Visibility   string // public, owners or members
	RulesVisible bool
}

// GroupRecord is a group as the platform sees it.
type GroupRecord struct {
	Record
	Name string
	Group
}

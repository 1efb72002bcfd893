package directory

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// ErrNotFound is what a store answers for an id that the organisation does not
// have: unknown, deleted, or of another organisation.
var ErrNotFound = errors.New("not found")

// ErrDeleted is what a store answers when a deleted user has the name of a new one who must
// not be restored from it (Edit.New).
var ErrDeleted = errors.New("a deleted user has the name")

// Store hands out the data of one organisation at a time: no method below
// exists without saying whose data it is.
type Store interface {
	Org(id org.ID) View
	// Reads gives what is only read of an organisation: what is stored may not depend on it.
	// It may come from another place than View, and is then of no earlier moment than the
	// call that reads it.
	Reads(id org.ID) Reads

	Clock

	// CursorKey is what cursors are signed with: the same for every server of the
	// database, and for good.
	CursorKey(ctx context.Context) ([]byte, error)

	// Jobs keeps what is to be done later, of all organisations.
	Jobs() Jobs

	// ProvisioningLog tells what was changed.
	ProvisioningLog() provisioning.Store

	// OrgsToFold lists the organisations of which something was folded by an earlier
	// schema.FoldVersion.
	OrgsToFold(ctx context.Context) ([]org.Org, error)
	// FoldAgain folds again what is stored folded of an organisation, whose types of
	// users and groups are given, and notes that it was done. No version moves. It reports
	// names that are by now those of others, which stay as they were.
	FoldAgain(ctx context.Context, o org.Org, types schema.Types, report func(collision string)) error

	// OrgsWithoutDivision lists the organisations that are not strict and have users
	// without a division.
	OrgsWithoutDivision(ctx context.Context) ([]org.Org, error)
}

// Clock is the time by which all servers of a store go. It never goes back.
type Clock interface {
	Now() time.Time
	// NewID makes an id that tells when it was made, by that time.
	NewID() uuid.UUID
}

// View is one organisation's data.
//
// Errors are ErrNotFound, *MissingError, *LimitError, *scim.Error for a value
// that must be unique or a version that does not match, or an internal error.
type View interface {
	Reader
	Writer
	Catalogue
	Platform
	Memberships
	Schemas
	History
}

// Reads is what may be read of an organisation's users and groups. Errors are those of View.
type Reads interface {
	Reader
	PlatformReader
	Memberships
	// EntriesByName is that of Catalogue.
	EntriesByName(ctx context.Context, kind Kind, names []string) ([]Entry, error)
}

// Reader reads users and groups.
type Reader interface {
	// Get reads one resource; with links also what it is linked to: the groups of
	// a user, the members of a group, or the ids of those where they are more than
	// MaxAnswerMembers. All of it is of one moment.
	Get(ctx context.Context, t *schema.Type, id uuid.UUID, links bool) (Record, error)

	// Version reads the version of one resource and nothing else.
	Version(ctx context.Context, t *schema.Type, id uuid.UUID) (scim.Version, error)

	// Members yields, in chunks, the users among sorted ids who exist. A chunk is valid
	// until the next one. An error ends the iteration.
	Members(ctx context.Context, ids []uuid.UUID) iter.Seq2[[]Link, error]

	// List reads one page, or the first chunk of it, and the exact total.
	List(ctx context.Context, t *schema.Type, q Query) (Page, error)

	// Deleted reports whether an id is that of a deleted user.
	Deleted(ctx context.Context, id uuid.UUID) (bool, error)

	// UsersWithoutDivision lists the next users without a division, by id, at most limit.
	UsersWithoutDivision(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)

	// ListAll reads one page of a list of several types, whose queries ask for the
	// same page in the same order: one type after the other, or merged when it is
	// sorted.
	ListAll(ctx context.Context, list []TypeQuery) (Page, error)
}

// Writer changes users and groups.
type Writer interface {
	// CreateUser stores a new user. A deleted user of the same userName is
	// restored instead, unless e.New: it keeps its id and creation time, and
	// nothing else.
	CreateUser(ctx context.Context, t *schema.Type, e Edit) (Record, error)

	// Update changes one resource by a function old -> new that runs inside the
	// store's protection against lost updates.
	Update(ctx context.Context, t *schema.Type, id uuid.UUID, c Change) (Record, error)

	// ChangeMembers adds and removes members of a group without reading the group.
	// Nothing to change means no write and no new version. Requests that come at
	// once may be made together: each is answered as if they had come in turn.
	ChangeMembers(ctx context.Context, group uuid.UUID, match scim.Condition, m MemberChange) (Record, error)

	// DeleteUser removes a user from everything that refers to it and keeps it
	// only to be restored. forget takes the deleted manager out of the document
	// of each user who reported to it.
	DeleteUser(ctx context.Context, t *schema.Type, id uuid.UUID, match scim.Condition, forget func(report scim.Document)) error

	// Jointly runs work in one transaction. All writes with the context that work is given
	// are stored if keep is true and work returns no error; otherwise none is. It may run
	// work again. Work uses one goroutine.
	Jointly(ctx context.Context, keep bool, work func(ctx context.Context) error) error
}

// Record is a stored resource as a read gives it: rendered, not decoded.
type Record struct {
	ID uuid.UUID
	// Key is the id of what has no ID of its own, a membership; else it is empty.
	Key      string
	Version  scim.Version
	Created  time.Time
	Modified time.Time
	// Doc is the rendered document (schema.Type.Encode): everything but meta,
	// groups and members.
	Doc []byte
	// Size is how many bytes Doc has, in a store, where it is not read yet.
	Size int
	// Links are the groups of a user or the members of a group, by id; nil when
	// they were not asked for, or are more members than MaxAnswerMembers.
	Links []Link
	// MemberIDs are the members of a group that was asked for its links and has more
	// than MaxAnswerMembers, sorted. In a list they are nil all the same: WithMembers
	// reads such a group when its turn has come.
	MemberIDs []uuid.UUID
	// MemberCount is how many members a group has.
	MemberCount int
}

// MembersOmitted reports whether the resource has members that Links does not list: they
// are too many, or were not asked for.
func (r Record) MembersOmitted() bool { return r.Links == nil && r.MemberCount > 0 }

// Link is one end of a membership, seen from the other.
type Link = schema.AnswerLink

// Resource is a stored resource that is about to change: its record and its
// document, decoded. PasswordHash is empty when the user has none or it was not asked for.
type Resource struct {
	Record
	Document     scim.Document
	PasswordHash string
}

// Change is an update of one resource.
type Change struct {
	// Match is the If-Match of the request.
	Match scim.Condition
	// Links asks for the resource's links, before the edit and in the answer.
	Links bool
	// Answer asks for the members of a group, as they are afterwards:
	// its Links, and of a larger group that is Put its MemberIDs.
	Answer bool
	// Password tells that the edit looks at the PasswordHash of old, which is
	// otherwise empty.
	Password bool
	// Put tells that all of the resource was sent.
	Put bool
	// Edit computes the new state. It does not change old, and may be called
	// again with a newer old when another writer was faster.
	Edit func(old Resource) (Edit, error)
}

// Edit is the new state of a resource. The zero Edit changes nothing.
type Edit struct {
	// Doc is the whole new document; nil leaves it as it is.
	Doc scim.Document
	// PasswordHash replaces the hash; empty leaves it as it is.
	PasswordHash string
	// New returns ErrDeleted instead of restoring a deleted user of the same name.
	New bool
	// DefaultRoles is true when the request did not name the roles of a new user. A deleted
	// user who is restored instead gets no roles then.
	DefaultRoles bool
	// References must exist when the edit is stored.
	References []Reference
	// Members changes the members of a group; nil leaves them.
	Members *MemberChange
	// Group changes what the platform keeps of a group; nil leaves it. With it there is
	// always a Doc.
	Group *GroupEdit
	// Last is the last version of a group that was deleted and comes back; 0 of others.
	Last scim.Version
}

// IsZero reports whether nothing is to be stored.
func (e Edit) IsZero() bool {
	return e.Doc == nil && e.PasswordHash == "" && e.Members == nil && e.Group == nil
}

// GroupEdit is a change of what the platform keeps of a group.
type GroupEdit struct{ Old, New Group }

// MemberChange changes the set of members of a group. With Replace the set
// becomes exactly Add. Ids are sorted and without duplicates.
type MemberChange struct {
	Replace     bool
	Add, Remove []uuid.UUID
	// Limit is how many members may be removed; more is a *LimitError.
	Limit int
	// Links asks for the members in the answer, as they are afterwards.
	Links bool
}

// Query selects one page of a list.
type Query struct {
	// Filter selects resources; nil selects all.
	Filter *filter.Filter
	// ActiveOnly leaves inactive users out.
	ActiveOnly bool
	// Sort is the order; nil is that of creation.
	Sort *filter.Sort
	// Start is the 1-based index of the first resource, Count the size of the page.
	Start, Count int
	// After asks for the page behind a position, whatever came or went before it,
	// instead of the one at Start; the zero Position is before all. The answer
	// tells then where the next page begins.
	After *Position
	// Enough is how far what a filter selects is counted, of a page behind a position: where
	// there is more, the total is one more. 0 counts all.
	Enough int
	// Look is at how many resources a page behind a position looks at most: at those that
	// an index finds of the filter, past what is not as the rest of it says. So the page may
	// be short, or empty, though more follow. 0 is no bound, and a list that is no more
	// than a look-up, that has links or an order without an index has none.
	Look int
	// Links asks for each resource's links.
	Links bool
	// Chunks tells that a page of more than ChunkSize resources, or of large ones, is taken
	// in chunks (Page.Rest).
	Chunks bool
	// Bytes is how many bytes of documents a page may have, about, before it ends, though
	// with one resource at least; 0 is any number.
	Bytes int
}

const (
	// ChunkSize is how many resources of a page are held at once.
	ChunkSize = 200
	// PageBytes is how many bytes of documents a page has, about, before it ends.
	PageBytes = 4 << 20
	// MemberBytes is the size that one listed member counts for.
	MemberBytes = 128
)

// TypeQuery selects the resources of one type in a list of several.
type TypeQuery struct {
	Type *schema.Type
	Query
}

// Position is the place of a resource in a list.
type Position struct {
	// ID is the resource's.
	ID uuid.UUID
	// Value is what the list is sorted by, as the store writes and reads it. In an
	// unsorted list of several types it is the name of the type.
	Value string
	// Absent tells that there is no value.
	Absent bool
}

// IsStart reports whether the position is before all resources.
func (p Position) IsStart() bool { return p == Position{} }

// Page is one page of a list, or a chunk of it, and the exact total.
type Page struct {
	Total int
	// AtLeast tells that the total is what was found among those that were looked at
	// (Query.Look), and that there may be more.
	AtLeast bool
	Records []Record
	// Types are those of the records, in a list of several types.
	Types []*schema.Type
	// Full tells that the page ends for its bytes, before its count. Its total may be
	// unknown then, until it is read in chunks.
	Full bool
	// Rest reads the further chunks of the page, if it has any, one by one and once. The
	// memory of a chunk is used again for the next, and at the end for other pages. It is
	// told only to a Query with Chunks.
	Rest iter.Seq2[Page, error]
	// Next is the position of the last record of the page when more follow; it is told
	// only to a Query with After.
	Next *Position
}

// Reference is a name or user id that an edit refers to, or a schema that it is the
// first to use.
type Reference struct {
	// Attr is the attribute that refers.
	Attr *schema.Attribute
	// Kind is set for a reference by name.
	Kind Kind
	// Name is the name that must exist in the catalogue.
	Name string
	// User is the user that must exist, when Kind is 0.
	User uuid.UUID
	// Schema is the custom schema that must be declared as it is, and then the only
	// field.
	Schema *schema.Schema
}

// MissingError lists references that do not exist.
type MissingError struct{ References []Reference }

func (e *MissingError) Error() string { return "a reference does not exist" }

// LimitError is a removal of more members than the limit allows.
type LimitError struct{ Removed, Limit int }

func (e *LimitError) Error() string { return "too many members would be removed" }

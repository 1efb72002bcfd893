package directory

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Catalogue is the part of a View that keeps what users refer to by name.
type Catalogue interface {
	// CreateEntry stores a new entry, or answers ErrFull; of those that are made at the
	// same time a few may come on top. A name that exists is a *scim.Error with status 409.
	CreateEntry(ctx context.Context, e Entry) (Entry, error)

	// Entry reads one entry.
	Entry(ctx context.Context, kind Kind, id uuid.UUID) (Entry, error)

	// EntriesByName reads the entries that have one of the names, in any order;
	// names that no entry has are left out.
	EntriesByName(ctx context.Context, kind Kind, names []string) ([]Entry, error)

	// ListEntries reads one page, by name, and the exact total. It ends where its entries
	// have some PlatformBytes, though with one at least.
	ListEntries(ctx context.Context, q EntryQuery) ([]Entry, int, error)

	// CountUsers tells how many users refer to each of the names, counting to most; 0 counts
	// all.
	CountUsers(ctx context.Context, kind Kind, names []string, most int) ([]int, error)

	// UpdateEntry changes an entry and, when that renames it, every user who
	// refers to it, all or nothing. What is written meanwhile refers either to the
	// old name and is rewritten, or finds the old name gone.
	UpdateEntry(ctx context.Context, t *schema.Type, kind Kind, id uuid.UUID, c EntryChange) (Entry, error)

	// DeleteEntry deletes an entry that allow has no objection to. One that is
	// referred to is an *InUseError.
	DeleteEntry(ctx context.Context, kind Kind, id uuid.UUID, allow func(Entry) error) error
}

// Kind tells what an entry of the organisation's catalogue is.
type Kind int16

// The kinds of the catalogue. The numbers are stored.
const (
	Role     Kind = 1
	Division Kind = 2
	Skill    Kind = 3
	Language Kind = 4
)

// String is the kind's name in texts.
func (k Kind) String() string {
	switch k {
	case Role:
		return "role"
	case Division:
		return "division"
	case Skill:
		return "routing skill"
	case Language:
		return "routing language"
	default:
		return ""
	}
}

// Attribute is the attribute in which users name entries of the kind.
func (k Kind) Attribute() *schema.Attribute {
	return map[Kind]*schema.Attribute{
		Role:     schema.Roles.SubAttribute("value"),
		Division: schema.Division,
		Skill:    schema.RoutingSkills.SubAttribute("name"),
		Language: schema.RoutingLanguages.SubAttribute("name"),
	}[k]
}

// Entry is something that users refer to by name. Names are unique for a kind,
// whatever their case.
type Entry struct {
	ID          uuid.UUID
	Kind        Kind
	Name        string
	Description string
	// Detail is the rest of the entry as JSON, such as a role's permissions.
	Detail   []byte
	Version  int64
	Created  time.Time
	Modified time.Time
}

// EntryQuery selects one page of the entries of a kind.
type EntryQuery struct {
	Kind Kind
	// Prefix begins the names, whatever its case.
	Prefix string
	// Names leaves out the descriptions and details.
	Names bool
	Selection
}

// EntryChange is an update of one entry.
type EntryChange struct {
	// Edit changes name, description and detail of an entry that is locked.
	Edit func(e *Entry) error
	// Rename changes the old name to the new one in the document of a user.
	Rename func(user scim.Document, from, to string)
}

// InUseError says that an entry cannot go, and how many users and OAuth clients
// refer to it.
type InUseError struct{ Users, Clients int }

func (e *InUseError) Error() string { return "the entry is in use" }

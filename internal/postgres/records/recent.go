package records

import (
	"context"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/lru"
	"github.com/purescim/purescim/internal/postgres/pool"
)

// userOf names a user of an organisation.
type userOf struct {
	org int64
	id  uuid.UUID
}

const (
	recentUsers = 4096
	// recentDocument is the length of the longest document that is remembered, in
	// bytes. Most are of one or two thousand.
	recentDocument = 8 << 10
)

// Recent caches users of all organisations as they were last read or committed, for updates
// that follow. They may be out of date.
type Recent struct {
	users *lru.Map[userOf, directory.Record]
}

// NewRecent is an empty cache.
func NewRecent() Recent {
	return Recent{lru.New[userOf, directory.Record](recentUsers)}
}

// Remember keeps a user of an organisation. What was written and not committed must not be
// remembered, as what is read in a joint transaction: its version may become that of another
// state.
func (m Recent) Remember(ctx context.Context, org int64, r directory.Record) {
	if len(r.Doc) <= recentDocument && !pool.IsJoint(ctx) {
		r.Links = nil
		m.users.Put(userOf{org, r.ID}, r)
	}
}

// Of gives a user as it was remembered.
func (m Recent) Of(org int64, id uuid.UUID) (directory.Record, bool) {
	return m.users.Get(userOf{org, id})
}

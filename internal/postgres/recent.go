package postgres

import (
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
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

// remember keeps a user as it was read or written, for updateRecentUser. It may be
// out of date by then.
func (v view) remember(r directory.Record) {
	if len(r.Doc) <= recentDocument {
		r.Links = nil
		v.recent.Put(userOf{v.org, r.ID}, r)
	}
}

// rememberOnly remembers the user that a look-up has found.
func (v view) rememberOnly(s listing, found []directory.Record) {
	if s.table == users && len(found) == 1 {
		v.remember(found[0])
	}
}

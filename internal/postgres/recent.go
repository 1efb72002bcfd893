package postgres

import (
	"bytes"

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

// remember keeps a user as it was read or committed, for updateRecentUser. It may be
// out of date by then. What was written and not committed must not be remembered: its
// version may become that of another state.
func (v view) remember(r directory.Record) {
	if len(r.Doc) <= recentDocument {
		r.Links = nil
		v.recent.Put(userOf{v.org, r.ID}, r)
	}
}

// remembered remembers what a write has led to, unless it failed.
func (v view) remembered(r directory.Record, err error) (directory.Record, error) {
	if err == nil {
		v.remember(r)
	}
	return r, err
}

// rememberOnly remembers the user that a look-up has found.
func (v view) rememberOnly(s listing, found []directory.Record) {
	if s.table == users && !s.alone && len(found) == 1 {
		r := found[0]
		if s.borrows() {
			r.Doc = bytes.Clone(r.Doc)
		}
		v.remember(r)
	}
}

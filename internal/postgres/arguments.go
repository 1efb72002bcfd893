package postgres

import (
	"cmp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uid and uids are ids as arguments. A uuid.UUID would go as text, through its
// driver.Valuer.
type (
	uid  uuid.UUID
	uids []uuid.UUID
)

// UUIDValue implements pgtype.UUIDValuer.
func (id uid) UUIDValue() (pgtype.UUID, error) { return pgtype.UUID{Bytes: id, Valid: true}, nil }

// Dimensions implements pgtype.ArrayGetter.
func (ids uids) Dimensions() []pgtype.ArrayDimension {
	return []pgtype.ArrayDimension{{Length: int32(len(ids)), LowerBound: 1}}
}

// Index implements pgtype.ArrayGetter.
func (ids uids) Index(i int) any { return (*uid)(&ids[i]) }

// IndexType implements pgtype.ArrayGetter.
func (ids uids) IndexType() any { return new(uid) }

// newID makes an id for a row of which nobody asks when it was made.
func newID() uid { return uid(uuid.Must(uuid.NewV7())) }

// madeAt is when an id was made, which is when its resource is said to be
// created: then the order of the ids is that of meta.created.
func (c *clock) madeAt(id uuid.UUID) time.Time {
	if id.Version() != 7 {
		return c.now()
	}
	seconds, nanoseconds := id.Time().UnixTime()
	return time.Unix(seconds, nanoseconds).UTC().Truncate(time.Millisecond)
}

// appendKeys adds keys as two arrays: kinds and keys.
func appendKeys(args []any, keys []key) []any {
	kinds, texts := make([]int16, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		kinds[i], texts[i] = k.kind, k.key
	}
	return append(args, kinds, texts)
}

// changedKeys compares two sorted lists of keys.
func changedKeys(old, now []key) (gone, added []key) {
	for len(old) > 0 && len(now) > 0 {
		switch order := cmp.Or(cmp.Compare(old[0].kind, now[0].kind), cmp.Compare(old[0].key, now[0].key)); {
		case order < 0:
			gone, old = append(gone, old[0]), old[1:]
		case order > 0:
			added, now = append(added, now[0]), now[1:]
		default:
			old, now = old[1:], now[1:]
		}
	}
	return append(gone, old...), append(added, now...)
}

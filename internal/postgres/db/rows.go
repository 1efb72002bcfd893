package db

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
)

// Values are read from the bytes of PostgreSQL's binary format, so that none is boxed. What
// is not null is as long as its type says.

// ReadID reads a uuid.
func ReadID(raw []byte) uuid.UUID { return uuid.UUID(raw[:16]) }

// ReadInt reads a bigint.
func ReadInt(raw []byte) int64 { return int64(binary.BigEndian.Uint64(raw)) }

// ReadShort reads a smallint.
func ReadShort(raw []byte) int16 { return int16(binary.BigEndian.Uint16(raw)) }

// ReadTime reads a timestamptz: microseconds since 2000-01-01.
func ReadTime(raw []byte) time.Time {
	const epoch = 946_684_800_000_000
	return time.UnixMicro(ReadInt(raw) + epoch).UTC()
}

// ReadArray calls visit for each element of a one-dimensional array without nulls.
func ReadArray(raw []byte, visit func(element []byte)) {
	const header, dimension = 12, 8
	if binary.BigEndian.Uint32(raw) == 0 { // no dimension: empty
		return
	}
	raw = raw[header+dimension:]
	for len(raw) > 0 {
		n := binary.BigEndian.Uint32(raw)
		visit(raw[4 : 4+n])
		raw = raw[4+n:]
	}
}

// LengthOf is the number of elements that ReadArray visits.
func LengthOf(raw []byte) int {
	if binary.BigEndian.Uint32(raw) == 0 {
		return 0
	}
	return int(binary.BigEndian.Uint32(raw[12:]))
}

// ReadIDs reads a uuid[].
func ReadIDs(raw []byte, visit func(id uuid.UUID)) {
	ReadArray(raw, func(element []byte) { visit(ReadID(element)) })
}

// One reads the only row of a look-up, as ReadOne does.
func One(read func(raw [][]byte)) func(rows pgx.Rows) error {
	return func(rows pgx.Rows) error { return ReadOne(rows, read) }
}

// ReadOne reads the only row of a query. No row is directory.ErrNotFound.
func ReadOne(rows pgx.Rows, read func(raw [][]byte)) error {
	found := false
	err := ReadAll(rows, func(raw [][]byte) {
		read(raw)
		found = true
	})
	if err == nil && !found {
		return directory.ErrNotFound
	}
	return err
}

// ReadAll reads the rows of a query. What read is given is only good until it returns.
func ReadAll(rows pgx.Rows, read func(raw [][]byte)) error {
	defer rows.Close()
	for rows.Next() {
		read(rows.RawValues())
	}
	return rows.Err()
}

// QueueTotal reads a number.
func QueueTotal(b *pgx.Batch, total *int, s Bound) {
	s.Queue(b).Query(func(rows pgx.Rows) error {
		return ReadOne(rows, func(raw [][]byte) { *total = int(ReadInt(raw[0])) })
	})
}

// QueueAll sends a statement with others, and reads its rows.
func QueueAll[T any](b *pgx.Batch, all *[]T, s Bound, read pgx.RowToFunc[T]) {
	s.Queue(b).Query(func(rows pgx.Rows) (err error) {
		*all, err = pgx.CollectRows(rows, read)
		return err
	})
}

// Room is what is left of the bytes that a page or chunk may have, while its rows are read.
// What has no room is read away, and so is all that follows it. The zero room has no end.
type Room struct {
	left    int
	limited bool
	begun   bool // with one, which may be as large as it likes
	full    bool
}

// NewRoom is so many bytes.
func NewRoom(bytes int) Room { return Room{left: bytes, limited: true} }

// Takes tells whether there is room for a row that takes so many bytes.
func (r *Room) Takes(weight int) bool {
	r.left -= weight
	r.full = r.full || r.limited && r.begun && r.left < 0
	r.begun = true
	return !r.full
}

// IsFull reports whether something had no room.
func (r *Room) IsFull() bool { return r.full }

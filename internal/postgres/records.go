package postgres

import (
	"encoding/binary"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/scim"
)

// Rows of resources are read from the bytes of PostgreSQL's binary format: no
// value is boxed, and the document is copied once. Each statement that reads a
// resource begins with the columns of readRecord.

// readRecord reads id, version, created_at, modified_at and doc.
func readRecord(raw [][]byte) directory.Record { return new(pageMemory).readRecord(raw) }

// pageMemory holds the documents of many records, one behind the other in a few pieces of
// memory: a page is read and forgotten as a whole.
type pageMemory struct{ piece []byte }

const (
	documentPiece = 32 << 10
	// keptPiece is the largest piece that is used again: the documents of a page of 200
	// users.
	keptPiece = 512 << 10
)

// memories are those of pages that were forgotten. They would be most of what a request
// for a list leaves to collect.
var memories = sync.Pool{New: func() any { return new(pageMemory) }}

// borrow gives a memory that is used again when the page is done with.
func borrow(p *directory.Page) *pageMemory {
	m := memories.Get().(*pageMemory)
	others := p.Free
	p.Free = func() {
		if others != nil {
			others()
		}
		if m != nil && cap(m.piece) <= keptPiece {
			m.piece = m.piece[:0]
			memories.Put(m)
		}
		m = nil // of which it is not told twice
	}
	return m
}

func (m *pageMemory) readRecord(raw [][]byte) directory.Record {
	return directory.Record{
		ID:       readID(raw[0]),
		Version:  scim.Version(readInt(raw[1])),
		Created:  readTime(raw[2]),
		Modified: readTime(raw[3]),
		Doc:      m.keep(raw[4]),
	}
}

// keep copies a document. The first has a piece of its own, since it may be the only one;
// then pieces double.
func (m *pageMemory) keep(doc []byte) []byte {
	begin := len(m.piece)
	if cap(m.piece)-begin < len(doc) {
		size := len(doc)
		if m.piece != nil {
			size = max(size, documentPiece, 2*cap(m.piece))
		}
		begin, m.piece = 0, make([]byte, 0, size)
	}
	m.piece = append(m.piece, doc...)
	return m.piece[begin:len(m.piece):len(m.piece)]
}

func readID(raw []byte) uuid.UUID { return uuid.UUID(raw[:16]) }

func readInt(raw []byte) int64 { return int64(binary.BigEndian.Uint64(raw)) }

func readShort(raw []byte) int16 { return int16(binary.BigEndian.Uint16(raw)) }

// readTime reads a timestamptz: microseconds since 2000-01-01.
func readTime(raw []byte) time.Time {
	const epoch = 946_684_800_000_000
	return time.UnixMicro(readInt(raw) + epoch).UTC()
}

// readArray calls visit for each element of a one-dimensional array without nulls.
func readArray(raw []byte, visit func(element []byte)) {
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

// lengthOf is the number of elements that readArray visits.
func lengthOf(raw []byte) int {
	if binary.BigEndian.Uint32(raw) == 0 {
		return 0
	}
	return int(binary.BigEndian.Uint32(raw[12:]))
}

// readLinks reads a text[] of links, each the 36 characters of the id and the
// display name.
func readLinks(raw []byte) []directory.Link {
	links := make([]directory.Link, 0, lengthOf(raw))
	readArray(raw, func(text []byte) {
		id, _ := uuid.ParseBytes(text[:36]) // PostgreSQL wrote it
		links = append(links, directory.Link{ID: id, Display: string(text[36:])})
	})
	return links
}

// readIDs reads a uuid[].
func readIDs(raw []byte, visit func(id uuid.UUID)) {
	readArray(raw, func(element []byte) { visit(readID(element)) })
}

// one reads the only row of a look-up, as readOne does.
func one(read func(raw [][]byte)) func(rows pgx.Rows) error {
	return func(rows pgx.Rows) error { return readOne(rows, read) }
}

// readOne reads the only row of a query. No row is directory.ErrNotFound.
func readOne(rows pgx.Rows, read func(raw [][]byte)) error {
	found := false
	err := readAll(rows, func(raw [][]byte) {
		read(raw)
		found = true
	})
	if err == nil && !found {
		return directory.ErrNotFound
	}
	return err
}

// readAll reads the rows of a query. What read is given is only good until it returns.
func readAll(rows pgx.Rows, read func(raw [][]byte)) error {
	defer rows.Close()
	for rows.Next() {
		read(rows.RawValues())
	}
	return rows.Err()
}

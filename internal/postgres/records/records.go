// Package records reads users and groups: one by its id, or one from a row of any statement.
// It caches recently read users for the change that often follows a read.
//
// Lists are left to package lists, changes to the packages that write.
package records

import (
	"iter"
	"sync"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/scim"
)

// Records reads users and groups of an organisation, one by one.
type Records struct {
	*pool.Tenant
	recent Recent
}

// New gives the records of an organisation, whose users are remembered.
func New(t *pool.Tenant, recent Recent) Records { return Records{t, recent} }

// Rows of resources are read from the bytes of PostgreSQL's binary format: no
// value is boxed, and the document is copied once. Each statement that reads a
// resource begins with the columns of Read.

// Read reads id, version, created_at, modified_at and doc.
func Read(raw [][]byte) (r directory.Record) {
	new(Memory).readRecord(&r, raw)
	return r
}

// Memory holds the documents of many records, one behind the other in a few blocks of
// memory: a chunk of a page is read and forgotten as a whole.
type Memory struct {
	block []byte
	lent  bool
}

const (
	minBlock = 32 << 10
	// maxKept is the largest block that is used again: the documents of 200 users.
	maxKept = 512 << 10
)

// memories are those of pages that have been read. They would be most of what a request
// for a list leaves to collect.
var memories = sync.Pool{New: func() any { return new(Memory) }}

// Borrow gives memory for a page, until the end of UntilRead.
func Borrow() *Memory {
	m := memories.Get().(*Memory)
	m.lent = true
	return m
}

// UntilRead is the rest of a page, at whose end the memory of the page is given back.
func (m *Memory) UntilRead(rest iter.Seq2[directory.Page, error]) iter.Seq2[directory.Page, error] {
	return func(yield func(directory.Page, error) bool) {
		if rest != nil {
			rest(yield)
		}
		if m.lent {
			m.Reset()
			m.lent = false
			memories.Put(m)
		}
	}
}

// Reset makes room for another chunk; the documents of the last are gone.
func (m *Memory) Reset() {
	if m.block = m.block[:0]; cap(m.block) > maxKept {
		m.block = nil
	}
}

// Read reads into a record that is empty, where it stays: one is some 200 bytes.
func (m *Memory) readRecord(r *directory.Record, raw [][]byte) {
	r.ID = db.ReadID(raw[0])
	r.Version = scim.Version(db.ReadInt(raw[1]))
	r.Created, r.Modified = db.ReadTime(raw[2]), db.ReadTime(raw[3])
	r.Doc = m.keep(raw[4])
}

// keep copies a document. The first has a block of its own, since it may be the only one;
// then blocks double.
func (m *Memory) keep(doc []byte) []byte {
	begin := len(m.block)
	if cap(m.block)-begin < len(doc) {
		size := len(doc)
		if m.block != nil {
			size = max(size, minBlock, 2*cap(m.block))
		}
		begin, m.block = 0, make([]byte, 0, size)
	}
	m.block = append(m.block, doc...)
	return m.block[begin:len(m.block):len(m.block)]
}

// ReadLinks reads a text[] of links, each the 36 characters of the id and the
// display name.
func ReadLinks(raw []byte) []directory.Link {
	links := make([]directory.Link, 0, db.LengthOf(raw))
	db.ReadArray(raw, func(text []byte) {
		id, _ := uuid.ParseBytes(text[:36]) // PostgreSQL wrote it
		links = append(links, directory.Link{ID: id, Display: string(text[36:])})
	})
	return links
}

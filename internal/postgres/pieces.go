package postgres

import (
	"context"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
)

// A large page is read and forgotten piece by piece, each behind the last resource of the
// one before, so that neither a server nor a connection holds all of it while a slow
// client takes it. Where a page is found by more than walking an index, the ids of all its
// resources are found first, and the pieces by them.

// pieceBytes is how many bytes of documents are held at once, about: as many as slow
// clients may each keep of a server's memory.
const pieceBytes = 1 << 20

// room is what is left of the bytes of a page or piece, while its rows are read. What has
// no room is read away, and so is all that follows it.
type room struct {
	left    int
	limited bool
	begun   bool // with one, which may be as large as it likes
	full    bool
}

// room is for what is read at once. Ids take none: all of a page are found.
func (s listing) room() room { return room{left: s.bytes, limited: s.bytes > 0 && !s.alone} }

// takes tells whether there is room for a row that takes so many bytes.
func (r *room) takes(weight int) bool {
	r.left -= weight
	r.full = r.full || r.limited && r.begun && r.left < 0
	r.begun = true
	return !r.full
}

// weigh tells how many bytes of memory a row takes, about.
func (s listing) weigh(raw [][]byte) int {
	if s.alone {
		return 0
	}
	n := len(raw[4])
	if s.table == groups && s.withLinks {
		n += min(int(readInt(raw[5])), directory.MaxAnswerMembers) * directory.MemberBytes
	}
	return n
}

// sized is the one of two expressions that is for the table, with what the members count
// for whom the list shows.
func (s listing) sized(ofUsers, ofGroups string) string {
	switch {
	case s.table == users:
		return ofUsers
	case s.withLinks:
		return ofGroups + membersSize
	default:
		return ofGroups
	}
}

// membersSize is what weigh adds for members.
var membersSize = " + least(g.member_count, " + strconv.Itoa(directory.MaxAnswerMembers) + ") * " + strconv.Itoa(directory.MemberBytes)

// readSize reads the record of an id alone.
func readSize(raw [][]byte) directory.Record {
	return directory.Record{ID: readID(raw[0]), Size: int(readInt(raw[1]))}
}

// fit ends a page of ids where it is as large as may be, and tells whether that is before
// its end.
func fit(p *directory.Page, q directory.Query) bool {
	n := fitting(p.Records, q.Bytes)
	if n == len(p.Records) {
		return false
	}
	if p.Records = p.Records[:n]; p.Types != nil {
		p.Types = p.Types[:n]
	}
	return true
}

// fitting tells how many records have so many bytes, at least one.
func fitting(records []directory.Record, bytes int) int {
	if bytes == 0 {
		return len(records)
	}
	for i, r := range records {
		if bytes -= r.Size; bytes < 0 && i > 0 {
			return i
		}
	}
	return len(records)
}

// inPiecesIfLarge reads a page in pieces if it has many resources, or large ones: which
// these are is found out by reading some.
func (s *Store) inPiecesIfLarge(q directory.Query, read func(pieces bool) (directory.Page, error)) (directory.Page, error) {
	pieces := s.inPieces(q)
	p, err := read(pieces)
	if err == nil && p.Full && q.Pieces && !pieces {
		if p.Free != nil {
			p.Free()
		}
		return read(true)
	}
	return p, err
}

// inPieces reports whether a page is read piece by piece.
func (s *Store) inPieces(q directory.Query) bool { return q.Pieces && q.Count > s.atOnce }

// piece is the query of the first piece of a page, and of the page if that is not larger.
func (s *Store) piece(q directory.Query) directory.Query {
	if s.inPieces(q) {
		q.Count = s.atOnce
		return q
	}
	return oneMore(q)
}

// oneMore is the query that finds whether more follow: who pages by position gets to know.
func oneMore(q directory.Query) directory.Query {
	if q.After != nil {
		q.Count++
	}
	return q
}

// cut takes off the page what is more than its size, and tells then where the next begins.
func cut(p *directory.Page, q directory.Query) {
	if q.After != nil && len(p.Records) > q.Count {
		p.Records = p.Records[:q.Count]
		p.Next = &directory.Position{ID: p.Records[q.Count-1].ID}
	}
}

// onward completes the first piece of a page, unless it was not read: with the way to the
// next piece, or to the next page.
func (v view) onward(s listing, q directory.Query, p directory.Page, err error) (directory.Page, error) {
	cut(&p, q)
	n := len(p.Records)
	if err != nil || n == 0 {
		return p, err
	}
	last := directory.Position{ID: p.Records[n-1].ID}
	full := q.Bytes > 0 && heldBy(p.Records) >= q.Bytes
	switch {
	case p.Full && !q.Pieces:
	case n < q.Count && !full && (p.Full || n == v.atOnce && v.inPieces(q)):
		p.Rest = v.rest(s, q, p, last)
	case q.After == nil && (n == q.Count || full):
		v.marks.put(s.place(q.Start+n), last, p.Total)
	case q.After != nil && (p.Full || full):
		p.Next = &last
	}
	return p, nil
}

// rest reads what comes behind the first piece of a page.
func (v view) rest(s listing, q directory.Query, first directory.Page, last directory.Position) func(ctx context.Context) (directory.Page, error) {
	total := first.Total
	q.Start += len(first.Records)
	q.Count -= len(first.Records)
	if q.Bytes > 0 {
		q.Bytes -= heldBy(first.Records)
	}
	return func(ctx context.Context) (directory.Page, error) {
		next := directory.Page{Total: total}
		err := v.page(ctx, s, v.piece(q), bookmark{after: last}, true, &next)
		next, err = v.onward(s, q, next, err)
		return next, wrap("list "+s.table.name, err)
	}
}

// heldBy tells how many bytes of documents and members are read.
func heldBy(records []directory.Record) int {
	n := 0
	for _, r := range records {
		n += len(r.Doc) + len(r.Links)*directory.MemberBytes
	}
	return n
}

// gather reads the first piece of a page that holds ids alone, of one list or of several.
// What is gone since its id was read is left out.
func (v view) gather(ctx context.Context, lists []listing, p directory.Page) (directory.Page, error) {
	n := fitting(p.Records[:min(len(p.Records), v.atOnce)], pieceBytes)
	first := directory.Page{Total: p.Total}
	found := make(map[uuid.UUID]directory.Record, n)
	for _, s := range lists {
		ids := make(uids, 0, n)
		for i, r := range p.Records[:n] {
			if p.Types == nil || p.Types[i] == s.t {
				ids = append(ids, r.ID)
			}
		}
		if err := v.readByIDs(ctx, s, ids, found, &first); err != nil {
			return p, err
		}
	}
	for i, r := range p.Records[:n] {
		r, there := found[r.ID]
		if !there {
			continue
		}
		first.Records = append(first.Records, r)
		if p.Types != nil {
			first.Types = append(first.Types, p.Types[i])
		}
	}
	if n == len(p.Records) {
		first.Next = p.Next
		return first, nil
	}
	if p.Records = p.Records[n:]; p.Types != nil {
		p.Types = p.Types[n:]
	}
	first.Rest = func(ctx context.Context) (directory.Page, error) {
		next, err := v.gather(ctx, lists, p)
		return next, wrap("list", err)
	}
	return first, nil
}

// readByIDs finds those resources of a page that are of a list's type, with the links
// that it asks for.
func (v view) readByIDs(ctx context.Context, s listing, ids uids, found map[uuid.UUID]directory.Record, page *directory.Page) error {
	if len(ids) == 0 {
		return nil
	}
	of := directory.Page{Free: page.Free}
	s.bytes = 0 // all of them, however large they have become
	b := new(pgx.Batch)
	id := s.table.alias + ".id"
	b.Queue(s.fields+s.fromAll+" and "+id+thoseIDs+" order by "+id, v.org, ids).Query(func(rows pgx.Rows) error {
		return s.read(rows, len(ids), &of)
	})
	if s.withLinks {
		b.Queue(s.linksOf(givenIDs), v.org, ids).Query(func(rows pgx.Rows) error { return s.readLinks(rows, pointers(of.Records)) })
	}
	err := v.db.SendBatch(ctx, b).Close()
	for _, r := range of.Records {
		found[r.ID] = r
	}
	page.Free = of.Free
	return err
}

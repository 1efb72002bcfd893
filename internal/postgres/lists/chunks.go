package lists

import (
	"context"
	"iter"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pgerr"
)

// A large page is read and forgotten chunk by chunk, so that neither a server nor a
// connection holds all of it while a slow client takes it: each chunk behind the last
// resource of the one before. Where a page is found by more than following the ids, the
// ids of all its resources are found first, and the chunks by them.

// chunkBytes is how many bytes of documents are held at once, about: as many as slow
// clients may each keep of a server's memory.
const chunkBytes = 1 << 20

// inChunks reports whether a page is read chunk by chunk.
func (v Lists) inChunks(q directory.Query) bool { return q.Chunks && q.Count > v.Chunk }

// inChunksIfLarge reads a page in chunks if it has many resources, or large ones: which
// these are is found out by reading some.
func (v Lists) inChunksIfLarge(q directory.Query, read func(chunks bool) (directory.Page, error)) (directory.Page, error) {
	chunks := v.inChunks(q)
	p, err := read(chunks)
	if err == nil && p.Full && q.Chunks && !chunks {
		return read(true)
	}
	return p, err
}

// chunk is the source of the first chunk of a page, and of the page if that is not larger.
func (v Lists) chunk(of source) source {
	if v.inChunks(of.Query) {
		of.Count = v.Chunk
	} else {
		of.Query = oneMore(of.Query)
	}
	return of
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
	if q.After == nil {
		return
	}
	more := len(p.Records) > q.Count
	if more {
		p.Records = p.Records[:q.Count]
	}
	if len(p.Records) > 0 && (more || p.Full) {
		p.Next = &directory.Position{ID: lastOf(*p)}
	}
}

// onward completes the first chunk of a page in the order of the ids, unless it was not
// read: with the rest of the page, or the way to the next.
func (v Lists) onward(ctx context.Context, s source, at start, p directory.Page, err error) (directory.Page, error) {
	if err != nil {
		return p, err
	}
	v.leaveCounted(s.here, s.Query, at, p)
	if !v.ends(s, &p) {
		p.Rest = v.rest(ctx, s.behind(p), p.Total, lastOf(p))
	}
	return p, nil
}

// rest reads what is left of a page behind a resource.
func (v Lists) rest(ctx context.Context, s source, total int, last uuid.UUID) iter.Seq2[directory.Page, error] {
	return func(yield func(directory.Page, error) bool) {
		v := v
		for more := true; more; {
			var next directory.Page
			err := v.persist(ctx, func() error {
				s.memory.Reset()
				next = directory.Page{Total: total}
				return v.readBehind(ctx, v.chunk(s), last, &next)
			})
			if err == nil {
				if more = !v.ends(s, &next); more {
					s, last = s.behind(next), lastOf(next)
				}
			}
			if !yield(next, pgerr.Wrap("list "+s.table.Name, err)) || err != nil {
				return
			}
		}
	}
}

// persist reads a chunk, from the primary if a standby has failed, which then reads the others.
func (v *Lists) persist(ctx context.Context, read func() error) error {
	err := read()
	if primary := v.Instead(ctx, err); primary != nil {
		v.Tenant = primary
		err = read()
	}
	return err
}

func lastOf(p directory.Page) uuid.UUID { return p.Records[len(p.Records)-1].ID }

// behind is the source of what is left of a page.
func (s source) behind(p directory.Page) source {
	s.here.index += len(p.Records)
	s.Count -= len(p.Records)
	if s.Bytes > 0 {
		s.Bytes -= heldBy(p.Records)
	}
	return s
}

func (v Lists) readBehind(ctx context.Context, s source, last uuid.UUID, p *directory.Page) error {
	if s.Filter == nil {
		return v.readWalk(ctx, s, behind(last), p)
	}
	return v.readLookUp(ctx, s, behind(last), p)
}

// ends reports whether a page ends with a chunk, and tells then where the next begins.
func (v Lists) ends(s source, p *directory.Page) bool {
	n := len(p.Records)
	full := s.Bytes > 0 && heldBy(p.Records) >= s.Bytes
	switch {
	case n == 0:
		return true
	case n < s.Count && !full && (p.Full && s.Chunks || n == v.Chunk && v.inChunks(s.Query)):
		return false
	}
	if s.After != nil {
		p.Full = p.Full || full
		cut(p, s.Query)
	} else if n == s.Count || full {
		v.leaveBookmark(s.here, n, directory.Position{ID: lastOf(*p)}, p.Total)
	}
	return true
}

// heldBy tells how many bytes of documents and members are read.
func heldBy(records []directory.Record) int {
	n := 0
	for _, r := range records {
		n += len(r.Doc) + len(r.Links)*directory.MemberBytes
	}
	return n
}

// chunksOf reads the resources of a page of ids, of one source or of several: the first
// chunk, and the rest of them when it is asked for.
func (v Lists) chunksOf(ctx context.Context, sources []source, ids directory.Page) (directory.Page, error) {
	first, err := v.nextChunk(ctx, sources, &ids)
	if err == nil && len(ids.Records) > 0 {
		first.Rest = func(yield func(directory.Page, error) bool) {
			v := v
			for len(ids.Records) > 0 {
				var next directory.Page
				err := v.persist(ctx, func() (err error) {
					next, err = v.nextChunk(ctx, sources, &ids)
					return err
				})
				if !yield(next, pgerr.Wrap("list", err)) || err != nil {
					return
				}
			}
		}
	}
	return first, err
}

// nextChunk takes the ids of a chunk off a page and reads its resources. What is gone
// since its id was read is left out.
func (v Lists) nextChunk(ctx context.Context, sources []source, ids *directory.Page) (p directory.Page, err error) {
	sources[0].memory.Reset()
	p.Total = ids.Total
	n := fitting(ids.Records[:min(len(ids.Records), v.Chunk)], chunkBytes)
	found := make(map[uuid.UUID]directory.Record, n)
	for _, s := range sources {
		if err := v.readByIDs(ctx, s, idsFor(s, ids, n), found); err != nil {
			return p, err
		}
	}
	for i, r := range ids.Records[:n] {
		r, there := found[r.ID]
		if !there {
			continue
		}
		if p.Records = append(p.Records, r); ids.Types != nil {
			p.Types = append(p.Types, ids.Types[i])
		}
	}
	if ids.Records = ids.Records[n:]; ids.Types != nil {
		ids.Types = ids.Types[n:]
	}
	if len(ids.Records) == 0 {
		p.Next = ids.Next
	}
	return p, nil
}

// fitting tells how many records have so many bytes, at least one.
func fitting(records []directory.Record, bytes int) int {
	for i, r := range records {
		if bytes -= r.Size; bytes < 0 && i > 0 {
			return i
		}
	}
	return len(records)
}

// idsFor are those of the first n ids that are of a source.
func idsFor(s source, p *directory.Page, n int) db.IDs {
	ids := make(db.IDs, 0, n)
	for i, r := range p.Records[:n] {
		if p.Types == nil || p.Types[i] == s.Type {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

var resourcesByID = db.NewTemplate(`
select [columns]
[rows]
order  by r.id`)

// readByIDs finds resources of a source, with the links that it asks for, however large
// they have become.
func (v Lists) readByIDs(ctx context.Context, s source, ids db.IDs, found map[uuid.UUID]directory.Record) error {
	if len(ids) == 0 {
		return nil
	}
	s.bytes, s.Count = 0, len(ids)
	var of directory.Page
	b := new(pgx.Batch)
	sql, args := resourcesByID.Fill(v.Org, db.In("columns", db.SQL(s.columns.sql)), db.In("rows", s.rows(db.SQL(" and r.id$?", db.ThoseIDs(ids)))))
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return s.read(rows, &of) })
	if s.hasGroups() {
		sql, args := groupsOfThose.Fill(v.Org, db.In("ids", db.ThoseIDs(ids)))
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return readGroups(rows, pointers(of.Records)) })
	}
	err := v.DB.SendBatch(ctx, b).Close()
	for _, r := range of.Records {
		found[r.ID] = r
	}
	return err
}

package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
)

// A large page is read and forgotten piece by piece, each behind the last resource of the
// one before, so that neither a server nor a connection holds all of it while a slow
// client takes it. Where a page is found by more than walking an index, the ids of all its
// resources are found first, and the pieces by them.

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
	switch {
	case n == v.atOnce && v.inPieces(q):
		q.Start += n
		q.Count -= n
		total := p.Total
		p.Rest = func(ctx context.Context) (directory.Page, error) {
			next := directory.Page{Total: total}
			err := v.page(ctx, s, v.piece(q), bookmark{after: last}, true, &next)
			next, err = v.onward(s, q, next, err)
			return next, wrap("list "+s.table.name, err)
		}
	case n == q.Count && q.After == nil:
		v.marks.put(s.place(q.Start+n), last, p.Total)
	}
	return p, nil
}

// gather reads the first piece of a page that holds ids alone, of one list or of several.
// What is gone since its id was read is left out.
func (v view) gather(ctx context.Context, lists []listing, p directory.Page) (directory.Page, error) {
	n := min(len(p.Records), v.atOnce)
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
	b := new(pgx.Batch)
	id := s.table.alias + ".id"
	b.Queue(s.fields+s.fromAll+" and "+id+thoseIDs+" order by "+id, v.org, ids).Query(func(rows pgx.Rows) error {
		return s.read(rows, len(ids), &of)
	})
	if s.withLinks {
		b.Queue(s.linksOf(givenIDs), v.org, ids).Query(func(rows pgx.Rows) error { return s.readLinks(rows, pointers(of.Records)) })
	}
	err := v.pool.SendBatch(ctx, b).Close()
	for _, r := range of.Records {
		found[r.ID] = r
	}
	page.Free = of.Free
	return err
}

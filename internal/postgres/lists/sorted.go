package lists

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/records"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
)

// A sorted list is read in its order, which may be merged of several tables. Of several
// each gives as many resources as may be needed, or PostgreSQL would rather sort them all
// than read each by its index.
var (
	sortedPage = db.NewTemplate(`
select [columns]
from   ([parts]) s
order  by [order][offset]
limit  [count]`)

	sortedPart = db.NewTemplate(`
(select [columns], [key] as value, [part]::bigint as part
[rows][behind][end])`)

	sortedEnd = db.NewTemplate(`
order  by [order]
limit  [count]`)
)

// The columns of a page: of users, of groups or both, and of ids.
const (
	sortedUser  = `s.id, s.version, s.created_at, s.modified_at, s.doc`
	sortedGroup = sortedUser + `, s.member_count, s.members` // null for users
	sortedSize  = `s.id, s.size`
	sortedPlace = `s.id`
	sortedBy    = `, s.value::text, s.part`

	// How many columns these are.
	sizeWidth, userWidth, bothWidth = 2, 5, 7
)

// sorted reads the resources of a page in their order, and then their links. Of a page in
// chunks it finds the ids.
func (v Lists) sorted(ctx context.Context, list []directory.TypeQuery, memory *records.Memory) (directory.Page, error) {
	q := list[0].Query
	return v.inChunksIfLarge(q, func(chunks bool) (directory.Page, error) {
		l := newSorting(list, chunks, memory)
		return v.page(l.place(), q, func(at start) (directory.Page, error) { return v.sortedPage(ctx, l, q, at) })
	})
}

func (v Lists) sortedPage(ctx context.Context, l sorting, q directory.Query, at start) (directory.Page, error) {
	found, err := v.findSorted(ctx, l, q, at)
	p := found.Page
	if err != nil || p.Full && !l.chunks {
		return p, err
	}
	all := len(p.Records)
	n := min(all, max(q.Count, 0))
	p.Records, p.Types = p.Records[:n], p.Types[:n]
	switch whole := q.Count > 0 && at.isFirst() && all < oneMore(q).Count && !p.Full; {
	case whole:
		p.Total = all
		err = v.linkSorted(ctx, l, p, new(pgx.Batch))
	case q.Enough > 0 && all > q.Enough:
		p.Total = q.Enough + 1
		err = v.linkSorted(ctx, l, p, new(pgx.Batch))
	default:
		p.Total, err = v.countAndLinkSorted(ctx, l, p)
	}
	switch {
	case err != nil || n == 0 || p.Total < at.total:
		return p, err
	case q.After != nil && (all > n || p.Full):
		p.Next = &found.last
	case q.After == nil && (n == q.Count || p.Full):
		v.leaveBookmark(l.place(), n, found.last, p.Total)
	}
	if q.After == nil && at.skip > 0 {
		v.leaveBookmark(l.place(), 0, found.behind, p.Total)
	}
	if l.chunks {
		return v.chunksOf(ctx, l.sources, p)
	}
	return p, nil
}

// found is a page in its order, and one resource more where there is.
type found struct {
	directory.Page
	behind, last directory.Position // of the resource before the page, and of its last
}

// findSorted finds a page, and one resource more if that tells whether more follow: behind
// a position, or else by counting its way to the resource before it.
func (v Lists) findSorted(ctx context.Context, l sorting, q directory.Query, at start) (f found, err error) {
	if q.Count <= 0 {
		return f, nil
	}
	ask := v.askSorted(l)
	f.behind = at.after
	if at.skip > 0 {
		sql, args := l.before(v.Org, q.Start-2)
		err := ask(ctx, db.One(func(raw [][]byte) { f.behind = readPosition(raw[0], raw[1]) }), sql, args...)
		if errors.Is(err, directory.ErrNotFound) {
			return f, nil
		}
		if err != nil {
			return f, err
		}
	}
	count := oneMore(q).Count
	n := min(count, directory.ChunkSize+1)
	f.Records, f.Types = make([]directory.Record, 0, n), make([]*schema.Type, 0, n)
	for _, s := range l.steps(f.behind) {
		sql, args := l.page(v.Org, s, f.behind, count-len(f.Records))
		err := ask(ctx, func(rows pgx.Rows) error { return l.read(rows, q.Count, &f) }, sql, args...)
		if err != nil || len(f.Records) == count || f.Full {
			return f, err
		}
	}
	return f, nil
}

// askSorted gives the way of the statements of a sorted list.
func (v Lists) askSorted(l sorting) pool.QueryFunc {
	long := false
	for _, p := range l.parts {
		if p.isComposed() || p.Filter != nil && len(l.parts) > 1 {
			return v.DB.Planned
		}
		long = long || p.isLong() || !search.IsOrdered(p.Sort.Attr) || p.Start > few
	}
	return pool.Through(v.DB.ForScan(long))
}

// read reads what the statement of a page finds.
func (l sorting) read(rows pgx.Rows, size int, f *found) error {
	room, width := l.parts[0].room(), l.width()
	return db.ReadAll(rows, func(raw [][]byte) {
		of := &l.parts[db.ReadInt(raw[width+1])]
		if !room.Takes(of.columns.weigh(raw)) {
			f.Full = true
			return
		}
		of.columns.read(of.memory, added(&f.Page), raw[:width])
		f.Types = append(f.Types, of.Type)
		if n := len(f.Records); n == size || l.chunks && n < size {
			f.last = readPosition(raw[0], raw[width])
		}
	})
}

func readPosition(id, value []byte) directory.Position {
	return directory.Position{ID: db.ReadID(id), Value: string(value), Absent: value == nil}
}

// countAndLinkSorted counts all that is listed, and gives the resources of the page their
// links. Types without a filter are counted with the links, in one round trip.
func (v Lists) countAndLinkSorted(ctx context.Context, l sorting, p directory.Page) (total int, err error) {
	kept := make([]int, len(l.parts))
	b := new(pgx.Batch)
	for i, part := range l.parts {
		if part.Filter == nil {
			db.QueueTotal(b, &kept[i], part.total().With(db.Org(v.Org)))
		}
	}
	err = v.linkSorted(ctx, l, p, b)
	for i, part := range l.parts {
		if part.Filter != nil && err == nil {
			kept[i], err = v.total(ctx, part.source)
		}
		total += kept[i]
	}
	return total, err
}

// linkSorted gives users their groups, in one round trip with what is in the batch.
func (v Lists) linkSorted(ctx context.Context, l sorting, p directory.Page, b *pgx.Batch) error {
	for _, part := range l.parts {
		if !part.hasGroups() {
			continue
		}
		users := make([]*directory.Record, 0, len(p.Records))
		for i, t := range p.Types {
			if t == part.Type {
				users = append(users, &p.Records[i])
			}
		}
		slices.SortFunc(users, func(a, b *directory.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
		v.queueGroupsOf(b, users)
	}
	if b.Len() == 0 {
		return nil
	}
	return v.DB.SendBatch(ctx, b).Close()
}

package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// ListAll implements directory.View.
func (v view) ListAll(ctx context.Context, list []directory.TypeQuery) (p directory.Page, err error) {
	switch {
	case len(list) == 0:
	case list[0].Sort != nil:
		p, err = v.listRanked(ctx, list)
	default:
		p, err = v.inPiecesIfLarge(list[0].Query, func(pieces bool) (directory.Page, error) { return v.listInTurn(ctx, list, pieces) })
	}
	return p, wrap("list several types", err)
}

// listInTurn lists one type after the other, each in the order of creation.
func (v view) listInTurn(ctx context.Context, list []directory.TypeQuery, pieces bool) (p directory.Page, err error) {
	var lists []listing
	left, at := list[0].Count, 0
	if after := list[0].After; after != nil && !after.IsStart() {
		at = slices.IndexFunc(list, func(of directory.TypeQuery) bool { return of.Type.Name == after.Value })
	}
	more := false
	for i, of := range list {
		q := of.Query
		q.Start, q.Count = max(q.Start-p.Total, 1), left
		if q.After != nil && i != at {
			q.After = &directory.Position{}
		}
		if i < at {
			q.Count = 0
		}
		s := v.listing(of.Type, q)
		lists = append(lists, s)
		if pieces {
			s, q.Links, q.Pieces = s.bare(), false, false
		}
		found, err := v.listPart(ctx, s, q)
		if p.Full = found.Full || found.Rest != nil; err != nil || p.Full {
			return p, err
		}
		p.Total += found.Total
		more = more || found.Next != nil || i >= at && left == 0 && found.Total > 0
		p.Records = append(p.Records, found.Records...)
		p.Types = append(p.Types, slices.Repeat([]*schema.Type{of.Type}, len(found.Records))...)
		left -= len(found.Records)
	}
	if pieces && fit(&p, list[0].Query) {
		more = true
	}
	if n := len(p.Records); n > 0 && more && list[0].After != nil {
		p.Next = &directory.Position{ID: p.Records[n-1].ID, Value: p.Types[n-1].Name}
	}
	if pieces {
		return v.gather(ctx, lists, p)
	}
	return p, nil
}

// listPart is listByID for a page that may lie past the end: then it does not
// count its way there.
func (v view) listPart(ctx context.Context, s listing, q directory.Query) (directory.Page, error) {
	if q.Start > 1 && q.Count > 0 {
		none := q
		none.Count = 0
		if p, err := v.listByID(ctx, s, none); err != nil || p.Total < q.Start {
			return p, err
		}
	}
	return v.listByID(ctx, s, q)
}

// listRanked reads the resources of a page in their order, and then their links.
func (v view) listRanked(ctx context.Context, list []directory.TypeQuery) (p directory.Page, err error) {
	q := list[0].Query
	return v.inPiecesIfLarge(q, func(pieces bool) (directory.Page, error) {
		r := v.ranking(list, pieces)
		mark, marked := v.begin(r.here, q)
		p, err := v.rankedPage(ctx, r, q, mark.after, marked)
		if err == nil && marked && p.Total < mark.total {
			p, err = v.rankedPage(ctx, r, q, directory.Position{}, false)
		}
		return p, err
	})
}

func (v view) rankedPage(ctx context.Context, r ranking, q directory.Query, from directory.Position, known bool) (p directory.Page, err error) {
	found, err := v.findRanks(ctx, r, q, from, known)
	if err != nil || found.Full && !r.alone {
		return found.Page, err
	}
	all := len(found.Records)
	n := min(all, max(q.Count, 0))
	p = found.Page
	p.Records, p.Types = p.Records[:n], p.Types[:n]
	if whole := q.Start <= 1 && !known && all < oneMore(q).Count && !found.Full; whole {
		p.Total, err = all, v.linkRanks(ctx, r, p, nil)
	} else {
		p.Total, err = v.countAndLinkRanks(ctx, r, p)
	}
	switch {
	case err != nil || n == 0:
		return p, err
	case q.After != nil && (all > n || found.Full):
		p.Next = &found.last
	case q.After == nil && (n == q.Count || found.Full):
		there := r.here
		there.start += n
		v.marks.put(there, found.last, p.Total)
	}
	if r.alone {
		return v.gather(ctx, r.listings(), p)
	}
	return p, nil
}

// findRanks finds a page, and one resource more if that tells whether more follow: behind
// a position, or else by counting its way to the resource before it.
func (v view) findRanks(ctx context.Context, r ranking, q directory.Query, from directory.Position, known bool) (found ranks, err error) {
	if q.Count <= 0 {
		return found, nil
	}
	query := v.query(false, r.composed, r.long)
	if !known && q.Start > 1 {
		sql, args := r.place(q.Start - 2)
		err := query(ctx, one(func(raw [][]byte) { from = readPosition(raw[0], raw[1]) }), sql, args...)
		if errors.Is(err, directory.ErrNotFound) {
			return found, nil
		}
		if err != nil {
			return found, err
		}
	}
	count := oneMore(q).Count
	found = newRanks(q.Count)
	for _, s := range r.behind(from) {
		sql, args := r.page(s, count-len(found.Records))
		err := query(ctx, func(rows pgx.Rows) error { return r.readPage(rows, &found) }, sql, args...)
		if err != nil || len(found.Records) == count || found.Full {
			return found, err
		}
	}
	return found, nil
}

// countAndLinkRanks counts all that is listed, and gives the resources of the page their
// links. Types without a filter are counted with the links, in one round trip.
func (v view) countAndLinkRanks(ctx context.Context, r ranking, p directory.Page) (total int, err error) {
	kept := make([]int, len(r.parts))
	err = v.linkRanks(ctx, r, p, func(b *pgx.Batch) {
		for i, part := range r.parts {
			if part.filter == "" {
				queueTotal(b, &kept[i], part.total, v.org)
			}
		}
	})
	for i, part := range r.parts {
		if part.filter != "" && err == nil {
			kept[i], err = v.total(ctx, v.listing(r.list[i].Type, r.list[i].Query))
		}
		total += kept[i]
	}
	return total, err
}

// linkRanks gives the resources their links, type by type, and reads what begin adds in
// the same round trip.
func (v view) linkRanks(ctx context.Context, r ranking, p directory.Page, begin func(b *pgx.Batch)) error {
	b := new(pgx.Batch)
	if begin != nil {
		begin(b)
	}
	for _, part := range r.parts {
		if part.withLinks && !r.alone {
			v.queueLinks(b, part.listing, p)
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return v.db.SendBatch(ctx, b).Close()
}

// queueLinks reads the links of the resources of a part, which are in another order.
func (v view) queueLinks(b *pgx.Batch, s listing, p directory.Page) {
	of := make([]*directory.Record, 0, len(p.Records))
	for i, t := range p.Types {
		if t == s.t {
			of = append(of, &p.Records[i])
		}
	}
	if len(of) == 0 {
		return
	}
	slices.SortFunc(of, func(a, b *directory.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	ids := make(uids, len(of))
	for i, r := range of {
		ids[i] = r.ID
	}
	b.Queue(s.linksOf(givenIDs), v.org, ids).Query(func(rows pgx.Rows) error { return s.readLinks(rows, of) })
}

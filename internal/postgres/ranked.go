package postgres

import (
	"context"
	"slices"

	"github.com/google/uuid"
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
		p, err = v.listInTurn(ctx, list)
	}
	return p, wrap("list several types", err)
}

// listInTurn lists one type after the other, each in the order of creation.
func (v view) listInTurn(ctx context.Context, list []directory.TypeQuery) (p directory.Page, err error) {
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
		found, err := v.listPart(ctx, of.Type, q)
		if err != nil {
			return p, err
		}
		p.Total += found.Total
		more = more || found.Next != nil || i >= at && left == 0 && found.Total > 0
		p.Records = append(p.Records, found.Records...)
		p.Types = append(p.Types, slices.Repeat([]*schema.Type{of.Type}, len(found.Records))...)
		left -= len(found.Records)
	}
	if n := len(p.Records); n > 0 && more && list[0].After != nil {
		p.Next = &directory.Position{ID: p.Records[n-1].ID, Value: p.Types[n-1].Name}
	}
	return p, nil
}

// listPart is listByID for a page that may lie past the end: then it does not
// count its way there.
func (v view) listPart(ctx context.Context, t *schema.Type, q directory.Query) (directory.Page, error) {
	if q.Start > 1 && q.Count > 0 {
		none := q
		none.Count = 0
		if p, err := v.listByID(ctx, t, none); err != nil || p.Total < q.Start {
			return p, err
		}
	}
	return v.listByID(ctx, t, q)
}

// listRanked reads the ranks of a page and then, in one round trip, the resources
// that are there.
func (v view) listRanked(ctx context.Context, list []directory.TypeQuery) (p directory.Page, err error) {
	q, r := list[0].Query, v.ranking(list)
	mark, marked := v.begin(r.here, q)
	if p, err = v.rankedPage(ctx, r, q, mark.after, marked); err == nil && marked && p.Total < mark.total {
		p, err = v.rankedPage(ctx, r, q, directory.Position{}, false)
	}
	return p, err
}

func (v view) rankedPage(ctx context.Context, r ranking, q directory.Query, from directory.Position, known bool) (p directory.Page, err error) {
	count := max(q.Count, 0)
	if q.After != nil && count > 0 {
		count++ // tells whether more follow
	}
	ranks, err := v.findRanks(ctx, r, q, from, known, count)
	if err != nil {
		return p, err
	}
	found := len(ranks)
	ranks = ranks[:min(found, max(q.Count, 0))]
	if p, err = v.fetch(ctx, r, ranks); err != nil {
		return p, err
	}
	if q.Start <= 1 && !known && found < count {
		p.Total = found // it is the whole list
	} else if p.Total, err = v.addFiltered(ctx, r, p.Total); err != nil {
		return p, err
	}
	switch n := len(ranks); {
	case n == 0:
	case q.After != nil && found > n:
		p.Next = &ranks[n-1].Position
	case q.After == nil && n == q.Count:
		there := r.here
		there.start += n
		v.marks.put(there, ranks[n-1].Position, p.Total)
	}
	return p, nil
}

// findRanks finds the ranks of a page: behind a position, or else by counting its
// way to the one before the page.
func (v view) findRanks(ctx context.Context, r ranking, q directory.Query, from directory.Position, known bool, count int) (ranks []rank, err error) {
	if count == 0 {
		return nil, nil
	}
	if !known && q.Start > 1 {
		before, err := v.readStep(ctx, r, r.all(), q.Start-2, 1)
		if err != nil || len(before) == 0 {
			return nil, err
		}
		from = before[0].Position
	}
	for _, s := range r.behind(from) {
		found, err := v.readStep(ctx, r, s, 0, count)
		if err != nil {
			return nil, err
		}
		if ranks = append(ranks, found...); len(ranks) >= count {
			return ranks[:count], nil
		}
	}
	return ranks, nil
}

func (v view) readStep(ctx context.Context, r ranking, s step, offset, limit int) ([]rank, error) {
	sql, args := r.statement(s, offset, limit)
	rows, err := v.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return readRanks(rows)
}

// fetch reads the resources of ranks, their links, and the total of the types
// that are listed without a filter, in one round trip. Who was deleted since is
// left out.
func (v view) fetch(ctx context.Context, r ranking, ranks []rank) (p directory.Page, err error) {
	b := new(pgx.Batch)
	records := make([][]directory.Record, len(r.parts))
	for i, part := range r.parts {
		if part.filter == "" {
			b.Queue(part.total, v.org).Query(func(rows pgx.Rows) error {
				return readOne(rows, func(raw [][]byte) { p.Total += int(readInt(raw[0])) })
			})
		}
		if ids := idsIn(ranks, i); len(ids) > 0 {
			b.Queue(part.fields+part.fromAll+" and "+part.id()+thoseIDs+" order by "+part.id(), v.org, ids).Query(func(rows pgx.Rows) (err error) {
				records[i], err = part.read(rows, len(ids))
				return err
			})
			if r.list[i].Links {
				b.Queue(part.linksOf(givenIDs), v.org, ids).Query(func(rows pgx.Rows) error {
					return part.readLinks(rows, records[i])
				})
			}
		}
	}
	if b.Len() > 0 {
		err = v.pool.SendBatch(ctx, b).Close()
	}
	r.place(&p, ranks, records)
	return p, err
}

func idsIn(ranks []rank, part int) (ids uids) {
	for _, k := range ranks {
		if k.part == part {
			ids = append(ids, k.ID)
		}
	}
	return ids
}

// place puts the records of each part where their ranks are.
func (r ranking) place(p *directory.Page, ranks []rank, records [][]directory.Record) {
	at := make(map[uuid.UUID]directory.Record, len(ranks))
	for _, list := range records {
		for _, record := range list {
			at[record.ID] = record
		}
	}
	for _, k := range ranks {
		if record, there := at[k.ID]; there {
			p.Records = append(p.Records, record)
			p.Types = append(p.Types, r.list[k.part].Type)
		}
	}
}

// addFiltered adds to a total what the types have that are listed with a filter.
func (v view) addFiltered(ctx context.Context, r ranking, total int) (int, error) {
	for _, of := range r.list {
		if of.Filter == nil {
			continue
		}
		n, err := v.total(ctx, v.listing(of.Type, of.Query))
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
)

// List implements directory.View.
func (v view) List(ctx context.Context, t *schema.Type, q directory.Query) (p directory.Page, err error) {
	if isRanked(q.Sort) {
		p, err = v.listRanked(ctx, []directory.TypeQuery{{Type: t, Query: q}})
	} else {
		p, err = v.listByID(ctx, v.listing(t, q), q)
	}
	return p, wrap("list "+t.Plural, err)
}

// listByID lists in the order of creation.
func (v view) listByID(ctx context.Context, s listing, q directory.Query) (p directory.Page, err error) {
	switch {
	case q.Count <= 0:
		p.Total, err = v.total(ctx, s)
	case q.Filter == nil:
		p, err = v.listAll(ctx, s, q)
	default:
		p, err = v.listFiltered(ctx, s, q)
	}
	return p, err
}

// listAll reads the page with the total, and its links, in one round trip, unless it lies
// far behind what is known: then only one statement counts its way there.
func (v view) listAll(ctx context.Context, s listing, q directory.Query) (p directory.Page, err error) {
	mark, marked := v.beginNear(s.place(q.Start), q)
	far := !marked && q.Start > v.few || mark.skip > v.few
	first := v.piece(q)
	b := new(pgx.Batch)
	queueTotal(b, &p.Total, s.total, v.org)
	v.queuePage(b, s, first, s.span(first, mark, marked), s.withLinks && !far, &p)
	err = v.share(far).SendBatch(ctx, b).Close() // who counts the way passes over an index
	switch n := len(p.Records); {
	case err != nil:
	case q.Start <= 1 && !marked && n < first.Count && !p.Full:
		p.Total = n // the page is the list, whatever came since the total was read
	case marked && p.Total < mark.total:
		mark, marked = bookmark{}, false
		err = v.page(ctx, s, first, mark, marked, &p)
	case s.withLinks && far:
		err = v.readLinks(ctx, s, p.Records)
	}
	v.rememberCounted(s, q, p, mark, marked)
	return v.onward(s, q, p, err)
}

// queuePage reads the records of a page of a list without a filter, and in the same round
// trip their links.
func (v view) queuePage(b *pgx.Batch, s listing, q directory.Query, page span, links bool, p *directory.Page) {
	b.Queue(s.pageOf(s.records(), page), page.args...).Query(func(rows pgx.Rows) error { return s.read(rows, q.Count, p) })
	if links {
		b.Queue(s.linksWithin(page), page.args...).Query(func(rows pgx.Rows) error { return s.readLinks(rows, pointers(p.Records)) })
	}
}

// listFiltered reads the page and the total in one pass where few are found. Otherwise
// the total is counted apart, unless the page tells it by itself.
func (v view) listFiltered(ctx context.Context, s listing, q directory.Query) (p directory.Page, err error) {
	mark, marked := v.beginNear(s.place(q.Start), q)
	if s.composed && q.Start <= v.few && mark.total <= v.few {
		p, err = v.inPiecesIfLarge(q, func(pieces bool) (directory.Page, error) { return v.listFew(ctx, s, q, pieces) })
		if err != nil || p.Total <= v.few {
			return p, err
		}
		p = directory.Page{}
	}
	first := v.piece(q)
	if q.Start <= 1 && !marked {
		if err = v.page(ctx, s, first, bookmark{}, false, &p); err != nil {
			return p, err
		}
		if p.Total = len(p.Records); p.Total < first.Count && !p.Full {
			v.rememberOnly(s, p.Records)
			return p, nil
		}
		p.Total, err = v.total(ctx, s)
		return v.onward(s, q, p, err)
	}
	if p.Total, err = v.total(ctx, s); err != nil || p.Total < q.Start {
		return p, err
	}
	marked = marked && p.Total >= mark.total
	err = v.page(ctx, s, first, mark, marked, &p)
	v.rememberCounted(s, q, p, mark, marked)
	return v.onward(s, q, p, err)
}

// rememberCounted leaves a bookmark at a page to which PostgreSQL has counted its way.
func (v view) rememberCounted(s listing, q directory.Query, p directory.Page, mark bookmark, marked bool) {
	counted := q.After == nil && q.Start > 1 && (!marked || mark.skip > 0)
	if counted && len(p.Records) > 0 {
		v.marks.put(s.place(q.Start), directory.Position{ID: precedingID(p.Records[0].ID)}, p.Total)
	}
}

// precedingID is the greatest of the ids that are less.
func precedingID(id uuid.UUID) uuid.UUID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]--; id[i] != 0xFF {
			break
		}
	}
	return id
}

// listFew reads the page with the total in one pass over what the filter makes PostgreSQL
// look at, unless more than few are found: then the total is more than few, and nothing
// else is true of the page. Of a page in pieces the pass finds the ids.
func (v view) listFew(ctx context.Context, s listing, q directory.Query, pieces bool) (p directory.Page, err error) {
	found := s
	if pieces {
		found = s.bare()
	}
	sql, args := found.fewOf(oneMore(q), v.few)
	err = v.query(s.brief, s.composed, s.long)(ctx, func(rows pgx.Rows) error { return found.readCounted(rows, q.Count, &p) }, sql, args...)
	if err != nil || p.Total > v.few {
		p.Full = false
		return p, err
	}
	cut(&p, q)
	switch {
	case pieces:
		if n := len(p.Records); fit(&p, q) && q.After != nil && n > 0 {
			p.Next = &directory.Position{ID: p.Records[len(p.Records)-1].ID}
		}
		return v.gather(ctx, []listing{s}, p)
	case s.withLinks:
		err = v.readLinks(ctx, s, p.Records)
	}
	return p, err
}

// planForValues has PostgreSQL plan for the very values of a statement, and take pages
// for cheap: they lie in memory, or on solid-state disks, and what is done with their
// rows costs more. Else it would not find it worth sharing among processes.
const planForValues = `
select set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('seq_page_cost', '0.1', true),
       set_config('random_page_cost', '0.11', true)`

// planned is for what is more than a look-up: which index is best, or none, depends on
// the values.
func (v view) planned(ctx context.Context, read func(rows pgx.Rows) error, sql string, args ...any) error {
	b := new(pgx.Batch)
	b.Queue(planForValues)
	b.Queue(sql, args...).Query(read)
	return v.share(true).SendBatch(ctx, b).Close()
}

// query is how the statements of a list are run: look-ups that find few with others,
// what is more than a look-up by a plan of its own, and as a scan.
func (v view) query(brief, composed, scan bool) queryFunc {
	switch {
	case brief:
		return v.lookUps.query
	case composed:
		return v.planned
	default:
		return through(v.share(scan))
	}
}

// begin finds what a page comes behind: the position that the client has, or a
// bookmark.
func (v view) begin(here place, q directory.Query) (mark bookmark, marked bool) {
	if q.After != nil {
		return bookmark{after: *q.After}, !q.After.IsStart()
	}
	return v.marks.find(here)
}

// beginNear is begin for lists in the order of ids, which count from the nearest
// bookmark before the page.
func (v view) beginNear(here place, q directory.Query) (mark bookmark, marked bool) {
	if q.After != nil {
		return v.begin(here, q)
	}
	return v.marks.near(here)
}

// page reads the records of a page and their links: in one round trip where both are
// found by walking an index, or few are expected, else the links by the ids.
func (v view) page(ctx context.Context, s listing, q directory.Query, mark bookmark, marked bool, p *directory.Page) error {
	page := s.span(q, mark, marked)
	if s.withLinks && s.filter == "" && marked {
		b := new(pgx.Batch)
		v.queuePage(b, s, q, page, true, p)
		return v.db.SendBatch(ctx, b).Close()
	}
	beginning, byID := s.records(), s.withLinks
	if s.withLinks && s.linked != "" && s.filter != "" && !s.composed {
		beginning, byID = s.linked, false
	}
	read := func(rows pgx.Rows) error { return s.read(rows, q.Count, p) }
	err := v.query(s.brief, s.composed, s.long)(ctx, read, s.pageOf(beginning, page), page.args...)
	if err == nil && byID {
		err = v.readLinks(ctx, s, p.Records)
	}
	return err
}

// readLinks reads the links of records, which are in the order of their ids.
func (v view) readLinks(ctx context.Context, s listing, records []directory.Record) error {
	if len(records) == 0 {
		return nil
	}
	ids := make(uids, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	return through(v.db)(ctx, func(rows pgx.Rows) error { return s.readLinks(rows, pointers(records)) }, s.linksOf(givenIDs), v.org, ids)
}

// total counts what the list holds.
func (v view) total(ctx context.Context, s listing) (n int, err error) {
	sql, args := s.total, []any{v.org}
	if s.filter != "" {
		sql, args = s.count, s.args
	}
	err = v.query(s.brief, s.composed, s.long)(ctx, one(func(raw [][]byte) { n = int(readInt(raw[0])) }), sql, args...)
	return n, err
}

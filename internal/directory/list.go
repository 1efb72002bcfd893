package directory

import (
	"context"
	"iter"
	"math"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
)

// ListRequest is what a client asks of a list.
type ListRequest struct {
	// Filter is the text of the filter. HasFilter tells an empty one, which is
	// an error, from none.
	Filter    string
	HasFilter bool
	// SortBy names the attribute to sort by, in the direction of SortOrder (RFC
	// 7644 section 3.4.2.3); without it the order is that of creation.
	SortBy, SortOrder string
	// Start is the 1-based index of the first resource; Count is the size of the
	// page, 0 for the total alone. HasCount tells that the client chose it.
	Start, Count int
	HasCount     bool
	// Whole tells that the page must not end before its count: who counts pages would miss
	// what is left out.
	Whole bool
	// ByCursor asks for the page behind Cursor, instead of the one at Start, and
	// for the next cursor (RFC 9865); an empty Cursor is before the first page.
	ByCursor bool
	Cursor   string
	// Enough is how far what a filter selects is counted, of a list by cursor: where there
	// is more, the total is one more. 0 counts all.
	Enough int
	// Look is at how many resources a page of a list by cursor looks; see Query.
	Look int

	Projection schema.Projection
}

// Listed is a page of a list as a client asked for it, or a chunk of it.
type Listed struct {
	Page
	// Cursor leads to the next page; it is empty on the last one, before the last
	// chunk, and when the pages are not asked for by cursor.
	Cursor string
	// Rest reads the further chunks of the page, once; it is nil where there are none.
	Rest iter.Seq2[Listed, error]
}

// List reads one page. Without a filter inactive users are left out, as Genesys
// does; any filter sees them (BEHAVIOUR 3).
func (d *Directory) List(ctx context.Context, o org.Org, t *schema.Type, r ListRequest) (Listed, error) {
	of := TypeQuery{Type: t}
	if r.HasFilter {
		f, err := filter.ParseWith(t, r.Filter, d.options(o))
		if err != nil {
			return Listed{}, err
		}
		of.Filter = f
	}
	if r.SortBy != "" || r.SortOrder != "" {
		sorts, err := filter.ParseSort([]*schema.Type{t}, r.SortBy, r.SortOrder)
		if err != nil {
			return Listed{}, err
		}
		if sorts != nil {
			of.Sort = new(sorts[0].SeenFrom(t, o.Domain))
		}
	}
	of.ActiveOnly = t.Is(schema.User) && of.Filter == nil
	of.Links, of.Chunks, of.Bytes = wantsLinks(t, r.Projection), true, r.bytes()
	list := ""
	if r.ByCursor {
		list = listName(o.ID, "list", of)
	}
	listed, err := d.turn(ctx, list, r, func(p Query) (Page, error) {
		of.Start, of.Count, of.After, of.Enough, of.Look = p.Start, p.Count, p.After, p.Enough, p.Look
		if isView(t) {
			return d.listView(ctx, o, t, of.Query)
		}
		return d.store.Reads(o.ID).List(ctx, t, of.Query)
	})
	return listed, toSCIM(t, "", err)
}

// ListAll reads one page of a list of users and groups together (RFC 7644
// section 3.4.2.1): users first, or merged by what the list is sorted by.
// Attributes that only one of the types has are unassigned in the other.
func (d *Directory) ListAll(ctx context.Context, o org.Org, project func(*schema.Type) schema.Projection, r ListRequest) (Listed, error) {
	types, err := d.TypesOf(ctx, o)
	if err != nil {
		return Listed{}, err
	}
	list, err := d.selections(o, []*schema.Type{types.Of(schema.User), types.Of(schema.Group)}, r)
	if err != nil {
		return Listed{}, err
	}
	for i, of := range list {
		list[i].Links, list[i].Chunks, list[i].Bytes = wantsLinks(of.Type, project(of.Type)), true, r.bytes()
	}
	return d.turn(ctx, listName(o.ID, "all", list...), r, func(p Query) (Page, error) {
		for i := range list {
			list[i].Start, list[i].Count, list[i].After = p.Start, p.Count, p.After
		}
		return d.store.Reads(o.ID).ListAll(ctx, list)
	})
}

// bytes is how many bytes of documents the page may have.
func (r ListRequest) bytes() int {
	if r.Whole {
		return math.MaxInt
	}
	return PageBytes
}

// selections is what a request selects of each type. A type of which nothing can
// match is not there.
func (d *Directory) selections(o org.Org, types []*schema.Type, r ListRequest) (list []TypeQuery, err error) {
	selected := make([]filter.Selection, len(types))
	if r.HasFilter {
		if selected, err = filter.ParseEach(types, r.Filter, d.options(o)); err != nil {
			return nil, err
		}
	}
	sorts, err := filter.ParseSort(types, r.SortBy, r.SortOrder)
	if err != nil {
		return nil, err
	}
	for i, t := range types {
		of := TypeQuery{Type: t, Query: Query{Filter: selected[i].Filter, ActiveOnly: t.Is(schema.User) && !r.HasFilter}}
		if sorts != nil {
			of.Sort = new(sorts[i].SeenFrom(t, o.Domain))
		}
		if !selected[i].None {
			list = append(list, of)
		}
	}
	return list, nil
}

// turn turns to the page that is asked for, and tells how to turn to the next.
func (d *Directory) turn(ctx context.Context, list string, r ListRequest, read func(p Query) (Page, error)) (Listed, error) {
	q, err := d.cursors.page(ctx, list, r)
	if err != nil {
		return Listed{}, err
	}
	p, err := read(q)
	if err != nil {
		return Listed{}, err
	}
	l, err := d.listed(ctx, list, p, q.Count)
	if rest := p.Rest; err == nil && rest != nil {
		l.Rest = func(yield func(Listed, error) bool) {
			for p, err := range rest {
				var next Listed
				if err == nil {
					next, err = d.listed(ctx, list, p, q.Count)
				}
				if !yield(next, err) {
					return
				}
			}
		}
	}
	return l, err
}

// listed gives a chunk of a page its cursor, if another page follows it.
func (d *Directory) listed(ctx context.Context, list string, p Page, count int) (l Listed, err error) {
	l.Page = p
	l.Cursor, err = d.cursors.next(ctx, list, p, count)
	return l, err
}

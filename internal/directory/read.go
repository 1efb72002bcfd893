package directory

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Get reads one resource, inactive users included. Links are read only when the
// projection wants them, and members only when they are few: see Record.HasMore.
func (d *Directory) Get(ctx context.Context, o org.Org, t *schema.Type, id string, p schema.Projection) (Record, error) {
	if isView(t) {
		return d.getView(ctx, o, t, id)
	}
	u, err := parseID(t, id)
	if err != nil {
		return Record{}, err
	}
	record, err := d.store.Org(o.ID).Get(ctx, t, u, wantsLinks(t, p))
	return record, explain(t, id, err)
}

// Version reads the version of one resource, for requests that need no more.
func (d *Directory) Version(ctx context.Context, o org.Org, t *schema.Type, id string) (scim.Version, error) {
	u, err := parseID(t, id)
	if err != nil {
		return 0, err
	}
	version, err := d.store.Org(o.ID).Version(ctx, t, u)
	return version, explain(t, id, err)
}

// Members walks the members of a group, some at a time, as they were at one
// moment. What is given is good until the next; an error ends the walk.
func (d *Directory) Members(ctx context.Context, o org.Org, group uuid.UUID) iter.Seq2[[]Link, error] {
	return d.store.Org(o.ID).Members(ctx, group)
}

// ListRequest is what a client asks of a list.
type ListRequest struct {
	// Filter is the text of the filter. HasFilter tells an empty one, which is
	// an error, from none.
	Filter    string
	HasFilter bool
	// Start is the 1-based index of the first resource; Count is the size of the
	// page, 0 for the total alone.
	Start, Count int
	Projection   schema.Projection
}

// List reads one page. Without a filter inactive users are left out, as Genesys
// does; any filter sees them (BEHAVIOUR 3).
func (d *Directory) List(ctx context.Context, o org.Org, t *schema.Type, r ListRequest) (Page, error) {
	q := Query{Start: r.Start, Count: r.Count, Links: wantsLinks(t, r.Projection)}
	if r.HasFilter {
		f, err := filter.ParseWith(t, r.Filter, d.options(o))
		if err != nil {
			return Page{}, err
		}
		q.Filter = f
	}
	q.ActiveOnly = t.Is(schema.User) && q.Filter == nil
	page, err := d.store.Org(o.ID).List(ctx, t, q)
	return page, explain(t, "", err)
}

func wantsLinks(t *schema.Type, p schema.Projection) bool {
	for a := range t.Attributes {
		if a.Search == schema.Link && p.Wants(a) {
			return true
		}
	}
	return false
}

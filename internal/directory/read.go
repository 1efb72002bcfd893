package directory

import (
	"context"
	"iter"

	"github.com/google/uuid"

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

func wantsLinks(t *schema.Type, p schema.Projection) bool {
	for a := range t.Attributes {
		if a.Search == schema.Link && p.Wants(a) {
			return true
		}
	}
	return false
}

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
// projection wants them, and of many members the ids alone (Record.MemberIDs).
func (d *Directory) Get(ctx context.Context, o org.Org, t *schema.Type, id string, p schema.Projection) (Record, error) {
	if isView(t) {
		return d.getView(ctx, o, t, id)
	}
	u, err := parseID(t, id)
	if err != nil {
		return Record{}, err
	}
	record, err := d.store.Reads(o.ID).Get(ctx, t, u, wantsLinks(t, p))
	return record, toSCIM(t, id, err)
}

// Version reads the version of one resource, for requests that need no more.
func (d *Directory) Version(ctx context.Context, o org.Org, t *schema.Type, id string) (scim.Version, error) {
	u, err := parseID(t, id)
	if err != nil {
		return 0, err
	}
	version, err := d.store.Reads(o.ID).Version(ctx, t, u)
	return version, toSCIM(t, id, err)
}

// WithMembers reads a group with its members, as it is now. ErrNotFound tells that it
// is gone.
func (d *Directory) WithMembers(ctx context.Context, o org.Org, group uuid.UUID) (Record, error) {
	return d.store.Reads(o.ID).Get(ctx, schema.Group, group, true)
}

// Members names users by their ids (Record.MemberIDs), some at a time. What is given is
// good until the next; an error ends the walk.
func (d *Directory) Members(ctx context.Context, o org.Org, ids []uuid.UUID) iter.Seq2[[]Link, error] {
	return d.store.Reads(o.ID).Members(ctx, ids)
}

func wantsLinks(t *schema.Type, p schema.Projection) bool {
	for a := range t.Attributes {
		if a.Search == schema.Link && p.Wants(a) {
			return true
		}
	}
	return false
}

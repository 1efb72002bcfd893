package postgres

import (
	"context"
	"iter"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/standbys"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Reads implements directory.Store: by a standby where there is one to ask, and else, or when
// it fails, by the primary.
func (s *Store) Reads(id org.ID) directory.Reads {
	primary := s.view(id)
	if s.standbys == nil {
		return primary
	}
	return &reads{primary, s, id}
}

// Standbys tells of the standbys, and how often the primary was asked instead, by cause.
// Without standbys there is nothing to tell.
func (s *Store) Standbys() (states []standbys.State, fallbacks map[string]int64) {
	if s.standbys == nil {
		return nil, nil
	}
	return s.standbys.States(), s.standbys.Fallbacks()
}

// reads is the view of the primary whose methods below ask a standby first.
type reads struct {
	*view
	store *Store
	org   org.ID
}

var _ directory.Reads = (*reads)(nil)

// begin gives the view of a standby for a read that begins now, and what tells whether to ask
// the primary after all; nil is the primary alone.
func (r *reads) begin(ctx context.Context) (*view, *standbys.Reading) {
	if pool.IsJoint(ctx) { // it sees what was not committed yet
		return nil, nil
	}
	reading := r.store.standbys.Begin(ctx)
	if reading == nil {
		return nil, nil
	}
	t := reading.Tenant(r.org)
	t.Elsewhere = func(ctx context.Context, err error) *pool.Tenant {
		if reading.Again(ctx, err) {
			return &r.Tenant
		}
		return nil
	}
	return r.store.viewOf(t), reading
}

// ask reads from a standby, and all of it anew from the primary if that fails.
func ask[T any](ctx context.Context, r *reads, read func(v *view) (T, error)) (T, error) {
	if v, reading := r.begin(ctx); v != nil {
		if result, err := read(v); !reading.Again(ctx, err) {
			return result, err
		}
	}
	return read(r.view)
}

// Get implements directory.Reads.
func (r *reads) Get(ctx context.Context, t *schema.Type, id uuid.UUID, links bool) (directory.Record, error) {
	return ask(ctx, r, func(v *view) (directory.Record, error) { return v.Get(ctx, t, id, links) })
}

// Version implements directory.Reads.
func (r *reads) Version(ctx context.Context, t *schema.Type, id uuid.UUID) (scim.Version, error) {
	return ask(ctx, r, func(v *view) (scim.Version, error) { return v.Version(ctx, t, id) })
}

// Members implements directory.Reads.
func (r *reads) Members(ctx context.Context, ids []uuid.UUID) iter.Seq2[[]directory.Link, error] {
	if v, _ := r.begin(ctx); v != nil {
		return v.Members(ctx, ids)
	}
	return r.view.Members(ctx, ids)
}

// List implements directory.Reads.
func (r *reads) List(ctx context.Context, t *schema.Type, q directory.Query) (directory.Page, error) {
	return ask(ctx, r, func(v *view) (directory.Page, error) { return v.List(ctx, t, q) })
}

// ListAll implements directory.Reads.
func (r *reads) ListAll(ctx context.Context, list []directory.TypeQuery) (directory.Page, error) {
	return ask(ctx, r, func(v *view) (directory.Page, error) { return v.ListAll(ctx, list) })
}

// ListMembers implements directory.Reads.
func (r *reads) ListMembers(ctx context.Context, group uuid.UUID, s directory.Selection) (directory.Page, error) {
	return ask(ctx, r, func(v *view) (directory.Page, error) { return v.ListMembers(ctx, group, s) })
}

// UsersByID implements directory.Reads.
func (r *reads) UsersByID(ctx context.Context, s directory.Selection, active []bool) (directory.Page, error) {
	return ask(ctx, r, func(v *view) (directory.Page, error) { return v.UsersByID(ctx, s, active) })
}

// DeletedUsers implements directory.Reads.
func (r *reads) DeletedUsers(ctx context.Context, s directory.Selection) (directory.Page, error) {
	return ask(ctx, r, func(v *view) (directory.Page, error) { return v.DeletedUsers(ctx, s) })
}

// Group implements directory.Reads.
func (r *reads) Group(ctx context.Context, id uuid.UUID) (directory.GroupRecord, error) {
	return ask(ctx, r, func(v *view) (directory.GroupRecord, error) { return v.Group(ctx, id) })
}

// ListGroups implements directory.Reads.
func (r *reads) ListGroups(ctx context.Context, s directory.Selection) ([]directory.GroupRecord, int, error) {
	return askPage(ctx, r, func(v *view) ([]directory.GroupRecord, int, error) { return v.ListGroups(ctx, s) })
}

// ListMemberships implements directory.Reads.
func (r *reads) ListMemberships(ctx context.Context, q directory.MembershipQuery) ([]directory.Membership, int, error) {
	return askPage(ctx, r, func(v *view) ([]directory.Membership, int, error) { return v.ListMemberships(ctx, q) })
}

// EntriesByName implements directory.Reads.
func (r *reads) EntriesByName(ctx context.Context, kind directory.Kind, names []string) ([]directory.Entry, error) {
	return ask(ctx, r, func(v *view) ([]directory.Entry, error) { return v.EntriesByName(ctx, kind, names) })
}

// askPage is ask for a page and a total.
func askPage[T any](ctx context.Context, r *reads, read func(v *view) ([]T, int, error)) (found []T, total int, err error) {
	found, err = ask(ctx, r, func(v *view) (page []T, err error) {
		page, total, err = read(v)
		return page, err
	})
	return found, total, err
}

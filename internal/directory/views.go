package directory

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// isView reports whether a type is one of schema.Views.
func isView(t *schema.Type) bool { return t.Is(schema.Role) || t.Is(schema.GroupMember) }

// getView reads a resource of one of schema.Views.
func (d *Directory) getView(ctx context.Context, o org.Org, t *schema.Type, id string) (Record, error) {
	if t.Is(schema.GroupMember) {
		return d.membership(ctx, o, id)
	}
	u, err := parseID(t, id)
	if err != nil {
		return Record{}, err
	}
	e, err := d.store.Org(o.ID).Entry(ctx, Role, u)
	return newRole(e).Record, toSCIM(t, id, err)
}

// listView reads one page of the resources of one of schema.Views.
func (d *Directory) listView(ctx context.Context, o org.Org, t *schema.Type, q Query) (Page, error) {
	if t.Is(schema.GroupMember) {
		return d.listMemberships(ctx, o, q)
	}
	return d.listRoles(ctx, o, q)
}

// role is a role as SCIM shows it.
type role struct {
	Record
	doc  scim.Document // with meta, for filters
	rank Position      // its place in a list that is sorted
}

func newRole(e Entry) role {
	doc := scim.Document{}
	schema.ID.Set(doc, e.ID.String())
	schema.RoleValue.Set(doc, e.Name)
	schema.RoleDisplay.Set(doc, e.Name)
	schema.RoleSupported.Set(doc, true)
	r := role{doc: doc, rank: Position{ID: e.ID}, Record: Record{
		ID: e.ID, Version: scim.Version(e.Version), Created: e.Created, Modified: e.Modified, Doc: schema.Role.Encode(doc),
	}}
	schema.Meta.Set(doc, map[string]any{
		"resourceType": schema.Role.Name, "version": r.Version.String(),
		"created": e.Created.UTC().Format(schema.TimeLayout), "lastModified": e.Modified.UTC().Format(schema.TimeLayout),
	})
	return r
}

// listRoles selects and sorts in memory: an organisation has hundreds of roles at
// most, and clients want all of them.
func (d *Directory) listRoles(ctx context.Context, o org.Org, q Query) (Page, error) {
	entries, _, err := d.store.Org(o.ID).ListEntries(ctx, EntryQuery{Kind: Role, Names: true, Selection: Selection{Limit: math.MaxInt32}})
	if err != nil {
		return Page{}, err
	}
	var roles []role
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return Page{}, err
		}
		if r := newRole(e); q.Filter == nil || filter.Match(q.Filter.Root(), r.doc) {
			roles = append(roles, r)
		}
	}
	order := comparePositions
	if q.Sort != nil {
		for i, r := range roles {
			roles[i].rank = rankOf(*q.Sort, r.doc, r.ID)
		}
		if q.Sort.Descending {
			order = func(a, b Position) int { return comparePositions(b, a) }
		}
	}
	slices.SortFunc(roles, func(a, b role) int { return order(a.rank, b.rank) })
	return pageOfRoles(roles, q, order), nil
}

// pageOfRoles cuts the page that is asked for out of all roles in their order.
func pageOfRoles(roles []role, q Query, order func(a, b Position) int) Page {
	page := Page{Total: len(roles)}
	first := q.Start - 1
	if q.After != nil && !q.After.IsStart() {
		first = slices.IndexFunc(roles, func(r role) bool { return order(r.rank, *q.After) > 0 })
		if first < 0 {
			first = len(roles)
		}
	}
	first = min(max(first, 0), len(roles))
	last := min(first+q.Count, len(roles))
	for _, r := range roles[first:last] {
		page.Records = append(page.Records, r.Record)
	}
	if q.After != nil && first < last && last < len(roles) {
		page.Next = &roles[last-1].rank
	}
	return page
}

// rankOf is the place of a document in a sorted list. Every attribute of a role
// that has an order is a text or always the same.
func rankOf(s filter.Sort, doc scim.Document, id uuid.UUID) Position {
	value := ""
	if a := s.Attr; a != nil && a.Parent() != nil {
		parent, _ := a.Parent().Get(doc).(map[string]any)
		value = a.Fold(text(parent[a.Name]))
	} else if a != nil {
		value = a.Fold(a.Text(doc))
	}
	return Position{ID: id, Value: value, Absent: value == ""}
}

// comparePositions puts what has no value last.
func comparePositions(a, b Position) int {
	if a.Absent != b.Absent {
		if a.Absent {
			return 1
		}
		return -1
	}
	return cmp.Or(strings.Compare(a.Value, b.Value), bytes.Compare(a.ID[:], b.ID[:]))
}

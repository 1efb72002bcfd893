package directory

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// Memberships is the part of a View that shows who is a member of what, one by one.
type Memberships interface {
	// ListMemberships reads one page, by group and member, and the exact total.
	ListMemberships(ctx context.Context, q MembershipQuery) ([]Membership, int, error)
}

// Membership is one member of one group.
type Membership struct{ Group, Member Link }

// MembershipQuery selects one page of the memberships.
type MembershipQuery struct {
	// Group and Member select those of one group, and of one user; uuid.Nil
	// selects those of all.
	Group, Member uuid.UUID
	// Start is the 1-based index of the first, and Count the size of the page, 0
	// for the total alone.
	Start, Count int
	// After is what the page comes behind, wherever that is; nil goes by Start.
	After *MembershipID
}

// MembershipID names a membership: it lasts as long as both are and belong together.
type MembershipID struct{ Group, Member uuid.UUID }

// String is the id as it is answered.
func (id MembershipID) String() string { return id.Group.String() + "." + id.Member.String() }

// parseMembershipID reads what String writes.
func parseMembershipID(s string) (id MembershipID, ok bool) {
	group, member, _ := strings.Cut(s, ".")
	g, okGroup := exactID(group)
	m, okMember := exactID(member)
	return MembershipID{g, m}, okGroup && okMember
}

func (d *Directory) membership(ctx context.Context, o org.Org, id string) (Record, error) {
	key, ok := parseMembershipID(id)
	if !ok {
		return Record{}, notFound(schema.GroupMember, id)
	}
	found, _, err := d.store.Reads(o.ID).ListMemberships(ctx, MembershipQuery{Group: key.Group, Member: key.Member, Start: 1, Count: 1})
	if err != nil {
		return Record{}, err
	}
	if len(found) == 0 {
		return Record{}, notFound(schema.GroupMember, id)
	}
	return found[0].record(), nil
}

// listMemberships reads a page at the same cost wherever in a list it is, for
// which it has one order and knows no filters but those that an index answers.
func (d *Directory) listMemberships(ctx context.Context, o org.Org, q Query) (page Page, err error) {
	if q.Sort != nil {
		return page, scim.InvalidValue("sortBy: members of groups have one order, that of their groups and of the age of the users; leave it out")
	}
	of := MembershipQuery{Start: q.Start, Count: q.Count}
	if q.Filter != nil {
		if none, err := of.narrow(q.Filter.Root()); err != nil || none {
			return page, err
		}
	}
	if q.After != nil && q.Count > 0 {
		of.Count++ // tells whether more follow
	}
	if q.After != nil && !q.After.IsStart() {
		group, _ := exactID(q.After.Value)
		of.After = &MembershipID{Group: group, Member: q.After.ID}
	}
	found, total, err := d.store.Reads(o.ID).ListMemberships(ctx, of)
	if err != nil {
		return page, err
	}
	page.Total = total
	if len(found) > q.Count {
		found = found[:q.Count]
		last := found[q.Count-1]
		page.Next = &Position{ID: last.Member.ID, Value: last.Group.ID.String()}
	}
	for _, m := range found {
		page.Records = append(page.Records, m.record())
	}
	return page, nil
}

// narrow selects what a filter does; none tells that it selects nothing.
func (q *MembershipQuery) narrow(n filter.Node) (none bool, err error) {
	switch n := n.(type) {
	case filter.And:
		left, err := q.narrow(n.Left)
		if err != nil {
			return false, err
		}
		right, err := q.narrow(n.Right)
		return left || right, err
	case filter.Present: // what a filter in brackets says first
		if n.Attr == schema.MembershipGroup || n.Attr == schema.MembershipMember {
			return false, nil
		}
	case filter.Compare:
		value, isText := n.Value.(string)
		if n.Op != filter.Eq || !isText {
			break
		}
		switch n.Attr {
		case schema.ID:
			id, ok := parseMembershipID(value)
			return !ok || !choose(&q.Group, id.Group) || !choose(&q.Member, id.Member), nil
		case schema.MembershipGroup.SubAttribute("value"):
			id, ok := exactID(value)
			return !ok || !choose(&q.Group, id), nil
		case schema.MembershipMember.SubAttribute("value"):
			id, ok := exactID(value)
			return !ok || !choose(&q.Member, id), nil
		}
	}
	return false, scim.InvalidFilter(`members of groups are selected by group.value eq "ID", member.value eq "ID", or both joined by and`)
}

// choose narrows a choice to one id, and reports whether anything is left of it.
func choose(chosen *uuid.UUID, id uuid.UUID) bool {
	if *chosen == uuid.Nil {
		*chosen = id
	}
	return *chosen == id && id != uuid.Nil
}

// record is the membership as it is answered. It has no version, since it changes
// in nothing but the names that it shows, and no times, which are not kept.
func (m Membership) record() Record {
	id := MembershipID{m.Group.ID, m.Member.ID}.String()
	doc := scim.Document{}
	schema.ID.Set(doc, id)
	schema.MembershipGroup.Set(doc, map[string]any{
		"value": m.Group.ID.String(), "$ref": "../Groups/" + m.Group.ID.String(), "display": m.Group.Display,
	})
	schema.MembershipMember.Set(doc, map[string]any{
		"value": m.Member.ID.String(), "$ref": "../Users/" + m.Member.ID.String(), "type": "User", "display": m.Member.Display,
	})
	return Record{Key: id, Doc: schema.GroupMember.Encode(doc)}
}

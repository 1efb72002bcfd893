package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// A page of the members of a large group touches as much of the database at its
// end as at its beginning; so does one of the groups of a user, and one of all.
func TestMemberships_EachPageCostsTheSame(t *testing.T) {
	t.Parallel()
	const members = 20_000
	s := newShelf(t)
	org := s.orgs.Add(1)
	s.add(t, org, schema.User, documents(members, numberedUser))
	s.add(t, org, schema.Group, documents(members, numberedGroup))
	var links [][2]uuid.UUID
	for i := range members {
		links = append(links, [2]uuid.UUID{numbered(2, 7), numbered(1, i)})
		if i != 7 {
			links = append(links, [2]uuid.UUID{numbered(2, i), numbered(1, 7)})
		}
	}
	s.link(t, org, links)
	s.exec(t, "vacuum analyze users, groups, group_members")
	v := view{org: org}
	last := directory.MembershipID{Group: numbered(2, members-100), Member: numbered(1, members-100)}
	for name, q := range map[string]directory.MembershipQuery{
		"group": {Group: numbered(2, 7), Count: 10}, "member": {Member: numbered(1, 7), Count: 10}, "all": {Count: 10},
	} {
		_, condition, args := v.chosenMemberships(q)
		after := last
		if q.Group != uuid.Nil {
			after.Group = q.Group
		}
		first := s.buffers(t, q, nil, condition, args)
		if deep := s.buffers(t, q, &after, condition, args); deep > first+20 {
			t.Errorf("%s: the first page touches %d buffers, one near the end %d", name, first, deep)
		}
	}
}

var hits = regexp.MustCompile(`Buffers: shared hit=(\d+)`)

// buffers tells how many buffers a page touches.
func (s *shelf) buffers(t *testing.T, q directory.MembershipQuery, after *directory.MembershipID, condition string, args []any) int {
	t.Helper()
	sql, args := membershipPage(q, after, condition, slices.Clip(args))
	var plan string
	for range 2 { // at first some are read and not hit
		plan = s.explain(t, false, "(analyze, buffers, timing off, summary off) "+sql, args)
	}
	found := hits.FindStringSubmatch(plan)
	if found == nil {
		t.Fatalf("no buffers in\n%s", plan)
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

// What changes between two pages is seen or not; what does not is seen once.
func TestMemberships_WhileOthersComeAndGo(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(20)
	g := o.group("Sales", ids[:15]...)
	var seen []uuid.UUID
	var after *directory.MembershipID
	for page := 0; ; page++ {
		found, _, err := o.ListMemberships(t.Context(), directory.MembershipQuery{Group: g.ID, Start: 1, Count: 3, After: after})
		o.must(err)
		if len(found) == 0 {
			break
		}
		for _, m := range found {
			seen = append(seen, m.Member.ID)
		}
		after = &directory.MembershipID{Group: g.ID, Member: seen[len(seen)-1]}
		// The last that was seen leaves, and one more comes.
		o.changeMembers(g.ID, directory.MemberChange{Remove: seen[len(seen)-1:], Add: ids[min(15+page, 19):min(16+page, 20)], Limit: 1})
	}
	expect(t, "seen", seen, ids)
	o.consistent()
}

// A bookmark is of no use to a list that has become shorter.
func TestMemberships_ByIndex(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	ids := o.users(10)
	g := o.group("Sales", ids...)
	page := func(start int) (members []uuid.UUID) {
		found, total, err := o.ListMemberships(t.Context(), directory.MembershipQuery{Group: g.ID, Start: start, Count: 4})
		o.must(err)
		expect(t, fmt.Sprint("total at ", start), total, o.get(schema.Group, g.ID, false).MemberCount)
		for _, m := range found {
			members = append(members, m.Member.ID)
		}
		return members
	}
	expect(t, "first", page(1), ids[:4])
	expect(t, "second", page(5), ids[4:8])
	expect(t, "far", page(9), ids[8:])
	o.changeMembers(g.ID, directory.MemberChange{Remove: ids[:2], Limit: 2})
	expect(t, "second of those that are left", page(5), ids[6:])
	expect(t, "behind the last", page(9), []uuid.UUID(nil))
	var none scim.Condition
	o.must(o.DeleteGroup(t.Context(), g.ID, none))
	found, total, err := o.ListMemberships(t.Context(), directory.MembershipQuery{Group: g.ID, Start: 1, Count: 4})
	o.must(err)
	expect(t, "of a group that is gone", len(found)+total, 0)
}

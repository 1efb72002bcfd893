package postgres

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

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

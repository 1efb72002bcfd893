package lists

import (
	"regexp"
	"strconv"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
)

// A page of the members of a large group touches as much of the database at its
// end as at its beginning; so does one of the groups of a user, and one of all.
func TestMemberships_EachPageCostsTheSame(t *testing.T) {
	t.Parallel()
	const members = 20_000
	s := searchtest.New(t)
	org := s.Orgs.Add(1)
	s.Add(t, org, schema.User, searchtest.Documents(members, searchtest.NumberedUser))
	s.Add(t, org, schema.Group, searchtest.Documents(members, searchtest.NumberedGroup))
	var links [][2]uuid.UUID
	for i := range members {
		links = append(links, [2]uuid.UUID{searchtest.Numbered(2, 7), searchtest.Numbered(1, i)})
		if i != 7 {
			links = append(links, [2]uuid.UUID{searchtest.Numbered(2, i), searchtest.Numbered(1, 7)})
		}
	}
	s.Link(t, org, links)
	s.Exec(t, "vacuum analyze users, groups, group_members")
	last := directory.MembershipID{Group: searchtest.Numbered(2, members-100), Member: searchtest.Numbered(1, members-100)}
	for name, q := range map[string]directory.MembershipQuery{
		"group": {Group: searchtest.Numbered(2, 7), Count: 10}, "member": {Member: searchtest.Numbered(1, 7), Count: 10}, "all": {Count: 10},
	} {
		after := last
		if q.Group != uuid.Nil {
			after.Group = q.Group
		}
		first := buffersOf(t, s, org, q, nil)
		if deep := buffersOf(t, s, org, q, &after); deep > first+20 {
			t.Errorf("%s: the first page touches %d buffers, one near the end %d", name, first, deep)
		}
	}
}

var hits = regexp.MustCompile(`Buffers: shared hit=(\d+)`)

// buffersOf tells how many buffers a page touches.
func buffersOf(t *testing.T, s *searchtest.DB, org int64, q directory.MembershipQuery, after *directory.MembershipID) int {
	t.Helper()
	at := start{}
	if q.After = after; after != nil {
		at = start{after: *pageOfMemberships(q).After, known: true}
	}
	sql, args := membershipPage(org, q, at)
	var plan string
	for range 2 { // at first some are read and not hit
		plan = s.Plan(t, false, "(analyze, buffers, timing off, summary off) "+sql, args)
	}
	found := hits.FindStringSubmatch(plan)
	if found == nil {
		t.Fatalf("no buffers in\n%s", plan)
	}
	n, _ := strconv.Atoi(found[1])
	return n
}

package groups

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres/searchtest"
)

// linksTo are members whose names are their ids.
func linksTo(ids []uuid.UUID) []directory.Link {
	links := make([]directory.Link, len(ids))
	for i, id := range ids {
		links[i] = directory.Link{ID: id, Display: id.String()}
	}
	return links
}

// What merged requests are answered is what they would be, one after the other.
func TestMemberWishes_AnswerAsInTurn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		users := make([]uuid.UUID, 8)
		for i := range users {
			users[i] = searchtest.Numbered(1, i)
		}
		some := func(what string) []uuid.UUID {
			set := map[uuid.UUID]bool{}
			for _, id := range rapid.SliceOfN(rapid.SampledFrom(users), 0, 3).Draw(t, what) {
				set[id] = true
			}
			return idsIn(set)
		}
		members := map[uuid.UUID]bool{}
		for _, id := range some("members") {
			members[id] = true
		}
		stored := members
		before := directory.Record{Version: 7, Modified: time.Unix(1, 0), MemberCount: len(members)}
		after := before

		wishes := memberWishes{}
		var requests []*memberRequest
		var want []directory.Record
		for range rapid.IntRange(1, 6).Draw(t, "requests") {
			m := directory.MemberChange{Add: some("add"), Remove: some("remove"), Links: rapid.Bool().Draw(t, "links")}
			m.Remove = removals(m)
			r := &memberRequest{MemberChange: m, done: make(chan struct{})}
			if !wishes.take(len(requests), r) {
				break
			}
			requests = append(requests, r)
			var moved bool
			if members, moved = changed(members, m); moved {
				after.Version, after.Modified = after.Version+1, time.Unix(2, 0)
			}
			after.MemberCount = len(members)
			if after.Links = nil; m.Links {
				after.Links = linksTo(idsIn(members))
			}
			want = append(want, after)
		}
		a := applied{Record: after, before: before.Modified, names: map[uuid.UUID]string{}}
		a.Links = linksTo(idsIn(members))
		for id, wish := range wishes {
			switch {
			case wish.add && !stored[id]:
				a.changed[0] = append(a.changed[0], id)
			case !wish.add && stored[id]:
				a.changed[1] = append(a.changed[1], id)
				a.names[id] = id.String()
			}
		}
		wishes.answer(requests, a)
		for i, r := range requests {
			<-r.done
			if r.record.Version != want[i].Version || r.record.MemberCount != want[i].MemberCount || !r.record.Modified.Equal(want[i].Modified) {
				t.Fatalf("request %d is answered %v, want %v", i, r.record, want[i])
			}
			if diff := cmp.Diff(want[i].Links, r.record.Links); diff != "" {
				t.Fatalf("request %d (-want +got):\n%s", i, diff)
			}
		}
	})
}

func idsIn(set map[uuid.UUID]bool) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(set), func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
}

// changed makes the change to a set of members and reports whether it changed it.
func changed(members map[uuid.UUID]bool, m directory.MemberChange) (after map[uuid.UUID]bool, changes bool) {
	after = maps.Clone(members)
	for _, id := range m.Remove {
		delete(after, id)
	}
	for _, id := range m.Add {
		after[id] = true
	}
	return after, !maps.Equal(members, after)
}

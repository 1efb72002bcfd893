package chaos

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A membership is seen from two sides: the group's members, and the user's groups, which have
// no version. So what a user shows is compared with what had ended, and what was under way.

// passage is one change of a membership.
type passage struct {
	joined     bool
	outcome    Outcome
	begin, end time.Time
}

// passages are the changes of all memberships: by user, then by group.
func (h *History) passages() map[string]map[string][]passage {
	all := map[string]map[string][]passage{}
	note := func(w GroupWrite, users []string, joined bool) {
		for _, user := range users {
			if all[user] == nil {
				all[user] = map[string][]passage{}
			}
			all[user][w.Group] = append(all[user][w.Group], passage{joined, w.Outcome, w.Begin, w.End})
		}
	}
	for _, writes := range h.changes {
		for _, w := range writes {
			note(w, w.Joined, true)
			note(w, w.Left, false)
		}
	}
	for _, groups := range all {
		for _, list := range groups {
			slices.SortStableFunc(list, func(a, b passage) int { return a.begin.Compare(b.begin) })
		}
	}
	return all
}

// checkViews lists what is wrong with the groups that users showed, and where the last reads
// of groups and users do not agree: for these, nothing may be under way any more.
func (h *History) checkViews() (faults []string) {
	all := h.passages()
	for user, reads := range h.reads {
		for _, r := range reads {
			if r.Gone {
				continue
			}
			for group, list := range all[user] {
				in, out := h.mayBe(group, list, r)
				if is := slices.Contains(r.Groups, group); is && !in || !is && !out {
					faults = append(faults, fmt.Sprintf("user %s: is in group %s: %v", user, group, is))
				}
			}
			for _, group := range r.Groups {
				if all[user][group] == nil {
					faults = append(faults, fmt.Sprintf("user %s: nobody put it into group %s", user, group))
				}
			}
		}
	}
	return append(faults, h.compareLast()...)
}

// mayBe tells whether a read may show the membership, and whether it may show none.
func (h *History) mayBe(group string, list []passage, r Read) (in, out bool) {
	out = true
	for _, p := range list {
		switch {
		case p.outcome == Refused || !p.begin.Before(r.End):
		case p.outcome == Acknowledged && p.end.Before(r.Begin):
			in, out = p.joined, !p.joined
		default:
			in, out = in || p.joined, out || !p.joined
		}
	}
	for _, w := range h.changes[group] {
		switch {
		case !w.Gone || w.Outcome == Refused || !w.Begin.Before(r.End):
		case w.Outcome == Acknowledged && w.End.Before(r.Begin):
			return false, true
		default:
			out = true
		}
	}
	return in, out
}

// compareLast compares the last read of each group with those of its members.
func (h *History) compareLast() (faults []string) {
	users := map[string][]string{}
	for user, reads := range h.reads {
		if last := slices.MaxFunc(reads, func(a, b Read) int { return a.Begin.Compare(b.Begin) }); !last.Gone {
			users[user] = last.Groups
		}
	}
	for _, group := range slices.Sorted(maps.Keys(h.found)) {
		last := slices.MaxFunc(h.found[group], func(a, b GroupRead) int { return a.Begin.Compare(b.Begin) })
		for user, groups := range users {
			_, member := slices.BinarySearch(last.Members, user)
			if in := slices.Contains(groups, group); in != (member && !last.Gone) {
				faults = append(faults, fmt.Sprintf("the group %s has user %s: %v, and the user has the group: %v", group, user, member, in))
			}
		}
	}
	return faults
}

package chaos

import (
	"fmt"
	"slices"
	"time"
)

// GroupWrite is a request, or a step of one, that changes a group. Each member and the name
// of a group have one writer, who leaves alone for good what it does not know the outcome of;
// so what is stored of them is what was acknowledged last, or that.
type GroupWrite struct {
	Group        string
	Joined, Left []string // users
	Strangers    int      // users who join and whose ids nobody was told
	Name         int      // the number of the name that it gives; 0 gives none
	Gone         bool
	Version      int // that was answered; 0 if none was
	Outcome      Outcome
	Begin, End   time.Time
	Answer       string // in words
}

// GroupRead is a read of a group, or what a change of it was answered with.
type GroupRead struct {
	Group      string
	Name       int
	Members    []string // sorted
	Gone       bool
	Version    int
	Modified   time.Time
	Ahead      bool // as of a Read
	Begin, End time.Time
}

// Changed notes a write of a group that has ended, however.
func (h *History) Changed(w GroupWrite) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.Joined, w.Left = h.once(w.Joined), h.once(w.Left)
	h.changes[w.Group] = append(h.changes[w.Group], w)
}

// Found notes a read of a group that was answered.
func (h *History) Found(r GroupRead) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.Members = h.once(r.Members)
	slices.Sort(r.Members)
	h.found[r.Group] = append(h.found[r.Group], r)
}

// once gives the same texts, each of which is in memory once.
func (h *History) once(ids []string) []string {
	for i, id := range ids {
		if _, known := h.ids[id]; !known {
			h.ids[id] = id
		}
		ids[i] = h.ids[id]
	}
	return ids
}

// checkGroups lists what is wrong with what was read of groups, and with the versions that
// their changes were answered with.
func (h *History) checkGroups() (faults []string) {
	for group, reads := range h.found {
		slices.SortFunc(reads, func(a, b GroupRead) int { return a.End.Compare(b.End) })
		for i, r := range reads {
			for _, fault := range append(judgeOrder(r, h.changes[group], reads[:i]), h.judgeContent(r)...) {
				faults = append(faults, fmt.Sprintf("group %s: read of version %d (gone %v): %s", group, r.Version, r.Gone, fault))
			}
		}
	}
	for group, writes := range h.changes {
		for _, fault := range judgeVersions(writes) {
			faults = append(faults, fmt.Sprintf("group %s: %s", group, fault))
		}
	}
	return faults
}

// judgeVersions finds changes whose versions do not rise as the changes followed each other.
func judgeVersions(writes []GroupWrite) (faults []string) {
	for i, w := range writes {
		for _, other := range writes[i+1:] {
			if w.Outcome != Acknowledged || other.Outcome != Acknowledged || w.Version == 0 || other.Version == 0 {
				continue
			}
			if w.Version == other.Version || w.End.Before(other.Begin) && w.Version > other.Version || other.End.Before(w.Begin) && other.Version > w.Version {
				faults = append(faults, fmt.Sprintf("changes were answered with version %d, and then %d", w.Version, other.Version))
			}
		}
	}
	return faults
}

// judgeOrder compares a read with the writes that had ended, and with the reads that had.
func judgeOrder(r GroupRead, writes []GroupWrite, before []GroupRead) (faults []string) {
	deleted := false
	for _, w := range writes {
		deleted = deleted || w.Gone && w.Outcome != Refused && w.Begin.Before(r.End)
		if w.Outcome == Acknowledged && w.End.Before(r.Begin) && !r.Gone && (w.Gone || w.Version > r.Version) {
			faults = append(faults, fmt.Sprintf("version %d (gone %v) was acknowledged before", w.Version, w.Gone))
		}
	}
	if r.Gone && !deleted {
		faults = append(faults, "nobody deleted it")
	}
	for _, earlier := range before {
		switch {
		case r.Gone:
		case !earlier.Gone && earlier.Version <= r.Version && earlier.Modified.After(r.Modified):
			faults = append(faults, fmt.Sprintf("version %d was modified later", earlier.Version))
		case earlier.End.Before(r.Begin) && !earlier.Ahead && (earlier.Gone || earlier.Version > r.Version):
			faults = append(faults, fmt.Sprintf("version %d (gone %v) was read before", earlier.Version, earlier.Gone))
		case !earlier.Gone && earlier.Version == r.Version && (earlier.Name != r.Name || !slices.Equal(earlier.Members, r.Members)):
			faults = append(faults, "the same version had another content")
		}
	}
	return faults
}

// content is what a group may have at a version.
type content struct {
	members   map[string]bool // who is one by what was acknowledged
	doubtful  map[string]bool // who may be one or not
	name      int
	names     []int // that it may have besides
	strangers int   // how many others there may be
}

// judgeContent compares a read with what the writes up to its version make of the group.
func (h *History) judgeContent(r GroupRead) (faults []string) {
	if r.Gone {
		return nil
	}
	want := h.contentAt(r)
	for user, joined := range want.members {
		if _, is := slices.BinarySearch(r.Members, user); is != joined && !want.doubtful[user] {
			faults = append(faults, fmt.Sprintf("user %s is a member: %v", user, is))
		}
	}
	for _, user := range r.Members {
		if _, known := want.members[user]; !known && !want.doubtful[user] {
			if want.strangers--; want.strangers < 0 {
				faults = append(faults, fmt.Sprintf("nobody added user %s", user))
			}
		}
	}
	if r.Name != want.name && !slices.Contains(want.names, r.Name) {
		faults = append(faults, fmt.Sprintf("it has name %d instead of %d", r.Name, want.name))
	}
	for _, w := range h.changes[r.Group] {
		if w.Outcome == Unknown && w.Begin.Before(r.Begin) && h.halfDone(w, r) {
			faults = append(faults, "half of a change")
		}
	}
	return faults
}

// contentAt makes the content of the writes.
func (h *History) contentAt(r GroupRead) content {
	c := content{members: map[string]bool{}, doubtful: map[string]bool{}}
	writes := slices.Clone(h.changes[r.Group])
	slices.SortStableFunc(writes, func(a, b GroupWrite) int { return a.Begin.Compare(b.Begin) })
	for _, w := range writes {
		if w.Outcome == Refused || w.Gone || !w.Begin.Before(r.End) {
			continue
		}
		done := w.Outcome == Acknowledged && (w.Version > 0 || w.End.Before(r.Begin))
		if !done || w.Version <= r.Version {
			c.take(w, done)
		}
	}
	for user := range c.members {
		begun, ended := h.deleted(user, r.Begin, r.End)
		if c.doubtful[user] = c.doubtful[user] || begun; ended {
			c.members[user], c.doubtful[user] = false, false
		}
	}
	return c
}

// take takes a write in, which was done or may have been.
func (c *content) take(w GroupWrite, done bool) {
	for i, users := range [][]string{w.Joined, w.Left} {
		for _, user := range users {
			if c.doubtful[user] = !done; done {
				c.members[user] = i == 0
			}
		}
	}
	c.strangers += w.Strangers
	switch {
	case w.Name == 0:
	case done:
		c.name = w.Name
	default:
		c.names = append(c.names, w.Name)
	}
}

// deleted tells whether the deletion of a user had begun when a read ended, and whether it
// was acknowledged before that began.
func (h *History) deleted(user string, begin, end time.Time) (begun, ended bool) {
	for _, w := range h.writes[user] {
		if w.Gone && w.Outcome != Refused {
			begun = begun || w.Begin.Before(end)
			ended = ended || w.Outcome == Acknowledged && w.End.Before(begin)
		}
	}
	return begun, ended
}

// halfDone reports whether a read shows a part of a change, and not the rest. What it changes
// nobody changes afterwards, but for users who are deleted.
func (h *History) halfDone(w GroupWrite, r GroupRead) bool {
	done, not := false, false
	is := func(carriedOut bool) { done, not = done || carriedOut, not || !carriedOut }
	look := func(users []string, joined bool) {
		for _, user := range users {
			if begun, _ := h.deleted(user, r.Begin, r.End); !begun {
				_, member := slices.BinarySearch(r.Members, user)
				is(member == joined)
			}
		}
	}
	look(w.Joined, true)
	look(w.Left, false)
	if w.Name > 0 {
		is(r.Name == w.Name)
	}
	return done && not
}

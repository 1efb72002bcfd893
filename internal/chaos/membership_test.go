package chaos

import (
	"strings"
	"testing"
	"time"
)

// story is a history of one group, in seconds.
type story struct {
	writes []GroupWrite
	reads  []GroupRead
	users  []Read
	gone   []Write
	want   string
}

// during gives the times of what begins at a second and takes one.
func during(second int) (begin, end time.Time) {
	return time.Unix(int64(second), 0), time.Unix(int64(second)+1, 0)
}

func change(second, version int, w GroupWrite) GroupWrite {
	w.Group, w.Version = "g", version
	w.Begin, w.End = during(second)
	return w
}

func groupRead(second, version, name int, members ...string) GroupRead {
	begin, end := during(second)
	return GroupRead{Group: "g", Version: version, Name: name, Members: members, Begin: begin, End: end}
}

// showing is a read of user a.
func showing(second int, groups ...string) Read {
	begin, end := during(second)
	return Read{Key: "a", N: 1, Twin: 1, Version: 1, Groups: groups, Begin: begin, End: end}
}

func deletion(second int, o Outcome) Write {
	begin, end := during(second)
	return Write{Key: "a", N: 2, Gone: true, Outcome: o, Begin: begin, End: end}
}

func (s story) told(t *testing.T, name string) {
	t.Helper()
	h := NewHistory()
	h.Wrote(Write{Key: "a", N: 1, Version: 1})
	for _, w := range s.gone {
		h.Wrote(w)
	}
	for _, w := range s.writes {
		h.Changed(w)
	}
	for _, r := range s.reads {
		h.Found(r)
	}
	for _, r := range s.users {
		h.Saw(r)
	}
	found := strings.Join(h.Check(), "; ")
	if s.want == "" && found != "" || !strings.Contains(found, s.want) {
		t.Errorf("%s: found %q, want %q", name, found, s.want)
	}
}

// What was read of a group is what was acknowledged up to its version.
func TestCheck_OfMembers(t *testing.T) {
	t.Parallel()
	made := change(0, 1, GroupWrite{Name: 1})
	joined := change(10, 2, GroupWrite{Joined: []string{"a", "b"}})
	left := change(20, 3, GroupWrite{Left: []string{"a"}})
	doubtful := change(20, 0, GroupWrite{Left: []string{"a"}, Joined: []string{"c"}, Name: 2, Outcome: Unknown})
	refused := change(20, 0, GroupWrite{Left: []string{"a"}, Outcome: Refused})
	stranger := change(20, 0, GroupWrite{Strangers: 1, Outcome: Unknown})
	platform := change(20, 0, GroupWrite{Left: []string{"a"}})
	gone := change(20, 0, GroupWrite{Gone: true})
	absent := groupRead(30, 0, 0)
	absent.Gone = true
	ahead, behind := groupRead(5, 1, 1), groupRead(15, 2, 1, "a", "b")
	ahead.Modified, behind.Modified = time.Unix(200, 0), time.Unix(100, 0)
	for name, s := range map[string]story{
		"all is well":                  {writes: []GroupWrite{made, joined, left}, reads: []GroupRead{groupRead(5, 1, 1), groupRead(15, 2, 1, "a", "b"), groupRead(30, 3, 1, "b")}},
		"a read beside a change":       {writes: []GroupWrite{made, joined}, reads: []GroupRead{groupRead(10, 1, 1), groupRead(10, 2, 1, "a", "b")}},
		"an unknown change, done":      {writes: []GroupWrite{made, joined, doubtful}, reads: []GroupRead{groupRead(30, 3, 2, "b", "c")}},
		"an unknown change, not done":  {writes: []GroupWrite{made, joined, doubtful}, reads: []GroupRead{groupRead(30, 2, 1, "a", "b")}},
		"a stranger":                   {writes: []GroupWrite{made, joined, stranger}, reads: []GroupRead{groupRead(30, 3, 1, "a", "b", "x")}},
		"a change without a version":   {writes: []GroupWrite{made, joined, platform}, reads: []GroupRead{groupRead(20, 2, 1, "a", "b"), groupRead(30, 3, 1, "b")}},
		"a user who is deleted":        {writes: []GroupWrite{made, joined}, gone: []Write{deletion(20, Acknowledged)}, reads: []GroupRead{groupRead(20, 2, 1, "a", "b"), groupRead(30, 3, 1, "b")}},
		"a group that is deleted":      {writes: []GroupWrite{made, joined, gone}, reads: []GroupRead{absent}},
		"a lost member":                {writes: []GroupWrite{made, joined}, reads: []GroupRead{groupRead(15, 2, 1, "b")}, want: "user a is a member: false"},
		"a member who comes back":      {writes: []GroupWrite{made, joined, left}, reads: []GroupRead{groupRead(30, 3, 1, "a", "b")}, want: "user a is a member: true"},
		"a deleted member who is back": {writes: []GroupWrite{made, joined}, gone: []Write{deletion(20, Acknowledged)}, reads: []GroupRead{groupRead(30, 3, 1, "a", "b")}, want: "user a is a member: true"},
		"a lost platform change":       {writes: []GroupWrite{made, joined, platform}, reads: []GroupRead{groupRead(30, 3, 1, "a", "b")}, want: "user a is a member: true"},
		"a refused change that is done": {
			writes: []GroupWrite{made, joined, refused}, reads: []GroupRead{groupRead(30, 3, 1, "b")}, want: "user a is a member: false",
		},
		"a member whom nobody added": {writes: []GroupWrite{made, joined}, reads: []GroupRead{groupRead(15, 2, 1, "a", "b", "x")}, want: "nobody added user x"},
		"a stranger too many":        {writes: []GroupWrite{made, joined, stranger}, reads: []GroupRead{groupRead(30, 3, 1, "a", "b", "x", "y")}, want: "nobody added user"},
		"a lost name":                {writes: []GroupWrite{made, change(10, 2, GroupWrite{Name: 2})}, reads: []GroupRead{groupRead(30, 2, 1)}, want: "it has name 1 instead of 2"},
		"half of a change":           {writes: []GroupWrite{made, joined, doubtful}, reads: []GroupRead{groupRead(30, 3, 1, "b", "c")}, want: "half of a change"},
		"a version that was passed":  {writes: []GroupWrite{made, joined}, reads: []GroupRead{groupRead(30, 1, 1)}, want: "version 2 (gone false) was acknowledged before"},
		"a read that goes back":      {writes: []GroupWrite{made, stranger}, reads: []GroupRead{groupRead(30, 2, 1, "x"), groupRead(40, 1, 1)}, want: "version 2 (gone false) was read before"},
		"two contents of a version":  {writes: []GroupWrite{made, stranger}, reads: []GroupRead{groupRead(30, 2, 1, "x"), groupRead(40, 2, 1)}, want: "the same version had another content"},
		"a clock that goes back":     {writes: []GroupWrite{made, joined}, reads: []GroupRead{ahead, behind}, want: "version 1 was modified later"},
		"a lost group":               {writes: []GroupWrite{made}, reads: []GroupRead{absent}, want: "nobody deleted it"},
		"a group that comes back":    {writes: []GroupWrite{made, gone}, reads: []GroupRead{groupRead(30, 1, 1)}, want: "(gone true) was acknowledged before"},
		"one version of two changes": {writes: []GroupWrite{made, joined, change(10, 2, GroupWrite{Name: 2})}, want: "answered with version 2, and then 2"},
		"versions that fall":         {writes: []GroupWrite{made, change(10, 3, GroupWrite{Name: 2}), change(20, 2, GroupWrite{Name: 3})}, want: "answered with version 3, and then 2"},
	} {
		s.told(t, name)
	}
}

// A user shows the groups that it is in, and at last the same as these.
func TestCheck_OfGroupsOfUsers(t *testing.T) {
	t.Parallel()
	joined := change(10, 2, GroupWrite{Joined: []string{"a"}, Name: 1})
	left := change(20, 3, GroupWrite{Left: []string{"a"}})
	doubtful := change(20, 0, GroupWrite{Left: []string{"a"}, Outcome: Unknown})
	gone := change(20, 0, GroupWrite{Gone: true})
	for name, s := range map[string]story{
		"all is well":             {writes: []GroupWrite{joined, left}, users: []Read{showing(5), showing(15, "g"), showing(25)}},
		"a read beside a change":  {writes: []GroupWrite{joined}, users: []Read{showing(10), showing(10, "g")}},
		"an unknown change":       {writes: []GroupWrite{joined, doubtful}, users: []Read{showing(30), showing(31, "g")}},
		"a group that is deleted": {writes: []GroupWrite{joined, gone}, users: []Read{showing(20, "g"), showing(30)}},
		"both sides":              {writes: []GroupWrite{joined}, users: []Read{showing(30, "g")}, reads: []GroupRead{groupRead(30, 2, 1, "a")}},
		"a lost membership":       {writes: []GroupWrite{joined}, users: []Read{showing(15)}, want: "is in group g: false"},
		"one that comes back":     {writes: []GroupWrite{joined, left}, users: []Read{showing(25, "g")}, want: "is in group g: true"},
		"one that is to come":     {writes: []GroupWrite{joined}, users: []Read{showing(5, "g")}, want: "is in group g: true"},
		"a deleted group":         {writes: []GroupWrite{joined, gone}, users: []Read{showing(30, "g")}, want: "is in group g: true"},
		"a group of nobody":       {users: []Read{showing(5, "g")}, want: "nobody put it into group g"},
		"one side only": {
			writes: []GroupWrite{joined, doubtful}, users: []Read{showing(30)}, reads: []GroupRead{groupRead(30, 2, 1, "a")},
			want: "the group g has user a: true, and the user has the group: false",
		},
	} {
		s.told(t, name)
	}
}

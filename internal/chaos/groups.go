package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// placesOfGroups is how many groups are changed at a time, each by all.
	placesOfGroups = 4
	// lifeOfGroup is how often its maker changes any before the next one is made.
	lifeOfGroup = 40
	// manyMembers is how many come or go at most with one request.
	manyMembers = 8
)

// group is one that a worker has made, and renames.
type group struct {
	id             string
	name, age      int
	nameIsDoubtful bool
}

// workOnGroups does something with groups: most often, puts a user into one or takes it out.
func (w *worker) workOnGroups(ctx context.Context) {
	w.tend(ctx)
	id := w.someGroup()
	if id == "" {
		return
	}
	switch rand.IntN(6) {
	case 0:
		w.readGroup(ctx, id)
	case 1:
		w.change(ctx, w.plan(id, 1+rand.IntN(manyMembers)))
	case 2:
		w.platformChange(ctx, w.plan(id, 1+rand.IntN(manyMembers)))
	default:
		w.change(ctx, w.plan(id, 1))
	}
}

// tend makes the worker's group, and after its time another one.
func (w *worker) tend(ctx context.Context) {
	if w.own.age++; w.place >= placesOfGroups || w.own.id != "" && w.own.age < lifeOfGroup {
		return
	}
	old := w.own.id
	w.own = group{name: 1}
	began := time.Now()
	a := w.ask(ctx, w.any(), http.MethodPost, groupsPath, fmt.Sprintf(`{"displayName":"group%d 1"}`, w.next()), 0)
	w.expect(a.status, "POST of a group", http.StatusConflict)
	if a.status == http.StatusCreated {
		w.own.id = a.ID
		w.History.Changed(GroupWrite{Group: a.ID, Name: 1, Version: a.version(), Begin: began, End: time.Now()})
	}
	w.mu.Lock()
	w.groups[w.place] = w.own.id
	if w.own.id != "" {
		w.made = append(w.made, w.own.id)
	}
	w.mu.Unlock()
	if old != "" && rand.IntN(2) == 0 {
		w.removeGroup(ctx, old)
	}
}

// removeGroup deletes a group, which others may change still.
func (w *worker) removeGroup(ctx context.Context, id string) {
	w.mu.Lock()
	w.deleted[id] = true
	w.mu.Unlock()
	d := GroupWrite{Group: id, Gone: true, Begin: time.Now()}
	a := w.ask(ctx, w.any(), http.MethodDelete, groupsPath+"/"+id, "", 0)
	w.expect(a.status, "DELETE of a group", http.StatusNotFound)
	d.End, d.Outcome, d.Answer = time.Now(), a.outcome(), a.words()
	if a.status == http.StatusNotFound {
		d.Outcome = Unknown
	}
	w.History.Changed(d)
}

func (w *worker) someGroup() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.groups[rand.IntN(len(w.groups))]
}

// plan chooses a change of so many memberships of the worker's users: who is in leaves, who
// is not joins. The worker's own group gets a new name now and then.
func (w *worker) plan(id string, members int) GroupWrite {
	g := GroupWrite{Group: id}
	for _, i := range rand.Perm(len(w.crew)) {
		m := membership{id, w.crew[i]}
		switch {
		case w.doubtful[m] || len(g.Joined)+len(g.Left) == members:
		case w.joined[m]:
			g.Left = append(g.Left, m.user)
		default:
			g.Joined = append(g.Joined, m.user)
		}
	}
	if id == w.own.id && !w.own.nameIsDoubtful && rand.IntN(3) == 0 {
		w.own.name++
		g.Name = w.own.name
	}
	return g
}

// patch is the body that makes a change, with an operation for each part of it. References
// are what joins besides.
func patch(g GroupWrite, references ...string) string {
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value,omitempty"`
	}
	var list []operation
	for _, user := range g.Left {
		list = append(list, operation{Op: "remove", Path: fmt.Sprintf("members[value eq %q]", user)})
	}
	if g.Name > 0 {
		list = append(list, operation{"replace", "displayName", fmt.Sprintf("group%s %d", g.Group, g.Name)})
	}
	joining := []map[string]string{}
	for _, user := range slices.Concat(g.Joined, references) {
		joining = append(joining, map[string]string{"value": user})
	}
	if len(joining) > 0 {
		list = append(list, operation{"add", "members", joining})
	}
	body, _ := json.Marshal(map[string]any{"Operations": list})
	return string(body)
}

// change sends a change of a group. What it is answered with is a read, too.
func (w *worker) change(ctx context.Context, g GroupWrite) {
	if len(g.Joined)+len(g.Left)+g.Name == 0 {
		return
	}
	g.Begin = time.Now()
	a := w.ask(ctx, w.any(), http.MethodPatch, groupsPath+"/"+g.Group, patch(g), 0)
	w.expect(a.status, "PATCH of a group", w.whereGone(g.Group)...)
	g.End, g.Outcome, g.Version, g.Answer = time.Now(), a.outcome(), a.version(), a.words()
	w.changed(g)
	if a.status == http.StatusOK {
		w.History.Found(a.group(g.Group, g.Begin, g.End))
	}
}

// platformChange adds, or removes, by the platform API, which answers without a version.
func (w *worker) platformChange(ctx context.Context, g GroupWrite) {
	if g.Name = 0; len(g.Joined) > 0 {
		g.Left = nil
	} else if len(g.Left) == 0 {
		return
	}
	path := "/api/v2/groups/" + g.Group + "/members"
	g.Begin = time.Now()
	var a answer
	if len(g.Joined) > 0 {
		body, _ := json.Marshal(map[string]any{"memberIds": g.Joined})
		a = w.ask(ctx, w.any(), http.MethodPost, path, string(body), 0)
	} else {
		a = w.ask(ctx, w.any(), http.MethodDelete, path+"?ids="+strings.Join(g.Left, ","), "", 0)
	}
	w.expect(a.status, "a platform change of a group", w.whereGone(g.Group)...)
	g.End, g.Outcome, g.Answer = time.Now(), a.outcome(), a.words()
	w.changed(g)
}

// changed notes a change, and what is known of its members now.
func (w *worker) changed(g GroupWrite) {
	w.History.Changed(g)
	for i, users := range [][]string{g.Joined, g.Left} {
		for _, user := range users {
			switch m := (membership{g.Group, user}); g.Outcome {
			case Acknowledged:
				w.joined[m] = i == 0
			case Unknown:
				w.doubtful[m] = true
			}
		}
	}
	w.own.nameIsDoubtful = w.own.nameIsDoubtful || g.Name > 0 && g.Outcome == Unknown
}

// whereGone is 404 if the group was deleted, as far as is known.
func (c *Clients) whereGone(id string) []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deleted[id] {
		return []int{http.StatusNotFound}
	}
	return nil
}

// group is the group in an answer. Its name ends with the number.
func (a answer) group(id string, begin, end time.Time) GroupRead {
	_, name, _ := strings.Cut(a.DisplayName, " ")
	return GroupRead{Group: id, Name: number(name), Members: values(a.Members), Version: a.version(), Modified: a.Meta.LastModified, Begin: begin, End: end}
}

// readGroup reads a group. It reports whether there was an answer.
func (c *Clients) readGroup(ctx context.Context, id string) bool {
	server, began := c.any(), time.Now()
	a := c.ask(ctx, server, http.MethodGet, groupsPath+"/"+id, "", 0)
	r := a.group(id, began, time.Now())
	r.Ahead = server == c.OfStandby
	r.Gone = a.status == http.StatusNotFound
	if a.status != http.StatusOK && !r.Gone {
		c.expect(a.status, "GET of a group")
		return false
	}
	c.History.Found(r)
	return true
}

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	// lifeOfKey is how often a user is changed before the next one is made.
	lifeOfKey = 12
	// crewSize is how many users a worker puts into groups.
	crewSize = 12
)

// worker is one client: it changes one user after the other, and puts those that it has made
// into groups, which it shares with others.
type worker struct {
	*Clients
	place    int // of the group that it makes; with placesOfGroups or more it makes none
	own      group
	crew     []string
	joined   map[membership]bool // as was acknowledged last
	doubtful map[membership]bool // changed with an outcome that nobody knows
}

// membership is a user's in a group.
type membership struct{ group, user string }

// Work writes and reads until ctx ends: users of its own, groups of all, and users of others.
// place numbers those who work.
func (c *Clients) Work(ctx context.Context, place int) {
	w := &worker{Clients: c, place: place, joined: map[membership]bool{}, doubtful: map[membership]bool{}}
	for ctx.Err() == nil {
		if key, version, ok := w.create(ctx); ok {
			w.live(ctx, key, version)
		}
	}
}

// create makes a user. Of one whose answer was lost nobody knows the id, so it is left.
func (w *worker) create(ctx context.Context) (key string, version int, ok bool) {
	began := time.Now()
	a := w.ask(ctx, w.any(), http.MethodPost, usersPath, newUser(w.next()), 0)
	if a.status != http.StatusCreated {
		w.expect(a.status, "POST of a user", http.StatusConflict) // what was tried again had been done
		return "", 0, false
	}
	w.hire(Write{Key: a.ID, N: 1, Version: a.version(), Begin: began, End: time.Now()})
	return a.ID, a.version(), true
}

func newUser(serial int) string {
	return fmt.Sprintf(`{"userName":"user%d@example.org","displayName":"1","title":"1"}`, serial)
}

// hire notes that a user was created, and takes it into the crew.
func (w *worker) hire(created Write) {
	w.History.Wrote(created)
	w.mu.Lock()
	w.keys = append(w.keys, created.Key)
	w.mu.Unlock()
	if w.crew = append(w.crew, created.Key); len(w.crew) > crewSize {
		w.crew = w.crew[1:]
	}
}

// live changes a user, and deletes every second one at last.
func (w *worker) live(ctx context.Context, key string, version int) {
	for n := 2; n < lifeOfKey && ctx.Err() == nil; n++ {
		done := w.write(ctx, key, n, version)
		w.Read(ctx, w.someKey())
		w.workOnGroups(ctx)
		if version = done.Version; done.Outcome == Acknowledged {
			continue
		}
		known := false
		for !known && ctx.Err() == nil {
			version, known = w.Read(ctx, key)
		}
	}
	if rand.IntN(2) == 0 && ctx.Err() == nil {
		w.remove(ctx, key)
	}
}

// remove deletes a user, whose memberships end with it.
func (w *worker) remove(ctx context.Context, key string) {
	for i, other := range w.crew {
		if other == key {
			w.crew = append(w.crew[:i:i], w.crew[i+1:]...)
			break
		}
	}
	d := Write{Key: key, N: lifeOfKey, Gone: true, Begin: time.Now()}
	a := w.ask(ctx, w.any(), http.MethodDelete, usersPath+"/"+key, "", 0)
	w.expect(a.status, "DELETE of a user", http.StatusNotFound) // what was tried again had been done
	d.End, d.Outcome = time.Now(), a.outcome()
	if a.status == http.StatusNotFound {
		d.Outcome = Unknown
	}
	w.History.Wrote(d)
}

// write changes both places of a user whose version is as it was seen, now and then in a bulk request.
func (w *worker) write(ctx context.Context, key string, n, version int) Write {
	done := Write{Key: key, N: n, Begin: time.Now()}
	if rand.IntN(6) == 0 {
		done.Outcome, done.Version = w.bulk(ctx, key, n, version)
	} else {
		a := w.ask(ctx, w.any(), http.MethodPatch, usersPath+"/"+key, userPatch(n), version)
		w.expect(a.status, "PATCH of a user", http.StatusPreconditionFailed)
		done.Outcome, done.Version = a.outcome(), a.version()
	}
	done.End = time.Now()
	w.History.Wrote(done)
	return done
}

func userPatch(n int) string {
	return fmt.Sprintf(`{"Operations":[{"op":"replace","path":"displayName","value":"%d"},{"op":"replace","path":"title","value":"%d"}]}`, n, n)
}

// Read reads a user. It reports whether there was an answer.
func (c *Clients) Read(ctx context.Context, key string) (version int, ok bool) {
	server := c.any()
	r := Read{Key: key, Ahead: server == c.OfStandby, Begin: time.Now()}
	a := c.ask(ctx, server, http.MethodGet, usersPath+"/"+key, "", 0)
	r.End, r.Gone = time.Now(), a.status == http.StatusNotFound
	if a.status != http.StatusOK && !r.Gone {
		c.expect(a.status, "GET of a user")
		return 0, false
	}
	r.N, r.Twin, r.Version, r.Groups = number(a.DisplayName), number(a.Title), a.version(), values(a.Groups)
	r.Modified = a.Meta.LastModified
	c.History.Saw(r)
	return r.Version, true
}

func (c *Clients) someKey() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[rand.IntN(len(c.keys))]
}

// ReadAll reads all users and groups, each until it is answered, when nobody works any more.
func (c *Clients) ReadAll(ctx context.Context) {
	c.Pause = 0
	for _, key := range c.keys {
		for read := false; !read && ctx.Err() == nil; {
			_, read = c.Read(ctx, key)
		}
	}
	for _, id := range c.made {
		for !c.readGroup(ctx, id) && ctx.Err() == nil {
		}
	}
}

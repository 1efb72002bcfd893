package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// requestTime is how long a client waits for an answer.
	requestTime = 5 * time.Second
	// lifeOfKey is how often a user is changed before the next one is made.
	lifeOfKey = 12
	usersPath = "/api/v2/scim/v2/Users"
)

// Clients write and read users through all servers at once.
type Clients struct {
	Servers []string // their URLs
	Token   string
	History *History

	mu         sync.Mutex
	keys       []string
	unexpected []string // answers that no fault explains
	serial     int
}

// user is what is read of one.
type user struct {
	ID, Title, DisplayName string

	Meta struct{ Version string }
}

// Work writes and reads until ctx ends: users of its own, and those of others.
func (c *Clients) Work(ctx context.Context) {
	for ctx.Err() == nil {
		if key, version, ok := c.create(ctx); ok {
			c.live(ctx, key, version)
		}
	}
}

// create makes a user. Of one whose answer was lost nobody knows the id, so it is left.
func (c *Clients) create(ctx context.Context) (key string, version int, ok bool) {
	c.mu.Lock()
	c.serial++
	name := fmt.Sprintf("user%d@example.org", c.serial)
	c.mu.Unlock()
	w := Write{N: 1, Begin: time.Now()}
	status, made := c.ask(ctx, c.any(), http.MethodPost, usersPath, fmt.Sprintf(`{"userName":%q,"displayName":"1","title":"1"}`, name), 0)
	if status != http.StatusCreated {
		c.expect(status, http.MethodPost, http.StatusConflict)
		return "", 0, false
	}
	w.Key, w.End = made.ID, time.Now()
	w.Version, _ = strconv.Atoi(made.Meta.Version)
	c.History.Wrote(w)
	c.mu.Lock()
	c.keys = append(c.keys, w.Key)
	c.mu.Unlock()
	return w.Key, w.Version, true
}

// live changes a user, and deletes every second one at last.
func (c *Clients) live(ctx context.Context, key string, version int) {
	for n := 2; n < lifeOfKey && ctx.Err() == nil; n++ {
		w := c.write(ctx, key, n, version)
		c.Read(ctx, c.someKey())
		if version = w.Version; w.Outcome == Acknowledged {
			continue
		}
		known := false
		for !known && ctx.Err() == nil {
			version, known = c.Read(ctx, key)
		}
	}
	if rand.IntN(2) == 0 && ctx.Err() == nil {
		w := Write{Key: key, N: lifeOfKey, Gone: true, Outcome: Unknown, Begin: time.Now()}
		status, _ := c.ask(ctx, c.any(), http.MethodDelete, usersPath+"/"+key, "", 0)
		if status == http.StatusNoContent {
			w.Outcome = Acknowledged
		}
		w.End = time.Now()
		c.expect(status, http.MethodDelete, http.StatusNotFound) // what was tried again had been done
		c.History.Wrote(w)
	}
}

// write changes both places of a user whose version is as it was seen.
func (c *Clients) write(ctx context.Context, key string, n, version int) Write {
	w := Write{Key: key, N: n, Outcome: Unknown, Begin: time.Now()}
	body := fmt.Sprintf(`{"Operations":[{"op":"replace","path":"displayName","value":"%d"},{"op":"replace","path":"title","value":"%d"}]}`, n, n)
	status, changed := c.ask(ctx, c.any(), http.MethodPatch, usersPath+"/"+key, body, version)
	w.End = time.Now()
	switch status {
	case http.StatusOK:
		w.Outcome = Acknowledged
		w.Version, _ = strconv.Atoi(changed.Meta.Version)
	case http.StatusPreconditionFailed:
		w.Outcome = Refused
	default:
		c.expect(status, http.MethodPatch)
	}
	c.History.Wrote(w)
	return w
}

// Read reads a user. It reports whether there was an answer.
func (c *Clients) Read(ctx context.Context, key string) (version int, ok bool) {
	r := Read{Key: key, Begin: time.Now()}
	status, found := c.ask(ctx, c.any(), http.MethodGet, usersPath+"/"+key, "", 0)
	r.End, r.Gone = time.Now(), status == http.StatusNotFound
	if status != http.StatusOK && !r.Gone {
		c.expect(status, http.MethodGet)
		return 0, false
	}
	r.N, _ = strconv.Atoi(found.DisplayName)
	r.Twin, _ = strconv.Atoi(found.Title)
	r.Version, _ = strconv.Atoi(found.Meta.Version)
	c.History.Saw(r)
	return r.Version, true
}

// Keys are all users that were made.
func (c *Clients) Keys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string{}, c.keys...)
}

// Unexpected are answers that no fault explains, such as 500.
func (c *Clients) Unexpected() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unexpected
}

func (c *Clients) any() string { return c.Servers[rand.IntN(len(c.Servers))] }

func (c *Clients) someKey() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keys[rand.IntN(len(c.keys))]
}

// expect notes a status that is neither success, nor that the server is or was away, nor
// one of others.
func (c *Clients) expect(status int, method string, others ...int) {
	for _, fine := range append(others, 0, http.StatusOK, http.StatusCreated, http.StatusNoContent, http.StatusServiceUnavailable) {
		if status == fine {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unexpected = append(c.unexpected, fmt.Sprintf("%s was answered %d", method, status))
}

// ask sends a request; without an answer the status is 0. A version is asked for where it
// is not 0.
func (c *Clients) ask(ctx context.Context, server, method, path, body string, version int) (status int, answer user) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, server+path, strings.NewReader(body))
	if err != nil {
		return 0, answer
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.Header.Set("Content-Type", "application/scim+json")
	if version > 0 {
		r.Header.Set("If-Match", fmt.Sprintf(`W/"%d"`, version))
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		time.Sleep(20 * time.Millisecond) // who is refused at once would ask without a pause
		return 0, answer
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode < 300 && len(text) > 0 && json.Unmarshal(text, &answer) != nil {
		return 0, answer
	}
	if got.StatusCode == http.StatusServiceUnavailable {
		time.Sleep(20 * time.Millisecond)
	}
	return got.StatusCode, answer
}

// Recovered waits until a change is acknowledged through the server.
func (c *Clients) Recovered(ctx context.Context, server, key string) error {
	for n := 0; ; n++ {
		body := fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":"%d"}]}`, time.Now().UnixNano())
		if status, _ := c.ask(ctx, server, http.MethodPatch, usersPath+"/"+key, body, 0); status == http.StatusOK {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s does not recover: %w", server, ctx.Err())
		}
	}
}

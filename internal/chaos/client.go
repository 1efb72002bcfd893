package chaos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// requestTime is how long a client waits for an answer.
	requestTime = 5 * time.Second

	scimPath   = "/api/v2/scim/v2"
	usersPath  = scimPath + "/Users"
	groupsPath = scimPath + "/Groups"
)

// Clients write and read users and groups through all servers at once.
type Clients struct {
	Servers   []string // their URLs
	OfStandby string   // the one of them that reads from the standby
	Token     string
	History   *History
	Pause     time.Duration // before each request

	mu         sync.Mutex
	keys       []string               // of users
	groups     [placesOfGroups]string // those that are changed at present
	made       []string               // all groups
	deleted    map[string]bool        // groups whose deletion was asked for
	unexpected []string               // answers that no fault explains
	serial     int
	broken     map[string]int // requests without an answer, by why
}

// NewClients are clients with a token of the servers.
func NewClients(token string, pause time.Duration) *Clients {
	return &Clients{Token: token, History: NewHistory(), Pause: pause, deleted: map[string]bool{}, broken: map[string]int{}}
}

// answer is what is read of any.
type answer struct {
	status int // 0 if there was none

	ID, Title, DisplayName string
	Detail, Message        string // of an error; the platform's has a message

	Meta struct {
		Version      string
		LastModified time.Time
	}
	Members, Groups []struct{ Value string }
	Operations      []bulkAnswer
}

// bulkAnswer is what became of one operation of a bulk request.
type bulkAnswer struct {
	Location, Version, Status string

	Response struct{ Detail string }
}

// outcome is what the answer tells of a write.
func (a answer) outcome() Outcome { return outcomeOf(a.status, a.Detail+a.Message) }

// outcomeOf takes the server at its word: it says so when it does not know whether a write
// was carried out.
func outcomeOf(status int, told string) Outcome {
	switch {
	case status/100 == 2:
		return Acknowledged
	case status == 0 || strings.Contains(told, "not known"):
		return Unknown
	}
	return Refused
}

func (a answer) words() string { return fmt.Sprint(a.status, " ", a.Detail, a.Message) }

func (a answer) version() int { return number(a.Meta.Version) }

func (b bulkAnswer) status() int { return number(b.Status) }

func (b bulkAnswer) id() string { return path.Base(b.Location) }

// number reads one, or the number in an ETag or a name; 0 is none.
func number(text string) int {
	n, _ := strconv.Atoi(strings.TrimFunc(text, func(r rune) bool { return r < '0' || r > '9' }))
	return n
}

// values are the ids in a list of references.
func values(list []struct{ Value string }) (ids []string) {
	for _, v := range list {
		ids = append(ids, v.Value)
	}
	return ids
}

// Unexpected are answers that no fault explains, such as 500.
func (c *Clients) Unexpected() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.unexpected
}

func (c *Clients) any() string { return c.Servers[rand.IntN(len(c.Servers))] }

// next is a number that was not given before.
func (c *Clients) next() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serial++
	return c.serial
}

// expect notes a status that is neither success, nor that the server is or was away, nor
// one of others.
func (c *Clients) expect(status int, what string, others ...int) {
	if status/100 == 2 || status == 0 || status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests || slices.Contains(others, status) {
		return
	}
	c.note("%s was answered %d", what, status)
}

func (c *Clients) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unexpected = append(c.unexpected, fmt.Sprintf(format, args...))
}

// ask sends a request. A version is asked for where it is not 0.
func (c *Clients) ask(ctx context.Context, server, method, path, body string, version int) (a answer) {
	time.Sleep(c.Pause)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, server+path, strings.NewReader(body))
	if err != nil {
		return a
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	r.Header.Set("Content-Type", "application/json")
	if version > 0 {
		r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, version))
	}
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		c.broke(err)
		time.Sleep(20 * time.Millisecond) // who is refused at once would ask without a pause
		return a
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil || len(text) > 0 && json.Unmarshal(text, &a) != nil {
		c.broke(err)
		return answer{}
	}
	if a.status = got.StatusCode; a.status == http.StatusServiceUnavailable || a.status == http.StatusTooManyRequests {
		if got.Header.Get("Retry-After") == "" {
			c.note("%s %s was answered %d without Retry-After", method, path, a.status)
		}
		time.Sleep(20 * time.Millisecond)
	}
	return a
}

// broke notes why a request has no answer. One that found no connection did not reach a
// server.
func (c *Clients) broke(err error) {
	why := "broken off"
	var failed *net.OpError
	switch {
	case errors.As(err, &failed) && failed.Op == "dial":
		why = "not connected"
	case errors.Is(err, context.DeadlineExceeded):
		why = "too late"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[why]++
}

// Broken tells of the requests that were not answered.
func (c *Clients) Broken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%d not connected, %d broken off, %d too late", c.broken["not connected"], c.broken["broken off"], c.broken["too late"])
}

// Recovered waits until a change is acknowledged through the server.
func (c *Clients) Recovered(ctx context.Context, server, key string) error {
	for {
		body := fmt.Sprintf(`{"Operations":[{"op":"replace","path":"title","value":"%d"}]}`, time.Now().UnixNano())
		if c.ask(ctx, server, http.MethodPatch, usersPath+"/"+key, body, 0).status == http.StatusOK {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s does not recover: %w", server, ctx.Err())
		}
	}
}

package scimapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// crowd is a group of so many members that they are not held at once.
type crowd struct {
	*servertest.Org
	server *servertest.Server
	path   string
	want   string // the representation, but meta
}

const crowdSize = 100_000

// newCrowd makes the group. Some members have a name that must be escaped in JSON.
func newCrowd(t *testing.T) crowd {
	t.Helper()
	server := servertest.New(t)
	c := crowd{Org: server.NewOrg(t), server: server}
	var ids []uuid.UUID
	var members []string
	for batch := range slices.Chunk(make([]directory.Edit, crowdSize), 5000) {
		for i := range batch {
			id, n := uuid.Must(uuid.NewV7()), len(ids)
			name := fmt.Sprintf("Member %d", n)
			if n%10 == 0 {
				name = fmt.Sprintf("Zoë \"%d\"\n", n)
			}
			doc := scim.Document{}
			schema.ID.Set(doc, id.String())
			schema.UserName.Set(doc, fmt.Sprintf("member%d@example.org", n))
			schema.DisplayName.Set(doc, name)
			schema.Active.Set(doc, true)
			batch[i], ids = directory.Edit{Doc: doc}, append(ids, id)
			members = append(members, fmt.Sprintf(`{"value":"%s","$ref":"%s%s/Users/%[1]s","type":"User","display":%[4]s}`,
				id, server.URL, servertest.SCIM, quoted(name)))
		}
		if err := server.Store.LoadUsers(t.Context(), c.ID, schema.User, batch); err != nil {
			t.Fatal(err)
		}
	}
	group, doc := uuid.Must(uuid.NewV7()).String(), scim.Document{}
	schema.ID.Set(doc, group)
	schema.GroupName.Set(doc, "Everyone")
	err := server.Store.LoadGroups(t.Context(), c.ID, schema.Group, []postgres.NewGroup{{
		Edit: directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: ids}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	c.path = "/Groups/" + group
	c.want = fmt.Sprintf(`{"schemas":["%s"],"id":"%s","displayName":"Everyone","members":[%s]`, scim.GroupURN, group, strings.Join(members, ","))
	return c
}

func quoted(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(text) // a string
	return strings.TrimSuffix(b.String(), "\n")
}

// A group of 100,000 members is answered like any other, without being held. The
// test runs alone, for it measures what the program allocates.
func TestLargeGroup(t *testing.T) {
	c := newCrowd(t)
	t.Run("is answered whole", c.isWhole)
	t.Run("goes out while it is read", c.isStreamed)
	t.Run("is not read for its version", c.versionIsEnough)
	t.Run("is projected", c.isProjected)
	t.Run("is answered to writes", c.isWritten)
	t.Run("is broken off at an error", c.isBrokenOff)
}

func (c crowd) isWhole(t *testing.T) {
	answer := c.Do(t, "GET", c.path, nil).Want(t, 200)
	if got := answer.Header.Get("Content-Length"); got != "" || answer.Header.Get("ETag") != `"1"` || answer.Header.Get("Content-Type") != scim.MediaType {
		t.Errorf("the header is %v", answer.Header)
	}
	text, meta, ok := strings.Cut(string(answer.Body), `,"meta":`)
	if !ok || !strings.Contains(meta, `"version":"1"`) || !json.Valid(answer.Body) {
		t.Errorf("the answer ends with %s", meta)
	}
	if text != c.want {
		t.Errorf("%d bytes were answered, want %d; they are the same up to %d", len(text), len(c.want), same(text, c.want))
	}
}

// same is how many bytes a and b begin with alike.
func same(a, b string) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// sink notes what a handler does with its answer.
type sink struct {
	header          http.Header
	writes, written int
	beforeFlush     int    // bytes that were written before the first flush
	held            uint64 // the most memory in use, looked at each 16th write
}

func (s *sink) Header() http.Header { return s.header }

func (s *sink) WriteHeader(int) {}

func (s *sink) Write(b []byte) (int, error) {
	s.written += len(b)
	if s.writes++; s.writes%16 == 0 {
		s.held = max(s.held, inUse())
	}
	return len(b), nil
}

func (s *sink) Flush() {
	if s.beforeFlush == 0 {
		s.beforeFlush = s.written
	}
}

// inUse is how much memory the program holds, without what only waits to be collected.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (c crowd) isStreamed(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), "GET", servertest.SCIM+c.path, nil)
	r.Header.Set("Authorization", "Bearer "+c.Token)
	s := &sink{header: http.Header{}}
	c.server.Handler.ServeHTTP(s, r) // what is kept for later answers is there now

	*s = sink{header: http.Header{}}
	before := inUse()
	c.server.Handler.ServeHTTP(s, r)
	const bound = 16 << 20
	if s.written < bound || s.held > before+bound {
		t.Errorf("%d bytes were answered, and up to %d held", s.written, s.held-before)
	}
	if s.beforeFlush == 0 || s.beforeFlush > 1<<10 {
		t.Errorf("%d bytes went out before the members were read", s.beforeFlush)
	}
}

func (c crowd) versionIsEnough(t *testing.T) {
	for line, status := range map[string]int{"Accept: */*": 200, `If-None-Match: "1"`: 304, `If-None-Match: "2"`: 200} {
		answer := c.Do(t, "HEAD", c.path, nil, line).Want(t, status)
		if answer.Header.Get("ETag") != `"1"` || len(answer.Body) != 0 {
			t.Errorf("HEAD with %s: ETag %s", line, answer.Header.Get("ETag"))
		}
	}
	if answer := c.Do(t, "GET", c.path, nil, `If-None-Match: "1"`).Want(t, 304); len(answer.Body) != 0 {
		t.Errorf("304 with %d bytes", len(answer.Body))
	}
	c.Do(t, "HEAD", "/Groups/"+uuid.NewString(), nil).Want(t, 404)
}

func (c crowd) isProjected(t *testing.T) {
	for query, want := range map[string]string{
		"excludedAttributes=members": strings.Split(c.want, `,"members"`)[0],
		"attributes=members.type":    strings.Split(c.want, `,"displayName"`)[0] + `,"members":[` + strings.Repeat(`,{"type":"User"}`, crowdSize)[1:] + `]`,
	} {
		text, _, _ := strings.Cut(string(c.Do(t, "GET", c.path+"?"+query, nil).Want(t, 200).Body), `,"meta":`)
		if text != want {
			t.Errorf("%s: %d bytes were answered, want %d; they are the same up to %d", query, len(text), len(want), same(text, want))
		}
	}
}

func (c crowd) isWritten(t *testing.T) {
	put := c.Do(t, "PUT", c.path, map[string]any{"displayName": "Everyone", "externalId": "all"}).Want(t, 200)
	if text := strings.Replace(string(put.Body), `"externalId":"all",`, "", 1); !strings.HasPrefix(text, c.want+`,"meta":`) {
		t.Errorf("the answer to PUT is the same up to %d of %d", same(text, c.want), len(c.want))
	}
	nobody := servertest.Patch(map[string]any{"op": "remove", "path": `members[value eq "` + uuid.NewString() + `"]`})
	c.Do(t, "PATCH", c.path, nobody).Want(t, 204)
	c.Do(t, "PATCH", c.path+"?excludedAttributes=members", nobody).Want(t, 200)
}

// A client that stops reading keeps no connection to the database, and what it gets
// does not look whole when the database is away.
func (c crowd) isBrokenOff(t *testing.T) {
	r, err := http.NewRequestWithContext(t.Context(), "GET", c.server.URL+servertest.SCIM+c.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+c.Token)
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.ReadFull(response.Body, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	c.server.Store.Close() // waits for connections that are in use
	if n, err := io.Copy(io.Discard, response.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("the rest of %d bytes ended with %v", n, err)
	}
}

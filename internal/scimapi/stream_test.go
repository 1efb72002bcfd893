package scimapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
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

// crowd is a group of so many members that they are not held at once, and two
// small ones around it.
type crowd struct {
	*servertest.Org
	server *servertest.Server
	path   string
	want   string // the representation, but meta
	small  [2]string
}

const crowdSize = 100_000

// newCrowd makes the group. Some members have a name that must be escaped in JSON.
func newCrowd(t *testing.T, size int) crowd {
	t.Helper()
	server := servertest.New(t)
	c := crowd{Org: server.NewOrg(t), server: server}
	var ids []uuid.UUID
	var members []string
	for batch := range slices.Chunk(make([]directory.Edit, size), 5000) {
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
	load := func(name string, members []uuid.UUID) (group string) {
		group, doc := uuid.Must(uuid.NewV7()).String(), scim.Document{}
		schema.ID.Set(doc, group)
		schema.GroupName.Set(doc, name)
		err := server.Store.LoadGroups(t.Context(), c.ID, schema.Group, []postgres.NewGroup{{
			Edit: directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: members}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return group
	}
	c.small[0] = "/Groups/" + load("Elders", ids[:2])
	group := load("Everyone", ids)
	c.small[1] = "/Groups/" + load("Nobody", nil)
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
	c := newCrowd(t, crowdSize)
	t.Run("is answered whole", c.isWhole)
	t.Run("goes out while it is read", c.isStreamed)
	t.Run("is not read for its version", c.versionIsEnough)
	t.Run("is projected", c.isProjected)
	t.Run("goes out of a list while it is read", c.isStreamedInLists)
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

func (c crowd) isStreamed(t *testing.T) { c.goesOut(t, c.path, 1<<10) }

func (c crowd) isStreamedInLists(t *testing.T) {
	const some = 4 << 10 // the small groups are small
	c.goesOut(t, "/Groups?filter="+url.QueryEscape(`displayName eq "everyone"`), some)
	c.goesOut(t, "/Groups?sortBy=displayName", some)
}

// goesOut holds the answer to a bound of memory, and what is sent before any member
// is read to one of bytes.
func (c crowd) goesOut(t *testing.T, path string, first int) {
	r := httptest.NewRequestWithContext(t.Context(), "GET", servertest.SCIM+path, nil)
	r.Header.Set("Authorization", "Bearer "+c.Token)
	s := &sink{header: http.Header{}}
	c.server.Handler.ServeHTTP(s, r) // what is kept for later answers is there now

	*s = sink{header: http.Header{}}
	before := inUse()
	c.server.Handler.ServeHTTP(s, r)
	const bound = 16 << 20
	if s.written < bound || s.held > before+bound {
		t.Errorf("%s: %d bytes were answered, and up to %d held", path, s.written, s.held-before)
	}
	if s.beforeFlush == 0 || s.beforeFlush > first {
		t.Errorf("%s: %d bytes went out before the members were read", path, s.beforeFlush)
	}
}

// A list holds the groups as they are answered one by one, in whatever order, and
// has a length unless one of them is too large.
func TestLargeGroup_IsListedLikeOthers(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 2*directory.MaxAnswerMembers+1)
	for _, query := range []string{"", "excludedAttributes=members", "attributes=members.value", "attributes=displayName,members.display"} {
		elders, everyone, nobody := c.answerTo(t, c.small[0], query), c.answerTo(t, c.path, query), c.answerTo(t, c.small[1], query)
		streamed := query != "excludedAttributes=members"
		for list, want := range map[string][]string{
			"/Groups?":                                               {elders, everyone, nobody},
			"/Groups?count=1&startIndex=2":                           {everyone},
			"/Groups?sortBy=displayName":                             {elders, everyone, nobody},
			"/Groups?sortBy=displayName&sortOrder=descending":        {nobody, everyone, elders},
			"/Groups?sortBy=id&sortOrder=descending&count=2":         {nobody, everyone},
			"/Groups?cursor=&count=1&filter=displayName+sw+%22EV%22": {everyone},
			"/Groups?filter=displayName+ne+%22Nobody%22":             {elders, everyone},
			"/Groups?filter=displayName+eq+%22Elders%22":             {elders},
			"/?filter=members+pr":                                    {elders, everyone},
			"/?filter=members+pr&sortBy=displayName":                 {elders, everyone},
		} {
			answer := c.Do(t, "GET", list+"&"+query, nil).Want(t, 200)
			_, resources, _ := strings.Cut(string(answer.Body), `"Resources":[`)
			if want := fmt.Sprintf(`%s],"itemsPerPage":%d}`, strings.Join(want, ","), len(want)); resources != want {
				t.Errorf("%s&%s: the same up to %d of %d bytes", list, query, same(resources, want), len(want))
			}
			whole := answer.Header.Get("Content-Length") != ""
			if whole == (streamed && slices.Contains(want, everyone)) || answer.Header.Get("Content-Type") != scim.MediaType {
				t.Errorf("%s&%s: the header is %v", list, query, answer.Header)
			}
		}
	}
	search := map[string]any{"schemas": []string{scim.SearchRequestURN}, "filter": `displayName eq "everyone"`}
	answer := c.Do(t, "POST", "/Groups/.search", search).Want(t, 200)
	if !strings.HasSuffix(string(answer.Body), c.answerTo(t, c.path, "")+`],"itemsPerPage":1}`) {
		t.Errorf("a search answers %d bytes", len(answer.Body))
	}
}

func (c crowd) answerTo(t *testing.T, path, query string) string {
	return string(c.Do(t, "GET", path+"?"+query, nil).Want(t, 200).Body)
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
	var answers []io.Reader
	for _, path := range []string{c.path, "/Groups"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", c.server.URL+servertest.SCIM+path, nil)
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
		answers = append(answers, response.Body)
	}
	c.server.Store.Close() // waits for connections that are in use
	for _, answer := range answers {
		if n, err := io.Copy(io.Discard, answer); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the rest of %d bytes ended with %v", n, err)
		}
	}
}

package console_test

import (
	"context"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/console"
	"github.com/purescim/purescim/internal/servertest"
)

// doors are the calls of the console, of somebody who may make each.
type doors struct {
	server *servertest.Server
	org    string
	ids    []string
	fields []string // of all forms
	cookie string
}

func openDoors(t testing.TB) *doors {
	t.Helper()
	s := servertest.New(t)
	o := s.NewOrg(t)
	client, _ := o.NewClient(t, "SCIM Integration")
	return &doors{
		server: s, org: o.ID.String(), fields: fieldsOfForms(t),
		ids: []string{o.NewUser(t, "base@example.org"), o.NewGroup(t, "Base"), client.ID.String(), uuid.NewString()},
	}
}

var fieldName = regexp.MustCompile(` name="([a-zA-Z.]+)"`)

// fieldsOfForms are the names of the fields that templates have.
func fieldsOfForms(t testing.TB) (names []string) {
	t.Helper()
	files := os.DirFS("templates")
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		for _, found := range fieldName.FindAllStringSubmatch(string(text), -1) {
			names = append(names, found[1])
		}
		return err
	})
	if err != nil || len(names) < 20 {
		t.Fatalf("%d fields, %v", len(names), err)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// signIn begins a session of somebody who may do everything.
func (d *doors) signIn(t testing.TB) {
	t.Helper()
	login := uuid.NewString() + "@example.org"
	secret, _, err := d.server.Accounts.Invite(t.Context(), "test", accounts.Everywhere, login, accounts.Owner)
	if err != nil {
		t.Fatal(err)
	}
	if d.cookie, _, err = d.server.Accounts.Accept(t.Context(), secret, login, password, accounts.From{Address: "192.0.2.1"}); err != nil {
		t.Fatal(err)
	}
}

// knock makes a call, of which the server must not be to blame. It gives up soon.
func (d *doors) knock(t *testing.T, call, id, query, form string) {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	path = strings.NewReplacer("{org}", d.org, "{id}", id, "{kind}", id, "{guide}", id, "{what}", id, "{token}", id, "{link}", id, "{secret}", id, "{file}", id, "/*", "/"+id).Replace(path)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, console.Path+path+"?"+query, strings.NewReader(form))
	if err != nil {
		return // no server is told of it
	}
	r.Host, r.RemoteAddr = "localhost", "192.0.2.1:1"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.AddCookie(&http.Cookie{Name: console.PlainCookie, Value: d.cookie})
	w := httptest.NewRecorder()
	d.server.Handler.ServeHTTP(w, r)
	if w.Code >= 500 && w.Code != http.StatusServiceUnavailable {
		t.Errorf("%s %s?%s: %d\n%.300s", method, path, query, w.Code, form)
	}
	if strings.HasPrefix(w.Header().Get("Location"), "/console/signin") {
		d.signIn(t) // the call has ended the session, or there was none yet
	}
}

// try makes a call with a text as its id, in its query, and in each field of its form.
func (d *doors) try(t *testing.T, call, id, text string) {
	t.Helper()
	query, form := url.Values{}, url.Values{"sure": {"yes"}}
	for _, name := range []string{"q", "format", "as", "from", "map", "after", "guide", "only", "inside", "before", "cursor", "next", "done", "state", "at"} {
		query.Set(name, text)
	}
	for _, name := range d.fields {
		form.Set(name, text)
	}
	d.knock(t, call, id, query.Encode(), form.Encode())
	d.knock(t, call, url.PathEscape(text), "q="+url.QueryEscape(text), "name="+url.QueryEscape(text)+"&sure=yes")
	d.knock(t, call, id, text, text)
}

// wholeCalls are the calls that end before long, and leave the server its client.
func wholeCalls() (calls []string) {
	for _, c := range console.Calls() {
		if !slices.Contains(console.Streams, c.Call) && !strings.HasSuffix(c.Call, "/connections/{id}/delete") {
			calls = append(calls, c.Call)
		}
	}
	return calls
}

// hostile are texts that nobody writes by mistake.
var hostile = []string{
	"\x00", "\xff", "a\x00b", "id:\x00", "by:\x00", "user:\x00", "group:\x00@x", "\xed\xa0\x80", "%zz", "a;b", "since:99999999999d", `title co "` + "\x00\"",
	strings.Repeat("x", 5000), "\r\n", "\u202e", "-1", "1e400", "99999999999999999999", "2026-11-30T00:00", `{"a":`, `"`, "&", strings.Repeat("a&", 200),
}

// Whatever a text of a page, a form or a link holds, the server is not at fault. FuzzCalls
// tries all texts at all calls.
func TestCalls_AnswerAnyText(t *testing.T) {
	t.Parallel()
	d := openDoors(t)
	for i, call := range wholeCalls() {
		for _, text := range []string{hostile[0], hostile[1], hostile[i%len(hostile)]} {
			d.try(t, call, d.ids[i%len(d.ids)], text)
		}
	}
}

// FuzzCalls sends texts to every call of the console, as ids, queries and fields of forms.
func FuzzCalls(f *testing.F) {
	d, calls := openDoors(f), wholeCalls()
	for i := range calls {
		f.Add(uint8(i), uint8(i*3), hostile[(i*7)%len(hostile)])
	}
	f.Fuzz(func(t *testing.T, call, id uint8, text string) {
		d.try(t, calls[int(call)%len(calls)], d.ids[int(id)%len(d.ids)], text)
	})
}

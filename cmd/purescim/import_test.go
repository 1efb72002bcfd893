package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/testdb"
)

// administrator is somebody with a browser, who is signed in to the console of one organisation
// at all servers: the host is the same.
type administrator struct {
	t      *testing.T
	client *http.Client
	home   string
}

// do sends a form to the server and follows where it leads; nil is a GET.
func (a *administrator) do(server process, path, kind string, body io.Reader) (where, page string) {
	a.t.Helper()
	method := http.MethodGet
	if body != nil {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(a.t.Context(), method, server.url+path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Content-Type", kind)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answer, err := a.client.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		a.t.Fatalf("%s: %v, %s: %s", path, err, answer.Status, text)
	}
	return answer.Request.URL.Path, string(text)
}

func (a *administrator) post(server process, path string, pairs ...string) (where, page string) {
	a.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return a.do(server, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// upload sends a file, and tells at which path its import is.
func (a *administrator) upload(server process, name, content string) string {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err != nil || form.Close() != nil {
		a.t.Fatal(err)
	}
	path, _ := a.do(server, a.home+"/imports", form.FormDataContentType(), &body)
	return path
}

// settle waits until nothing goes on with an import, and gives its page.
func (a *administrator) settle(server process, path string) string {
	a.t.Helper()
	for range 3000 {
		_, page := a.do(server, path, "", nil)
		if !strings.Contains(page, "<progress") {
			return page
		}
		time.Sleep(40 * time.Millisecond)
	}
	a.t.Fatal("the import does not end")
	return ""
}

// newAdministrator makes an organisation, and an account of its console at a server.
func newAdministrator(t *testing.T, db string, server process) *administrator {
	t.Helper()
	if status, text := command(t, "org", "create", "acme", "--database-url="+db); status != 0 {
		t.Fatal(text)
	}
	_, text := command(t, "admin", "invite", "ada@example.org", "--org=acme", "--database-url="+db)
	link := regexp.MustCompile(`/console/invitation/\S+`).FindString(text)
	jar, err := cookiejar.New(nil)
	if link == "" || err != nil {
		t.Fatal(text, err)
	}
	a := &administrator{t: t, client: &http.Client{Jar: jar}}
	a.home, _ = a.post(server, link, "password", "correct horse battery", "again", "correct horse battery")
	return a
}

// An import whose server is killed goes on at another where it stopped: each person is made
// once, joins the groups once, and the report counts what both have done.
func TestImport_GoesOnWhenItsServerIsKilled(t *testing.T) {
	t.Parallel()
	const people = 4000
	db := testdb.New(t)
	first := spawn(t, db)
	ada := newAdministrator(t, db, first)
	ada.post(first, ada.home+"/groups", "names", "Claims\nNight Shift")
	file := "userName,displayName,groups\n"
	for i := range people {
		file += fmt.Sprintf("new%d@acme.example,Ada %d,%s\n", i, i, []string{"Claims", "Claims;Night Shift"}[i%2])
	}
	path := ada.upload(first, "people.csv", file)
	second := spawn(t, db)
	ada.post(second, path+"/check", "to.0", "userName", "to.1", "displayName", "to.2", "groups")
	if page := ada.settle(second, path); !strings.Contains(page, "Import 4,000 lines") {
		t.Fatal(page)
	}
	count := counterOf(t, db)
	ada.post(first, path+"/apply")
	for count("users") < people/2 {
		time.Sleep(5 * time.Millisecond)
	}
	first.kill(t)
	second.kill(t)
	if done := count("users"); done == people {
		t.Fatal("the servers were killed too late")
	}
	third := spawn(t, db)
	if page := ada.settle(third, path); !strings.Contains(page, "<dt>Created</dt><dd>4,000</dd>") ||
		!strings.Contains(page, "<dt>As they are</dt><dd>0</dd>") || !strings.Contains(page, "<dt>Memberships</dt><dd>6,000</dd>") {
		t.Error(page)
	}
	for what, want := range map[string]int{
		"users": people, "users where version = 1": people, "group_members": people * 3 / 2,
		"provisioning_log where operation = 'create' and target_type = 'User'": people,
		"provisioning_log where operation = 'update' and target_type = 'User'": 0,
		"import_parts": 0,
	} {
		if got := count(what); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
}

// counterOf counts rows of a database.
func counterOf(t *testing.T, db string) func(what string) int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return func(what string) (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `select count(*) from `+what).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
}

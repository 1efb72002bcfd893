package console_test

import (
	"bytes"
	"errors"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// A browser without JavaScript: it keeps cookies, follows links and sends forms.
type browser struct {
	t      *testing.T
	server *servertest.Server
	client *http.Client

	status int
	header http.Header
	path   string // where it is
	body   string
}

const password = "correct horse battery"

func newBrowser(t *testing.T, s *servertest.Server) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, server: s, client: &http.Client{Jar: jar}}
}

// member is a browser in which somebody new of a role has signed in.
func member(t *testing.T, s *servertest.Server, o org.ID, login string, role accounts.Role) *browser {
	t.Helper()
	secret, _, err := s.Accounts.Invite(t.Context(), "test", o, login, role)
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	b.get("/console/invitation/" + secret).want(http.StatusOK)
	return b.post("/console/invitation/"+secret, "password", password, "again", password).want(http.StatusOK)
}

func (b *browser) do(method, path string, form url.Values, headers ...string) *browser {
	b.t.Helper()
	if method == http.MethodPost {
		headers = append([]string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}, headers...)
	}
	return b.send(method, path, strings.NewReader(form.Encode()), headers...)
}

// upload sends a form with a file.
func (b *browser) upload(path, name, content string) *browser {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", name)
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err := errors.Join(err, form.Close()); err != nil {
		b.t.Fatal(err)
	}
	return b.send(http.MethodPost, path, &body, "Content-Type", form.FormDataContentType(), "Sec-Fetch-Site", "same-origin")
}

func (b *browser) send(method, path string, content io.Reader, headers ...string) *browser {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, content)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	b.status, b.header, b.path, b.body = answer.StatusCode, answer.Header, answer.Request.URL.Path, string(body)
	return b
}

func (b *browser) get(path string) *browser { b.t.Helper(); return b.do(http.MethodGet, path, nil) }

// post sends a form of names and values.
func (b *browser) post(path string, pairs ...string) *browser {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Add(pairs[i], pairs[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// sure sends a form, is asked, and answers the question with what else is given.
func (b *browser) sure(path string, pairs ...string) *browser {
	b.t.Helper()
	return b.post(path, pairs...).want(http.StatusOK).yes()
}

// yes answers the question of the page.
func (b *browser) yes(pairs ...string) *browser {
	b.t.Helper()
	action := html.UnescapeString(b.found(`<div id="ask"[^$]*?action="([^"]*)"`))
	for _, field := range hiddenField.FindAllStringSubmatch(b.body, -1) {
		if field[1] != "next" { // of the menu of the account
			pairs = append(pairs, html.UnescapeString(field[1]), html.UnescapeString(field[2]))
		}
	}
	return b.post(action, append(pairs, "sure", "yes")...)
}

// want ends the test unless the page has the status.
func (b *browser) want(status int) *browser {
	b.t.Helper()
	if b.status != status {
		b.t.Fatalf("%s: status %d, want %d: %s", b.path, b.status, status, b.text())
	}
	return b
}

var tags = regexp.MustCompile(`(?s)<script.*?</script>|<[^>]*>|\s+`)

// text is what of the page is read.
func (b *browser) text() string { return strings.TrimSpace(tags.ReplaceAllString(b.body, " ")) }

// has fails unless all texts are in the page.
func (b *browser) has(texts ...string) *browser {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(b.body, text) {
			b.t.Errorf("%s has no %q: %s", b.path, text, b.text())
		}
	}
	return b
}

// lacks fails if one of the texts is in the page.
func (b *browser) lacks(texts ...string) *browser {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(b.body, text) {
			b.t.Errorf("%s has %q: %s", b.path, text, b.text())
		}
	}
	return b
}

// found is the first group of a pattern in the page.
func (b *browser) found(pattern string) string {
	b.t.Helper()
	match := regexp.MustCompile(pattern).FindStringSubmatch(b.body)
	if match == nil {
		b.t.Fatalf("%s has no %s: %s", b.path, pattern, b.text())
	}
	return match[1]
}

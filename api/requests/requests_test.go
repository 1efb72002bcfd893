package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// The files are those that the description makes.
func TestFiles_AreUpToDate(t *testing.T) {
	t.Parallel()
	wanted, err := render()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range wanted {
		got, err := os.ReadFile("../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("%s is not what 'go generate ./api' writes (-want +got):\n%s", name, diff)
		}
	}
}

// send sends a request of purescim.http, and returns the status.
func send(t *testing.T, text string) (status int, body string) {
	t.Helper()
	head, content, _ := strings.Cut(text, "\n\n")
	lines := bufio.NewScanner(strings.NewReader(head))
	var r *http.Request
	for lines.Scan() {
		line := lines.Text()
		switch {
		case line == "" || line[0] == '#':
		case r == nil:
			method, url, _ := strings.Cut(line, " ")
			var err error
			if r, err = http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(strings.TrimSpace(content))); err != nil {
				t.Fatal(err)
			}
		default:
			name, value, _ := strings.Cut(line, ": ")
			r.Header.Set(name, value)
			if credentials := strings.Fields(value); len(credentials) == 3 && credentials[0] == "Basic" {
				r.SetBasicAuth(credentials[1], credentials[2])
			}
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer[:min(len(answer), 500)])
}

// TestRequests sends every request of purescim.http to a real server: each is understood,
// though many name what is not there.
func TestRequests(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	files, err := render()
	if err != nil {
		t.Fatal(err)
	}
	_, requests, _ := strings.Cut(string(files[httpFile]), "\n### ")
	fill := strings.NewReplacer(
		"{{base}}", s.URL, "{{client_id}}", client.ID.String(), "{{client_secret}}", secret,
		"{{id}}", "01a22403-0000-7000-8000-000000000009", "{{", "", "}}", "",
	)
	sent := 0
	for part := range strings.SplitSeq(requests, "\n### ") {
		sent++
		name, part, _ := strings.Cut(part, "\n")
		token, _ := o.NewToken(t, "admin") // of its own, since one request ends its token
		switch status, body := send(t, strings.ReplaceAll(fill.Replace(strings.ReplaceAll(part, "{{token}}", token)), "\n\n\n", "\n\n")); {
		case status == 501 && strings.Contains(part, "/Me"), status == 405 && strings.Contains(part, "/Groups"):
		case status == 401, status == 405, status == 415, status >= 500, status == 400 && strings.Contains(body, "invalidSyntax"):
			t.Errorf("%s: status %d: %s", name, status, body)
		}
	}
	if sent < 90 {
		t.Errorf("sent %d requests", sent)
	}
}

// The collection is JSON of its format, and holds what the other file holds.
func TestCollection_HoldsAllRequests(t *testing.T) {
	t.Parallel()
	files, err := render()
	if err != nil {
		t.Fatal(err)
	}
	var c collection
	decoder := json.NewDecoder(bytes.NewReader(files[postmanFile]))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		t.Fatal(err)
	}
	for _, f := range c.Item {
		for _, i := range f.Item {
			if line := i.Request.Method + " " + i.Request.URL.Raw + "\n"; !strings.Contains(string(files[httpFile]), line) {
				t.Errorf("only the collection has %s", line)
			}
		}
	}
}

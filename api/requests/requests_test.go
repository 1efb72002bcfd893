package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/api"
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
	return response.StatusCode, string(answer)
}

// otherwise are the requests that need more than ids to succeed: a token that carries a user,
// a setting, something that waits, or a time of which the log tells.
var otherwise = map[string]int{
	"getScimMe": 501, "replaceScimMe": 501, "patchScimMe": 501, "deleteScimMe": 501, "provisionGroup": 405, "deprovisionGroup": 405,
	"getBulk": 404, "getAcceptedRequest": 404, "cancelAcceptedRequest": 404, "releaseHold": 404, "rejectHold": 404, "getStream": 404,
	"restoreGroup": 409, "restoreUser": 400, "revokeToken": 404, "pollEvents": 409,
}

// TestRequests sends every request of purescim.http to a real server, one after the other, and
// keeps the ids of what they make: each does what it says.
func TestRequests(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	operations, err := read(api.YAML)
	if err != nil {
		t.Fatal(err)
	}
	client, secret := o.NewClient(t, "SCIM Integration")
	values := map[string]string{
		"base": s.URL, "client_id": client.ID.String(), "client_secret": secret,
		"group_id": o.NewGroup(t, "Night Shift", o.NewUser(t, "bob@acme.example")),
	}
	for _, v := range variables {
		if values[v.name] == "" {
			values[v.name] = v.value
		}
	}
	for name, path := range map[string]string{"role_id": "/Roles?count=1", "membership_id": "/GroupMembers?count=1"} {
		values[name] = o.Do(t, http.MethodGet, path, nil).List(t).IDs()[0]
	}
	var log struct{ Entities []struct{ ID string } }
	o.Do(t, http.MethodGet, "/api/v2/scim/provisioning-log?type=User", nil).Decode(t, &log)
	values["entry_id"] = log.Entities[0].ID
	_, requests, _ := strings.Cut(string(editors(operations)), "\n### ")
	for i, part := range strings.Split(requests, "\n### ") {
		if operations[i].tag != "Users" { // whose requests delete the one that they have made
			values["user_id"] = o.NewUser(t, fmt.Sprintf("made%d@acme.example", i))
		}
		values["token"], _ = o.NewToken(t, "admin") // of its own, since one request ends its token
		_, part, _ := strings.Cut(part, "\n")
		for name, value := range values {
			part = strings.ReplaceAll(part, "{{"+name+"}}", value)
		}
		status, body := send(t, part)
		if want := otherwise[operations[i].id]; want != status && (want != 0 || status >= 300) {
			t.Errorf("%s: status %d: %s", operations[i].id, status, body)
		}
		for _, e := range keeping(operations, operations[i]) {
			var made struct{ ID string }
			if json.Unmarshal([]byte(body), &made) == nil && made.ID != "" {
				values[kept.FindStringSubmatch(e.Script.Exec[1])[1]] = made.ID
			}
		}
	}
}

// kept finds the variable that a script of the collection sets.
var kept = regexp.MustCompile(`set\("(\w+)"`)

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

package servertest_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

// largeBody is more than the buffers of a connection hold.
var largeBody = bytes.Repeat([]byte{' '}, 12<<20)

// writeThenRead is a client that sends all of a request before it reads, as Python's
// urllib does.
func writeThenRead(t *testing.T, s *servertest.Server, call string, chunked bool, headers ...string) (status int, closes bool, text []byte) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	length, body := fmt.Sprintf("Content-Length: %d", len(largeBody)), largeBody
	if chunked {
		length = "Transfer-Encoding: chunked"
		body = fmt.Appendf(nil, "%x\r\n%s\r\n0\r\n\r\n", len(largeBody), largeBody)
	}
	_, err = fmt.Fprintf(c, "%s HTTP/1.1\r\nHost: localhost\r\n%s\r\n%s\r\n", call, length, strings.Join(append(headers, ""), "\r\n"))
	if err == nil {
		_, err = c.Write(body)
	}
	if err != nil {
		t.Fatalf("%s: write: %v", call, err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%s: read: %v", call, err)
	}
	defer answer.Body.Close()
	text, err = io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s: read: %v", call, err)
	}
	return answer.StatusCode, answer.Close, text
}

// Whatever a request with a large body is refused for, the client that reads only when it
// has sent everything gets the answer.
func TestRefusal_ReachesWhoWritesBeforeReading(t *testing.T) {
	t.Parallel()
	s := servertest.NewWith(t, servertest.Options{RateLimit: 2})
	o := s.NewOrg(t)
	as := func(role string) string { return "Authorization: Bearer " + o.As(t, role).Token }
	spent := o.As(t, "admin")
	for spent.Do(t, "GET", "/Users", nil).Status != 429 {
	}
	group := servertest.SCIM + "/Groups/" + o.NewGroup(t, "Looms")
	for _, test := range []struct {
		call               string
		announced, chunked int // status
		headers            []string
	}{
		{"POST " + servertest.SCIM + "/Users", 413, 413, []string{as("admin")}},
		{"POST /api/v2/groups", 413, 413, []string{as("admin")}},
		{"PATCH " + group, 401, 401, nil},
		{"PATCH " + group, 401, 401, []string{"Authorization: Bearer nobody"}},
		{"PATCH " + group, 403, 403, []string{as("SCIM Reader")}},
		{"PATCH " + group, 415, 415, []string{as("admin"), "Content-Type: text/plain"}},
		{"PATCH " + group, 406, 406, []string{as("admin"), "Accept: text/html"}},
		{"PATCH " + group, 429, 429, []string{"Authorization: Bearer " + spent.Token}},
		{"BREW " + group, 405, 405, []string{as("admin")}},
		{"GET " + group, 200, 200, []string{as("admin")}},
		{"POST /nowhere", 413, 404, nil},
		{"POST " + servertest.SCIM + "/Nowhere", 413, 404, []string{as("admin")}},
		{"POST " + oauth.TokenPath, 413, 413, []string{"Content-Type: application/x-www-form-urlencoded"}},
		{"POST " + oauth.KeysPath, 413, 405, nil},
	} {
		for chunked, want := range map[bool]int{false: test.announced, true: test.chunked} {
			t.Run(fmt.Sprintf("%s %d %t", test.call, want, chunked), func(t *testing.T) {
				t.Parallel()
				for want == 429 && spent.Do(t, "GET", "/Users", nil).Status != 429 {
				}
				status, closes, body := writeThenRead(t, s, test.call, chunked, test.headers...)
				if status != want || !closes || len(body) == 0 {
					t.Errorf("status %d, want %d; closes: %t; %s", status, want, closes, body)
				}
			})
		}
	}
}

package httpapi_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// send writes a request and reads what is answered before its body is sent.
func send(t *testing.T, addr, headers, body string) (c net.Conn, status int, closes bool) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer good-1\r\n%s\r\n\r\n%s", headers, body); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answer.Body.Close() })
	return c, answer.StatusCode, answer.Close
}

func TestDrain(t *testing.T) {
	t.Parallel()
	f := httpapi.New(httpapi.Options{Verify: verify})
	router := f.Router(httpapi.SCIM)
	f.Handle(router, "/", httpapi.Route{Access: everyone, BodyLimit: 100 << 20, Methods: map[string]httpapi.Handler{
		http.MethodPost: fails(scim.Unavailable("too much to do")),
	}})
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	addr := server.Listener.Addr().String()
	t.Run("answers before the body", func(t *testing.T) {
		t.Parallel()
		for _, length := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
			if _, status, closes := send(t, addr, length, ""); status != 503 || !closes {
				t.Errorf("%s: status %d, closes: %t; want 503 and an end", length, status, closes)
			}
		}
	})
	t.Run("keeps connections whose body is small", func(t *testing.T) {
		t.Parallel()
		c, status, closes := send(t, addr, "Content-Length: 200000", strings.Repeat(" ", 200_000))
		if status != 503 || closes {
			t.Errorf("status %d, closes: %t; want 503 and another request", status, closes)
		}
		_ = c.Close()
	})
	t.Run("asks for no body that was not sent", func(t *testing.T) {
		t.Parallel()
		if _, status, _ := send(t, addr, "Expect: 100-continue\r\nContent-Length: 1000000", ""); status != 503 {
			t.Errorf("status %d, want 503", status)
		}
	})
	t.Run("ends at 64 MiB", func(t *testing.T) {
		t.Parallel()
		c, _, _ := send(t, addr, fmt.Sprintf("Content-Length: %d", 90<<20), "")
		piece := make([]byte, 1<<20)
		for sent := range 90 {
			if _, err := c.Write(piece); err != nil {
				if sent < 64 {
					t.Errorf("broken off after %d MiB: %v", sent, err)
				}
				return
			}
		}
		t.Error("90 MiB were read")
	})
}

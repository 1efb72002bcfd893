package httpapi

import (
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// Whoever finds no place for reading a body away is cut off; the next one finds it free.
func TestDrain_HasSoManyPlaces(t *testing.T) {
	t.Parallel()
	for places, broken := range map[int]bool{0: true, 1: false} {
		f := New(Options{})
		f.drains = make(chan struct{}, places)
		s := httptest.NewServer(f.Router(Platform))
		t.Cleanup(s.Close)
		for range 2 {
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_ = c.SetDeadline(time.Now().Add(time.Minute))
			const length = 32 << 20
			_, _ = fmt.Fprintf(c, "POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n", length)
			if _, err = c.Write(make([]byte, length)); (err != nil) != broken {
				t.Errorf("%d places: broken off: %v", places, err)
			}
			if n, _ := io.Copy(io.Discard, c); n == 0 && !broken { // when it ends the place is free
				t.Errorf("%d places: no answer", places)
			}
			_ = c.Close()
		}
	}
}

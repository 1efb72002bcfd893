package httpapi

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
)

// longAnswer serves an answer that no socket takes at once, and tells what became of it.
func longAnswer(t *testing.T, f *Frame) (s *httptest.Server, ended chan error) {
	t.Helper()
	ended = make(chan error, 10)
	r := chi.NewRouter()
	f.Handle(r, "/long", Route{Public: true, Methods: map[string]Handler{http.MethodGet: func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusOK)
		_, err := w.Write(make([]byte, 64<<20))
		ended <- err
		return err
	}}})
	s = httptest.NewServer(r)
	t.Cleanup(s.Close)
	return s, ended
}

// ask sends a request whose answer nobody reads but the test.
func ask(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, "GET /long HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

func await(t *testing.T, ended chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(30 * time.Second): // far beyond, for a test that fails
		t.Fatal("the answer goes on to wait for its client")
		return nil
	}
}

func TestWrites_CutOffWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	s, ended := longAnswer(t, New(Options{WritePatience: 20 * time.Millisecond}))
	ask(t, s)
	if err := await(t, ended); err == nil {
		t.Error("the answer was taken by nobody, and is said to be written")
	}
}

// A client that reads slowly, but reads, gets its answer, though it takes longer than
// any part of it may.
func TestWrites_LetWhoReadsGoOn(t *testing.T) {
	t.Parallel()
	const patience = 2 * time.Second // on a busy machine, too
	s, ended := longAnswer(t, New(Options{WritePatience: patience}))
	c := ask(t, s)
	for range 12 {
		time.Sleep(patience / 8)
		if _, err := io.CopyN(io.Discard, c, 1<<20); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(bufio.NewReader(c), 52<<20)); err != nil {
		t.Fatal(err)
	}
	if err := await(t, ended); err != nil {
		t.Error(err)
	}
}

// When answers hold too much, who has taken nothing for a while makes room.
func TestWrites_HoldSoMuchAndNoMore(t *testing.T) {
	t.Parallel()
	f := New(Options{WritePatience: time.Hour})
	f.writes.most = 1 << 20
	s, ended := longAnswer(t, f)
	ask(t, s) // beyond the bound alone, and so has a second
	if err := await(t, ended); err == nil {
		t.Error("the answer was taken by nobody, and is said to be written")
	}

	f = New(Options{WritePatience: time.Hour})
	f.writes.most = 300 << 20
	s, ended = longAnswer(t, f)
	ask(t, s) // below it, and so has an hour
	for f.writes.waiting() == 0 {
		time.Sleep(time.Millisecond)
	}
	f.writes.age(2 * shortPatience)
	ask(t, s) // beyond it with the other, which makes room
	if err := await(t, ended); err == nil {
		t.Error("the answer was taken by nobody, and is said to be written")
	}
}

func (s *writes) waiting() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.last)
}

// age makes it longer ago that any answer made progress.
func (s *writes) age(by time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x, last := range s.last {
		s.last[x] = last.Add(-by)
	}
}

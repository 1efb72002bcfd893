package httpapi

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/scim"
)

// A person has so many requests in all sessions together, a session half of them; what is
// watched, others and clients are counted apart.
func TestLimitPerson(t *testing.T) {
	t.Parallel()
	f := New(Options{RateLimit: 100})
	ada, browser := uuid.New(), uuid.New()
	ask := func(p Person) (w *httptest.ResponseRecorder, ok bool) {
		w = httptest.NewRecorder()
		err := f.LimitPerson(w, httptest.NewRequest(http.MethodGet, "/console", http.NoBody), p)
		told := (*scim.Error)(nil)
		switch errors.As(err, &told); {
		case err == nil:
			return w, true
		case told == nil || told.Status != http.StatusTooManyRequests || !strings.Contains(told.Detail, "100 requests a minute"):
			t.Fatal(err)
		}
		if after, err := strconv.Atoi(w.Header().Get("Retry-After")); err != nil || after < 1 || after > 60 || !strings.Contains(told.Detail, "wait "+w.Header().Get("Retry-After")+" seconds") {
			t.Errorf("Retry-After is %q: %s", w.Header().Get("Retry-After"), told.Detail)
		}
		return w, false
	}
	answered := func(p func() Person) (n int) {
		for range 400 {
			if _, ok := ask(p()); ok {
				n++
			}
		}
		return n
	}
	began := time.Now()
	earned := func() int { return int(time.Since(began)/(time.Minute/100)) + 1 }
	one := func() Person { return Person{ID: ada, Session: browser} }
	if n := answered(one); n < 50 || n > 50+earned() {
		t.Errorf("one session is answered %d times, want 50", n)
	}
	if n := answered(func() Person { return Person{ID: ada, Session: uuid.New()} }); n < 50 || n > 50+2*earned() {
		t.Errorf("other sessions are answered %d times, want 50 more", n)
	}
	for who, p := range map[string]Person{
		"another person":   {ID: uuid.New(), Session: uuid.New()},
		"what she watches": {ID: ada, Session: browser, Watches: true},
	} {
		if _, ok := ask(p); !ok {
			t.Errorf("%s is refused", who)
		}
	}
	if n := answered(func() Person { p := one(); p.Watches = true; return p }); n > 50+earned() {
		t.Errorf("%d streams are begun, want 50", n)
	}
	if _, _, retry := f.limiter.take(ada, f.limiter.usual, time.Now()); retry > 0 {
		t.Error("clients are counted with people")
	}
	if err := New(Options{}).LimitPerson(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", http.NoBody), one()); err != nil {
		t.Errorf("without a limit: %v", err)
	}
	if got := New(Options{RateLimit: 6000}).people.usual.allowed; got != personRate {
		t.Errorf("a person has %d requests a minute where clients have 6000, want %d", got, personRate)
	}
}

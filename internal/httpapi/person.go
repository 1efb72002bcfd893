package httpapi

import (
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

// personRate is how many requests a minute a signed-in person may make, unless the limit of
// clients is lower. Each session has half of it, so that a page that polls without end does
// not lock its owner out of another browser.
const personRate = 600

// Person is a signed-in person who makes a request without a token.
type Person struct {
	ID, Session uuid.UUID
	Org         org.ID // whose share of the memory for forms they take; 0 is everywhere
	// Watches tells that the answer is a stream, which browsers ask for again and again as
	// long as a page is open. Those are counted apart, and take nothing from pages.
	Watches bool
}

// LimitPerson counts a request against the session and the person, with the scans that it
// makes. It returns the refusal of one beyond what they may.
func (f *Frame) LimitPerson(w http.ResponseWriter, r *http.Request, p Person) error {
	x := exchangeOf(r.Context())
	if x != nil {
		x.guest = p.Org
	}
	l := f.people
	if p.Watches {
		l = f.watchers
	}
	if l.usual.allowed == 0 {
		return nil
	}
	now := time.Now()
	_, _, retry := l.take(p.Session, perMinute(max(1, l.usual.allowed/2)), now)
	if retry == 0 {
		_, _, retry = l.take(p.ID, l.usual, now)
	}
	if retry > 0 {
		w.Header().Set("Retry-After", seconds(retry))
		return scim.TooManyRequests("the console answers each person %d requests a minute, and half of them in one browser; wait %s seconds, and try again then", l.usual.allowed, seconds(retry))
	}
	if x != nil {
		x.limiter, x.limit, x.bucket = l, l.usual, p.ID
	}
	return nil
}

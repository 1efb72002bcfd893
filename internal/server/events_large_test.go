package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/servertest"
)

// A poll of large events ends at some 4 MB, tells that there are more, and goes on where
// it ended.
func TestEvents_PollsEndAtTheirSize(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	v := newVerifier(t, s.URL)
	listen(t, o, map[string]any{"method": "poll"})
	for i := range 30 {
		o.NewUser(t, string(rune('a'+i)))
	}
	enlarge(t, s, o, "")
	a := o.Do(t, "POST", "/api/v2/events/poll", map[string]any{"maxEvents": 1000, "returnImmediately": true}).Want(t, http.StatusOK)
	var answer struct {
		Sets          map[string]string
		MoreAvailable bool
	}
	a.Decode(t, &answer)
	if n := len(answer.Sets); n < 10 || n > 14 || !answer.MoreAvailable || len(a.Body) > 5<<20 {
		t.Errorf("%d events in %d bytes, more: %v", n, len(a.Body), answer.MoreAvailable)
	}
	// It is read in parts: no poll holds all of that.
	for after, want := range map[int64]int{0: 2, 27: 2, 29: 1, 30: 0} {
		part, more, err := s.Store.Events().Pending(t.Context(), o.ID, after, 1000, 256<<10)
		if err != nil || len(part) != want || more != (after+int64(want) < 30) {
			t.Errorf("behind event %d: a part of %d events, more: %v: %v", after, len(part), more, err)
		}
	}
	if all := poll(t, o, v); len(all) != 30 || all[0].Sequence != 1 || all[29].Sequence != 30 {
		t.Errorf("%d events", len(all))
	}
}

// enlarge makes the events of an organisation ones of 240 KB, and sets what else is said.
func enlarge(t *testing.T, s *servertest.Server, o *servertest.Org, set string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	_, err = db.Exec(t.Context(), `update events set claims = left(claims, -1) || ',"x":"' || repeat('x', 240 * 1024) || '"}'`+set+` where org_id = $1`, int64(o.ID))
	if err != nil {
		t.Fatal(err)
	}
}

// A page of large dead letters ends early, and the addresses that pages give lead to all,
// whatever size was asked for.
func TestEvents_PagesOfDeadLettersLeadToAll(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	listen(t, o, map[string]any{"method": "poll"})
	const events = 30
	for i := range events {
		o.NewUser(t, fmt.Sprint("user ", i))
	}
	enlarge(t, s, o, `, dead_at = now(), fault = 'refused'`)
	for _, size := range []int{500, 29, 25} {
		var got int64
		for uri := fmt.Sprint("/api/v2/events/deadletters?pageSize=", size); uri != ""; {
			var l struct {
				Entities              []struct{ Sequence int64 }
				PageSize, Total       int
				NextURI, SelfURI      string
				PageNumber, PageCount int
			}
			a := o.Do(t, "GET", uri, nil).Want(t, http.StatusOK)
			a.Decode(t, &l)
			if n := len(l.Entities); n == 0 || n > 14 || n != min(l.PageSize, events-int(got)) || l.Total != events || len(a.Body) > 4<<20 {
				t.Fatalf("%s: %d of %d events in %d bytes, pageSize %d", uri, n, l.Total, len(a.Body), l.PageSize)
			}
			for _, e := range l.Entities {
				if got++; e.Sequence != got {
					t.Fatalf("%s: event %d, want %d", uri, e.Sequence, got)
				}
			}
			uri = l.NextURI
		}
		if got != events {
			t.Errorf("pageSize %d leads to %d events, want %d", size, got, events)
		}
	}
}

// A stream of which too much waits makes no more events and says so, and goes on when
// what waits is taken, or when it is told to. A number that is left out tells a receiver.
func TestEvents_AFullStreamPauses(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	v := newVerifier(t, s.URL)
	listen(t, o, map[string]any{"method": "poll"})
	status := func() (status, reason string) {
		a := o.Do(t, "GET", "/api/v2/events/stream", nil).Want(t, http.StatusOK).Object(t)
		reason, _ = a["statusReason"].(string)
		return a["status"].(string), reason
	}
	fill := func(most int, bytes int64, want int) {
		t.Helper()
		full, err := s.Store.Events().Fill(t.Context(), most, bytes)
		if err != nil || len(full) != want {
			t.Fatalf("%d streams are full, want %d: %v", len(full), want, err)
		}
	}
	numbers := func(want ...int64) {
		t.Helper()
		all := poll(t, o, v)
		for i, e := range all {
			if i >= len(want) || e.Sequence != want[i] {
				t.Errorf("event %d has the number %d; want %v", i, e.Sequence, want)
			}
		}
		if len(all) != len(want) {
			t.Errorf("%d events; want %v", len(all), want)
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		o.NewUser(t, name)
	}
	fill(4, 1<<30, 0)
	if now, reason := status(); now != "enabled" || reason != "" {
		t.Errorf("the stream is %s: %s", now, reason)
	}
	fill(3, 1<<30, 1)
	if now, reason := status(); now != "paused" || !strings.Contains(reason, "full") {
		t.Errorf("the full stream is %s: %s", now, reason)
	}
	o.NewUser(t, "lost")
	numbers(1, 2, 3) // which are taken, so that it goes on
	if now, reason := status(); now != "enabled" || reason != "" {
		t.Errorf("the stream that goes on is %s: %s", now, reason)
	}
	o.NewUser(t, "d")
	for i := 0; ; i++ { // it may take a second until the server knows
		delivery := o.Do(t, "GET", "/api/v2/events/stream", nil).Object(t)["delivery"].(map[string]any)
		if delivery["pending"].(float64) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
		o.NewUser(t, fmt.Sprint("d", i))
	}
	fill(100, 10, 1) // by its bytes
	o.NewUser(t, "lost, too")
	listen(t, o, map[string]any{"method": "poll", "status": "enabled"})
	o.NewUser(t, "e")
	numbers(5, 7)
}

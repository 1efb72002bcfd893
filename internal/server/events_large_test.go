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
	db, err := pgx.Connect(t.Context(), s.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(t.Context())
	_, err = db.Exec(t.Context(), `update events set claims = left(claims, -1) || ',"x":"' || repeat('x', 240 * 1024) || '"}' where org_id = $1`, int64(o.ID))
	if err != nil {
		t.Fatal(err)
	}
	a := o.Do(t, "POST", "/api/v2/events/poll", map[string]any{"maxEvents": 1000, "returnImmediately": true}).Want(t, http.StatusOK)
	var answer struct {
		Sets          map[string]string
		MoreAvailable bool
	}
	a.Decode(t, &answer)
	if n := len(answer.Sets); n < 10 || n > 14 || !answer.MoreAvailable || len(a.Body) > 5<<20 {
		t.Errorf("%d events in %d bytes, more: %v", n, len(a.Body), answer.MoreAvailable)
	}
	if all := poll(t, o, v); len(all) != 30 || all[0].Sequence != 1 || all[29].Sequence != 30 {
		t.Errorf("%d events", len(all))
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

package postgres

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/postgres/eventstore"
	"github.com/purescim/purescim/internal/postgres/writes"
)

// streaming is a tenant with a stream that is pushed.
func streaming(t *testing.T) (*tenant, org.ID, *eventstore.Store) {
	t.Helper()
	o := newTenant(t)
	id, e := org.ID(o.Tenant.Org), o.Events()
	_, err := e.SetStream(t.Context(), events.Stream{
		Org: id, Method: events.Push, Endpoint: "https://receiver.example/", Credential: "Bearer x", Audience: "receiver",
		Form: events.Notice, Kinds: events.Kinds, Status: events.Enabled, Created: now(), Modified: now(),
	})
	o.must(err)
	return o, id, e
}

// pending are the numbers of the events that wait.
func (o *tenant) pending(e *eventstore.Store) (numbers []int64, ids []uuid.UUID) {
	o.t.Helper()
	found, _, err := e.Pending(o.t.Context(), org.ID(o.Tenant.Org), 0, 100, 1<<20)
	o.must(err)
	for _, event := range found {
		numbers, ids = append(numbers, event.Seq), append(ids, event.ID)
	}
	return numbers, ids
}

// Whoever has the lease delivers, until it ends.
func TestEvents_AreLeasedToOne(t *testing.T) {
	t.Parallel()
	o, id, e := streaming(t)
	first, second := uuid.New(), uuid.New()
	at := now()
	due := func(at time.Time) bool {
		t.Helper()
		found, err := e.Due(t.Context(), at)
		o.must(err)
		return len(found) > 0
	}
	lease := func(holder uuid.UUID, at time.Time) error {
		l, err := e.Lease(t.Context(), id, holder, at, at.Add(time.Minute))
		if err == nil && l.Stream.Credential != "Bearer x" {
			t.Errorf("%+v", l)
		}
		return err
	}
	if due(at) {
		t.Error("a stream without events is due")
	}
	o.user("ada")
	if !due(at) {
		t.Error("a stream with an event is not due")
	}
	o.must(lease(first, at))
	o.must(lease(first, at.Add(time.Second))) // once more
	if due(at.Add(time.Second)) || !errors.Is(lease(second, at.Add(time.Second)), events.ErrNotHeld) {
		t.Error("another delivers too")
	}
	o.must(lease(second, at.Add(2*time.Minute))) // the first has died
	_, ids := o.pending(e)
	// The first was only slow: what it has delivered counts, what it says of failures not.
	o.must(e.Settle(t.Context(), id, first, events.Outcome{Delivered: ids, Failures: 3, Done: true}))
	if p, err := e.Progress(t.Context(), id); err != nil || p.Failures != 0 || p.Pending != 0 || p.Seq != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	o.user("bob")
	o.must(e.Settle(t.Context(), id, second, events.Outcome{Failures: 1, Fault: "away", Retry: at.Add(time.Hour), Done: true}))
	if due(at.Add(3*time.Minute)) || !due(at.Add(time.Hour)) {
		t.Error("a failed attempt is not repeated when it should be")
	}
}

// Events that wait too long are dead, keep their place and are deleted at last.
func TestEvents_Expire(t *testing.T) {
	t.Parallel()
	o, id, e := streaming(t)
	for _, name := range []string{"ada", "bob", "eve"} {
		o.user(name)
	}
	_, ids := o.pending(e)
	o.must(e.Acknowledge(t.Context(), id, ids[:1], []events.Letter{{ID: ids[1], Fault: "refused"}, {ID: uuid.New(), Fault: "unknown"}}))
	later := now().Add(time.Hour)
	o.must(e.Expire(t.Context(), later, time.Time{}, "too late"))
	dead, total, err := e.Dead(t.Context(), id, events.Page{Limit: 10})
	o.must(err)
	faults := map[int64]string{}
	for _, event := range dead {
		faults[event.Seq] = event.Fault
	}
	if diff := cmp.Diff(map[int64]string{2: "refused", 3: "too late"}, faults); diff != "" || total != 2 {
		t.Errorf("%d dead: %s", total, diff)
	}
	if n, err := e.Requeue(t.Context(), id, ids[1:2]); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	o.user("zoe")
	numbers, _ := o.pending(e)
	if diff := cmp.Diff([]int64{2, 4}, numbers); diff != "" {
		t.Error(diff)
	}
	o.must(e.Expire(t.Context(), time.Time{}, later, "too late"))
	if _, total, err := e.Dead(t.Context(), id, events.Page{Limit: 10}); total != 0 || err != nil {
		t.Errorf("%d are still dead, %v", total, err)
	}
	o.must(e.RemoveStream(t.Context(), id))
	o.user("max")
	if _, err := e.Progress(t.Context(), id); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("%v", err)
	}
	if err := e.RemoveStream(t.Context(), id); !errors.Is(err, events.ErrNotFound) {
		t.Errorf("%v", err)
	}
}

// A server that does not set a stream knows of it within a second, without being
// asked to look.
func TestEvents_OtherServersHearOfStreams(t *testing.T) {
	t.Parallel()
	o, id, e := streaming(t)
	other := o.beside()
	tells := func() bool {
		t.Helper()
		silent := false
		o.must(other.Users.Write(t.Context(), "test", func(w *writes.Write) error {
			silent = w.IsSilent()
			return nil
		}))
		return !silent
	}
	if !tells() {
		t.Error("a server that has just begun does not know of the stream")
	}
	o.must(e.RemoveStream(t.Context(), id))
	if !tells() {
		t.Error("the streams are read for every change")
	}
	waitUntil(t, "the other server knows that the stream is gone", func() bool { return !tells() })
}

package postgres

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/org"
)

// queue is a jobs with organisations that have names.
type queue struct {
	*tenant
	names map[org.ID]string
	ids   map[string]org.ID
}

func newQueue(t *testing.T) *queue {
	t.Helper()
	return &queue{newTenant(t), map[org.ID]string{}, map[string]org.ID{}}
}

// add accepts so many requests of the organisation with a name.
func (q *queue) add(name string, requests int) {
	q.t.Helper()
	id, known := q.ids[name]
	if !known {
		id = org.NewID()
		q.ids[name], q.names[id] = id, name
		q.must(q.Registry().CreateOrg(q.t.Context(), org.Org{ID: id, Name: name, Settings: org.DefaultSettings()}, nil))
	}
	for range requests {
		q.must(q.Jobs().Add(q.t.Context(), directory.Job{
			ID: uuid.Must(uuid.NewV7()), Org: org.Org{ID: id}, Permissions: []string{}, Body: []byte("{}"), At: time.Now(),
		}))
	}
}

// take gives a new worker a request, and the name of its organisation.
func (q *queue) take() (name string, finish func()) {
	q.t.Helper()
	worker := uuid.New()
	a, _, err := q.Jobs().Take(q.t.Context(), worker, time.Minute)
	q.must(err)
	return q.names[a.Org.ID], func() {
		q.must(q.Jobs().Finish(q.t.Context(), worker, a, directory.Answer{Body: []byte("{}")}))
	}
}

// TestTake_OrganisationsTakeTurns has one organisation accept many requests before
// others accept any.
func TestTake_OrganisationsTakeTurns(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.add("A", 20)
	q.add("B", 2)
	var order strings.Builder
	one := func() {
		name, finish := q.take()
		order.WriteString(name)
		finish()
	}
	for range 3 {
		one()
	}
	q.add("C", 1) // never served: before all
	for range 5 {
		one()
	}
	if got := order.String(); got != "ABACBAAA" {
		t.Errorf("served in the order %s", got)
	}
}

// TestTake_NoTwoOnOneWhileAnotherWaits has workers take requests one after the other
// and none of them finish.
func TestTake_NoTwoOnOneWhileAnotherWaits(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	q.add("A", 20)
	for _, name := range []string{"B", "C"} {
		q.add(name, 3)
	}
	var order strings.Builder
	for range 8 {
		name, _ := q.take()
		order.WriteString(name)
	}
	if got := order.String(); got != "ABCABCAB" {
		t.Errorf("taken in the order %s", got)
	}
}

// TestTake_AtOnce has as many workers as organisations, of several servers, ask at
// the same time.
func TestTake_AtOnce(t *testing.T) {
	t.Parallel()
	q := newQueue(t)
	const all = "ABCDEF"
	for _, name := range all {
		q.add(string(name), 3)
	}
	var mu sync.Mutex
	var taken []string
	var group sync.WaitGroup
	for range all {
		group.Go(func() {
			a, _, err := q.Jobs().Take(q.t.Context(), uuid.New(), time.Minute)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
			}
			taken = append(taken, q.names[a.Org.ID])
		})
	}
	group.Wait()
	for _, name := range all {
		if n := strings.Count(strings.Join(taken, ""), string(name)); n != 1 {
			t.Errorf("%d workers are on %c: %v", n, name, taken)
		}
	}
}

package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

// stream is the part of a stream's answer that tells of the delivery.
type stream struct {
	Delivery struct {
		Pending, DeadLetters, FailedAttempts int
		LastSequence                         int64
		Error                                string
	}
}

// receiver takes pushed events, and refuses as it is told to.
type receiver struct {
	*httptest.Server
	verifier
	mu       sync.Mutex
	answers  func(n int, e told) (status int, body string) // to the nth push
	pushes   int
	accepted []told
	changed  chan struct{}
}

func newReceiver(t *testing.T, answers func(n int, e told) (int, string)) *receiver {
	t.Helper()
	r := &receiver{answers: answers, changed: make(chan struct{}, 1)}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		token, err := io.ReadAll(request.Body)
		if err != nil {
			return // the server has given up
		}
		e, err := r.read(string(token))
		if err != nil || request.Header.Get("Content-Type") != "application/secevent+jwt" || request.Header.Get("Authorization") != "Bearer of-the-receiver" {
			t.Errorf("%v: %v", err, request.Header)
		}
		r.pushes++
		status, body := r.answers(r.pushes, e)
		if status == http.StatusAccepted {
			r.accepted = append(r.accepted, e)
			select {
			case r.changed <- struct{}{}:
			default:
			}
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(r.Close)
	return r
}

// await waits until so many events were accepted.
func (r *receiver) await(t *testing.T, n int) []told {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		r.mu.Lock()
		accepted := slices.Clone(r.accepted)
		r.mu.Unlock()
		if len(accepted) >= n {
			return accepted
		}
		select {
		case <-r.changed:
		case <-ctx.Done():
			t.Fatalf("%d of %d events arrived", len(accepted), n)
		}
	}
}

// pushTo makes a stream that is pushed to the receiver.
func pushTo(t *testing.T, o *servertest.Org, r *receiver) {
	t.Helper()
	listen(t, o, map[string]any{"method": "push", "endpointUrl": r.URL + "/events", "authorizationHeader": "Bearer of-the-receiver"})
}

// sequences are those of events.
func sequences(events []told) []int64 {
	var list []int64
	for _, e := range events {
		list = append(list, e.Sequence)
	}
	return list
}

// Events are pushed in the order of the changes, again after failures, and what
// the receiver refuses for good is kept until somebody has it delivered.
func TestEvents_ArePushedUntilTheyArrive(t *testing.T) {
	t.Parallel()
	refuse := true
	r := newReceiver(t, func(n int, e told) (int, string) {
		switch {
		case n == 1:
			return http.StatusServiceUnavailable, ""
		case n == 2:
			return http.StatusBadRequest, `{"err":"authentication_failed","description":"who are you?"}`
		case e.Sequence == 2 && refuse:
			return http.StatusBadRequest, `{"err":"invalid_request","description":"I never liked twos"}`
		default:
			return http.StatusAccepted, ""
		}
	})
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	o := s.NewOrg(t)
	r.verifier = newVerifier(t, s.URL)
	pushTo(t, o, r)
	for i := range 3 {
		o.NewUser(t, fmt.Sprintf("user%d@example.org", i))
	}
	if diff := cmp.Diff([]int64{1, 3}, sequences(r.await(t, 2))); diff != "" {
		t.Errorf("what arrived at first (-want +got):\n%s", diff)
	}
	var answer *servertest.Answer
	var st stream
	for noted := false; !noted; noted = st.Delivery.Pending == 0 {
		time.Sleep(10 * time.Millisecond)
		answer = o.Do(t, "GET", "/api/v2/events/stream", nil).Want(t, 200)
		answer.Decode(t, &st)
	}
	if st.Delivery.DeadLetters != 1 || st.Delivery.LastSequence != 3 || strings.Contains(string(answer.Body), "of-the-receiver") {
		t.Errorf("%s", answer.Body)
	}
	var dead struct {
		Entities []struct {
			Sequence int64
			Error    string
		}
	}
	o.Do(t, "GET", "/api/v2/events/deadletters", nil).Want(t, 200).Decode(t, &dead)
	if len(dead.Entities) != 1 || dead.Entities[0].Sequence != 2 || dead.Entities[0].Error != "rejected" {
		t.Errorf("dead letters %+v", dead)
	}
	r.mu.Lock()
	refuse = false
	r.mu.Unlock()
	o.Do(t, "POST", "/api/v2/events/deadletters/requeue", map[string]any{"all": true}).Want(t, 200)
	if diff := cmp.Diff([]int64{1, 3, 2}, sequences(r.await(t, 3))); diff != "" {
		t.Errorf("what arrived (-want +got):\n%s", diff)
	}
}

// Of servers on one database one delivers at a time: each event arrives once and
// in its place.
func TestEvents_ArePushedByOneServerAtATime(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int, told) (int, string) { return http.StatusAccepted, "" })
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	for range 2 {
		servertest.NewWith(t, servertest.Options{HTTPClient: r.Client(), Database: s.Database})
	}
	o := s.NewOrg(t)
	r.verifier = newVerifier(t, s.URL)
	pushTo(t, o, r)
	const writers, each = 4, 20
	var work sync.WaitGroup
	for w := range writers {
		work.Go(func() {
			for i := range each {
				o.NewUser(t, fmt.Sprintf("user%d-%d@example.org", w, i))
			}
		})
	}
	work.Wait()
	want := make([]int64, writers*each)
	for i := range want {
		want[i] = int64(i + 1)
	}
	if diff := cmp.Diff(want, sequences(r.await(t, len(want)))); diff != "" {
		t.Errorf("what arrived (-want +got):\n%s", diff)
	}
}

package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

const answered = eventPrefix + "misc:asyncresp"

// later sends operations of every outcome to be answered later, and waits for the
// answer. It gives the request's id and what became of the operations.
func later(t *testing.T, o *servertest.Org) (txn string, operations []map[string]any) {
	t.Helper()
	type object = map[string]any
	title := servertest.Patch(object{"op": "add", "path": "title", "value": "Countess"})
	accepted := o.Do(t, "POST", "/Bulk", object{"Operations": []object{
		{"method": "PATCH", "path": "/Users/bulkId:ada", "data": title},
		{"method": "POST", "path": "/Users", "bulkId": "ada", "data": object{"userName": "ada@example.org", "externalId": "e1"}},
		{"method": "POST", "path": "/Users", "bulkId": "again", "data": object{"userName": "ADA@example.org"}},
		{"method": "DELETE", "path": "/Users/nobody"},
		{"method": "POST", "path": "/Printers", "data": object{}},
	}}, "Prefer: respond-async").Want(t, http.StatusAccepted)
	location := accepted.Header.Get("Location")
	for {
		answer := o.Do(t, "GET", location[strings.Index(location, "/Bulk/"):], nil)
		if answer.Status == http.StatusAccepted {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		var response struct{ Operations []map[string]any }
		answer.Want(t, http.StatusOK).Decode(t, &response)
		return accepted.Header.Get("Set-Txn"), response.Operations
	}
}

// answers are the events that tell what became of operations, the others left out.
func answers(events []told) []told {
	var list []told
	for _, e := range events {
		if e.Events[answered] != nil {
			list = append(list, e)
		}
	}
	return list
}

// Each operation of a request that is answered later ends in an event which says
// what the answer says of it (RFC 9967 section 2.5.1.2), behind those of what it changed.
func TestEvents_AnswerWhatIsAnsweredLater(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, func(int, told) (int, string) { return http.StatusAccepted, "" })
	s := servertest.NewWith(t, servertest.Options{HTTPClient: r.Client()})
	for _, way := range []string{"poll", "push"} {
		o := s.NewOrg(t)
		r.verifier = newVerifier(t, s.URL)
		if way == "poll" {
			listen(t, o, map[string]any{"form": "full"})
		} else {
			pushTo(t, o, r)
		}
		txn, operations := later(t, o)
		const changes = 2
		var events []told
		if way == "poll" {
			events = poll(t, o, r.verifier)
		} else {
			events = r.await(t, changes+len(operations))
		}
		found := answers(events)
		if len(events) != changes+len(operations) || len(found) != len(operations) || events[changes].Events[answered] == nil {
			t.Fatalf("%s: %d events, %d answers of %d operations: %+v", way, len(events), len(found), len(operations), events)
		}
		if events[0].Txn != txn+":1" || events[1].Txn != txn+":0" {
			t.Errorf("%s: the changes are of %q and %q", way, events[0].Txn, events[1].Txn)
		}
		ada := strings.TrimPrefix(events[0].Subject.URI, "/Users/")
		uris := []string{"/Users/" + ada, "/Users/" + ada, "/Users", "/Users/nobody", "/Bulk/" + txn}
		for i, e := range found {
			if diff := cmp.Diff(operations[i], e.Events[answered]); diff != "" {
				t.Errorf("%s, operation %d (-answer +event):\n%s", way, i, diff)
			}
			if want := fmt.Sprint(txn, ":", i); e.Txn != want || e.Subject.URI != uris[i] || e.Subject.Format != "scim" || len(e.Events) != 1 {
				t.Errorf("%s, operation %d: txn %q, subject %+v; want %q, %q", way, i, e.Txn, e.Subject, want, uris[i])
			}
		}
		if found[1].Subject.ID != ada || found[1].Subject.ExternalID != "e1" || found[2].Subject.ID != "" {
			t.Errorf("%s: subjects %+v, %+v", way, found[1].Subject, found[2].Subject)
		}
		text, _ := json.Marshal(found[2].Events[answered]["response"])
		if found[2].Events[answered]["status"] != "409" || !strings.Contains(string(text), `"scimType":"uniqueness"`) {
			t.Errorf("%s: a failure is told as %v", way, found[2].Events)
		}
	}
}

// A stream tells of answers if it is set to, also when it is of one group.
func TestEvents_AnswerOnlyWhoIsToBeTold(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	for name, c := range map[string]struct {
		settings func(o *servertest.Org) map[string]any
		told     bool
		others   int
	}{
		"everything":   {func(*servertest.Org) map[string]any { return nil }, true, 2},
		"answers only": {func(*servertest.Org) map[string]any { return map[string]any{"events": []string{"misc:asyncresp"}} }, true, 0},
		"one group": {func(o *servertest.Org) map[string]any {
			return map[string]any{"groupId": o.NewGroup(t, "Night Shift")}
		}, true, 0},
		"changes only": {func(*servertest.Org) map[string]any { return map[string]any{"events": []string{"prov:create"}} }, false, 1},
		"nothing":      {func(*servertest.Org) map[string]any { return map[string]any{"status": "disabled"} }, false, 0},
	} {
		o := s.NewOrg(t)
		listen(t, o, c.settings(o))
		want := "request" // Bulk is answered later where a client asks for it
		if name == "nothing" {
			want = ""
		}
		if got := securityEvents(t, o); got.AsyncRequest != want || slices.Contains(got.EventURIs, answered) != c.told {
			t.Errorf("%s: securityEvents is %+v, want asyncRequest %q and answers %v", name, got, want, c.told)
		}
		txn, operations := later(t, o)
		if (txn != "") != c.told {
			t.Errorf("%s: Set-Txn is %q", name, txn)
		}
		events := poll(t, o, newVerifier(t, s.URL))
		found := answers(events)
		if (len(found) == len(operations)) != c.told || len(events)-len(found) != c.others {
			t.Errorf("%s: %d answers of %d operations, %d other events", name, len(found), len(operations), len(events)-len(found))
		}
	}
	o := s.NewOrg(t)
	if got := securityEvents(t, o); got.EventURIs != nil {
		t.Errorf("without a stream: securityEvents is %+v", got)
	}
	listen(t, o, nil)
	o.Token = "none"
	if got := securityEvents(t, o); got.EventURIs != nil {
		t.Errorf("who is not known is told %+v", got)
	}
}

// toldOfEvents is what ServiceProviderConfig tells of a stream.
type toldOfEvents struct {
	AsyncRequest string
	EventURIs    []string
}

func securityEvents(t *testing.T, o *servertest.Org) toldOfEvents {
	t.Helper()
	var config struct{ SecurityEvents toldOfEvents }
	o.Do(t, "GET", "/ServiceProviderConfig", nil).Want(t, http.StatusOK).Decode(t, &config)
	return config.SecurityEvents
}

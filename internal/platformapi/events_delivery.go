package platformapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
)

// maxAcknowledged is how many events one request may name.
const maxAcknowledged = 10_000

// heldPoll is how many bytes of an answer to a poll are held before they are sent.
const heldPoll = 256 << 10

// writePoll answers as in RFC 8936 section 2.3: at once, or while tokens are made if
// they are many.
func writePoll(w http.ResponseWriter, answer events.PollAnswer) error {
	text, separator, begun := []byte(`{"sets":{`), "", false
	more, err := answer(func(id uuid.UUID, token []byte) error {
		text = append(append(text, separator...), '"')
		text = append(append(text, id.String()...), `":"`...)
		text = append(append(text, token...), '"') // base64 and dots
		if separator = ","; len(text) < heldPoll {
			return nil
		}
		if !begun {
			w.Header()["Content-Type"] = []string{"application/json"}
			w.WriteHeader(http.StatusOK)
			begun = true
		}
		_, err := w.Write(text)
		if text = text[:0]; err != nil {
			err = fmt.Errorf("%w: the client has gone: %w", context.Canceled, err)
		}
		return err
	})
	if err != nil {
		return err
	}
	text = strconv.AppendBool(append(text, `},"moreAvailable":`...), more)
	text = append(text, '}')
	if begun {
		_, err = w.Write(text)
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, "application/json", text)
	return nil
}

// poll serves RFC 8936.
func (s stream) poll(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	ask := events.PollRequest{Max: events.DefaultPolled, Immediately: b.boolean("returnImmediately"), Acknowledged: b.ids("ack")}
	if n := b.integer("maxEvents"); n != nil {
		if *n < 0 {
			b.fail("maxEvents is %d; 0 or more is expected", *n)
		}
		ask.Max = int(min(max(*n, 0), events.MaxPolled))
	}
	faults := take[map[string]any](b, "setErrs", "an object")
	for text, fault := range faults {
		said, _ := fault.(map[string]any)
		code, _ := said["err"].(string)
		description, _ := said["description"].(string)
		id, known := exactID(text)
		switch {
		case code == "":
			b.fail("setErrs: the error of %q has no err", text)
		case known:
			ask.Refused = append(ask.Refused, events.NewLetter(id, code, description))
		}
	}
	if n := len(ask.Acknowledged) + len(faults); n > maxAcknowledged {
		b.fail("ack and setErrs name %d events, and at most %d are allowed in one request", n, maxAcknowledged)
	}
	if b.err != nil {
		return b.err
	}
	answer, err := s.events.Poll(r.Context(), organisation(r).ID, ask)
	if err != nil {
		return explainEvents(err)
	}
	return writePoll(w, answer)
}

// ids gives a list of ids. What is no id is that of nothing.
func (b *body) ids(name string) []uuid.UUID {
	var ids []uuid.UUID
	for _, text := range list[string](b, name, "a string") {
		if id, ok := exactID(text); ok {
			ids = append(ids, id)
		}
	}
	return ids
}

// exactID reads an id in the one spelling that the server gives.
func exactID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && id.String() == text
}

// deadLetter is an event that could not be delivered.
type deadLetter struct {
	ID       string          `json:"id"` // the jti of its token
	Sequence int64           `json:"sequence"`
	Date     string          `json:"dateCreated"`
	Error    string          `json:"error"`
	Claims   json.RawMessage `json:"claims"` // what its token says of the change
}

func answerDead(e events.Event) deadLetter {
	return deadLetter{ID: e.ID.String(), Sequence: e.Seq, Date: timestamp(e.Made), Error: e.Fault, Claims: e.Claims}
}

func (s stream) dead(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r)
	if err != nil {
		return err
	}
	found, total, err := s.events.Dead(r.Context(), organisation(r).ID, events.Page{Offset: page.offset(), Limit: page.size})
	if err != nil {
		return explainEvents(err)
	}
	found = shorten(&page, found, total)
	return writeListing(w, page, total, answer(found, answerDead))
}

// requeue has dead letters delivered after all: those of ids, or all.
func (s stream) requeue(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	all := b.boolean("all")
	ids := b.ids("ids")
	switch {
	case all == b.has("ids"):
		b.fail("ids or all is required, not both: ids is a list of ids of dead letters, all is true")
	case len(ids) > maxAcknowledged:
		b.fail("ids names %d dead letters, and at most %d are allowed in one request", len(ids), maxAcknowledged)
	}
	if b.err != nil {
		return b.err
	}
	if all {
		ids = nil
	} else if ids == nil {
		ids = []uuid.UUID{}
	}
	n, err := s.events.Requeue(r.Context(), organisation(r).ID, ids)
	if err != nil {
		return explainEvents(err)
	}
	return write(w, requeueAnswer{Requeued: n})
}

type requeueAnswer struct {
	Requeued int `json:"requeued"`
}

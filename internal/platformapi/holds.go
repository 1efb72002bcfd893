package platformapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

const holdsPath = "/api/v2/scim/holds"

// holdKind is what a hold is called in texts.
const holdKind = "hold"

// MountHolds serves on r what brakes hold in an organisation. Genesys Cloud has nothing of
// the kind; it is ours.
func MountHolds(r chi.Router, frame *httpapi.Frame, l *provisioning.Log) {
	h := holds{l}
	handle(r, frame, holdsPath, map[string]httpapi.Handler{http.MethodGet: h.list})
	handle(r, frame, holdsPath+"/{id}/release", map[string]httpapi.Handler{http.MethodPost: h.decide((*provisioning.Log).Release)})
	handle(r, frame, holdsPath+"/{id}/reject", map[string]httpapi.Handler{http.MethodPost: h.decide((*provisioning.Log).Reject)})
}

// holds are those of the caller's organisation.
type holds struct{ log *provisioning.Log }

// holdAnswer is a hold as it is shown.
type holdAnswer struct {
	ID          string                 `json:"id"`
	Client      namedAnswer            `json:"client"`
	Kind        string                 `json:"kind"` // users or members
	Group       *namedAnswer           `json:"group,omitempty"`
	State       provisioning.HoldState `json:"state"`
	DateHeld    string                 `json:"dateHeld"`
	DateLast    string                 `json:"dateLastAttempt"`
	Attempts    int64                  `json:"attempts"`
	Removed     int64                  `json:"removed"`
	Most        int64                  `json:"most"`
	DateUntil   string                 `json:"dateUntil,omitempty"`
	Description string                 `json:"description"`
}

func answerHold(h provisioning.Hold) holdAnswer {
	a := holdAnswer{
		ID: h.ID.String(), Client: namedAnswer{h.Client.String(), h.ClientName}, Kind: "users", State: h.State,
		DateHeld: timestamp(h.Held), DateLast: timestamp(h.Last), Attempts: h.Attempts, Removed: h.Removed, Most: h.Most,
		DateUntil: optionalTime(h.Until), Description: h.What(),
	}
	if h.Group != uuid.Nil {
		a.Kind, a.Group = "members", &namedAnswer{h.Group.String(), h.GroupName}
	}
	return a
}

// holdListing is all that is held, and what was decided, the latest first.
type holdListing struct {
	Entities []holdAnswer `json:"entities"`
	SelfURI  string       `json:"selfUri"`
}

func (s holds) list(w http.ResponseWriter, r *http.Request) error {
	found, err := s.log.Holds(r.Context(), organisation(r).ID)
	if err != nil {
		return err
	}
	return write(w, holdListing{answer(found, answerHold), holdsPath})
}

// decide decides about a hold for as many hours as the body may say.
func (s holds) decide(how func(l *provisioning.Log, ctx context.Context, o org.ID, id uuid.UUID, lasting time.Duration) (provisioning.Hold, error)) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		id, err := pathID(r, "id", holdKind)
		if err != nil {
			return err
		}
		lasting, err := readHours(r)
		if err != nil {
			return err
		}
		h, err := how(s.log, r.Context(), organisation(r).ID, id, lasting)
		if errors.Is(err, provisioning.ErrNoHold) {
			return noSuch(holdKind, id.String())
		}
		if err != nil {
			return err
		}
		return write(w, answerHold(h))
	}
}

// readHours reads the field hours of a body that may be missing.
func readHours(r *http.Request) (time.Duration, error) {
	if r.ContentLength == 0 || r.Body == nil || r.Body == http.NoBody {
		return provisioning.DecisionTime, nil
	}
	b, err := readBody(r)
	if err != nil {
		return 0, err
	}
	hours := b.integer("hours")
	if b.err != nil || hours == nil {
		return provisioning.DecisionTime, b.err
	}
	const most = int64(provisioning.MaxDecisionTime / time.Hour)
	if *hours < 1 || *hours > most {
		return 0, scim.InvalidValue("hours is %d; a whole number from 1 to %d is expected", *hours, most)
	}
	return time.Duration(*hours) * time.Hour, nil
}

package platformapi

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/events"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

const (
	streamPath      = "/api/v2/events/stream"
	pollPath        = "/api/v2/events/poll"
	deadLettersPath = "/api/v2/events/deadletters"
	requeuePath     = deadLettersPath + "/requeue"
)

// MountEvents serves the endpoints of an organisation's stream of events on r.
// Genesys Cloud has nothing of the kind; they are ours.
func MountEvents(r chi.Router, frame *httpapi.Frame, s *events.Service, d *directory.Directory) {
	e := stream{events: s, directory: d}
	for path, methods := range map[string]map[string]httpapi.Handler{
		streamPath:      {http.MethodGet: e.get, http.MethodPut: e.set, http.MethodDelete: e.remove},
		deadLettersPath: {http.MethodGet: e.dead},
		requeuePath:     {http.MethodPost: e.requeue},
	} {
		handle(r, frame, path, methods)
	}
	frame.Handle(r, pollPath, httpapi.Route{
		Protocol: httpapi.Platform, Methods: map[string]httpapi.Handler{http.MethodPost: e.poll}, Access: access, Longer: events.PollTime,
	})
}

// stream is that of the caller's organisation.
type stream struct {
	events    *events.Service
	directory *directory.Directory
}

// streamAnswer never holds the authorization header.
type streamAnswer struct {
	Method                 events.Method  `json:"method"`
	EndpointURL            string         `json:"endpointUrl,omitempty"`
	HasAuthorizationHeader bool           `json:"hasAuthorizationHeader"`
	Audience               string         `json:"audience"`
	Form                   events.Form    `json:"form"`
	Events                 []events.Kind  `json:"events"`
	GroupID                string         `json:"groupId,omitempty"`
	Status                 events.Status  `json:"status"`
	StatusReason           string         `json:"statusReason,omitempty"`
	DateCreated            string         `json:"dateCreated"`
	DateModified           string         `json:"dateModified"`
	Delivery               deliveryAnswer `json:"delivery"`
	SelfURI                string         `json:"selfUri"`
}

// deliveryAnswer tells how far the delivery is.
type deliveryAnswer struct {
	LastSequence   int64  `json:"lastSequence"`
	Pending        int    `json:"pending"`
	OldestPending  string `json:"oldestPending,omitempty"`
	DeadLetters    int    `json:"deadLetters"`
	FailedAttempts int    `json:"failedAttempts"`
	Error          string `json:"error,omitempty"`
	NextAttempt    string `json:"nextAttempt,omitempty"`
	LastDelivered  string `json:"lastDelivered,omitempty"`
}

func (s stream) answer(w http.ResponseWriter, r *http.Request, st events.Stream) error {
	p, err := s.events.Progress(r.Context(), st.Org)
	if err != nil {
		return explainEvents(err)
	}
	a := streamAnswer{
		Method: st.Method, EndpointURL: st.Endpoint, HasAuthorizationHeader: st.Credential != "", Audience: st.Audience,
		Form: st.Form, Events: st.Kinds,
		DateCreated: timestamp(st.Created), DateModified: timestamp(st.Modified), SelfURI: streamPath,
		Delivery: deliveryAnswer{
			LastSequence: p.Seq, Pending: p.Pending, OldestPending: optionalTime(p.Oldest), DeadLetters: p.Dead,
			FailedAttempts: p.Failures, Error: p.Fault, NextAttempt: optionalTime(p.Retry), LastDelivered: optionalTime(p.Delivered),
		},
	}
	a.Status, a.StatusReason = st.Shown()
	if st.Group != uuid.Nil {
		a.GroupID = st.Group.String()
	}
	return write(w, a)
}

func (s stream) get(w http.ResponseWriter, r *http.Request) error {
	st, err := s.events.Stream(r.Context(), organisation(r).ID)
	if err != nil {
		return explainEvents(err)
	}
	return s.answer(w, r, st)
}

// set replaces all settings; only the authorization header may be left out.
func (s stream) set(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	st := events.Stream{
		Org:        organisation(r).ID,
		Method:     events.Method(b.required("method")),
		Endpoint:   b.text("endpointUrl"),
		Credential: b.text("authorizationHeader"),
		Audience:   b.required("audience"),
		Form:       events.Form(b.text("form")),
		Status:     events.Status(b.text("status")),
	}
	for _, kind := range list[string](b, "events", "a string") {
		st.Kinds = append(st.Kinds, events.Kind(kind))
	}
	group := b.text("groupId")
	if b.err != nil {
		return b.err
	}
	if group != "" {
		g, err := s.directory.Group(r.Context(), organisation(r), group)
		if missing := (*scim.Error)(nil); errors.As(err, &missing) {
			return scim.InvalidValue("groupId: %q is not the id of a group of the organisation", group).Because(err)
		}
		if err != nil {
			return err
		}
		st.Group = g.ID
	}
	if st, err = s.events.SetStream(r.Context(), st); err != nil {
		return explainEvents(err)
	}
	return s.answer(w, r, st)
}

func (s stream) remove(w http.ResponseWriter, r *http.Request) error {
	if err := s.events.RemoveStream(r.Context(), organisation(r).ID); err != nil {
		return explainEvents(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// explainEvents turns an error of package events into the error that the client gets.
func explainEvents(err error) error {
	var wrong *events.InvalidError
	switch {
	case errors.Is(err, events.ErrNotFound):
		return scim.NotFound("%s; PUT %s makes one", events.ErrNotFound, streamPath)
	case errors.Is(err, events.ErrPushed):
		return scim.Conflict("%s", events.ErrPushed)
	case errors.As(err, &wrong):
		return scim.InvalidValue("%s: %s", wrong.Field, wrong.Problem).Because(err)
	default:
		return err
	}
}

package platformapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/scim"
)

const acceptedPath = "/api/v2/async/requests"

// acceptedKind is what an accepted request is called in texts.
const acceptedKind = "accepted request"

// MountAccepted serves the endpoints of an organisation's accepted requests on r:
// those that SCIM answers later. Genesys Cloud has nothing of the kind; they are
// ours. cancel ends a request; its errors are those of package directory.
func MountAccepted(r chi.Router, frame *httpapi.Frame, d *directory.Directory, cancel func(ctx context.Context, o org.ID, id uuid.UUID) error) {
	a := acceptedRequests{directory: d, cancel: cancel}
	handle(r, frame, acceptedPath, map[string]httpapi.Handler{http.MethodGet: a.list})
	handle(r, frame, acceptedPath+"/{id}", map[string]httpapi.Handler{http.MethodGet: a.get, http.MethodDelete: a.remove})
}

// acceptedRequests are those of the caller's organisation.
type acceptedRequests struct {
	directory *directory.Directory
	cancel    func(ctx context.Context, o org.ID, id uuid.UUID) error
}

// acceptedAnswer tells nothing of what a request asks for, nor of its answer, which
// is for its client.
type acceptedAnswer struct {
	ID           string             `json:"id"`
	ClientID     string             `json:"clientId"`
	State        directory.JobState `json:"state"`
	StepsDone    int                `json:"stepsDone"`
	DateAccepted string             `json:"dateAccepted"`
	DateFinished string             `json:"dateFinished,omitempty"`
	SelfURI      string             `json:"selfUri"`
}

func answerAccepted(a directory.JobRecord) acceptedAnswer {
	return acceptedAnswer{
		ID: a.ID.String(), ClientID: a.Client.String(), State: a.State, StepsDone: a.Steps,
		DateAccepted: timestamp(a.At), DateFinished: optionalTime(a.Finished), SelfURI: acceptedPath + "/" + a.ID.String(),
	}
}

func (s acceptedRequests) list(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r)
	if err != nil {
		return err
	}
	found, total, err := s.directory.Jobs().Requests(r.Context(), organisation(r).ID, directory.Selection{Offset: page.offset(), Limit: page.size})
	if err != nil {
		return err
	}
	return writeListing(w, page, total, answer(found, answerAccepted))
}

func (s acceptedRequests) get(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", acceptedKind)
	if err != nil {
		return err
	}
	found, err := s.directory.Jobs().Request(r.Context(), organisation(r).ID, id)
	if err != nil {
		return explainAccepted(err, id)
	}
	return write(w, answerAccepted(found))
}

// remove cancels a request that is not finished. Its record stays, like those of
// requests that were done.
func (s acceptedRequests) remove(w http.ResponseWriter, r *http.Request) error {
	id, err := pathID(r, "id", acceptedKind)
	if err != nil {
		return err
	}
	if err := s.cancel(r.Context(), organisation(r).ID, id); err != nil {
		return explainAccepted(err, id)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func explainAccepted(err error, id uuid.UUID) error {
	switch {
	case errors.Is(err, directory.ErrNotFound):
		return noSuch(acceptedKind, id.String())
	case errors.Is(err, directory.ErrFinished):
		return scim.Conflict("the %s %q is finished: nothing of it is left to be cancelled", acceptedKind, id).Because(err)
	default:
		return err
	}
}

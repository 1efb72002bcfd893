package scimapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

// statusEndpoint tells what has become of a request that was to be answered later.
const statusEndpoint = bulkEndpoint + "/{id}"

// pollPause is how often it is looked whether a request has been done.
const pollPause = 200 * time.Millisecond

// accept keeps a request that has been read, to be carried out later (RFC 7240
// section 4.1). It is answered at once, or when it is done, if that is before the
// client's wait is over.
func (b bulk) accept(w http.ResponseWriter, r *http.Request, body []byte, wait time.Duration) error {
	who := httpapi.Principal(r.Context())
	a := directory.Job{
		ID: uuid.Must(uuid.NewV7()), Org: who.Org, Client: who.Client, Permissions: append([]string{}, who.Permissions.Names()...),
		Root: b.root(r), Body: body, At: b.directory.Now(),
	}
	origin := provisioning.OriginOf(r.Context())
	a.Address, a.System = origin.Address, origin.System
	told, err := b.store(r.Context(), a)
	if err != nil {
		return err
	}
	announce(w.Header(), a, told)
	if wait == 0 {
		return b.writeStatus(w, nil)
	}
	for end := time.Now().Add(wait); ; {
		answer, err := b.directory.Jobs().Answer(r.Context(), a.Org.ID, a.Client, a.ID)
		if answer != nil {
			w.Header().Del("Preference-Applied") // it is answered at once
		}
		if err != nil || answer != nil || time.Until(end) < pollPause {
			return b.writeStatus(w, answer) // that it was accepted is true whatever err says
		}
		select {
		case <-r.Context().Done():
			return r.Context().Err()
		case <-time.After(pollPause):
		}
	}
}

// store keeps a request, in the time of other requests, and reports whether events tell of its
// answer.
func (b bulk) store(ctx context.Context, a directory.Job) (told bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.frame.RequestTimeout())
	defer cancel()
	if told, err = b.events.TellsAnswers(ctx, a.Org.ID); err == nil {
		err = b.directory.Jobs().Add(ctx, a)
	}
	return told, err
}

// announce tells where the answer will be and, where events tell of it, under which
// transaction (RFC 9967 section 2.5.1.1).
func announce(h http.Header, a directory.Job, told bool) {
	h.Set("Preference-Applied", "respond-async")
	h.Set("Location", a.Root+bulkEndpoint+"/"+a.ID.String())
	if told {
		h.Set("Set-Txn", a.ID.String())
	}
}

// writeStatus answers with what is known of a request that was accepted.
func (b bulk) writeStatus(w http.ResponseWriter, answer []byte) error {
	if answer == nil {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusAccepted)
		return nil
	}
	httpapi.WriteJSON(w, http.StatusOK, scim.MediaType, answer)
	return nil
}

// status answers as the request would have been answered, once it is done.
func (b bulk) status(w http.ResponseWriter, r *http.Request) error {
	text := pathParam(r, "id")
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return noAnswer(text)
	}
	who := httpapi.Principal(r.Context())
	answer, err := b.directory.Jobs().Answer(r.Context(), who.Org.ID, who.Client, id)
	if errors.Is(err, directory.ErrNotFound) {
		return noAnswer(text)
	}
	if err != nil {
		return err
	}
	return b.writeStatus(w, answer)
}

func noAnswer(id string) error {
	return scim.NotFound("the client has no bulk request %q; answers are kept for %d hours", id, int(answersKept.Hours()))
}

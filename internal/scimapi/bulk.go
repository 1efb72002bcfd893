package scimapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// bulkEndpoint takes many operations in one request (RFC 7644 section 3.7).
const bulkEndpoint = "/Bulk"

// bulk serves the endpoint under one mount.
type bulk struct {
	*door
	types []resources // without the extensions that an organisation adds
}

// mount puts the endpoint on the router. Who may write nothing is refused before the body
// is read; what each operation takes, it is asked for itself.
func (b bulk) mount(r chi.Router) {
	b.frame.Handle(r, bulkEndpoint, httpapi.Route{
		BodyLimit: int64(b.service.MaxBulkPayload),
		Methods:   map[string]httpapi.Handler{http.MethodPost: b.post},
		Access:    access,
		Longer:    bulkTime,
		// RFC 9967 section 2.5.1.1: the answer has no body whose type could matter.
		IgnoresAccept: func(r *http.Request) bool { return readPreferences(r.Header).async },
	})
	b.frame.Handle(r, statusEndpoint, httpapi.Route{
		Methods: map[string]httpapi.Handler{http.MethodGet: b.status},
		Access:  access,
	})
}

func (b bulk) post(w http.ResponseWriter, r *http.Request) error {
	who := httpapi.Principal(r.Context())
	if err := b.checkStrict(r, who.Org.Settings); err != nil {
		return err
	}
	dry, err := asksDryRun(r)
	if err != nil {
		return err
	}
	if dry {
		tryOnly(w, r)
	}
	body, err := httpapi.Body(r)
	if err != nil {
		return err
	}
	request, err := readBulk(body, b.service.MaxBulkOperations, who.Org.Settings)
	if err != nil {
		return err
	}
	prefer := readPreferences(r.Header)
	switch {
	case dry:
		return b.rehearse(w, r, who, request)
	case prefer.async:
		return b.accept(w, r, body, prefer.wait)
	}
	run, err := b.readRun(r.Context(), who, request)
	if err != nil {
		return err
	}
	switch err := run.carryOut(r.Context()); {
	case errors.Is(err, context.DeadlineExceeded):
		run.answerLate(r.Context())
	case err != nil:
		return err
	}
	answer, err := run.answer(b.root(r))
	if err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, scim.MediaType, answer)
	return nil
}

// answer renders the BulkResponse. Operations that were not begun are not in it.
func (r *bulkRun) answer(root string) ([]byte, error) {
	response := scim.BulkResponse{Schemas: []string{scim.BulkResponseURN}, Operations: []scim.BulkResult{}}
	told := 0
	for i := range r.operations {
		if out := r.final(i); out.Status != 0 {
			result := r.operations[i].result(out, root)
			result.Tried = r.difference(i, &told)
			response.Operations = append(response.Operations, result)
		}
	}
	return rendered(response)
}

func rendered(v any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // details quote operators and values
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

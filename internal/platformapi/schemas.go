package platformapi

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
)

// schemas serves the schemas by which an organisation extends users and groups.
// Genesys Cloud has no such endpoints. They are not below /api/v2/scim, where
// /schemas is the protocol's own.
type schemas struct{ directory *directory.Directory }

func (s schemas) mount(r chi.Router, frame *httpapi.Frame) {
	handle(r, frame, schemasPath, map[string]httpapi.Handler{http.MethodGet: s.list, http.MethodPost: s.create})
	handle(r, frame, schemasPath+"/{id}", map[string]httpapi.Handler{
		http.MethodGet: s.get, http.MethodPut: s.update, http.MethodDelete: s.remove,
	})
}

// schemaAnswer is a schema as the platform shows it; one that is put back as it
// was read changes nothing.
type schemaAnswer struct {
	ID           string          `json:"id"`
	ResourceType string          `json:"resourceType"`
	Schema       json.RawMessage `json:"schema"`
	DateCreated  string          `json:"dateCreated"`
	DateModified string          `json:"dateModified"`
	Version      int64           `json:"version"`
	SelfURI      string          `json:"selfUri"`
}

func answerSchema(c directory.CustomSchema) schemaAnswer {
	return schemaAnswer{
		ID: c.URN, ResourceType: c.Resource, Schema: c.Definition, Version: c.Revision,
		DateCreated: timestamp(c.Created), DateModified: timestamp(c.Modified),
		SelfURI: schemasPath + "/" + c.URN,
	}
}

func (s schemas) list(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r)
	if err != nil {
		return err
	}
	all, err := s.directory.Schemas(r.Context(), organisation(r))
	if err != nil {
		return err
	}
	first := min(page.offset(), len(all))
	return writeListing(w, page, len(all), answer(all[first:min(first+page.size, len(all))], answerSchema))
}

func (s schemas) get(w http.ResponseWriter, r *http.Request) error {
	found, err := s.directory.Schema(r.Context(), organisation(r), urn(r))
	if err != nil {
		return err
	}
	return write(w, answerSchema(found))
}

func (s schemas) create(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	resource, definition := b.required("resourceType"), b.object("schema")
	if b.err != nil {
		return b.err
	}
	made, err := s.directory.CreateSchema(r.Context(), organisation(r), resource, definition)
	if err != nil {
		return err
	}
	return write(w, answerSchema(made))
}

func (s schemas) update(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	version, definition := b.version(), b.object("schema")
	if b.err != nil {
		return b.err
	}
	changed, err := s.directory.UpdateSchema(r.Context(), organisation(r), urn(r), version, definition)
	if err != nil {
		return err
	}
	return write(w, answerSchema(changed))
}

func (s schemas) remove(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	force := q.flag("force", false)
	if q.err != nil {
		return q.err
	}
	if err := s.directory.DeleteSchema(r.Context(), organisation(r), urn(r), force); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// urn is the URN in the path, which clients may percent-encode.
func urn(r *http.Request) string {
	plain, err := url.PathUnescape(id(r))
	if err != nil {
		return id(r)
	}
	return plain
}

package scimapi

import (
	"cmp"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// mountView puts the endpoints of a type of schema.Views on the router. It is the
// same for every organisation.
func (s resources) mountView(r chi.Router) {
	bound := func(handle func(s resources, w http.ResponseWriter, r *http.Request) error) httpapi.Handler {
		return func(w http.ResponseWriter, r *http.Request) error {
			if err := s.checkStrict(r, httpapi.Principal(r.Context()).Org.Settings); err != nil {
				return err
			}
			return handle(s, w, r)
		}
	}
	for path, methods := range map[string]map[string]httpapi.Handler{
		s.t.Endpoint:                  {http.MethodGet: bound(listing(readQuery))},
		s.t.Endpoint + "/{id}":        {http.MethodGet: bound(resources.view)},
		s.t.Endpoint + searchEndpoint: {http.MethodPost: bound(listing(readSearch))},
	} {
		s.frame.Handle(r, path, httpapi.Route{Methods: methods, Access: access})
	}
}

// view reads one resource. What has no version cannot be asked for by it.
func (s resources) view(w http.ResponseWriter, r *http.Request) error {
	in, err := s.read(r)
	if err != nil {
		return err
	}
	record, err := s.directory.Get(r.Context(), in.org, s.t, in.id, in.projection)
	if err != nil {
		return err
	}
	condition := scim.ParseCondition(r.Header.Get("If-None-Match"))
	if record.Version != 0 && !condition.IsZero() && condition.Matches(record.Version) {
		w.Header().Set("ETag", record.Version.ETag())
		locate(w, s.t.Location(s.root(r), cmp.Or(record.Key, record.ID.String())))
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return s.write(w, r, http.StatusOK, record, in.projection)
}

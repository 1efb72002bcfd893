package scimapi

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/httpapi"
)

// meEndpoint is the resource of the user that the access token carries (RFC 7644 section
// 3.11). A token without a user gets 501.
const meEndpoint = "/Me"

// mountMe serves the user of the token as the user's resource under /Users is
// served, and with the same permissions.
func (s resources) mountMe(r chi.Router) {
	methods := make(map[string]httpapi.Handler)
	for method, handle := range map[string]func(s resources, w http.ResponseWriter, r *http.Request) error{
		http.MethodGet: resources.get, http.MethodPut: triable(resources.put),
		http.MethodPatch: triable(resources.change), http.MethodDelete: triable(resources.delete),
	} {
		methods[method] = s.mine(s.serve(handle))
	}
	s.frame.Handle(r, meEndpoint, httpapi.Route{Self: true, Methods: methods, Access: access})
}

// mine handles a request as one for the user of the token, and tells where that
// user's resource is. One who is not active any more is refused at once, and not
// only when the token is looked up again.
func (s resources) mine(handle httpapi.Handler) httpapi.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p := httpapi.Principal(r.Context())
		if err := s.directory.CheckActive(r.Context(), p.Org, p.User); err != nil {
			return err
		}
		chi.RouteContext(r.Context()).URLParams.Add("id", p.User.String())
		w.Header().Set("Location", s.t.Location(s.root(r), p.User.String()))
		return handle(w, r)
	}
}

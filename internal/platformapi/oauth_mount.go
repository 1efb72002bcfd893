package platformapi

import (
	"errors"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

const (
	clientsPath = "/api/v2/oauth/clients"
	tokensPath  = "/api/v2/tokens"
	myTokenPath = tokensPath + "/me"
)

// MountOAuth serves the endpoints of OAuth clients and their tokens on r.
func MountOAuth(r chi.Router, frame *httpapi.Frame, s *oauth.Service) {
	c, t := clients{s}, tokens{s}
	for path, methods := range map[string]map[string]httpapi.Handler{
		clientsPath:                          {http.MethodGet: c.list, http.MethodPost: c.create},
		clientsPath + "/{id}":                {http.MethodGet: c.get, http.MethodPut: c.update, http.MethodDelete: c.remove},
		clientsPath + "/{id}/secret":         {http.MethodPost: c.rotateSecret},
		clientsPath + "/{id}/tokens":         {http.MethodGet: t.list, http.MethodDelete: t.revokeAll},
		clientsPath + "/{id}/tokens/{token}": {http.MethodDelete: t.revoke},
		tokensPath + "/{id}":                 {http.MethodDelete: t.revokeOfUser},
		myTokenPath:                          {http.MethodGet: t.mine, http.MethodDelete: t.revokeMine},
	} {
		handle(r, frame, path, methods)
	}
}

// pathID reads an id of the path in the one spelling that the server gives. Any
// other is the id of nothing.
func pathID(r *http.Request, name, kind string) (uuid.UUID, error) {
	text := chi.URLParam(r, name)
	id, err := uuid.Parse(text)
	if err != nil || id.String() != text {
		return id, noSuch(kind, text)
	}
	return id, nil
}

func noSuch(kind, id string) error { return scim.NotFound("%s %q does not exist", kind, id) }

// Kinds of what pathID names, as texts call them.
const (
	clientKind = "OAuth client"
	tokenKind  = "access token"
	userKind   = "user"
)

// explainOAuth turns an error of package oauth into the error that the client gets.
// id is that of the kind that may be missing.
func explainOAuth(err error, kind string, id uuid.UUID) error {
	var wrong *oauth.InvalidError
	var grant *oauth.GrantError
	switch {
	case errors.Is(err, oauth.ErrNotFound), errors.Is(err, oauth.ErrNoUser):
		return noSuch(kind, id.String())
	case errors.As(err, &wrong):
		return scim.InvalidValue("%s", wrong.Error()).Because(err)
	case errors.Is(err, oauth.ErrBeyond):
		return scim.Forbidden("%s", oauth.ErrBeyond).Because(err)
	case errors.As(err, &grant):
		return scim.Forbidden("roleDivisions: %s", grant.Error()).Because(err)
	default:
		return err
	}
}

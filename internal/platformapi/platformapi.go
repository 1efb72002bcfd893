// Package platformapi serves those endpoints of the Genesys Cloud platform API
// that an administrator needs before SCIM can refer to something, and to see what
// SCIM has made: groups, roles, divisions, routing skills and languages, users
// and the organisation; and one for what Genesys Cloud does not have, schemas of
// the organisation's own.
//
// Paths, bodies and answers have the platform's shape, errors its ErrorBody. The
// rules are those of package directory; authentication, limits and the writing
// of errors are the frame's, package httpapi.
package platformapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
)

// The paths of the platform's collections.
const (
	groupsPath       = "/api/v2/groups"
	usersPath        = "/api/v2/users"
	rolesPath        = "/api/v2/authorization/roles"
	divisionsPath    = "/api/v2/authorization/divisions"
	skillsPath       = "/api/v2/routing/skills"
	languagesPath    = "/api/v2/routing/languages"
	organisationPath = "/api/v2/organizations/me"
	schemasPath      = "/api/v2/directory/schemas"
)

// Mount serves the endpoints on r.
func Mount(r chi.Router, frame *httpapi.Frame, d *directory.Directory) {
	divisions := collection{directory: d, path: divisionsPath, kind: directory.Division, read: readDivision, answer: answerDivision}
	for _, c := range []collection{
		divisions,
		{directory: d, path: rolesPath, kind: directory.Role, read: readRole, allow: allowRole, answer: answerRole, patches: true, counts: true},
		{directory: d, path: skillsPath, kind: directory.Skill, read: readRouting, answer: answerRouting},
		{directory: d, path: languagesPath, kind: directory.Language, read: readRouting, answer: answerRouting},
	} {
		c.mount(r, frame)
	}
	schemas{d}.mount(r, frame)
	g, u := groups{d}, users{d}
	for path, methods := range map[string]map[string]httpapi.Handler{
		divisionsPath + "/home":          {http.MethodGet: divisions.home},
		groupsPath:                       {http.MethodGet: g.list, http.MethodPost: g.create},
		groupsPath + "/{id}":             {http.MethodGet: g.get, http.MethodPut: g.update, http.MethodDelete: g.remove},
		groupsPath + "/{id}/members":     {http.MethodGet: g.listMembers, http.MethodPost: g.addMembers, http.MethodDelete: g.removeMembers},
		groupsPath + "/{id}/individuals": {http.MethodGet: g.listIndividuals},
		usersPath:                        {http.MethodGet: u.list},
		usersPath + "/me":                {http.MethodGet: u.me},
		usersPath + "/{id}":              {http.MethodGet: u.get},
		usersPath + "/{id}/erase":        {http.MethodPost: u.erase},
		organisationPath:                 {http.MethodGet: myOrganisation},
		permissionsPath:                  {http.MethodGet: listPermissions},
		productsPath:                     {http.MethodGet: listProducts},
	} {
		handle(r, frame, path, methods)
	}
}

func handle(r chi.Router, frame *httpapi.Frame, path string, methods map[string]httpapi.Handler) {
	frame.Handle(r, path, httpapi.Route{Protocol: httpapi.Platform, Methods: methods, Access: access})
}

// organisation is the one that the request acts for.
func organisation(r *http.Request) org.Org { return httpapi.Principal(r.Context()).Org }

// id is the id in the path. One that is not an id as the server writes it is the
// id of nothing.
func id(r *http.Request) string { return chi.URLParam(r, "id") }

// answer gives each of a list as the platform shows it.
func answer[T, A any](list []T, one func(T) A) []A {
	answers := make([]A, len(list))
	for i, element := range list {
		answers[i] = one(element)
	}
	return answers
}

func write(w http.ResponseWriter, answer any) error {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false) // the & of a URI stays one
	if err := encoder.Encode(answer); err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, "application/json", bytes.TrimSuffix(body.Bytes(), []byte("\n")))
	return nil
}

// timestamp is a time in the platform's spelling.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

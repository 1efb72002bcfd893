// Package platformapi serves those endpoints of the Genesys Cloud platform API
// that an administrator needs before SCIM can refer to something: groups,
// roles, divisions, routing skills and languages.
//
// Paths, bodies and answers have the platform's shape, errors its ErrorBody. The
// rules are those of package directory; authentication, limits and the writing
// of errors are the frame's, package httpapi.
package platformapi

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
)

// The paths of the platform's collections.
const (
	groupsPath    = "/api/v2/groups"
	rolesPath     = "/api/v2/authorization/roles"
	divisionsPath = "/api/v2/authorization/divisions"
	skillsPath    = "/api/v2/routing/skills"
	languagesPath = "/api/v2/routing/languages"
)

// Mount serves the endpoints on r.
func Mount(r chi.Router, frame *httpapi.Frame, d *directory.Directory) {
	creators := map[string]httpapi.Handler{groupsPath: groups{d}.create}
	for _, c := range []collection{
		{path: rolesPath, kind: directory.Role, read: readRole, answer: answerRole},
		{path: divisionsPath, kind: directory.Division, read: readDivision, answer: answerDivision},
		{path: skillsPath, kind: directory.Skill, read: readName, answer: answerRouting},
		{path: languagesPath, kind: directory.Language, read: readName, answer: answerRouting},
	} {
		c.directory = d
		creators[c.path] = c.create
	}
	for path, create := range creators {
		frame.Handle(r, path, httpapi.Route{
			Protocol: httpapi.Platform,
			Methods:  map[string]httpapi.Handler{http.MethodPost: create},
		})
	}
}

func write(w http.ResponseWriter, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	httpapi.WriteJSON(w, http.StatusOK, "application/json", body)
	return nil
}

// timestamp is a time in the platform's spelling.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

package platformapi

import (
	"net/http"

	"github.com/purescim/purescim/internal/directory"
)

func readDivision(b *body, whole bool) func(e *directory.Entry) {
	name, description := readText(b, "name", whole, (*body).required), readText(b, "description", whole, (*body).text)
	return func(e *directory.Entry) {
		setText(&e.Name, name)
		setText(&e.Description, description)
	}
}

// divisionAnswer is the platform's AuthzDivision.
type divisionAnswer struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	HomeDivision bool   `json:"homeDivision"`
	SelfURI      string `json:"selfUri"`
}

func answerDivision(e entry) any {
	return divisionAnswer{ID: e.ID.String(), Name: e.Name, Description: e.Description, HomeDivision: e.IsHome(), SelfURI: e.selfURI}
}

// home answers with the division of whatever has no other.
func (c collection) home(w http.ResponseWriter, r *http.Request) error {
	found, err := c.directory.HomeDivision(r.Context(), organisation(r))
	return c.write(w, r, false, found, err)
}

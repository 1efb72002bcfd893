package platformapi

import (
	"strconv"

	"github.com/purescim/purescim/internal/directory"
)

func readRouting(b *body, whole bool) func(e *directory.Entry) {
	name := readText(b, "name", whole, (*body).required)
	return func(e *directory.Entry) { setText(&e.Name, name) }
}

// routingAnswer is the platform's RoutingSkill, and its Language.
type routingAnswer struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	DateModified string `json:"dateModified"`
	State        string `json:"state"`
	Version      string `json:"version"`
	SelfURI      string `json:"selfUri"`
}

func answerRouting(e entry) any {
	return routingAnswer{
		ID: e.ID.String(), Name: e.Name, DateModified: timestamp(e.Modified), State: "active",
		Version: strconv.FormatInt(e.Version, 10), SelfURI: e.selfURI,
	}
}

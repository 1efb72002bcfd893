package platformapi

import (
	"net/http"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
)

type groups struct{ directory *directory.Directory }

// groupAnswer is the platform's Group.
type groupAnswer struct {
	ID           string     `json:"id"`
	Name         string     `json:"name"`
	Description  string     `json:"description,omitempty"`
	DateModified string     `json:"dateModified"`
	MemberCount  int        `json:"memberCount"`
	State        string     `json:"state"`
	Version      int64      `json:"version"`
	Type         string     `json:"type"`
	RulesVisible bool       `json:"rulesVisible"`
	Visibility   string     `json:"visibility"`
	RolesEnabled bool       `json:"rolesEnabled"`
	Owners       []struct{} `json:"owners"`
	SelfURI      string     `json:"selfUri"`
}

// create makes a group; name, type and visibility must be given.
func (g groups) create(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	name := body.required("name")
	group := directory.Group{
		Description:  body.text("description"),
		Type:         body.required("type"),
		Visibility:   body.required("visibility"),
		RulesVisible: body.boolean("rulesVisible"),
	}
	if body.err != nil {
		return body.err
	}
	record, err := g.directory.CreateGroup(r.Context(), httpapi.Principal(r.Context()).Org, name, group)
	if err != nil {
		return err
	}
	return write(w, groupAnswer{
		ID:           record.ID.String(),
		Name:         name,
		Description:  group.Description,
		DateModified: timestamp(record.Modified),
		MemberCount:  record.MemberCount,
		State:        "active",
		Version:      int64(record.Version),
		Type:         group.Type,
		RulesVisible: group.RulesVisible,
		Visibility:   group.Visibility,
		Owners:       []struct{}{},
		SelfURI:      groupsPath + "/" + record.ID.String(),
	})
}

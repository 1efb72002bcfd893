package platformapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
)

// collection is where the entries of one kind of the catalogue are made.
type collection struct {
	directory *directory.Directory
	path      string
	kind      directory.Kind
	// read takes the fields of an entry out of a body.
	read func(b *body) directory.Entry
	// answer gives the entry as the platform shows it.
	answer func(e directory.Entry, selfURI string) (any, error)
}

func (c collection) create(w http.ResponseWriter, r *http.Request) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	entry := c.read(body)
	if body.err != nil {
		return body.err
	}
	entry.Kind = c.kind
	entry, err = c.directory.CreateEntry(r.Context(), httpapi.Principal(r.Context()).Org, entry)
	if err != nil {
		return err
	}
	answer, err := c.answer(entry, c.path+"/"+entry.ID.String())
	if err != nil {
		return err
	}
	return write(w, answer)
}

func readName(b *body) directory.Entry {
	return directory.Entry{Name: b.required("name")}
}

func readDivision(b *body) directory.Entry {
	return directory.Entry{Name: b.required("name"), Description: b.text("description")}
}

// roleDetail is what the platform keeps of a role beside its name, also in an
// entry's Detail. What a policy allows is kept as it was sent.
type roleDetail struct {
	Permissions        []string         `json:"permissions"`
	PermissionPolicies []map[string]any `json:"permissionPolicies"`
}

func readRole(b *body) directory.Entry {
	e := directory.Entry{Name: b.required("name"), Description: b.text("description")}
	detail := roleDetail{
		Permissions:        list[string](b, "permissions", "a string"),
		PermissionPolicies: list[map[string]any](b, "permissionPolicies", "an object"),
	}
	var err error
	if e.Detail, err = json.Marshal(detail); err == nil {
		// Read back as Go's own numbers, beyond which no store need go.
		if err = json.Unmarshal(e.Detail, &detail); err == nil {
			e.Detail, err = json.Marshal(detail)
		}
	}
	if err != nil {
		b.fail("permissionPolicies holds a number that is too large")
	}
	return e
}

// roleAnswer is the platform's DomainOrganizationRole.
type roleAnswer struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	roleDetail
	UserCount int    `json:"userCount"`
	Base      bool   `json:"base"`
	Default   bool   `json:"default"`
	SelfURI   string `json:"selfUri"`
}

func answerRole(e directory.Entry, selfURI string) (any, error) {
	a := roleAnswer{ID: e.ID.String(), Name: e.Name, Description: e.Description, SelfURI: selfURI}
	return a, json.Unmarshal(e.Detail, &a.roleDetail)
}

// divisionAnswer is the platform's AuthzDivision.
type divisionAnswer struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	HomeDivision bool   `json:"homeDivision"`
	SelfURI      string `json:"selfUri"`
}

func answerDivision(e directory.Entry, selfURI string) (any, error) {
	return divisionAnswer{ID: e.ID.String(), Name: e.Name, Description: e.Description, SelfURI: selfURI}, nil
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

func answerRouting(e directory.Entry, selfURI string) (any, error) {
	return routingAnswer{
		ID: e.ID.String(), Name: e.Name, DateModified: timestamp(e.Modified), State: "active",
		Version: strconv.FormatInt(e.Version, 10), SelfURI: selfURI,
	}, nil
}

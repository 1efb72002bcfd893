package platformapi

import (
	"net/http"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/scim"
)

// groups serves the same groups as SCIM does.
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

func answerGroup(g directory.GroupRecord) groupAnswer {
	return groupAnswer{
		ID:           g.ID.String(),
		Name:         g.Name,
		Description:  g.Description,
		DateModified: timestamp(g.Modified),
		MemberCount:  g.MemberCount,
		State:        "active",
		Version:      int64(g.Version),
		Type:         g.Type,
		RulesVisible: g.RulesVisible,
		Visibility:   g.Visibility,
		Owners:       []struct{}{},
		SelfURI:      groupsPath + "/" + g.ID.String(),
	}
}

func writeGroup(w http.ResponseWriter, g directory.GroupRecord, err error) error {
	if err != nil {
		return err
	}
	return write(w, answerGroup(g))
}

func (s groups) list(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	page := q.page(r)
	selection := q.selection(page)
	if q.err != nil {
		return q.err
	}
	found, total, err := s.directory.ListGroups(r.Context(), organisation(r), selection)
	if err != nil {
		return err
	}
	found = shorten(&page, found, total)
	return writeListing(w, page, total, answer(found, answerGroup))
}

func (s groups) get(w http.ResponseWriter, r *http.Request) error {
	g, err := s.directory.Group(r.Context(), organisation(r), id(r))
	return writeGroup(w, g, err)
}

// create makes a group; name, type and visibility must be given.
func (s groups) create(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	name := b.required("name")
	group := directory.Group{
		Description:  b.text("description"),
		Type:         b.required("type"),
		Visibility:   b.required("visibility"),
		RulesVisible: b.boolean("rulesVisible"),
	}
	if b.err != nil {
		return b.err
	}
	g, err := s.directory.CreateGroup(r.Context(), organisation(r), name, group)
	return writeGroup(w, g, err)
}

// update changes what is sent; the type of a group stays.
func (s groups) update(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	change := directory.GroupChange{
		Name:         optional[string](b, "name", "a string"),
		Description:  optional[string](b, "description", "a string"),
		Visibility:   optional[string](b, "visibility", "a string"),
		RulesVisible: optional[bool](b, "rulesVisible", "true or false"),
		Version:      b.version(),
	}
	if b.err != nil {
		return b.err
	}
	g, err := s.directory.ChangeGroup(r.Context(), organisation(r), id(r), change)
	return writeGroup(w, g, err)
}

func (s groups) remove(w http.ResponseWriter, r *http.Request) error {
	if err := s.directory.DeleteGroup(r.Context(), organisation(r), id(r), scim.Condition{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s groups) listMembers(w http.ResponseWriter, r *http.Request) error {
	page, err := readPage(r)
	if err != nil {
		return err
	}
	found, total, err := s.directory.ListMembers(r.Context(), organisation(r), id(r),
		directory.Selection{Offset: page.offset(), Limit: page.size})
	if err != nil {
		return err
	}
	found = shorten(&page, found, total)
	return writeListing(w, page, total, answer(found, answerUser))
}

func (s groups) addMembers(w http.ResponseWriter, r *http.Request) error {
	b, err := readBody(r)
	if err != nil {
		return err
	}
	const field = "memberIds"
	users, version := list[string](b, field, "a string"), b.version()
	if b.err != nil {
		return b.err
	}
	return accepted(w, s.directory.AddMembers(r.Context(), organisation(r), id(r), version, field, users))
}

func (s groups) removeMembers(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	const field = "ids"
	return accepted(w, s.directory.RemoveMembers(r.Context(), organisation(r), id(r), field, q.list(field)))
}

// accepted answers a change that the platform does later, and that is done here.
func accepted(w http.ResponseWriter, err error) error {
	if err == nil {
		httpapi.WriteJSON(w, http.StatusAccepted, "application/json", []byte("{}"))
	}
	return err
}

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
		State:        activeGroup,
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
	refuseUnkept(b)
	if b.err != nil {
		return b.err
	}
	g, err := s.directory.CreateGroup(r.Context(), organisation(r), name, group)
	return writeGroup(w, g, err)
}

// refuseUnkept refuses what the platform keeps of a group and this server does not: to
// leave it out silently would have the answer differ from what was sent. What says that
// there is none of it is true.
func refuseUnkept(b *body) {
	for name, what := range map[string]string{
		"ownerIds": "owners: whoever may edit groups may edit each", "addresses": "addresses, since nobody can call them here", "images": "images",
	} {
		if elements := take[[]any](b, name, "an array"); len(elements) > 0 {
			b.fail("%s: groups have no %s; leave it out, or send an empty list", name, what)
		}
	}
	for name, what := range map[string]string{
		"rolesEnabled": "roles are given to users and clients, not to groups", "includeOwners": "groups have no owners", "callsEnabled": "groups cannot be called",
	} {
		if b.boolean(name) {
			b.fail("%s: %s; leave it out, or send false", name, what)
		}
	}
	if state := b.text("state"); state != "" && state != activeGroup {
		b.fail("state is %q; a group is always %s until it is deleted", state, activeGroup)
	}
}

// activeGroup is the state of every group.
const activeGroup = "active"

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
	refuseUnkept(b)
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
	return s.writeMembers(w, r, page)
}

// listIndividuals answers with the users who are in a group by any way, of which there is
// one here, as members. The platform does not page this list, and no caller asks it to: all
// are on the first page, or as many as an answer may hold. A caller that pages may.
func (s groups) listIndividuals(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	page := q.pageOf(r, maxIndividuals, maxIndividuals)
	if q.err != nil {
		return q.err
	}
	return s.writeMembers(w, r, page)
}

// maxIndividuals is more than an answer can hold (directory.PlatformBytes).
const maxIndividuals = 1 << 20

func (s groups) writeMembers(w http.ResponseWriter, r *http.Request, page page) error {
	found, total, err := s.directory.ListMembers(r.Context(), organisation(r), id(r),
		directory.Selection{Offset: page.offset(), Limit: page.size})
	if err != nil {
		return err
	}
	found = shorten(&page, found, total)
	page.size = min(page.size, max(total, maxPageSize))
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

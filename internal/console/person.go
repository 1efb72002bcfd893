package console

import (
	"cmp"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// person is all that the organisation knows of one.
type person struct {
	personRow
	Version, Created string
	CreatedAt        time.Time
	Sections         []section
	Groups           []memberName
	History          history
	Gone             bool // deleted
	JSON             string
}

// section is a group of attributes, such as those of an extension.
type section struct {
	Title      string
	URN        string // of an extension
	Attributes []shown
}

// shown is an attribute with its values as texts, and who has given it.
type shown struct {
	Name, Text string
	Source     source
}

// source is who set an attribute last, as far as the log says.
type source struct {
	By    string
	At    time.Time
	Entry uuid.UUID
}

// sourcesOf finds who has set each attribute last, in the history of its resource, the
// newest entry first. Attributes have the name that a difference begins with; of a part of
// one, that of the whole.
func sourcesOf(entries []provisioning.Entry) map[string]source {
	sources := map[string]source{}
	for _, e := range entries {
		if e.Result != provisioning.Success && e.Result != provisioning.Warning {
			continue
		}
		for _, c := range e.Changes {
			name := c.Attribute
			if at := strings.LastIndexByte(name, ':') + 1; strings.Contains(name[at:], ".") {
				name = name[:at+strings.IndexByte(name[at:], '.')]
			}
			if _, known := sources[name]; !known {
				sources[name] = source{e.Actor.String(), e.Time(), e.ID}
			}
		}
	}
	return sources
}

// history is what the log has of one thing, the newest first.
type history struct {
	Entries []provisioning.Entry
	More    string // all of it
	Refused *provisioning.Entry
}

const shortHistory = 20

// historyOf reads what happened to what has an id.
func (v *visit) historyOf(kind string, id uuid.UUID) (h history, err error) {
	entries, next, err := v.Provisioning.Page(v.r.Context(), v.org.ID, provisioning.Query{TargetID: id, Limit: shortHistory})
	if next != uuid.Nil {
		h.More = v.logLink("%s:%s", kind, id)
	}
	h.Entries = entries
	if len(entries) > 0 && (entries[0].Result == provisioning.Refused || entries[0].Result == provisioning.Held) {
		h.Refused = &entries[0]
	}
	return h, err
}

// askErase asks for the login of whoever is to be erased, or for the id when that is gone.
func askErase(v *visit) (question, error) {
	id, err := v.id()
	if err != nil {
		return question{}, err
	}
	q := question{
		Heading: "Erase this person for good?", Yes: "Erase for good", Danger: true, Place: "people", Back: v.home("/people/", id.String()), Typed: id.String(), Label: "the id",
		Text: []string{
			"The person is deleted with all memberships, and does not come back. Of the log it stays what was done to which id; names, values and errors go.",
			"A product that still assigns the person makes a new one, with another id. Take the assignment away there first.",
		},
	}
	record, err := v.Directory.Get(v.r.Context(), v.org, schema.User, id.String(), schema.Projection{})
	if isNotFound(err) {
		return q, nil // deleted already, or unknown, which erasing tells
	}
	if err != nil {
		return q, err
	}
	row, err := newPersonRow(record)
	if err != nil {
		return q, err
	}
	q.Heading, q.Typed, q.Label = "Erase "+cmp.Or(row.Name, row.Login)+" for good?", row.Login, "the login"
	q.difference, err = v.lost(record)
	return q, err
}

// lost is all that a person has.
func (v *visit) lost(record directory.Record) (d difference, err error) {
	types, err := v.Directory.TypesOf(v.r.Context(), v.org)
	if err != nil {
		return d, err
	}
	t := types.Of(schema.User)
	doc, err := t.Read(record.Doc)
	if err != nil {
		return d, err
	}
	for _, s := range sectionsOf(t, doc, nil) {
		for _, a := range s.Attributes {
			d.Changes = append(d.Changes, changeRow{Attribute: a.Name, Before: a.Text})
		}
	}
	groups := memberNames{More: max(0, len(record.Links)-mostNames)}
	for _, link := range record.Links[:len(record.Links)-groups.More] {
		groups.Names = append(groups.Names, memberName{link.Display, v.home("/groups/", link.ID.String())})
	}
	d.name("Groups that would lose a member", groups)
	return d, nil
}

func erasePerson(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.Directory.EraseUser(v.r.Context(), v.org, id.String()); err != nil {
		return err
	}
	return v.to(v.home("/people/", id.String(), "?done=erased"))
}

func showPerson(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	types, err := v.Directory.TypesOf(v.r.Context(), v.org)
	if err != nil {
		return err
	}
	p := person{}
	if p.History, err = v.historyOf("user", id); err != nil {
		return err
	}
	t := types.Of(schema.User)
	record, err := v.Directory.Get(v.r.Context(), v.org, t, id.String(), schema.Projection{})
	if isNotFound(err) && len(p.History.Entries) > 0 {
		return v.showGone(p, id)
	}
	if err != nil {
		return err
	}
	if p.personRow, err = newPersonRow(record); err != nil {
		return err
	}
	doc, err := t.Read(record.Doc)
	if err != nil {
		return err
	}
	p.Sections, p.Version, p.CreatedAt = sectionsOf(t, doc, sourcesOf(p.History.Entries)), record.Version.String(), record.Created
	p.JSON = indented(string(record.Doc))
	for _, link := range record.Links {
		p.Groups = append(p.Groups, memberName{link.Display, v.home("/groups/", link.ID.String())})
	}
	title := p.Name
	if title == "" {
		title = p.Login
	}
	return v.show("person", "people", title, p)
}

// showGone shows a deleted person.
func (v *visit) showGone(p person, id uuid.UUID) error {
	p.Gone, p.ID = true, id.String()
	for _, e := range p.History.Entries {
		if e.Target.Name != "" {
			p.Login = e.Target.Name
			break
		}
	}
	return v.show("person", "people", cmp.Or(p.Login, "Erased"), p)
}

func isNotFound(err error) bool {
	told, ok := errors.AsType[*scim.Error](err)
	return ok && told.Status == http.StatusNotFound
}

// quiet are attributes that a page tells elsewhere or that say nothing.
var quiet = map[string]bool{"id": true, "schemas": true, "meta": true, "groups": true, "members": true, "password": true}

// sectionsOf puts the attributes of a document into the order of the schema, the core first
// and each extension by itself.
func sectionsOf(t *schema.Type, doc scim.Document, sources map[string]source) (sections []section) {
	core := section{Title: "Attributes"}
	extensions := map[string]*section{}
	var order []string
	for a := range t.Attributes {
		value := a.Get(doc)
		if value == nil || quiet[a.Name] {
			continue
		}
		one := shown{a.Name, valueText(value), sources[a.String()]}
		if urn := a.Extension(); urn != "" {
			if extensions[urn] == nil {
				extensions[urn] = &section{Title: extensionTitle(t.Schema(urn)), URN: urn}
				order = append(order, urn)
			}
			extensions[urn].Attributes = append(extensions[urn].Attributes, one)
			continue
		}
		core.Attributes = append(core.Attributes, one)
	}
	sections = append(sections, core)
	for _, urn := range order {
		sections = append(sections, *extensions[urn])
	}
	return sections
}

// extensionTitle is what people call an extension.
func extensionTitle(s *schema.Schema) string {
	switch s.ID {
	case scim.EnterpriseUserURN:
		return "Enterprise attributes"
	case scim.GenesysUserURN:
		return "Genesys Cloud attributes"
	default:
		return cmp.Or(s.Name, "Own attributes")
	}
}

// parameter is a part of the path.
func (v *visit) parameter(name string) string { return chi.URLParam(v.r, name) }

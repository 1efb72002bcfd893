package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/scim"
)

// catalogue is what people refer to by name: one kind of it at a time.
type catalogue struct {
	Kinds   []preset
	Kind    string // in the URL
	One     string // what an entry is called
	Rows    []catalogueRow
	Sum     string
	Problem string
	Name    string
	turn
	IsRole bool
}

type catalogueRow struct {
	directory.Entry
	Users       int
	BuiltIn     bool
	Permissions int
}

// kinds are those of the catalogue by their names in URLs.
var kinds = map[string]directory.Kind{
	"roles": directory.Role, "divisions": directory.Division, "skills": directory.Skill, "languages": directory.Language,
}

// kindTabs are the parts of the page, in their order.
var kindTabs = []struct{ Slug, Name string }{
	{"roles", "Roles"}, {"divisions", "Divisions"}, {"skills", "Skills"}, {"languages", "Languages"}, {"schemas", "Schemas"},
}

// catalogueKinds lead to the parts of the page.
func (v *visit) catalogueKinds(current string) (links []preset) {
	for _, tab := range kindTabs {
		links = append(links, preset{tab.Name, v.home("/catalogue/", tab.Slug), tab.Slug == current})
	}
	return links
}

func showCatalogue(v *visit) error { return v.showCatalogue(http.StatusOK, catalogue{}) }

func (v *visit) showCatalogue(status int, c catalogue) error {
	if c.Kind == "" {
		c.Kind = v.parameter("kind")
	}
	if c.Kind == "" {
		c.Kind = "roles"
	}
	kind, ok := kinds[c.Kind]
	if !ok {
		return notHere(v.r)
	}
	c.Kinds = v.catalogueKinds(c.Kind)
	c.One, c.IsRole = kind.String(), kind == directory.Role
	offset, _ := strconv.Atoi(v.query("from")) // none is the beginning
	offset = max(0, offset)
	entries, total, err := v.Directory.ListEntries(v.r.Context(), v.org, directory.EntryQuery{
		Kind: kind, Selection: directory.Selection{Offset: offset, Limit: pageSize},
	})
	if err != nil {
		return err
	}
	users, err := v.Directory.CountUsers(v.r.Context(), v.org, kind, enough+1, entries...)
	if err != nil {
		return err
	}
	for i, e := range entries {
		row := catalogueRow{Entry: e, Users: users[i], BuiltIn: e.BuiltIn()}
		if c.IsRole {
			row.Permissions = len(oauth.PermissionsOf(e.Detail).Names())
		}
		c.Rows = append(c.Rows, row)
	}
	c.Sum = plural(total, strings.TrimPrefix(c.One, "routing "))
	if here := v.home("/catalogue/", c.Kind); offset+len(entries) < total {
		c.Next = here + "?from=" + strconv.Itoa(offset+len(entries))
	}
	if offset > 0 {
		c.First = v.home("/catalogue/", c.Kind)
	}
	return v.showStatus(status, "catalogue", "catalogue", "Catalogue", c)
}

func createEntry(v *visit) error {
	slug := v.parameter("kind")
	kind, ok := kinds[slug]
	if !ok {
		return notHere(v.r)
	}
	entry := directory.Entry{Kind: kind, Name: v.field("name")}
	if kind == directory.Role {
		entry.Detail = oauth.RoleDetail{Permissions: []string{}, Policies: []oauth.Policy{}}.Text()
	}
	_, err := v.Directory.CreateEntry(v.r.Context(), v.org, entry)
	if detail, status, told := statusOf(err); told {
		return v.showCatalogue(status, catalogue{Kind: slug, Problem: detail, Name: entry.Name})
	}
	if err != nil {
		return err
	}
	return v.to(v.home("/catalogue/", slug, "?done=made"))
}

// catalogueEntry is one entry, and what a change of it would do.
type catalogueEntry struct {
	catalogueRow
	Kind, One, Problem string
	Names              []string // of permissions
}

// having are the attributes by which people have an entry, by its kind in URLs.
var having = map[string]string{
	"roles": "roles.value", "divisions": scim.EnterpriseUserURN + ":division",
	"skills": scim.GenesysUserURN + ":routingSkills.name", "languages": scim.GenesysUserURN + ":routingLanguages.name",
}

// Having is the filter that selects the people who have the entry.
func (c catalogueEntry) Having() string { return having[c.Kind] + " eq " + filter.Literal(c.Name) }

func showCatalogueEntry(v *visit) error { return v.showCatalogueEntry(http.StatusOK, "") }

func (v *visit) showCatalogueEntry(status int, problem string) error {
	slug := v.parameter("kind")
	kind, ok := kinds[slug]
	if !ok {
		return notHere(v.r)
	}
	e, err := v.Directory.Entry(v.r.Context(), v.org, kind, v.parameter("id"))
	if err != nil {
		return err
	}
	users, err := v.Directory.CountUsers(v.r.Context(), v.org, kind, enough+1, e)
	if err != nil {
		return err
	}
	c := catalogueEntry{catalogueRow: catalogueRow{Entry: e, Users: users[0], BuiltIn: e.BuiltIn()}, Kind: slug, One: kind.String(), Problem: problem}
	if kind == directory.Role {
		c.Names = oauth.PermissionsOf(e.Detail).Names()
	}
	return v.showStatus(status, "catalogue-entry", "catalogue", e.Name, c)
}

// askRenameEntry tells how many people would be rewritten. It is not tried: all of them would
// be locked for that.
func askRenameEntry(v *visit) (q question, err error) {
	kind, ok := kinds[v.parameter("kind")]
	if !ok {
		return q, notHere(v.r)
	}
	e, err := v.Directory.Entry(v.r.Context(), v.org, kind, v.parameter("id"))
	if err != nil {
		return q, err
	}
	users, err := v.Directory.CountUsers(v.r.Context(), v.org, kind, enough+1, e)
	name := v.field("name")
	if err != nil || name == e.Name || name == "" {
		return q, err
	}
	q.Heading, q.Yes, q.Place = "Rename "+e.Name+"?", "Rename it", "catalogue"
	q.Back, q.Changes = v.home("/catalogue/", v.parameter("kind"), "/", e.ID.String()), []changeRow{{"name", e.Name, name}}
	words := plural(users[0], "person")
	if users[0] > enough {
		words = upTo(users[0]) + " people"
	}
	q.Text = []string{"It is rewritten in " + words + " at once. The product must send the new name from then on."}
	return q, nil
}

// renameEntry gives an entry another name, also in all people who have it.
func renameEntry(v *visit) error {
	return v.changeEntry("renamed", func(kind directory.Kind, id string) error {
		_, err := v.Directory.UpdateEntry(v.r.Context(), v.org, kind, id, func(e *directory.Entry) error {
			e.Name = v.field("name")
			return nil
		})
		return err
	}, false)
}

func askDeleteEntry(v *visit) (question, error) {
	slug := v.parameter("kind")
	kind, ok := kinds[slug]
	if !ok {
		return question{}, notHere(v.r)
	}
	e, err := v.Directory.Entry(v.r.Context(), v.org, kind, v.parameter("id"))
	return question{
		Heading: "Delete " + e.Name + "?", Text: []string{"Whoever is sent with it is refused from then on."},
		Yes: "Delete it", Danger: true, Back: v.home("/catalogue/", slug, "/", e.ID.String()), Place: "catalogue",
	}, err
}

func deleteEntry(v *visit) error {
	return v.changeEntry("entry", func(kind directory.Kind, id string) error {
		return v.Directory.DeleteEntry(v.r.Context(), v.org, kind, id)
	}, true)
}

func (v *visit) changeEntry(word string, change func(kind directory.Kind, id string) error, gone bool) error {
	slug, id := v.parameter("kind"), v.parameter("id")
	kind, ok := kinds[slug]
	if !ok {
		return notHere(v.r)
	}
	err := change(kind, id)
	if detail, status, told := statusOf(err); told && status != http.StatusNotFound {
		return v.showCatalogueEntry(status, detail)
	}
	if err != nil {
		return err
	}
	if gone {
		return v.to(v.home("/catalogue/", slug, "?done=", word))
	}
	return v.to(v.home("/catalogue/", slug, "/", id, "?done=", word))
}

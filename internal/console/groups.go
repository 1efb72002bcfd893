package console

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// groups is a page of the groups of an organisation, by name.
type groups struct {
	Words   string
	Sum     string
	Problem string
	Groups  []groupRow
	turn
	// Made is what became of names that were pasted.
	Made  []madeGroup
	Names string
}

type groupRow struct {
	ID, Name string
	Linked   bool
	Members  int
	Changed  time.Time
}

// madeGroup is one name that was pasted, and what is wrong with it.
type madeGroup struct{ Name, Link, Problem string }

// groupSelection selects groups by the beginning of their name, or by a filter, in the order
// of their names.
func groupSelection(words string) selection {
	if words == "" || looksLikeFilter.MatchString(words) {
		return selection{filter: words, by: "displayName"}
	}
	return selection{filter: "displayName sw " + filter.Literal(words), by: "displayName"}
}

// groupOfName selects the group of a name.
func groupOfName(name string) selection {
	return selection{filter: "displayName eq " + filter.Literal(name)}
}

func showGroups(v *visit) error { return v.showGroups(http.StatusOK, groups{Words: v.query("q")}) }

func (v *visit) showGroups(status int, g groups) error {
	listed, err := v.list(schema.Group, groupSelection(g.Words), enough, v.query("cursor"))
	if told := (*scim.Error)(nil); errors.As(err, &told) && told.Status == http.StatusBadRequest {
		g.Problem = sentence(told.Detail)
		return v.showStatus(http.StatusBadRequest, "groups", "groups", "Groups", g)
	}
	if err != nil {
		return err
	}
	for _, r := range listed.Records {
		doc, err := schema.Group.Read(r.Doc)
		if err != nil {
			return err
		}
		g.Groups = append(g.Groups, groupRow{
			ID: r.ID.String(), Name: schema.GroupName.Text(doc), Linked: schema.Group.IsLinked(doc), Members: r.MemberCount, Changed: r.Modified,
		})
	}
	g.Sum = plural(listed.Total, "group")
	if g.Words != "" {
		n := v.told(listed)
		g.Sum = upTo(n) + strings.TrimPrefix(plural(n, "group"), count(n)) + v.foundSoFar(listed)
	}
	g.turn = v.turnOf(v.home("/groups?q=")+url.QueryEscape(g.Words), "", listed)
	return v.showStatus(status, "groups", "groups", "Groups", g)
}

// mostPasted is how many groups are made at once.
const mostPasted = 200

// createGroups makes a group of each line that was pasted. What is wrong with one is told
// beside it, and the others are made.
func createGroups(v *visit) error {
	var names []string
	for line := range strings.Lines(v.r.PostForm.Get("names")) {
		if name := strings.TrimSpace(line); name != "" {
			names = append(names, name)
		}
	}
	switch n := len(names); {
	case n == 0:
		return scim.InvalidValue("no name was given: write the name of each group on a line of its own")
	case n > mostPasted:
		return scim.InvalidValue("%d names were given, and at most %d groups are made at once; nothing was made", n, mostPasted)
	}
	g := groups{}
	var left []string
	for _, name := range names {
		made, err := v.Directory.CreateGroup(v.r.Context(), v.org, name, directory.PlainGroup)
		told := mendable(err)
		switch {
		case err == nil:
			g.Made = append(g.Made, madeGroup{Name: made.Name, Link: v.home("/groups/", made.ID.String())})
		case told != nil:
			g.Made = append(g.Made, madeGroup{Name: name, Problem: sentence(told.Detail)})
			left = append(left, name)
		default:
			return err
		}
	}
	g.Names = strings.Join(left, "\n")
	return v.showGroups(http.StatusOK, g)
}

// groupPage is one group with a page of its members.
type groupPage struct {
	groupRow
	Description string
	Version     string
	Created     time.Time
	Words       string
	People      []personRow
	turn
	Sections []section // of schemas of the organisation's own
	History  history
	Limits   org.Settings
}

// group reads the group that the path names.
func (v *visit) group() (g directory.GroupRecord, err error) {
	id, err := v.id()
	if err != nil {
		return g, err
	}
	return v.Directory.Group(v.r.Context(), v.org, id.String())
}

func showGroup(v *visit) error {
	record, err := v.group()
	if err != nil {
		return err
	}
	types, err := v.Directory.TypesOf(v.r.Context(), v.org)
	if err != nil {
		return err
	}
	t := types.Of(schema.Group)
	doc, err := t.Read(record.Doc)
	if err != nil {
		return err
	}
	g := groupPage{
		groupRow:    groupRow{ID: record.ID.String(), Name: record.Name, Linked: schema.Group.IsLinked(doc), Members: record.MemberCount, Changed: record.Modified},
		Description: record.Description, Version: record.Version.String(), Created: record.Created, Words: v.query("q"), Limits: v.org.Settings,
	}
	if g.History, err = v.historyOf("group", record.ID); err != nil {
		return err
	}
	g.Sections = sectionsOf(t, doc, sourcesOf(g.History.Entries))[1:]
	if err := v.readMembers(&g, record.ID); err != nil {
		return err
	}
	return v.show("group", "groups", g.Name, g)
}

// readMembers reads a page of the members, or of those whose name begins as it is asked for: it
// looks at the members, or else, of a large group, at all people whose name does.
func (v *visit) readMembers(g *groupPage, id uuid.UUID) error {
	member := `groups.value eq "` + id.String() + `"`
	selections := []selection{{filter: member}}
	switch {
	case g.Words == "":
	case g.Members <= mostLooked:
		selections[0].filter = both(member, anyOf(named("", g.Words)))
	default:
		selections = named(member, g.Words)
	}
	listed, err := v.listAll(schema.User, selections, 1, v.query("cursor"))
	if err != nil {
		return err
	}
	g.turn = v.turnOf(v.home("/groups/", id.String())+"?q="+url.QueryEscape(g.Words), "#members", listed)
	g.People, err = v.personRows(listed.Records)
	return err
}

// askRename shows what a group would be called, unless all stays as it is.
func askRename(v *visit) (q question, err error) {
	id, err := v.id()
	if err != nil {
		return q, err
	}
	q.difference, err = v.try(provisioning.Group, id, func(ctx context.Context) error { return v.changeGroup(ctx, id) })
	if err != nil || q.Nothing() {
		return q, err
	}
	q.Heading, q.Yes, q.Place, q.Back = "Change the group?", "Change it", "groups", v.home("/groups/", id.String())
	q.Text = []string{"A product that has linked the group already keeps it; one that links by name looks for the new name."}
	return q, nil
}

func (v *visit) changeGroup(ctx context.Context, id uuid.UUID) error {
	name, description := v.field("name"), v.field("description")
	_, err := v.Directory.ChangeGroup(ctx, v.org, id.String(), directory.GroupChange{Name: &name, Description: &description})
	return err
}

func renameGroup(v *visit) error {
	id, err := v.id()
	if err != nil {
		return err
	}
	if err := v.changeGroup(v.r.Context(), id); err != nil {
		return err
	}
	return v.to(v.home("/groups/", id.String(), "?done=group"))
}

// groupDeletion is a group that may be deleted, and who would lose it.
type groupDeletion struct {
	groupRow
	difference
}

// askDelete shows what a deletion would do before it is done.
func askDelete(v *visit) error {
	record, err := v.group()
	if err != nil {
		return err
	}
	members, total, err := v.Directory.ListMembers(v.r.Context(), v.org, record.ID.String(), directory.Selection{Limit: mostNames})
	if err != nil {
		return err
	}
	p := groupDeletion{groupRow: groupRow{ID: record.ID.String(), Name: record.Name, Members: record.MemberCount}}
	leaving := memberNames{More: total - len(members)}
	for _, m := range members {
		leaving.Names = append(leaving.Names, memberName{cmp.Or(m.Name, m.UserName), v.home("/people/", m.ID.String())})
	}
	p.name("Members who would leave", leaving)
	return v.show("group-delete", "groups", "Delete "+record.Name, p)
}

func deleteGroup(v *visit) error {
	record, err := v.group()
	if err != nil {
		return err
	}
	// Of the group as it was shown: who has come meanwhile was not.
	if members, err := strconv.Atoi(v.field("members")); err != nil || members != record.MemberCount {
		return scim.Conflict("the group %q has other members by now; see again what would be deleted", record.Name)
	}
	if err := v.Directory.DeleteGroup(v.r.Context(), v.org, record.ID.String(), scim.ParseCondition(record.Version.String())); err != nil {
		return err
	}
	return v.to(v.home("/groups?done=deleted"))
}

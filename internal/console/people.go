package console

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// people is a page of the people of an organisation.
type people struct {
	Words   string // or a filter
	State   string // active, inactive, or empty for both
	States  []preset
	Sum     string // how many there are, in words
	Problem string
	People  []personRow
	turn
	// Everywhere is the search that looks inside of names, too; empty where it is none or
	// was made.
	Everywhere string
	// Where nobody is found, Gone is the page of the deleted person of that login, if there is
	// one, and Deleted where the log tells of deleted people of such names.
	Gone, Deleted string
	CSV           string // all that is selected, as a file
}

// turn leads to the other pages of a list: the one behind, and the first.
type turn struct {
	Next, First string
	// Short is a page that has ended before it was full: its search goes on with the next.
	Short bool
}

// turnOf is the turn of a page of a list that is at a link, which has a query, and there at
// an anchor, or none.
func (v *visit) turnOf(link, anchor string, l directory.Listed) (t turn) {
	if l.Cursor != "" {
		t.Next = link + "&cursor=" + url.QueryEscape(l.Cursor) + anchor
		t.Short = len(l.Records) < pageSize && !l.Full
	}
	if v.query("cursor") != "" {
		t.First = link + anchor
	}
	return t
}

// personRow is what a list tells of a person.
type personRow struct {
	ID, Name, Login, Title string
	Active                 bool
	Changed                time.Time
	Source                 source // of the last change; none where the log does not tell it
}

func newPersonRow(r directory.Record) (personRow, error) {
	doc, err := schema.User.Read(r.Doc)
	row := personRow{
		ID: r.ID.String(), Name: schema.DisplayName.Text(doc), Login: schema.UserName.Text(doc), Title: schema.Title.Text(doc),
		Active: doc[schema.Active.Name] != false, Changed: r.Modified,
	}
	return row, err
}

// personRows are the rows of some people, with who has changed each last.
func (v *visit) personRows(records []directory.Record) ([]personRow, error) {
	ids := make([]uuid.UUID, len(records))
	for i, r := range records {
		ids[i] = r.ID
	}
	sources, err := v.Provisioning.Sources(v.r.Context(), v.org.ID, ids)
	if err != nil {
		return nil, err
	}
	rows := make([]personRow, len(records))
	for i, r := range records {
		if rows[i], err = newPersonRow(r); err != nil {
			return nil, err
		}
		if s, known := sources[r.ID]; known {
			rows[i].Source = source{s.Actor.String(), provisioning.TimeOf(s.Entry), s.Entry}
		}
	}
	return rows, nil
}

// looksLikeFilter finds the operators of a filter (RFC 7644 section 3.4.2.2).
var looksLikeFilter = regexp.MustCompile(`(?i)\s(eq|ne|co|sw|ew|gt|ge|lt|le)\s|\spr(\s|\)|$)`)

// selection is what is listed of a type: what a filter selects, in an order. Whole is one of
// which all are listed that are looked at, or nearly all.
type selection struct {
	filter, by string
	whole      bool
}

// selectionsOf make SCIM filters of what was typed: words are the beginning of a name or a
// login, or with inside a part of one. They are listed one behind the other, in the order of
// the index that finds each, so that none looks at more than the page shows.
func selectionsOf(words, state string, inside bool) []selection {
	condition := map[string]string{"active": "active eq true", "inactive": "active eq false"}[state]
	quoted := filter.Literal(words)
	switch {
	case words == "":
		return []selection{{filter: condition}}
	case looksLikeFilter.MatchString(words):
		return []selection{{filter: both(condition, words)}}
	case inside:
		return []selection{{filter: both(condition, "userName co "+quoted+" or displayName co "+quoted)}}
	default:
		return named(condition, words)
	}
}

// named selects people by the beginning of their names, or by an e-mail address, and behind
// them those of whom the login begins so.
func named(condition, words string) []selection {
	quoted := filter.Literal(words)
	first, by := "displayName sw "+quoted, "displayName"
	if strings.Contains(words, "@") {
		first, by = "emails.value eq "+quoted, ""
	}
	login, whole := "userName sw "+quoted+" and not ("+first+")", condition == ""
	return []selection{{both(condition, first), by, whole}, {both(condition, login), "userName", whole}}
}

// both are filters of which each must select; either may be empty.
func both(condition, selected string) string {
	switch {
	case condition == "":
		return selected
	case selected == "":
		return condition
	default:
		return condition + " and (" + selected + ")"
	}
}

// peopleFilter selects all that the selections do.
func peopleFilter(words, state string, inside bool) string {
	return anyOf(selectionsOf(words, state, inside))
}

func anyOf(selections []selection) string {
	filters := make([]string, len(selections))
	for i, s := range selections {
		filters[i] = s.filter
	}
	return strings.Join(filters, " or ")
}

func showPeople(v *visit) error {
	words, state, inside := v.query("q"), v.query("state"), v.query("inside") == "yes"
	path := v.home("/people")
	query := "q=" + url.QueryEscape(words)
	if inside {
		query += "&inside=yes"
	}
	p := people{Words: words, State: cmp.Or(state, defaultState(words))}
	states := []preset{{Name: "Active", Link: "active"}, {Name: "Inactive", Link: "inactive"}}
	if words != "" {
		states = append([]preset{{Name: "All"}}, states...)
	}
	for i, s := range states {
		// Without a filter, inactive people are left out.
		current := s.Link == state || words == "" && state == "" && i == 0
		p.States = append(p.States, preset{s.Name, path + "?" + query + "&state=" + s.Link, current})
	}
	listed, err := v.listAll(schema.User, selectionsOf(words, state, inside), enough, v.query("cursor"))
	if told := (*scim.Error)(nil); errors.As(err, &told) && told.Status == http.StatusBadRequest {
		p.Problem = sentence(told.Detail)
		return v.showStatus(http.StatusBadRequest, "people", "people", "People", p)
	}
	if err != nil {
		return err
	}
	if p.People, err = v.personRows(listed.Records); err != nil {
		return err
	}
	p.CSV = v.home("/export/people?format=csv&q=") + url.QueryEscape(words) + "&state=" + url.QueryEscape(cmp.Or(state, defaultState(words)))
	if inside {
		p.CSV += "&inside=yes"
	}
	p.Sum = v.sumOfPeople(listed, words, state)
	more := path + "?" + query + "&state=" + url.QueryEscape(state)
	p.turn = v.turnOf(more, "", listed)
	if words != "" && !inside && !looksLikeFilter.MatchString(words) {
		p.Everywhere = more + "&inside=yes"
	}
	if words != "" && len(p.People) == 0 && !looksLikeFilter.MatchString(words) {
		p.Deleted = v.logLink("type:User op:delete %s", words)
		if p.Gone, err = v.deletedPerson(words); err != nil {
			return err
		}
	}
	return v.show("people", "people", "People", p)
}

// deletedPerson is the page of the person of a login who was deleted, or "" where nobody was.
func (v *visit) deletedPerson(login string) (string, error) {
	id, err := v.Directory.DeletedUserNamed(v.r.Context(), v.org, login)
	switch {
	case isNotFound(err):
		return "", nil
	case err != nil:
		return "", err
	default:
		return v.home("/people/", id.String()), nil
	}
}

// defaultState is that of the people who are shown when none is asked for: without a filter
// inactive people are left out.
func defaultState(words string) string {
	if words == "" {
		return "active"
	}
	return ""
}

func (v *visit) sumOfPeople(l directory.Listed, words, state string) string {
	kind := map[string]string{"active": "active ", "inactive": "inactive "}[cmp.Or(state, defaultState(words))]
	n := v.told(l)
	text := upTo(n) + " " + kind + "people"
	if n == 1 {
		text = "1 " + kind + "person"
	}
	if words != "" {
		return text + v.foundSoFar(l)
	}
	return text
}

// told is how many a page tells of: all, or those that it shows itself, behind others that
// were not counted.
func (v *visit) told(l directory.Listed) int {
	if l.AtLeast && v.query("cursor") != "" {
		return len(l.Records)
	}
	return l.Total
}

// foundSoFar says of what a search has told that it was found.
func (v *visit) foundSoFar(l directory.Listed) string {
	switch {
	case !l.AtLeast:
		return " found"
	case v.query("cursor") != "":
		return " on this page"
	default:
		return " found so far"
	}
}

// mostLooked is at how many people or groups a page looks for what no index finds: it shows
// what it has found, and the next one searches on. So no page takes longer for what is rare.
const mostLooked = 3000

// list reads a page of users or groups behind a cursor, and counts all as far as enough. It
// looks no further than it may.
func (v *visit) list(base *schema.Type, s selection, enough int, cursor string) (l directory.Listed, err error) {
	types, err := v.Directory.TypesOf(v.r.Context(), v.org)
	if err != nil {
		return l, err
	}
	t := types.Of(base)
	return v.Directory.List(v.r.Context(), v.org, t, directory.ListRequest{
		Filter: s.filter, HasFilter: s.filter != "", SortBy: s.by,
		Start: 1, Count: pageSize, ByCursor: true, Cursor: cursor, Enough: enough, Look: s.looks(),
		Projection: t.Project([]string{"id", "userName", "displayName"}, nil),
	})
}

// looks is at how many a page of the selection may look.
func (s selection) looks() int {
	if s.whole {
		return 0
	}
	return mostLooked
}

// listAll lists what selections select, one behind the other. A page may have the end of one
// and the beginning of the next; its cursor tells which one it goes on with.
func (v *visit) listAll(base *schema.Type, all []selection, enough int, cursor string) (found directory.Listed, err error) {
	at := 0
	if number, rest, ok := strings.Cut(cursor, "."); ok {
		at, _ = strconv.Atoi(number) // none is the beginning
		at, cursor = min(max(at, 0), len(all)-1), rest
	}
	for i, s := range all {
		if i > at {
			cursor = ""
		}
		// Of a login each is passed who has the name: where these are many, they are not
		// counted, and the page looks no further than it may.
		s.whole = s.whole && found.Total <= enough
		if i < at || found.Cursor != "" { // is counted alone, if that is still to be told
			if !s.whole {
				found.AtLeast = found.AtLeast || found.Total <= enough
				continue
			}
			n, err := v.count(base, s, enough)
			if err != nil {
				return found, err
			}
			found.Total += n
			continue
		}
		l, err := v.list(base, s, enough, cursor)
		if err != nil {
			return found, err
		}
		found.Total += l.Total
		found.AtLeast = found.Total <= enough && (found.AtLeast || l.AtLeast)
		found.Full = found.Full || l.Full
		found.Records = append(found.Records, l.Records...)
		if l.Cursor != "" {
			found.Cursor = strconv.Itoa(i) + "." + l.Cursor
		}
	}
	return found, nil
}

// count counts what is selected, as far as enough.
func (v *visit) count(base *schema.Type, s selection, enough int) (int, error) {
	types, err := v.Directory.TypesOf(v.r.Context(), v.org)
	if err != nil {
		return 0, err
	}
	l, err := v.Directory.List(v.r.Context(), v.org, types.Of(base), directory.ListRequest{
		Filter: s.filter, HasFilter: s.filter != "", Start: 1, HasCount: true, ByCursor: true, Enough: enough,
	})
	return l.Total, err
}

// activePeople tells how many there are, which is kept and not counted.
func (v *visit) activePeople() (int, error) {
	listed, err := v.Directory.List(v.r.Context(), v.org, schema.User, directory.ListRequest{Start: 1, HasCount: true})
	return listed.Total, err
}

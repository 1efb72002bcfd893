package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// crowd is more people than a page looks at, all called Ada, and a group of all but some.
func crowd(t *testing.T, s *servertest.Server, o *servertest.Org, people int, isMember func(i int) bool) (group string) {
	t.Helper()
	types, err := s.Directory.TypesOf(t.Context(), o.Org)
	if err != nil {
		t.Fatal(err)
	}
	edits, members := make([]directory.Edit, people), []uuid.UUID{}
	for i := range edits {
		id := uuid.Must(uuid.NewV7())
		body := map[string]any{"userName": fmt.Sprintf("user%05d@example.org", i), "displayName": fmt.Sprintf("Ada %05d", i), "active": i%2000 != 1999}
		if edits[i], err = s.Directory.NewUser(t.Context(), o.Org, types[0], body); err != nil {
			t.Fatal(err)
		}
		schema.ID.Set(edits[i].Doc, id.String())
		if isMember(i) {
			members = append(members, id)
		}
	}
	if err := s.Store.LoadUsers(t.Context(), o.ID, types[0], edits); err != nil {
		t.Fatal(err)
	}
	doc, id := scim.Document{}, uuid.Must(uuid.NewV7())
	schema.ID.Set(doc, id.String())
	schema.GroupName.Set(doc, "Crowd")
	made := postgres.NewGroup{Group: directory.PlainGroup, Edit: directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: members}}}
	if err := s.Store.LoadGroups(t.Context(), o.ID, types[1], []postgres.NewGroup{made}); err != nil {
		t.Fatal(err)
	}
	return id.String()
}

var searchOn = regexp.MustCompile(`href="([^"]*)">(Search on|Next page)<`)

// follow reads a search to its end: the logins that it finds, and how many pages were short.
func (b *browser) follow(path string) (logins []string, short int) {
	b.t.Helper()
	for range 200 {
		b.get(path).want(http.StatusOK)
		for _, found := range regexp.MustCompile(`>(user\d+@example\.org)</`).FindAllStringSubmatch(b.body, -1) {
			logins = append(logins, found[1])
		}
		next := searchOn.FindStringSubmatch(b.body)
		if next == nil {
			return logins, short
		}
		if path, _, _ = strings.Cut(html.UnescapeString(next[1]), "#"); next[2] == "Search on" {
			short++
			b.has("Not all were looked through yet.")
		}
	}
	b.t.Fatal("the search has no end")
	return nil, 0
}

// A search that no index answers looks at 3,000 people a page, and finds them all in the end.
func TestSearches_LookSoFarAndGoOn(t *testing.T) {
	t.Parallel()
	const people = 7_000
	s := servertest.New(t)
	o := s.NewOrg(t)
	group := crowd(t, s, o, people, func(i int) bool { return i >= 3_500 || i == 7 })
	b := member(t, s, o.ID, "ada@example.org", accounts.Viewer)
	home := "/console/o/" + o.ID.String()
	last := fmt.Sprintf("user%05d@example.org", people-1)
	for _, search := range []struct {
		path         string
		found, short int
		said         string // by the first page
	}{
		{"/groups/" + group + "?q=ada", 3_501, 1, "user00007@example.org"},
		{"/groups/" + group + "?q=ada+035", 100, 0, "user03500@example.org"},
		{"/groups/" + group + "?q=ada+00", 1, 0, "user00007@example.org"},
		{"/groups/" + group + "?q=user", 3_501, 1, "user00007@example.org"},
		{"/groups/" + group + "?q=" + url.QueryEscape(last), 1, 0, last},
		{"/groups/" + group + "?q=user00006", 0, 0, "No member is found"},
		{"/people?q=ada&state=inactive", 3, 2, "1 inactive person found so far"},
		{"/people?q=" + url.QueryEscape(`title eq "Nobody"`), 0, 2, "Nobody is found so far"},
		{"/people?q=" + url.QueryEscape(`displayName co "da 0699"`), 10, 2, "Nobody is found so far"},
		{"/people?q=" + url.QueryEscape(`displayName co "da 00"`), 1000, 1, "1,000 people found so far"},
		{"/people?q=0699&inside=yes", 11, 2, "1 person found so far"},
		{"/people?q=ada+0500", 10, 0, "10 people found"},
	} {
		b.get(home + search.path).want(http.StatusOK).has(search.said)
		found, short := b.follow(home + search.path)
		seen := map[string]bool{}
		for _, login := range found {
			seen[login] = true
		}
		if len(found) != search.found || len(seen) != len(found) || short != search.short {
			t.Errorf("%s finds %d, %d different ones, and %d pages are short; want %d and %d", search.path, len(found), len(seen), short, search.found, search.short)
		}
	}
}

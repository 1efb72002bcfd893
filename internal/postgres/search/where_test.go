package search_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// Every case of the standard finds in the database what it says.
func TestWhereStandardCases(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	for _, c := range scimtest.LoadFilterCases(t) {
		f, err := filter.Parse(searchtest.TestUser, c.Filter)
		if c.Expect.ScimType != "" {
			if e := (*scim.Error)(nil); !errors.As(err, &e) || string(e.Type) != c.Expect.ScimType {
				t.Errorf("%s: error %v, expected %s", c.Name, err, c.Expect.ScimType)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		docs := make([]scim.Document, len(c.Docs))
		expected := []string{}
		for i, text := range c.Docs {
			docs[i] = searchtest.Load(t, text)
			name := schema.ID.Text(docs[i])
			docs[i]["id"] = uuid.NewSHA1(uuid.Nil, []byte(name)).String()
			if slices.Contains(c.Expect.IDs, name) {
				expected = append(expected, schema.ID.Text(docs[i]))
			}
		}
		slices.Sort(expected)
		if diff := cmp.Diff(expected, s.Find(t, s.Put(t, searchtest.TestUser, docs...), searchtest.TestUser, f.Root())); diff != "" {
			t.Errorf("%s: %s (-expected +found)\n%s", c.Name, c.Filter, diff)
		}
	}
}

// A filter never reaches into another organisation, by whatever table it looks.
func TestWhereOrganisation(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	user := scim.Document{
		"id": uuid.NewString(), "userName": "ada",
		"emails": []any{map[string]any{"value": "ada@example.org"}},
	}
	group := scim.Document{"id": uuid.NewString(), "displayName": "Engines"}
	org := s.Put(t, searchtest.TestUser, user)
	s.Add(t, org, schema.Group, []scim.Document{group})
	s.Link(t, org, [][2]uuid.UUID{{searchtest.IDOf(group), searchtest.IDOf(user)}})

	// The other organisation has the same ids, but neither keys nor members.
	delete(user, "emails")
	other := s.Put(t, searchtest.TestUser, user)
	s.Add(t, other, schema.Group, []scim.Document{group})

	users := []string{`emails.value eq "ada@example.org"`, `groups.display eq "engines"`, `groups pr`, `groups.value eq "` + schema.ID.Text(group) + `"`}
	for _, text := range users {
		found := [2]int{len(s.Find(t, org, searchtest.TestUser, searchtest.Parse(t, searchtest.TestUser, text))), len(s.Find(t, other, searchtest.TestUser, searchtest.Parse(t, searchtest.TestUser, text)))}
		if found != [2]int{1, 0} {
			t.Errorf("%s finds %v in the two organisations", text, found)
		}
	}
	text := `members.value eq "` + schema.ID.Text(user) + `"`
	if found := s.Find(t, other, schema.Group, searchtest.Parse(t, schema.Group, text)); len(found) > 0 {
		t.Errorf("%s finds the group of another organisation", text)
	}
}

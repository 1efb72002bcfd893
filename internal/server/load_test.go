package server_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/postgres"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// timeless finds the times of a resource.
var timeless = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// loadedUser is a user with something in every kind of column and key; each third is inactive.
func loadedUser(i int) string {
	return fmt.Sprintf(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],
		"userName":"Person%d@Example.org","externalId":"x%d","title":"Chef de Straße","active":%t,
		"name":{"givenName":"Ada","familyName":"Lovelace"},
		"emails":[{"value":"Ada.%d@work.example","type":"work","primary":true}],
		"phoneNumbers":[{"value":"(317) 572-4245","type":"work"}],
		"roles":[{"value":"employee"}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Küche","division":"Home","employeeNumber":"%d"}}`,
		i, i, i%3 != 0, i, i)
}

// What is loaded by COPY is what the same bodies become over HTTP.
func TestLoad_IsAsTrueAsHTTP(t *testing.T) {
	t.Parallel()
	const users = 300
	server := servertest.New(t)
	loaded, posted := server.NewOrg(t), server.NewOrg(t)
	ids := loadOrg(t, server, loaded, users)
	twin := posted.Do(t, http.MethodPost, "/Users", loadedUser(7)).Want(t, http.StatusCreated).ID(t)
	group := posted.NewGroup(t, "Küche", twin)

	wanted := strings.NewReplacer(group, "GROUP", twin, "TWIN").Replace(string(posted.Do(t, http.MethodGet, "/Users/"+twin, nil).Want(t, http.StatusOK).Body))
	answer := loaded.Do(t, http.MethodGet, "/Users/"+ids[7], nil).Want(t, http.StatusOK)
	var found struct{ Groups []struct{ Value string } }
	answer.Decode(t, &found)
	if len(found.Groups) != 1 {
		t.Fatalf("the loaded user is in %d groups, want 1: %s", len(found.Groups), answer.Body)
	}
	got := strings.NewReplacer(found.Groups[0].Value, "GROUP", ids[7], "TWIN").Replace(string(answer.Body))
	if diff := cmp.Diff(timeless.ReplaceAllString(wanted, "TIME"), timeless.ReplaceAllString(got, "TIME")); diff != "" {
		t.Errorf("a posted user and the same one loaded (-posted +loaded):\n%s", diff)
	}
	for _, filter := range []string{
		`userName eq "PERSON7@example.org"`, `emails.value eq "ada.7@work.example"`, `externalId eq "x7"`,
		`urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "7"`,
	} {
		list := loaded.Do(t, http.MethodGet, "/Users?filter="+url.QueryEscape(filter), nil).List(t)
		if diff := cmp.Diff([]string{ids[7]}, list.IDs()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", filter, diff)
		}
	}
	if total := loaded.Do(t, http.MethodGet, "/Users?count=0", nil).List(t).TotalResults; total != users*2/3 {
		t.Errorf("%d active users, want two thirds of %d", total, users)
	}
	for _, o := range []*servertest.Org{loaded, posted} {
		err := server.Store.Verify(t.Context(), o.ID, schema.DefaultTypes, func(difference string) { t.Error(difference) })
		if err == nil {
			err = server.Store.VerifyLog(t.Context(), o.ID, func(difference string) { t.Error(difference) })
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// loadOrg fills the organisation and returns the ids: all users are in one group.
func loadOrg(t *testing.T, server *servertest.Server, o *servertest.Org, n int) []string {
	t.Helper()
	edits, ids, members := make([]directory.Edit, n), make([]string, n), make([]uuid.UUID, n)
	for i := range edits {
		body, err := scim.ParseObject([]byte(loadedUser(i)))
		if err != nil {
			t.Fatal(err)
		}
		if edits[i], err = server.Directory.NewUser(t.Context(), o.Org, schema.User, body); err != nil {
			t.Fatal(err)
		}
		ids[i] = schema.ID.Text(edits[i].Doc)
		members[i] = uuid.MustParse(ids[i])
	}
	if err := server.Store.LoadUsers(t.Context(), o.ID, schema.User, edits); err != nil {
		t.Fatal(err)
	}
	doc := scim.Document{}
	schema.ID.Set(doc, uuid.Must(uuid.NewV7()).String())
	schema.GroupName.Set(doc, "Küche")
	group := postgres.NewGroup{
		Group: directory.Group{Type: "official", Visibility: "public", RulesVisible: true},
		Edit:  directory.Edit{Doc: doc, Members: &directory.MemberChange{Add: members}},
	}
	if err := server.Store.LoadGroups(t.Context(), o.ID, schema.Group, []postgres.NewGroup{group}); err != nil {
		t.Fatal(err)
	}
	return ids
}

// A reference that does not exist, or a name that is taken, leaves nothing behind.
func TestLoad_IsAllOrNone(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	for _, body := range []string{
		`{"userName":"b@example.org","roles":[{"value":"no such role"}]}`,
		`{"userName":"A@example.org"}`,
	} {
		var edits []directory.Edit
		for _, text := range []string{`{"userName":"a@example.org"}`, body} {
			parsed, err := scim.ParseObject([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			edit, err := server.Directory.NewUser(t.Context(), o.Org, schema.User, parsed)
			if err != nil {
				t.Fatal(err)
			}
			edits = append(edits, edit)
		}
		if err := server.Store.LoadUsers(t.Context(), o.ID, schema.User, edits); err == nil {
			t.Errorf("%s was loaded", body)
		}
		if total := o.Do(t, http.MethodGet, "/Users?count=0", nil).List(t).TotalResults; total != 0 {
			t.Errorf("%d users after %s was refused", total, body)
		}
	}
}

package directory

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func list(values ...any) []any { return values }

func TestEditUser(t *testing.T) {
	t.Parallel()
	mirror := map[string]any{"value": "a@example.org", "type": "other"}
	alone := map[string]any{"value": "a@example.org", "type": "other", "primary": true}
	work := map[string]any{"value": "w@example.org", "type": "work"}
	tests := []struct {
		name string
		doc  scim.Document
		want scim.Document
	}{
		{
			name: "display name from userName, mail mirrors it",
			doc:  scim.Document{"userName": "a@example.org"},
			want: scim.Document{"userName": "a@example.org", "active": true, "displayName": "a@example.org", "emails": list(alone)},
		},
		{
			name: "display name from given and family name",
			doc:  scim.Document{"userName": "a@example.org", "name": map[string]any{"givenName": "Ada", "familyName": "King"}},
			want: scim.Document{"userName": "a@example.org", "active": true, "displayName": "Ada King", "name": map[string]any{"givenName": "Ada", "familyName": "King"}, "emails": list(alone)},
		},
		{
			name: "formatted name goes first, a blank display name counts as none",
			doc:  scim.Document{"userName": "a@example.org", "displayName": " ", "name": map[string]any{"givenName": "Ada", "formatted": "Ada, Countess"}},
			want: scim.Document{"userName": "a@example.org", "active": true, "displayName": "Ada, Countess", "name": map[string]any{"givenName": "Ada", "formatted": "Ada, Countess"}, "emails": list(alone)},
		},
		{
			name: "what is sent back of the mirror is taken out, another address of its type is not",
			doc: scim.Document{"userName": "a@example.org", "displayName": "Ada", "emails": list(
				map[string]any{"value": "A@example.org", "type": "Other", "primary": true},
				map[string]any{"value": "x@example.org", "type": "other", "primary": true})},
			want: scim.Document{"userName": "a@example.org", "active": true, "displayName": "Ada", "emails": list(
				map[string]any{"value": "x@example.org", "type": "other", "primary": true}, mirror)},
		},
		{
			name: "no mirror beside an address that is equal",
			doc:  scim.Document{"userName": "W@example.org", "displayName": "Ada", "emails": list(work)},
			want: scim.Document{"userName": "W@example.org", "active": true, "displayName": "Ada", "emails": list(work)},
		},
		{
			name: "no mirror of what is no address",
			doc:  scim.Document{"userName": "ada", "displayName": "Ada"},
			want: scim.Document{"userName": "ada", "active": true, "displayName": "Ada"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			edit, err := editUser(schema.User, false, Resource{}, test.doc, newPasswordHash)
			if err != nil {
				t.Fatal(err)
			}
			test.want["roles"] = list(map[string]any{"value": "employee"})
			test.want[scim.EnterpriseUserURN] = map[string]any{"division": "Home"}
			if diff := cmp.Diff(test.want, edit.Doc); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEditUser_KeepsActive(t *testing.T) {
	t.Parallel()
	for _, was := range []bool{true, false} {
		old := Resource{Document: scim.Document{"id": "1", "userName": "a@example.org", "active": was}}
		edit, err := editUser(schema.User, false, old, scim.Document{"userName": "b@example.org"}, newPasswordHash)
		if err != nil {
			t.Fatal(err)
		}
		if edit.Doc["active"] != was {
			t.Errorf("active was %v and became %v", was, edit.Doc["active"])
		}
	}
}

func TestEditUser_Refuses(t *testing.T) {
	t.Parallel()
	const enterprise = scim.EnterpriseUserURN
	tests := []struct {
		name string
		doc  scim.Document
		want string
	}{
		{"no userName", scim.Document{"displayName": "x"}, "userName"},
		{"blank userName", scim.Document{"userName": "   "}, "userName"},
		{"manager that is no id", scim.Document{"userName": "a", enterprise: map[string]any{"manager": map[string]any{"value": "boss"}}}, "manager"},
		{"external id without authority", scim.Document{"userName": "a", scim.GenesysUserURN: map[string]any{"externalIds": list(map[string]any{"value": "1"})}}, "externalIds.authority"},
		{"password beyond the limit", scim.Document{"userName": "a", "password": strings.Repeat("p", maxPassword+1)}, "password"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := editUser(schema.User, false, Resource{}, test.doc, newPasswordHash)
			var e *scim.Error
			if !errors.As(err, &e) || e.Type != scim.TypeInvalidValue || !strings.Contains(e.Detail, test.want) {
				t.Errorf("got %v, want invalidValue naming %s", err, test.want)
			}
		})
	}
}

func TestEditUser_NothingChanged(t *testing.T) {
	t.Parallel()
	first, err := editUser(schema.User, false, Resource{}, scim.Document{"userName": "a@example.org", "password": "correct horse"}, newPasswordHash)
	if err != nil {
		t.Fatal(err)
	}
	if _, kept := first.Doc["password"]; kept || !CheckPassword(first.PasswordHash, "correct horse") {
		t.Fatalf("the password must leave the document and be kept as a hash")
	}
	if strings.Contains(first.PasswordHash, "horse") {
		t.Fatal("the hash holds the password")
	}
	old := Resource{Document: first.Doc, PasswordHash: first.PasswordHash}

	again := first.Doc.Clone()
	again["password"] = "correct horse"
	second, err := editUser(schema.User, false, old, again, newPasswordHash)
	if err != nil || second.Doc != nil || second.PasswordHash != "" {
		t.Errorf("the same document and password gave %+v, %v; want the zero Edit", second, err)
	}

	other := first.Doc.Clone()
	other["password"] = "another horse"
	third, err := editUser(schema.User, false, old, other, newPasswordHash)
	if err != nil || !CheckPassword(third.PasswordHash, "another horse") {
		t.Errorf("a new password gave %+v, %v; want its hash", third, err)
	}
}

func TestCheckPassword_RefusesOtherForms(t *testing.T) {
	t.Parallel()
	for _, hash := range []string{"", "plain", "$argon2i$v=19$m=1,t=1,p=1$YQ$YQ", "$argon2id$v=19$m=1,t=1$YQ$YQ", "$argon2id$v=19$m=1,t=1,p=1$YQ$"} {
		if CheckPassword(hash, "plain") || CheckPassword(hash, "") {
			t.Errorf("hash %q was accepted", hash)
		}
	}
}

func TestNewReferences_OnlyWhatIsNew(t *testing.T) {
	t.Parallel()
	boss := uuid.Must(uuid.NewV7())
	old := scim.Document{"roles": list(map[string]any{"value": "Agent"})}
	doc := scim.Document{
		"roles": list(map[string]any{"value": "AGENT"}, map[string]any{"value": "Lead"}, map[string]any{"value": "lead"}),
		scim.EnterpriseUserURN: map[string]any{
			"division": "North", "manager": map[string]any{"value": boss.String()},
		},
	}
	var names []string
	for _, r := range newReferences(schema.User, old, doc) {
		names = append(names, r.Kind.String()+" "+r.Name+r.User.String()[:8])
	}
	want := []string{"division North00000000", "role Lead00000000", " " + boss.String()[:8]}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestMemberChange(t *testing.T) {
	t.Parallel()
	o := org.Org{Settings: org.DefaultSettings()}
	a, b := "0190aaaa-0000-7000-8000-000000000001", "0190aaaa-0000-7000-8000-000000000002"

	m, err := memberChange(o, patch.Links{Add: []string{b, a, b}, Remove: []string{"not-an-id", a}})
	if err != nil {
		t.Fatal(err)
	}
	want := &MemberChange{Limit: 1000, Add: []uuid.UUID{uuid.MustParse(a), uuid.MustParse(b)}, Remove: []uuid.UUID{uuid.MustParse(a)}}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}

	if m, err := memberChange(o, patch.Links{}); m != nil || err != nil {
		t.Errorf("no change gave %v, %v", m, err)
	}
	var e *scim.Error
	if _, err := memberChange(o, patch.Links{Add: []string{"nobody"}}); !errors.As(err, &e) || e.Type != scim.TypeInvalidValue {
		t.Errorf("a member that is no id gave %v, want invalidValue", err)
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err    error
		status int
		detail string
	}{
		{ErrNotFound, 404, `User "x" does not exist`},
		{&LimitError{Removed: 1001, Limit: 1000}, 400, "1001 members"},
		{&MissingError{References: []Reference{{Attr: schema.Roles, Kind: Role, Name: "Ghost"}}}, 400, `no role named "Ghost"`},
		{&MissingError{References: []Reference{{Attr: schema.Members, User: uuid.Nil}, {Attr: schema.Members}}}, 400, "and 1 more"},
	}
	for _, test := range tests {
		var e *scim.Error
		if !errors.As(toSCIM(schema.User, "x", test.err), &e) || e.Status != test.status || !strings.Contains(e.Detail, test.detail) {
			t.Errorf("%v is told as %v, want %d %s", test.err, e, test.status, test.detail)
		}
	}
	internal := errors.New("disk on fire")
	if got := toSCIM(schema.User, "x", internal); !errors.Is(got, internal) {
		t.Errorf("an internal error became %v", got)
	}
}

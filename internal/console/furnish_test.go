package console_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// furnished is an organisation in which something has happened.
type furnished struct {
	*servertest.Org
	home          string
	person, group string // ids
	client        uuid.UUID
	entra         *servertest.Org // as the product asks it
}

// evil are values that would do something to a page that shows them as they are.
const evil = `<script>document.title='owned'</script><img src=x onerror=alert(1)>"'` + "`{{.}}"

// acme is an organisation with a name that reads well.
func acme(t *testing.T, s *servertest.Server, change ...func(*org.Settings)) *servertest.Org {
	t.Helper()
	o := s.NewOrg(t, change...)
	var err error
	if o.Org, err = directory.RenameOrganisation(t.Context(), s.Store.Registry(), o.Org, "Acme Insurance"); err != nil {
		t.Fatal(err)
	}
	return o
}

func furnish(t *testing.T, s *servertest.Server, change ...func(*org.Settings)) *furnished {
	t.Helper()
	o := acme(t, s, change...)
	f := &furnished{Org: o, home: "/console/o/" + o.ID.String()}
	roles, err := s.OAuth.RolesNamed(t.Context(), o.ID, "SCIM Integration")
	if err != nil {
		t.Fatal(err)
	}
	client, _, err := s.OAuth.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: "Entra", Roles: roles, Validity: 20 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	f.client = client.ID
	f.group = o.NewGroup(t, "Claims Team")
	o.NewGroup(t, "Night Shift")
	token, _, err := s.OAuth.Issue(t.Context(), client, 0)
	if err != nil {
		t.Fatal(err)
	}
	entra := *o
	entra.Token = token
	var ids []string
	for i, name := range []string{"Ada Lovelace", "Grace Hopper", "Alan Turing", "Katherine Johnson", "Edsger Dijkstra", "Barbara Liskov"} {
		ids = append(ids, entra.Do(t, http.MethodPost, "/Users", map[string]any{
			"userName": fmt.Sprintf("person%d@acme.example", i), "displayName": name, "title": "Claims adjuster", "externalId": fmt.Sprint("e-", i),
			"emails":       []any{map[string]any{"value": fmt.Sprintf("person%d@acme.example", i), "type": "work", "primary": true}},
			"phoneNumbers": []any{map[string]any{"value": fmt.Sprintf("+1317572424%d", i), "type": "work"}},
			"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": map[string]any{"department": "Claims", "employeeNumber": fmt.Sprint(4711 + i)},
		}).Want(t, http.StatusCreated).ID(t))
	}
	f.person = ids[0]
	entra.Do(t, http.MethodPatch, "/Groups/"+f.group, servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(ids...)})).Want(t, http.StatusOK)
	entra.Do(t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Head of claims"}, map[string]any{"op": "replace", "path": "active", "value": true})).Want(t, http.StatusOK)
	entra.Do(t, http.MethodPatch, "/Users/"+ids[1], servertest.Patch(map[string]any{"op": "replace", "path": "active", "value": false})).Want(t, http.StatusOK)
	entra.Do(t, http.MethodPatch, "/Users/"+ids[2], servertest.Patch(map[string]any{"op": "replace", "path": "roles", "value": []any{map[string]any{"value": "Supervisor"}}})).Want(t, http.StatusBadRequest)
	f.entra = &entra
	flush(t, s, o.ID, 1)
	return f
}

// flush waits until so many refusals of an organisation are stored and counted, which the
// server does in the background.
func flush(t *testing.T, s *servertest.Server, o org.ID, refused int) {
	t.Helper()
	for range 200 {
		err := errors.Join(s.Log.Flush(t.Context()), s.Log.FlushCounts(t.Context()))
		found, _, err2 := s.Log.Page(t.Context(), o, provisioning.Query{Results: []provisioning.Result{provisioning.Refused}, Limit: refused})
		status, err3 := s.Log.Status(t.Context(), o)
		if err := errors.Join(err, err2, err3); err != nil {
			t.Fatal(err)
		}
		counted := 0
		for _, c := range status.Clients {
			counted += int(c.Day.Refused)
		}
		if len(found) == refused && counted >= refused {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("refusals were not stored")
}

// spoil adds what would do something to a page that shows it as it is.
func (f *furnished) spoil(t *testing.T) {
	t.Helper()
	f.entra.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "evil@acme.example", "displayName": evil, "title": "\u202egnp.exe " + evil}).Want(t, http.StatusCreated)
	long := f.entra.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "john.q.public.with.a.long.local.part@subsidiary.of.a.subsidiary.acme.example", "displayName": "John Q. Public"}).Want(t, http.StatusCreated).ID(t)
	f.entra.Do(t, http.MethodPatch, "/Groups/"+f.group, servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(long)})).Want(t, http.StatusOK)
	f.entra.Do(t, http.MethodPost, "/Users", map[string]any{"userName": evil, "phoneNumbers": []any{map[string]any{"value": evil}}}).Want(t, http.StatusBadRequest)
	f.NewGroup(t, "Night Shift "+evil)
	for _, o := range []org.ID{f.ID, accounts.Everywhere} {
		p := accounts.Provider{Org: o, Name: evil[:39], Issuer: "https://login.example/" + url.PathEscape(evil[:39]), ClientID: evil, Secret: "x", By: evil}
		if _, err := f.Server().Accounts.AddProvider(t.Context(), p, true); err != nil {
			t.Fatal(err)
		}
	}
	issuer := oauth.IssuerSpec{
		Issuer: "https://login.example/<script>", Audience: evil, Tenant: evil, Subject: evil, Client: f.client, KeysURL: "https://login.example/keys", Unasked: true,
	}
	if _, err := f.Server().OAuth.AddIssuer(t.Context(), f.ID, issuer); err != nil {
		t.Fatal(err)
	}
	f.spoilStream(t)
	f.Do(t, http.MethodPost, "/api/v2/directory/schemas", map[string]any{"resourceType": "Group", "schema": map[string]any{"id": "urn:example:spoilt", "name": evil, "description": evil, "attributes": []any{
		map[string]any{"name": "a", "description": evil, "canonicalValues": []string{evil}, "type": "reference", "referenceTypes": []string{evil}},
	}}}).Want(t, http.StatusOK)
	flush(t, f.Server(), f.ID, 2)
}

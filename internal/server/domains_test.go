package server_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/servertest"
)

const genesysUser = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User"

// clientID is the id of the client of a token.
func clientID(t *testing.T, o *servertest.Org) string {
	t.Helper()
	client, _ := o.Do(t, "GET", "/api/v2/tokens/me", nil).Want(t, 200).Object(t)["OAuthClient"].(map[string]any)
	return client["id"].(string)
}

// domainsOf are the externalIds of clients that a user shows, without their common prefix.
func domainsOf(user map[string]any) map[string]string {
	found := map[string]string{}
	extension, _ := user[genesysUser].(map[string]any)
	values, _ := extension["externalIds"].([]any)
	for _, v := range values {
		element := v.(map[string]any)
		if name, ok := strings.CutPrefix(element["authority"].(string), "x-pc:scimv2:v1"); ok {
			found[strings.TrimPrefix(name, ":")] = element["value"].(string)
		}
	}
	return found
}

func expectSame(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func filtered(t *testing.T, o *servertest.Org, endpoint, filter string) []string {
	t.Helper()
	return o.Do(t, "GET", endpoint+"?filter="+url.QueryEscape(filter), nil).List(t).IDs()
}

// Each client sees, filters, sorts and writes an externalId of its own; all see those of
// all in externalIds, and nobody writes them there.
func TestExternalID_BelongsToItsClient(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	admin := server.NewOrg(t)
	first := admin.Do(t, "POST", "/Users", map[string]any{"userName": "before@example.org", "externalId": "H0"}).Want(t, 201).ID(t)
	a, b := admin.As(t, "SCIM Integration"), admin.As(t, "SCIM Integration")
	idA, idB := clientID(t, a), clientID(t, b)
	set := func(o *servertest.Org, id string, value any) map[string]any {
		return o.Do(t, "PATCH", "/Users/"+id, servertest.Patch(map[string]any{"op": "replace", "path": "externalId", "value": value})).Want(t, 200).Object(t)
	}
	get := func(o *servertest.Org, id string) map[string]any {
		return o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Object(t)
	}

	// What the only client had set before there was another stays its own.
	expectSame(t, "before, by a", []any{get(a, first)["externalId"], domainsOf(get(a, first))}, []any{nil, map[string]string{"": "H0"}})
	expectSame(t, "before, by the administrator", []any{get(admin, first)["externalId"], domainsOf(get(admin, first))}, []any{"H0", map[string]string{"": "H0"}})
	expectSame(t, "look-ups of before", []any{filtered(t, admin, "/Users", `externalId eq "H0"`), filtered(t, a, "/Users", `externalId eq "H0"`)}, []any{[]string{first}, []string{}})

	made := a.Do(t, "POST", "/Users", map[string]any{"userName": "ada@example.org", "externalId": "A \"1\"", genesysUser: map[string]any{
		"externalIds": []any{map[string]any{"authority": "zoomphone", "value": "z"}, map[string]any{"authority": "x-pc:scimv2:v1:" + idB, "value": "forged"}},
	}}).Want(t, 201).Object(t)
	ada := made["id"].(string)
	expectSame(t, "made", []any{made["externalId"], domainsOf(made)}, []any{`A "1"`, map[string]string{idA: `A "1"`}})
	expectSame(t, "read by a", get(a, ada), made)
	if seen := get(b, ada); seen["externalId"] != nil {
		t.Errorf("b sees %v", seen["externalId"])
	}
	changed := set(b, ada, "B1")
	expectSame(t, "b", []any{changed["externalId"], domainsOf(changed)}, []any{"B1", map[string]string{idA: `A "1"`, idB: "B1"}})
	set(admin, ada, "H1")
	all := map[string]string{"": "H1", idA: `A "1"`, idB: "B1"}
	for value, o := range map[string]*servertest.Org{"H1": admin, `A "1"`: a, "B1": b} {
		user := get(o, ada)
		expectSame(t, value, []any{user["externalId"], domainsOf(user)}, []any{value, all})
		// No-ops: the same value, and what was read sent back as it is.
		expectSame(t, value+" again", set(o, ada, value), user)
		expectSame(t, value+" sent back", o.Do(t, "PUT", "/Users/"+ada, user).Want(t, 200).Object(t), user)
		expectSame(t, value+" projected", o.Do(t, "GET", "/Users/"+ada+"?attributes=externalId", nil).Object(t)["externalId"], any(value))
		quoted := strings.ReplaceAll(value, `"`, `\"`)
		expectSame(t, value+" found", filtered(t, o, "/Users", `externalId eq "`+quoted+`"`), []string{ada})
		expectSame(t, value+" listed", o.Do(t, "GET", "/Users?filter=userName+sw+%22ada%22", nil).List(t).Resources, []map[string]any{user})
	}
	expectSame(t, "a finds of b", filtered(t, a, "/Users", `externalId eq "B1"`), []string{})
	expectSame(t, "all find in externalIds", filtered(t, a, "/Users", genesysUser+`:externalIds[authority eq "x-pc:scimv2:v1:`+idB+`" and value eq "B1"]`), []string{ada})

	// Filters and orders, by one client of those of others.
	bob := b.Do(t, "POST", "/Users", map[string]any{"userName": "bob@example.org", "externalId": "B0"}).Want(t, 201).ID(t)
	for filter, want := range map[string][]string{
		`externalId pr`:                           {ada, bob},
		`not (externalId pr)`:                     {first},
		`externalId eq null`:                      {first},
		`externalId ne "B1"`:                      {first, bob},
		`externalId sw "B" and userName co "bob"`: {bob},
		`externalId gt "B0"`:                      {ada},
		`externalId eq "b1"`:                      {},
		`not (externalId eq "B1")`:                {first, bob},
	} {
		got := filtered(t, b, "/Users", filter)
		slices.Sort(want)
		slices.Sort(got)
		expectSame(t, filter, got, want)
	}
	expectSame(t, "sorted", b.Do(t, "GET", "/Users?sortBy=externalId", nil).List(t).IDs(), []string{bob, ada, first})
	expectSame(t, "descending", b.Do(t, "GET", "/Users?sortBy=externalId&sortOrder=descending", nil).List(t).IDs(), []string{first, ada, bob})
	expectSame(t, "sorted by a", a.Do(t, "GET", "/Users?sortBy=externalId", nil).List(t).IDs()[0], ada)
	searched := b.Do(t, "POST", "/Users/.search", map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:SearchRequest"}, "filter": `externalId eq "B0"`})
	expectSame(t, "searched", searched.List(t).Resources[0]["externalId"], any("B0"))
	paged := b.Do(t, "GET", "/Users?sortBy=externalId&count=1&cursor=", nil).List(t)
	expectSame(t, "second page", b.Do(t, "GET", "/Users?sortBy=externalId&count=1&cursor="+paged.NextCursor, nil).List(t).IDs(), []string{ada})
	a.Do(t, "GET", "/Users?sortBy=externalId&count=1&cursor="+paged.NextCursor, nil).Refused(t, 400, "invalidCursor")

	// Nobody writes what is another's.
	for _, op := range []map[string]any{
		{"op": "add", "path": genesysUser + `:externalIds[authority eq "x-pc:scimv2:v1:` + idB + `"].value`, "value": "forged"},
		{"op": "add", "path": genesysUser + ":externalIds", "value": []any{map[string]any{"authority": "x-pc:scimv2:v1", "value": "forged"}}},
		{"op": "replace", "value": map[string]any{genesysUser: map[string]any{"externalIds": []any{map[string]any{"authority": "x-pc:scimv2:v1:new", "value": "forged"}}}}},
	} {
		a.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(op)).Refused(t, 400, "mutability")
	}
	a.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(map[string]any{"op": "remove", "path": genesysUser + `:externalIds[authority sw "x-pc"]`})).Want(t, 200)
	a.Do(t, "PATCH", "/Users/"+ada, servertest.Patch(map[string]any{"op": "remove", "path": genesysUser + ":externalIds"})).Want(t, 200)
	expectSame(t, "still", domainsOf(get(admin, ada)), all)
	b.Do(t, "PUT", "/Users/"+ada, map[string]any{"userName": "ada@example.org"}).Want(t, 200)
	delete(all, idB)
	expectSame(t, "without b's", domainsOf(get(a, ada)), all)
	set(admin, ada, nil)
	delete(all, "")
	expectSame(t, "without the home's", []any{domainsOf(get(a, ada)), get(admin, ada)["externalId"]}, []any{all, nil})

	// The standard shows nobody the externalId of another.
	strict := admin.Strictly(t)
	other := servertest.NewWith(t, servertest.Options{Database: server.Database}) // which knows it at once
	expectSame(t, "strictly", []any{get(strict, bob)["externalId"], domainsOf(get(strict, bob)), get(b.At(other), bob)["externalId"], domainsOf(get(b.At(other), bob)), get(b.At(other), bob)["schemas"]}, []any{
		nil, map[string]string{}, "B0", map[string]string{}, []any{"urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"},
	})
	if err := server.Store.Registry().SetOrg(t.Context(), admin.Org); err != nil {
		t.Fatal(err)
	}

	// Bulk, now and later, is of the client that asked; who comes back is like new.
	for i, prefer := range []string{"", "respond-async"} {
		bulk := map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:BulkRequest"}, "Operations": []any{
			map[string]any{"method": "POST", "path": "/Users", "bulkId": "x", "data": map[string]any{"userName": fmt.Sprint("bulk", i), "externalId": fmt.Sprint("bulk", i)}},
		}}
		b.Do(t, "POST", "/Bulk", bulk, "Prefer: "+prefer)
		await(t, func() bool { return len(filtered(t, b, "/Users", `externalId eq "`+fmt.Sprint("bulk", i)+`"`)) == 1 })
	}
	a.Do(t, "DELETE", "/Users/"+ada, nil).Want(t, 204)
	back := b.Do(t, "POST", "/Users", map[string]any{"userName": "ada@example.org", "externalId": "B2"}).Want(t, 201).Object(t)
	expectSame(t, "restored", []any{back["id"], domainsOf(back)}, []any{ada, map[string]string{idB: "B2"}})
	if err := server.Store.Verify(t.Context(), admin.ID, server.Directory.Types(), func(difference string) { t.Error(difference) }); err != nil {
		t.Error(err)
	}
}

// Groups have one of each client too, and show none of others.
func TestExternalID_OfGroupsBelongsToItsClient(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	admin := server.NewOrg(t)
	id := admin.NewGroup(t, "Night Shift", admin.NewUser(t, "ada"))
	other := admin.NewGroup(t, "Day Shift")
	a, b := admin.As(t, "SCIM Integration"), admin.As(t, "SCIM Integration")
	for value, o := range map[string]*servertest.Org{"H": admin, `A "]`: a, "B": b} {
		o.Do(t, "PATCH", "/Groups/"+id, servertest.Patch(map[string]any{"op": "add", "path": "externalId", "value": value})).Want(t, 200)
	}
	for value, o := range map[string]*servertest.Org{"H": admin, `A "]`: a, "B": b} {
		group := o.Do(t, "GET", "/Groups/"+id, nil).Want(t, 200)
		if strings.Contains(string(group.Body), "x-pc") || group.Object(t)["externalId"] != value || len(group.Object(t)["members"].([]any)) != 1 {
			t.Errorf("%s", group.Body)
		}
		if seen := o.Do(t, "GET", "/Groups/"+other, nil).Object(t); seen["externalId"] != nil {
			t.Errorf("another group has %v", seen["externalId"])
		}
		quoted := strings.ReplaceAll(value, `"`, `\"`)
		expectSame(t, value, filtered(t, o, "/Groups", `externalId eq "`+quoted+`"`), []string{id})
		expectSame(t, value+" is not null", filtered(t, o, "/Groups", `externalId eq null`), []string{other})
		expectSame(t, value+" sorted", o.Do(t, "GET", "/Groups?sortBy=externalId", nil).List(t).IDs(), []string{id, other})
		same := o.Do(t, "PUT", "/Groups/"+id, map[string]any{"displayName": "Night Shift", "externalId": value}).Want(t, 200)
		expectSame(t, value+" again", same.Header.Get("ETag"), group.Header.Get("ETag"))
		all := o.Do(t, "GET", "/?filter="+url.QueryEscape(`externalId eq "`+quoted+`"`), nil).List(t)
		expectSame(t, value+" of all", all.IDs(), []string{id})
	}
	b.Do(t, "PUT", "/Groups/"+id, map[string]any{"displayName": "Late Shift"}).Want(t, 200)
	expectSame(t, "b's is gone", filtered(t, b, "/Groups", `externalId pr`), []string{})
	expectSame(t, "a's is not", filtered(t, a, "/Groups", `externalId pr`), []string{id})
	admin.Do(t, "GET", "/Groups?filter=externalIds+pr", nil).Refused(t, 400, "invalidFilter")
	if err := server.Store.Verify(t.Context(), admin.ID, server.Directory.Types(), func(difference string) { t.Error(difference) }); err != nil {
		t.Error(err)
	}
}

// Clients of one domain share one externalId; a successor so goes on where another ended,
// and a client that alone is at home takes what it has with it.
func TestExternalID_IsSharedInADomain(t *testing.T) {
	t.Parallel()
	admin := servertest.New(t).NewOrg(t)
	a, b := admin.As(t, "SCIM Integration"), admin.As(t, "SCIM Integration")
	idHome, idA, idB := clientID(t, admin), clientID(t, a), clientID(t, b)
	domain := func(client string, name any) *servertest.Answer {
		return admin.Do(t, "PUT", "/api/v2/oauth/clients/"+client, map[string]any{"provisioningDomain": name})
	}
	expectSame(t, "its own", admin.Do(t, "GET", "/api/v2/oauth/clients/"+idA, nil).Object(t)["provisioningDomain"], any(idA))
	ada := a.Do(t, "POST", "/Users", map[string]any{"userName": "ada@example.org", "externalId": "A"}).Want(t, 201).ID(t)
	bob := admin.Do(t, "POST", "/Users", map[string]any{"userName": "bob@example.org", "externalId": "H"}).Want(t, 201).ID(t)
	seen := func(o *servertest.Org, id string) any {
		return o.Do(t, "GET", "/Users/"+id, nil).Want(t, 200).Object(t)["externalId"]
	}

	expectSame(t, "answer", domain(idB, idA).Want(t, 200).Object(t)["provisioningDomain"], any(idA))
	await(t, func() bool { return seen(b, ada) == "A" })
	expectSame(t, "found", filtered(t, b, "/Users", `externalId eq "A"`), []string{ada})
	domain(idHome, "entra").Want(t, 200)
	await(t, func() bool { return seen(admin, bob) == "H" })
	domain(idB, "entra").Want(t, 200)
	await(t, func() bool { return seen(b, bob) == "H" })
	expectSame(t, "no longer", []any{seen(b, ada), seen(a, ada)}, []any{nil, "A"})
	domain(idB, "").Want(t, 200)
	await(t, func() bool { return seen(b, bob) == nil })
	for _, bad := range []any{"a b", `a"`, "-", strings.Repeat("x", 101), 7} {
		domain(idB, bad).Want(t, 400)
	}
	made := admin.Do(t, "POST", "/api/v2/oauth/clients", map[string]any{"name": "Successor", "authorizedGrantType": "CLIENT-CREDENTIALS", "provisioningDomain": idA}).Want(t, 200)
	expectSame(t, "made", made.Object(t)["provisioningDomain"], any(idA))
}

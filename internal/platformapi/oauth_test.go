package platformapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/servertest"
)

const clientsPath = "/api/v2/oauth/clients"

// roleID is the id of a role of the organisation.
func roleID(t *testing.T, o *servertest.Org, name string) string {
	t.Helper()
	var list struct{ Entities []struct{ ID, Name string } }
	o.Do(t, "GET", "/api/v2/authorization/roles?name="+url.QueryEscape(name), nil).Want(t, 200).Decode(t, &list)
	if len(list.Entities) != 1 {
		t.Fatalf("%d roles begin with %q", len(list.Entities), name)
	}
	return list.Entities[0].ID
}

// grantToken asks for a token of a client as any program does.
func grantToken(t *testing.T, o *servertest.Org, id, secret string) *servertest.Answer {
	t.Helper()
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}}
	return o.Do(t, "POST", "/oauth/token", form.Encode(), "Content-Type: application/x-www-form-urlencoded", "Authorization: ")
}

func text(t *testing.T, a *servertest.Answer, name string) string {
	t.Helper()
	value, _ := a.Object(t)[name].(string)
	return value
}

func TestClients_AreMadeReadChangedAndDeleted(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	role := roleID(t, o, "SCIM Integration")
	created := o.Do(t, "POST", clientsPath, map[string]any{
		"name": "Entra", "description": "Provisions", "authorizedGrantType": "CLIENT-CREDENTIALS", "accessTokenValiditySeconds": 38880000,
		"roleDivisions": []any{map[string]any{"roleId": role}}, "scope": []any{}, "registeredRedirectUri": []any{}, "more": 1,
	}).Want(t, 200).Object(t)
	secret, _ := created["secret"].(string)
	if len(secret) != 43 {
		t.Errorf("the secret has %d characters", len(secret))
	}
	delete(created, "secret")
	id, _ := created["id"].(string)
	want := map[string]any{
		"id": id, "name": "Entra", "description": "Provisions", "authorizedGrantType": "CLIENT-CREDENTIALS", "accessTokenValiditySeconds": 38880000.0,
		"roleDivisions": []any{map[string]any{"roleId": role, "divisionId": "*"}}, "scope": []any{}, "state": "active", "provisioningDomain": id,
		"dateCreated": created["dateCreated"], "dateModified": created["dateModified"], "selfUri": clientsPath + "/" + id,
	}
	if diff := cmp.Diff(want, created); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, o.Do(t, "GET", clientsPath+"/"+id, nil).Want(t, 200).Object(t)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	grantToken(t, o, id, secret).Want(t, 200)

	changed := o.Do(t, "PUT", clientsPath+"/"+id, map[string]any{"name": "Okta", "description": "", "state": "inactive", "rateLimit": 600}).Want(t, 200).Object(t)
	want["name"], want["state"], want["rateLimit"], want["dateModified"] = "Okta", "inactive", 600.0, changed["dateModified"]
	delete(want, "description")
	if diff := cmp.Diff(want, changed); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}

	var list struct {
		Entities                               []map[string]any
		PageSize, PageNumber, Total, PageCount int
		SelfURI, FirstURI, LastURI, NextURI    string
	}
	o.Do(t, "GET", clientsPath+"?pageSize=1", nil).Want(t, 200).Decode(t, &list)
	if len(list.Entities) != 1 || list.Total != 2 || list.PageCount != 2 || !strings.Contains(list.NextURI, "pageNumber=2") {
		t.Errorf("first page %+v", list)
	}
	o.Do(t, "GET", list.NextURI, nil).Want(t, 200).Decode(t, &list)
	if diff := cmp.Diff([]map[string]any{want}, list.Entities); diff != "" {
		t.Errorf("second page (-want +got):\n%s", diff)
	}

	o.Do(t, "DELETE", clientsPath+"/"+id, nil).Want(t, 204)
	refused(t, o.Do(t, "GET", clientsPath+"/"+id, nil), 404, "not.found")
	grantToken(t, o, id, secret).Want(t, 400)
}

func TestClients_NameTheFieldThatIsWrong(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	id := text(t, o.Do(t, "POST", clientsPath, map[string]any{"name": "x"}).Want(t, 200), "id")
	division := `"divisionId":"` + uuid.NewString() + `"`
	for _, test := range []struct{ body, message string }{
		{`{"name":""}`, "name is required"},
		{`{"name":" "}`, "name is required"},
		{`{"name":7}`, "name is a number"},
		{`{"name":"` + strings.Repeat("x", 501) + `"}`, "name is longer than the 500 bytes"},
		{`{"name":"x","description":"` + strings.Repeat("x", 2001) + `"}`, "description is longer"},
		{`{"name":"x","accessTokenValiditySeconds":299}`, "accessTokenValiditySeconds may be from 300 seconds to 38880000 seconds (450 days), not 299"},
		{`{"name":"x","accessTokenValiditySeconds":0}`, "accessTokenValiditySeconds may be"},
		{`{"name":"x","accessTokenValiditySeconds":38880001}`, "accessTokenValiditySeconds may be"},
		{`{"name":"x","accessTokenValiditySeconds":9223372036854775807}`, "accessTokenValiditySeconds may be"},
		{`{"name":"x","accessTokenValiditySeconds":1.5}`, "accessTokenValiditySeconds is"},
		{`{"name":"x","accessTokenValiditySeconds":"3600"}`, "accessTokenValiditySeconds is a string"},
		{`{"name":"x","authorizedGrantType":"CODE"}`, `authorizedGrantType is "CODE"; only CLIENT-CREDENTIALS is allowed`},
		{`{"name":"x","state":"deleted"}`, "state may be active, inactive or disabled"},
		{`{"name":"x","rateLimit":-1}`, "rateLimit is -1"},
		{`{"name":"x","roleDivisions":{}}`, "roleDivisions is an object"},
		{`{"name":"x","roleDivisions":["admin"]}`, "roleDivisions holds a string"},
		{`{"name":"x","roleDivisions":[{}]}`, "roleDivisions: roleId is required"},
		{`{"name":"x","roleDivisions":[{"roleId":"admin"}]}`, `roleDivisions: roleId is "admin"`},
		{`{"name":"x","roleDivisions":[{"roleId":"` + uuid.NewString() + `"}]}`, "roleDivisions names the role"},
		{`{"name":"x","roleDivisions":[{"roleId":"` + roleID(t, o, "admin") + `",` + division + `}]}`, "roleDivisions names the division"},
		{`{"name":"x","roleDivisions":[{"roleId":"` + roleID(t, o, "admin") + `","divisionId":"Home"}]}`, "roleDivisions names the division"},
	} {
		for method, path := range map[string]string{"POST": clientsPath, "PUT": clientsPath + "/" + id} {
			message := refused(t, o.Do(t, method, path, test.body), 400, "invalid.value")
			if !strings.HasPrefix(message, test.message) {
				t.Errorf("%s %s: %s; want %s", method, test.body, message, test.message)
			}
		}
	}
	refused(t, o.Do(t, "POST", clientsPath, `{}`), 400, "invalid.value")
}

// What belongs to another organisation is not there.
func TestClients_OfAnotherOrganisation(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, stranger := server.NewOrg(t), server.NewOrg(t)
	token, client := stranger.NewToken(t, "admin")
	tokens := clientsPath + "/" + client.ID.String() + "/tokens"
	theirs := text(t, introspect(t, stranger, client.ID.String(), "", token), "jti")
	for _, call := range []struct{ method, path string }{
		{"GET", clientsPath + "/" + client.ID.String()},
		{"PUT", clientsPath + "/" + client.ID.String()},
		{"DELETE", clientsPath + "/" + client.ID.String()},
		{"POST", clientsPath + "/" + client.ID.String() + "/secret"},
		{"GET", tokens},
		{"DELETE", tokens},
		{"DELETE", tokens + "/" + theirs},
		{"GET", clientsPath + "/" + uuid.NewString()},
		{"GET", clientsPath + "/" + strings.ToUpper(client.ID.String())},
		{"GET", clientsPath + "/nobody"},
	} {
		refused(t, o.Do(t, call.method, call.path, `{"name":"taken"}`), 404, "not.found")
	}
	o.Token = token
	o.Do(t, "GET", "/api/v2/tokens/me", nil).Want(t, 200)
}

// introspect asks about a token; without a secret it asks as the organisation's
// own new client.
func introspect(t *testing.T, o *servertest.Org, id, secret, token string) *servertest.Answer {
	t.Helper()
	if secret == "" {
		client, own := o.NewClient(t)
		id, secret = client.ID.String(), own
	}
	form := url.Values{"token": {token}, "client_id": {id}, "client_secret": {secret}}
	return o.Do(t, "POST", "/oauth/introspect", form.Encode(), "Content-Type: application/x-www-form-urlencoded", "Authorization: ")
}

// Nobody makes, or becomes, a client that may do more than they may.
func TestClients_GrantNoMoreThanTheCallerHas(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	admin := roleID(t, o, "admin")
	reader := roleID(t, o, "SCIM Reader")
	made := o.Do(t, "POST", "/api/v2/authorization/roles", map[string]any{
		"name": "clerk", "permissions": []any{"directory:group:*"},
		"permissionPolicies": []any{map[string]any{"domain": "oauth", "entityName": "client", "actionSet": []any{"*"}}},
	}).Want(t, 200)
	_, boss := o.NewToken(t, "admin")
	o.Token, _ = o.NewToken(t, "clerk")
	grant := func(role string) map[string]any {
		return map[string]any{"name": "y", "roleDivisions": []any{map[string]any{"roleId": role}}}
	}
	o.Do(t, "POST", clientsPath, grant(reader)).Want(t, 200)
	own := text(t, o.Do(t, "POST", clientsPath, grant(made.ID(t))).Want(t, 200), "id")
	for _, a := range []*servertest.Answer{
		o.Do(t, "POST", clientsPath, grant(admin)),
		o.Do(t, "PUT", clientsPath+"/"+own, grant(admin)),
		o.Do(t, "POST", clientsPath+"/"+boss.ID.String()+"/secret", nil),
	} {
		a.Want(t, 403)
	}
	o.Do(t, "POST", clientsPath+"/"+own+"/secret", nil).Want(t, 200)
}

func TestSecret_RotatesWithAnOverlap(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	client, first := o.NewClient(t, "admin")
	rotate := func() (secret string) {
		a := o.Do(t, "POST", clientsPath+"/"+client.ID.String()+"/secret", nil).Want(t, 200)
		until, err := time.Parse(time.RFC3339, text(t, a, "previousSecretExpires"))
		if left := time.Until(until); err != nil || left < 23*time.Hour || left > 24*time.Hour+time.Minute {
			t.Errorf("the previous secret works %v longer, %v", left, err)
		}
		return text(t, a, "secret")
	}
	second := rotate()
	for _, secret := range []string{first, second} {
		grantToken(t, o, client.ID.String(), secret).Want(t, 200)
	}
	third := rotate()
	for secret, status := range map[string]int{first: 401, second: 200, third: 200} {
		grantToken(t, o, client.ID.String(), secret).Want(t, status)
	}
	if shown := o.Do(t, "GET", clientsPath+"/"+client.ID.String(), nil); shown.Object(t)["secret"] != nil || strings.Contains(string(shown.Body), third) {
		t.Error("the secret is shown again")
	}
}

func TestTokens_AreListedAndRevoked(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	client, secret := o.NewClient(t, "admin")
	path := clientsPath + "/" + client.ID.String() + "/tokens"
	issued := func() string {
		return text(t, grantToken(t, o, client.ID.String(), secret).Want(t, 200), "access_token")
	}
	list := func() (entities []map[string]any) {
		var l struct {
			Entities []map[string]any
			Total    int
		}
		o.Do(t, "GET", path, nil).Want(t, 200).Decode(t, &l)
		if l.Total != len(l.Entities) {
			t.Errorf("total %d of %d", l.Total, len(l.Entities))
		}
		return l.Entities
	}
	with := func(token string) *servertest.Org {
		other := *o
		other.Token = token
		return &other
	}
	first, second, third := issued(), issued(), issued()
	known := list()
	if len(known) != 3 || known[0]["state"] != "active" || known[0]["issuedTo"] != "127.0.0.1" || known[0]["dateLastUsed"] != nil {
		t.Errorf("tokens %v", known)
	}
	firstID, _ := known[2]["id"].(string)
	if self := known[2]["selfUri"]; self != path+"/"+firstID {
		t.Errorf("selfUri %v", self)
	}
	for token, status := range map[string]int{first: 401, second: 200} {
		if token == first {
			o.Do(t, "DELETE", path+"/"+firstID, nil).Want(t, 204)
		}
		with(token).Do(t, "GET", "/Users", nil).Want(t, status)
	}
	with(second).Do(t, "DELETE", "/api/v2/tokens/me", nil).Want(t, 204)
	refused(t, with(second).Do(t, "GET", "/api/v2/tokens/me", nil), 401, "bad.credentials")
	with(third).Do(t, "HEAD", "/api/v2/tokens/me", nil).Want(t, 200)
	o.Do(t, "DELETE", path, nil).Want(t, 204)
	with(third).Do(t, "GET", "/Users", nil).Want(t, 401)
	for _, token := range list() {
		if token["state"] != "revoked" || token["dateRevoked"] == nil {
			t.Errorf("token %v", token)
		}
	}
	with(issued()).Do(t, "GET", "/Users", nil).Want(t, 200)
	refused(t, o.Do(t, "DELETE", path+"/"+uuid.NewString(), nil), 404, "not.found")
}

func TestTokens_TellTheirLastUse(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	token, client := o.NewToken(t, "admin")
	other := *o
	other.Token = token
	other.Do(t, "GET", "/Users", nil).Want(t, 200)
	var l struct {
		Entities []struct{ DateLastUsed, LastUsedFrom string }
	}
	for {
		o.Do(t, "GET", clientsPath+"/"+client.ID.String()+"/tokens", nil).Want(t, 200).Decode(t, &l)
		if l.Entities[0].DateLastUsed != "" {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	used, err := time.Parse(time.RFC3339, l.Entities[0].DateLastUsed)
	if err != nil || time.Since(used) > time.Minute || l.Entities[0].LastUsedFrom != "127.0.0.1" {
		t.Errorf("used %+v: %v", l.Entities[0], err)
	}
}

func TestTokensMe_TellsAboutTheToken(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	token, client := o.NewToken(t, "SCIM Reader")
	o.Token = token
	got := o.Do(t, "GET", "/api/v2/tokens/me", nil).Want(t, 200).Object(t)
	mine, _ := got["OAuthClient"].(map[string]any)
	named := map[string]any{"id": o.ID.String(), "name": o.Name}
	want := map[string]any{
		"organization": named, "homeOrganization": named, "authorizedScope": []any{},
		"dateIssued": got["dateIssued"], "dateExpires": got["dateExpires"],
		"OAuthClient": map[string]any{
			"id": client.ID.String(), "name": client.Name, "authorizedGrantType": "CLIENT-CREDENTIALS", "scope": []any{}, "state": "active",
			"roleDivisions": []any{map[string]any{"roleId": client.Roles[0].Role.String(), "divisionId": "*"}},
			"dateCreated":   mine["dateCreated"], "dateModified": mine["dateModified"], "organization": named,
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	expires, err := time.Parse(time.RFC3339, got["dateExpires"].(string))
	if left := time.Until(expires); err != nil || left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("expires in %v, %v", left, err)
	}
	if allowed := o.Do(t, http.MethodOptions, "/api/v2/tokens/me", nil).Header.Get("Allow"); allowed != "DELETE, GET, HEAD, OPTIONS" {
		t.Errorf("Allow: %s", allowed)
	}
}

// A client of which nothing is said may do no more than any token may.
func TestClients_HaveNoRoleUnlessOneIsNamed(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	for _, body := range []map[string]any{
		{"name": "Entra"}, {"name": "Okta", "roleDivisions": nil}, {"name": "Ping", "roleDivisions": []any{}},
	} {
		made := o.Do(t, "POST", clientsPath, body).Want(t, 200).Object(t)
		if roles, _ := made["roleDivisions"].([]any); roles == nil || len(roles) > 0 {
			t.Errorf("%v: roles %v", body, made["roleDivisions"])
		}
		id, _ := made["id"].(string)
		secret, _ := made["secret"].(string)
		as := *o
		as.Token = text(t, grantToken(t, o, id, secret).Want(t, 200), "access_token")
		as.Do(t, "GET", "/Groups", nil).Want(t, 403)
		as.Do(t, "POST", "/Users", `{"userName":"ada@example.org","displayName":"Ada"}`).Want(t, 403)
		as.Do(t, "GET", clientsPath, nil).Want(t, 403)
	}
}

package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/servertest"
)

// administrator makes requests and validates each with its answer.
type administrator struct {
	server *servertest.Server
	org    *servertest.Org
	token  string
	router routers.Router
}

// newAdministrator is that of an organisation on a server of its own.
func newAdministrator(t *testing.T) administrator {
	t.Helper()
	router, err := gorillamux.NewRouter(load(t))
	if err != nil {
		t.Fatal(err)
	}
	server := servertest.New(t)
	o := server.NewOrg(t)
	return administrator{server: server, org: o, token: o.Token, router: router}
}

// do gives the id in the answer, which may be none. headers are lines such as "Prefer: x".
func (a administrator) do(t *testing.T, method, path string, status int, body string, headers ...string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, response.StatusCode, status, answer)
	}
	validate(t, a.router, r, []byte(body), response, answer)
	var entity struct{ ID string }
	if len(bytes.TrimSpace(answer)) > 0 {
		if err := json.Unmarshal(answer, &entity); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, answer)
		}
	}
	return entity.ID
}

// TestPlatformTraffic prepares an organisation and validates what is said.
func TestPlatformTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	for _, path := range []string{"/api/v2/authorization/roles", "/api/v2/authorization/divisions", "/api/v2/routing/skills", "/api/v2/routing/languages"} {
		one := path + "/" + a.do(t, "POST", path, 200, `{"name":"North","description":"Up there"}`)
		a.do(t, "POST", path, 409, `{"name":"north"}`)
		a.do(t, "GET", path+"?name=n&sortOrder=desc&pageSize=1&pageNumber=1", 200, "")
		a.do(t, "GET", one, 200, "")
		a.do(t, "PUT", one, 200, `{"name":"South"}`)
		a.do(t, "DELETE", one, 204, "")
		a.do(t, "GET", one, 404, "")
	}
	a.do(t, "GET", "/api/v2/authorization/divisions/home", 200, "")
	a.do(t, "GET", "/api/v2/authorization/permissions?queryType=permission&query=directory:user:add", 200, "")
	a.do(t, "GET", "/api/v2/authorization/products", 200, "")
	role := a.do(t, "POST", "/api/v2/authorization/roles", 200, `{"name":"clerk","permissions":["x"],"permissionPolicies":[{"domain":"directory"}]}`)
	a.do(t, "PATCH", "/api/v2/authorization/roles/"+role, 200, `{"description":"Files"}`)

	const badge = `{"id":"urn:example:badge:2.0:User","attributes":[{"name":"number","type":"integer"}]}`
	a.do(t, "POST", "/api/v2/directory/schemas", 200, `{"resourceType":"User","schema":`+badge+`}`)
	a.do(t, "POST", "/api/v2/directory/schemas", 400, `{"resourceType":"User","schema":`+badge+`}`)
	a.do(t, "GET", "/api/v2/directory/schemas", 200, "")
	a.do(t, "GET", "/api/v2/directory/schemas/urn:example:badge:2.0:User", 200, "")
	a.do(t, "PUT", "/api/v2/directory/schemas/urn:example:badge:2.0:User", 200, `{"schema":`+badge+`}`)
	a.do(t, "GET", "/api/v2/scim/v2/Schemas", 200, "")
	a.do(t, "GET", "/api/v2/scim/v2/ResourceTypes/User", 200, "")
	a.do(t, "DELETE", "/api/v2/directory/schemas/urn:example:badge:2.0:User?force=true", 204, "")
	a.do(t, "DELETE", "/api/v2/directory/schemas/urn:example:badge:2.0:User", 404, "")

	user := a.do(t, "POST", "/api/v2/scim/v2/Users", 201, `{"userName":"ada@example.org","roles":[{"value":"clerk"}],"phoneNumbers":[{"value":"+13175724245","type":"work"}],
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"division":"Home"}}`)
	a.do(t, "DELETE", "/api/v2/authorization/roles/"+role, 409, "")
	a.do(t, "GET", "/api/v2/users", 200, "")
	a.do(t, "GET", "/api/v2/users/"+user, 200, "")
	a.do(t, "GET", "/api/v2/users/me", 400, "")
	a.do(t, "GET", "/api/v2/organizations/me", 200, "")

	group := "/api/v2/groups/" + a.do(t, "POST", "/api/v2/groups", 200, `{"name":"Night Shift","type":"official","visibility":"public","rulesVisible":true}`)
	a.do(t, "POST", group+"/members", 202, `{"memberIds":["`+user+`"]}`)
	a.do(t, "PUT", group, 409, `{"name":"Day Shift","version":1}`)
	a.do(t, "PUT", group, 200, `{"name":"Day Shift"}`)
	a.do(t, "GET", "/api/v2/groups", 200, "")
	a.do(t, "GET", group, 200, "")
	a.do(t, "GET", group+"/members", 200, "")
	a.do(t, "GET", group+"/individuals", 200, "")
	a.do(t, "DELETE", group+"/members?ids="+user, 202, "")
	a.do(t, "DELETE", group, 204, "")
	a.do(t, "DELETE", "/api/v2/scim/v2/Users/"+user, 204, "")
	a.do(t, "GET", "/api/v2/users?state=deleted", 200, "")
}

// TestClientTraffic does the same with OAuth clients and tokens.
func TestClientTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	const path = "/api/v2/oauth/clients"
	one := path + "/" + a.do(t, "POST", path, 200, `{"name":"Entra","authorizedGrantType":"CLIENT-CREDENTIALS","accessTokenValiditySeconds":3600,"roleDivisions":[]}`)
	a.do(t, "POST", path, 400, `{"name":"Entra","authorizedGrantType":"CODE"}`)
	a.do(t, "GET", path+"?pageSize=1", 200, "")
	a.do(t, "GET", one, 200, "")
	a.do(t, "PUT", one, 200, `{"description":"Provisions","state":"disabled","rateLimit":10}`)
	a.do(t, "POST", one+"/secret", 200, "")
	a.do(t, "GET", one+"/tokens", 200, "")
	a.do(t, "DELETE", one+"/tokens", 204, "")
	a.do(t, "DELETE", one+"/tokens/nothing", 404, "")
	a.do(t, "DELETE", one, 204, "")
	a.do(t, "GET", one, 404, "")
	for _, path := range []string{"jwks.json", "oauth-authorization-server", "oauth-protected-resource"} {
		a.do(t, "GET", "/.well-known/"+path, 200, "")
	}
	a.token, _ = a.org.NewToken(t, "admin")
	a.do(t, "GET", "/api/v2/tokens/me", 200, "")
	a.do(t, "DELETE", "/api/v2/tokens/me", 204, "")
	a.do(t, "GET", "/api/v2/tokens/me", 401, "")
}

// awaitEvent makes changes until one is told of: a stream counts for those that begin a
// second after it was set.
func (a administrator) awaitEvent(t *testing.T, poll string) {
	t.Helper()
	var answer struct{ Sets map[string]string }
	for range 200 {
		a.org.NewUser(t, uuid.NewString())
		if a.org.Do(t, http.MethodPost, poll, `{"maxEvents":1,"returnImmediately":true}`).Decode(t, &answer); len(answer.Sets) > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("no event is told")
}

// TestEventTraffic does the same with a stream of events.
func TestEventTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	const root = "/api/v2/events"
	a.do(t, "GET", root+"/stream", 404, "")
	a.do(t, "POST", root+"/poll", 404, `{}`)
	a.do(t, "PUT", root+"/stream", 400, `{"method":"push","audience":"receiver","endpointUrl":"https://127.0.0.1/"}`)
	a.do(t, "PUT", root+"/stream", 200, `{"method":"push","audience":"receiver","endpointUrl":"https://receiver.example/","authorizationHeader":"Bearer x","status":"paused"}`)
	a.do(t, "GET", root+"/stream", 200, "")
	a.do(t, "POST", root+"/poll", 409, `{}`)
	a.do(t, "PUT", root+"/stream", 200, `{"method":"poll","audience":"receiver","form":"full","events":["prov:create"]}`)
	a.awaitEvent(t, root+"/poll")
	a.do(t, "POST", root+"/poll", 200, `{"maxEvents":1,"returnImmediately":true,"ack":["unknown"],"setErrs":{"unknown":{"err":"invalid_key"}}}`)
	a.do(t, "GET", root+"/deadletters?pageSize=1", 200, "")
	a.do(t, "POST", root+"/deadletters/requeue", 200, `{"all":true}`)
	a.do(t, "POST", root+"/deadletters/requeue", 400, `{}`)
	a.do(t, "DELETE", root+"/stream", 204, "")
	a.do(t, "DELETE", root+"/stream", 404, "")
}

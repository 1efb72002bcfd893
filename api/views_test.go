package api_test

import (
	"testing"

	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// TestViewTraffic validates what is said of groups that SCIM makes, of what is only
// read, and of the user whom a token carries.
func TestViewTraffic(t *testing.T) {
	t.Parallel()
	router, err := gorillamux.NewRouter(load(t))
	if err != nil {
		t.Fatal(err)
	}
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	a := administrator{server: server, token: o.Token, router: router}
	const scim = "/api/v2/scim/v2"
	ada := a.do(t, "POST", scim+"/Users", 201, `{"userName":"ada@example.org"}`)
	group := a.do(t, "POST", scim+"/Groups", 201, `{"displayName":"Night Shift","members":[{"value":"`+ada+`"}]}`)
	a.do(t, "POST", scim+"/Groups", 409, `{"displayName":"night shift"}`)

	for _, view := range []string{"/Roles", "/GroupMembers"} {
		a.do(t, "GET", scim+view, 200, "")
		a.do(t, "GET", scim+view+"?cursor&count=1", 200, "")
		a.do(t, "POST", scim+view+"/.search", 200, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"count":1}`)
		a.do(t, "GET", scim+view+"?filter=x+eq+1", 400, "")
		a.do(t, "GET", scim+view+"/nothing", 404, "")
	}
	a.do(t, "GET", scim+"/GroupMembers/"+group+"."+ada, 200, "")
	role := a.do(t, "POST", "/api/v2/authorization/roles", 200, `{"name":"Supervisor"}`)
	a.do(t, "GET", scim+"/Roles/"+role, 200, "")
	a.do(t, "DELETE", scim+"/Groups/"+group, 204, "")

	a.do(t, "GET", scim+"/Me", 501, "")
	a.token = o.AsUser(t, ada, "SCIM Integration").Token
	a.do(t, "GET", scim+"/Me", 200, "")
	a.do(t, "PUT", scim+"/Me", 200, `{"userName":"lovelace@example.org"}`)
	a.do(t, "PATCH", scim+"/Me", 200, `{"Operations":[{"op":"add","path":"title","value":"Countess"}]}`)
	a.do(t, "GET", scim+"/Users", 403, "")
	a.do(t, "DELETE", scim+"/Me", 204, "")
	a.do(t, "GET", scim+"/Me", 404, "")
}

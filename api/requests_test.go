package api_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// TestListTraffic validates what is said of lists that are asked for by a body, or of
// several types.
func TestListTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	const scim = "/api/v2/scim/v2"
	a.do(t, "POST", scim+"/Users", 201, `{"userName":"ada@example.org"}`)
	a.do(t, "POST", "/api/v2/groups", 200, `{"name":"Night Shift","type":"official","visibility":"public","rulesVisible":true}`)
	search := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"meta.lastModified gt \"2020-01-01T00:00:00Z\"","sortBy":"meta.created","startIndex":1,"count":10}`
	a.do(t, "POST", scim+"/Users/.search", 200, search)
	a.do(t, "POST", scim+"/Groups/.search", 200, search)
	a.do(t, "POST", scim+"/.search", 200, search)
	a.do(t, "GET", scim+"/", 200, "")
}

// TestBulkTraffic does the same with bulk requests, answered at once and later.
func TestBulkTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	const path = "/api/v2/scim/v2/Bulk"
	const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[
		{"method":"POST","path":"/Users","bulkId":"ada","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@example.org"}},
		{"method":"POST","path":"/Users","bulkId":"bob","data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"bob@example.org",
		 "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"bulkId:ada"}}}}]}`
	a.do(t, "POST", path, 200, body)
	a.do(t, "POST", path, 202, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[]}`, "Prefer: respond-async")

	const accepted = "/api/v2/async/requests"
	var page struct{ Entities []struct{ ID, State string } }
	for range 500 {
		o := a.org
		if o.Do(t, "GET", accepted, nil).Decode(t, &page); len(page.Entities) > 0 && page.Entities[0].State == "done" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	a.do(t, "GET", accepted, 200, "")
	a.do(t, "GET", accepted+"/"+page.Entities[0].ID, 200, "")
	a.do(t, "DELETE", accepted+"/"+page.Entities[0].ID, 409, "")
}

// TestTokenTraffic does the same with OAuth's own endpoints.
func TestTokenTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	client, secret := a.org.NewClient(t, "SCIM Integration")
	form := "Content-Type: application/x-www-form-urlencoded"
	basic := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(client.ID.String()+":"+secret))
	credentials := url.Values{"client_id": {client.ID.String()}, "client_secret": {secret}}
	ask := func(path string, status int, name, value string, headers ...string) {
		body := url.Values{name: {value}}
		if len(headers) == 0 {
			body["client_id"], body["client_secret"] = credentials["client_id"], credentials["client_secret"]
			headers = []string{"Authorization: "}
		}
		a.do(t, "POST", path, status, body.Encode(), append(headers, form)...)
	}
	ask("/oauth/token", 200, "grant_type", "client_credentials")
	ask("/oauth/token", 200, "grant_type", "client_credentials", basic)
	ask("/oauth/token", 400, "grant_type", "password")
	token, _ := a.org.NewToken(t)
	ask("/oauth/introspect", 200, "token", token)
	ask("/oauth/revoke", 400, "token", token)
	ask("/oauth/revoke", 200, "token", "unknown")
}

// TestLogTraffic does the same with the provisioning log.
func TestLogTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	a.do(t, "PUT", "/api/v2/scim/v2/Users/"+a.do(t, "POST", "/api/v2/scim/v2/Users", 201, `{"userName":"ada@example.org"}`), 400,
		`{"userName":"ada@example.org","roles":[{"value":"pilot"}]}`, "User-Agent: Okta SCIM Client 1.0.0")
	const path = "/api/v2/scim/provisioning-log"
	var page struct{ Entities []struct{ ID string } }
	for range 500 {
		if a.org.Do(t, http.MethodGet, path+"?result=refused", nil).Decode(t, &page); len(page.Entities) > 0 {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	a.do(t, "GET", path+"?result=refused", 200, "")
	a.do(t, "GET", path+"/"+page.Entities[0].ID, 200, "")
	var counted struct{ State string }
	for range 500 {
		if a.org.Do(t, http.MethodGet, "/api/v2/scim/status", nil).Decode(t, &counted); counted.State == "partly" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	a.do(t, "GET", "/api/v2/scim/status", 200, "")
}

// TestRecoveryTraffic takes changes back.
func TestRecoveryTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	user := a.do(t, "POST", "/api/v2/scim/v2/Users", 201, `{"userName":"ada@example.org"}`)
	group := a.org.NewGroup(t, "Night Shift", user)
	a.do(t, "PATCH", "/api/v2/scim/v2/Users/"+user, 200, `{"Operations":[{"op":"add","path":"title","value":"Engineer"}]}`)
	const path = "/api/v2/scim/provisioning-log"
	var page struct{ Entities []struct{ ID, Time string } }
	a.org.Do(t, http.MethodGet, path, nil).Decode(t, &page)
	at := page.Entities[0].Time // by the clock of the log, which is PostgreSQL's
	time.Sleep(5 * time.Millisecond)
	a.do(t, "PATCH", "/api/v2/scim/v2/Groups/"+group, 200, `{"Operations":[{"op":"remove","path":"members"}]}`)
	a.org.Do(t, http.MethodGet, path+"?type=User&operation=update", nil).Decode(t, &page)
	undo := path + "/" + page.Entities[0].ID + "/undo"
	a.do(t, "POST", undo, 200, `{"dryRun":true}`)
	a.do(t, "POST", undo, 200, "")
	a.do(t, "POST", undo, 400, `{"dryRun":"no"}`)
	a.do(t, "POST", path+"/undo", 200, `{"entries":["`+page.Entities[0].ID+`"],"dryRun":true}`)
	a.do(t, "POST", path+"/undo", 400, `{"entries":["all"]}`)
	a.do(t, "POST", path+"/undo", 404, `{"entries":["01a2243e-4720-7afd-822b-5e75d2936aa6"]}`)
	a.do(t, "POST", "/api/v2/groups/"+group+"/restore", 200, `{"at":"`+at+`","dryRun":false}`)
	a.do(t, "POST", "/api/v2/groups/"+group+"/restore", 400, `{"dryRun":false}`)
	a.do(t, "POST", "/api/v2/groups/"+group+"/restore", 409, `{"at":"2020-01-01T00:00:00Z"}`)
	a.do(t, "DELETE", "/api/v2/scim/v2/Users/"+user, 204, "")
	a.do(t, "POST", undo, 409, "")
	a.do(t, "POST", "/api/v2/users/"+user+"/restore", 400, `{"with":["money"]}`)
	a.do(t, "POST", "/api/v2/users/"+user+"/restore", 200, `{"dryRun":false,"with":["groups","roles"]}`)
	a.do(t, "POST", "/api/v2/users/"+user+"/erase", 204, "")
	a.do(t, "POST", "/api/v2/users/01a2243e-4720-7afd-822b-5e75d2936aa6/erase", 404, "")
}

// TestHoldTraffic does the same with what brakes hold.
func TestHoldTraffic(t *testing.T) {
	t.Parallel()
	a := newAdministrator(t)
	settings := a.org.Org
	settings.Settings.UserBrake.Least = 0
	if err := a.org.Server().Store.Registry().SetOrg(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	a.org = a.org.As(t, "admin") // whose settings nobody remembers
	a.do(t, "DELETE", "/api/v2/scim/v2/Users/"+a.do(t, "POST", "/api/v2/scim/v2/Users", 201, `{"userName":"ada@example.org"}`), 403, "")
	const path = "/api/v2/scim/holds"
	var page struct{ Entities []struct{ ID string } }
	a.org.Do(t, http.MethodGet, path, nil).Decode(t, &page)
	a.do(t, "GET", path, 200, "")
	a.do(t, "POST", path+"/"+page.Entities[0].ID+"/release", 200, `{"hours":4}`)
	a.do(t, "POST", path+"/"+page.Entities[0].ID+"/reject", 200, `{"hours":4}`)
	a.do(t, "POST", path+"/"+page.Entities[0].ID+"/reject", 400, `{"hours":4000}`)
}

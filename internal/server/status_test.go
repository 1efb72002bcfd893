package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/purescim/purescim/internal/oauth"
	"github.com/purescim/purescim/internal/servertest"
)

const statusPath = "/api/v2/scim/status"

// statusCounts are numbers of requests as a client reads them.
type statusCounts struct{ Requests, Done, Unchanged, Read, Refused, Held, Failed int }

type statusClient struct {
	Name, State, IdentitySystem, LastSuccess string
	LastRefusal                              struct{ Error struct{ Detail string } }
	LastHour, LastDay                        statusCounts
	RefusedUsers                             struct {
		Total int
		Users []struct {
			Target struct{ Name string }
			Error  struct{ Detail string }
		}
	}
	Token struct {
		DateExpires string
		EndsSoon    bool
	}
	Holds int
	Hours []statusCounts
}

type status struct {
	State, Sentence string
	Clients         []statusClient
	Hours           []statusCounts
}

// client finds a client by its name.
func (s status) client(name string) (found statusClient) {
	for _, c := range s.Clients {
		if c.Name == name {
			found = c
		}
	}
	return found
}

// statusWhen waits until the status is as it should be, and gives it.
func statusWhen(t *testing.T, o *servertest.Org, good func(s status) bool) (s status) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		s = status{}
		if o.Do(t, "GET", statusPath, nil).Want(t, 200).Decode(t, &s); good(s) {
			return s
		}
	}
	t.Fatalf("the status stays %+v", s)
	return s
}

// named is the organisation through a new client of the name.
func named(t *testing.T, o *servertest.Org, name string) (*servertest.Org, oauth.Client) {
	t.Helper()
	service := o.Server().OAuth
	roles, err := service.RolesNamed(t.Context(), o.ID, "SCIM Integration")
	if err != nil {
		t.Fatal(err)
	}
	client, _, err := service.CreateClient(t.Context(), o.ID, oauth.ClientSpec{Name: name, Roles: roles})
	if err != nil {
		t.Fatal(err)
	}
	as := *o
	if as.Token, _, err = service.Issue(t.Context(), client, 0); err != nil {
		t.Fatal(err)
	}
	return &as, client
}

// The status counts what clients do, and names who is refused until the client succeeds,
// at whichever server.
func TestStatus_TellsHowProvisioningGoes(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	entra, _ := named(t, o, "Entra")
	if s := statusWhen(t, o, func(status) bool { return true }); s.State != "silent" || s.Sentence != "No request has come in the last 24 hours." {
		t.Errorf("an organisation without requests is %+v", s)
	}
	ada := entra.Do(t, "POST", "/Users", `{"userName":"ada@example.org"}`).Want(t, 201).ID(t)
	for range 2 {
		entra.Do(t, "PATCH", "/Users/"+ada, `{"Operations":[{"op":"replace","path":"title","value":"Chief"}]}`).Want(t, 200)
	}
	entra.Do(t, "GET", "/Users/"+ada, nil).Want(t, 200)
	entra.Do(t, "GET", "/Users?filter=nothing", nil).Want(t, 400)
	entra.Do(t, "POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"bo@example.org"}},
		{"method":"PATCH","path":"/Users/`+ada+`","data":{"Operations":[{"op":"replace","path":"title","value":"Chief"}]}}]}`).Want(t, 200)
	s := statusWhen(t, o, func(s status) bool { return s.client("Entra").LastDay.Requests == 7 })
	want := statusCounts{Requests: 7, Done: 3, Unchanged: 2, Read: 2}
	if c := s.client("Entra"); c.LastDay != want || c.LastHour != want || c.IdentitySystem != "entra" || c.LastSuccess == "" || c.State != "working" {
		t.Errorf("Entra has done %+v", c)
	}
	if s.State != "working" || s.Sentence != "Provisioning works. Entra made 3 changes in the last hour; nobody was refused." {
		t.Errorf("%s: %s", s.State, s.Sentence)
	}
	total := statusCounts{}
	for _, hour := range s.Hours {
		total.Requests, total.Done, total.Unchanged = total.Requests+hour.Requests, total.Done+hour.Done, total.Unchanged+hour.Unchanged
	}
	if len(s.Hours) != 24 || total.Requests != 7 || total.Done != 3 || total.Unchanged != 2 {
		t.Errorf("the hours are %+v", s.Hours)
	}
	entra.Do(t, "POST", "/Users", `{"userName":"ADA@example.org"}`).Want(t, 409)
	entra.Do(t, "POST", "/Users", `{"userName":"eve@example.org","roles":["pilot"]}`).Want(t, 400)
	s = statusWhen(t, o, func(s status) bool {
		return s.client("Entra").RefusedUsers.Total == 2 && s.client("Entra").LastDay.Refused == 2
	})
	c := s.client("Entra")
	if s.State != "partly" || c.State != "partly" || !strings.Contains(s.Sentence, "2 requests were refused. 2 users of Entra are refused at present, the last: eve@example.org: roles: the organisation has no role named \"pilot\"") {
		t.Errorf("%s: %s", s.State, s.Sentence)
	}
	if !strings.Contains(c.LastRefusal.Error.Detail, "pilot") || fmt.Sprint(c.RefusedUsers.Users[0].Target.Name, c.RefusedUsers.Users[1].Target.Name) != "eve@example.orgADA@example.org" {
		t.Errorf("refused is %+v", c)
	}
	other := servertest.NewWith(t, servertest.Options{Database: server.Database})
	entra.At(other).Do(t, "POST", "/Users", `{"userName":"eve@example.org"}`).Want(t, 201)
	entra.At(other).Do(t, "PATCH", "/Users/"+ada, `{"Operations":[{"op":"replace","path":"title","value":"Chief"}]}`).Want(t, 200)
	statusWhen(t, o, func(s status) bool {
		return s.client("Entra").RefusedUsers.Total == 0 && s.client("Entra").LastDay.Done == 4
	})
}

package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// lineOf is an entry in a line: what was done to whom, the attributes with what was before
// and after, and how many members came and went.
func lineOf(e logEntry) string {
	line := e.Operation + " " + e.Target.Type + " " + e.Target.Name
	for _, c := range e.Changes {
		line += fmt.Sprintf(" %s:%v>%v", c.Attribute[strings.LastIndexByte(c.Attribute, ':')+1:], c.Before, c.After)
	}
	if n := len(e.Members.Added) + len(e.Members.Removed); n > 0 {
		line += fmt.Sprintf(" +%d-%d", len(e.Members.Added), len(e.Members.Removed))
	}
	return line
}

// changesOf are the summaries of all changes of an organisation, the oldest first.
func changesOf(t *testing.T, o *servertest.Org, query string) (lines []string) {
	t.Helper()
	var page logPage
	o.Do(t, "GET", logPath+"?pageSize=500&"+query, nil).Want(t, 200).Decode(t, &page)
	for _, e := range slices.Backward(page.Entities) {
		if e.Actor.Type == "client" { // else it is the test that prepares
			lines = append(lines, lineOf(e))
		}
	}
	return lines
}

// Each change of users, groups and what users name has its entry, with the difference; what
// changes nothing has none.
func TestProvisioningLog_HasWhatIsChanged(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	patch := func(path, operations string, status int) {
		o.Do(t, "PATCH", path, `{"Operations":[`+operations+`]}`).Want(t, status)
	}
	boss := "/Users/" + o.Do(t, "POST", "/Users", `{"userName":"boss","displayName":"B","roles":[],"password":"`+planted+`"}`).Want(t, 201).ID(t)
	ada := o.Do(t, "POST", "/Users", `{"userName":"ada","displayName":"A"}`, "Inin-Correlation-Id: create-ada", "User-Agent: Okta SCIM Client 1.0.0").Want(t, 201).ID(t)
	user := "/Users/" + ada
	patch(user, `{"op":"replace","path":"title","value":"x"}`, 200)
	patch(user, `{"op":"replace","path":"title","value":"x"}`, 200) // nothing
	patch(user, `{"op":"replace","path":"password","value":"`+planted+`"}`, 200)
	patch(user, `{"op":"replace","path":"active","value":false},{"op":"remove","path":"title"}`, 200)
	patch(user, `{"op":"replace","path":"active","value":true},{"op":"add","path":"manager","value":"`+strings.TrimPrefix(boss, "/Users/")+`"}`, 200)
	o.Do(t, "PUT", user, `{"userName":"ada2","displayName":"A"}`).Want(t, 200)
	o.Do(t, "PATCH", user, `{"Operations":[{"op":"replace","path":"title","value":"y"}]}`, `If-Match: "1"`).Want(t, 412)

	group := o.Do(t, "POST", "/Groups", `{"displayName":"G","members":[{"value":"`+ada+`"}]}`).Want(t, 201).ID(t)
	member := func(op, id string) string {
		return `{"op":"` + op + `","path":"members","value":[{"value":"` + id + `"}]}`
	}
	patch("/Groups/"+group, member("add", ada), 200) // nothing
	patch("/Groups/"+group, member("remove", ada), 200)
	patch("/Groups/"+group, member("add", ada), 200)
	patch("/Groups/"+group, member("remove", ada)+","+member("add", strings.TrimPrefix(boss, "/Users/")), 200)
	patch("/Groups/"+group, member("add", ada)+`,{"op":"replace","path":"displayName","value":"H"}`, 200)
	o.Do(t, "PUT", "/api/v2/groups/"+group, `{"description":"d"}`).Want(t, 200)
	o.Do(t, "DELETE", user, nil).Want(t, 204)
	o.Do(t, "POST", "/Users", `{"userName":"ada2","displayName":"A"}`).Want(t, 201)
	o.Do(t, "DELETE", "/Groups/"+group, nil).Want(t, 204)

	role := "/api/v2/authorization/roles/" + o.Do(t, "POST", "/api/v2/authorization/roles", `{"name":"clerk","permissions":[]}`).Want(t, 200).ID(t)
	patch(boss, `{"op":"add","path":"roles","value":[{"value":"clerk"}]}`, 200)
	o.Do(t, "PATCH", role, `{"name":"agent"}`).Want(t, 200)
	patch(boss, `{"op":"remove","path":"roles"}`, 200)
	o.Do(t, "DELETE", role, nil).Want(t, 204)
	want := []string{
		"create User boss active:<nil>>true displayName:<nil>>B roles:<nil>>[map[value:employee]] division:<nil>>Home userName:<nil>>boss",
		"create User ada active:<nil>>true displayName:<nil>>A roles:<nil>>[map[value:employee]] division:<nil>>Home userName:<nil>>ada",
		"update User ada title:<nil>>x",
		"update User ada password:<nil>><nil>",
		"deactivate User ada active:true>false title:x><nil>",
		"activate User ada active:false>true manager.value:<nil>>" + strings.TrimPrefix(boss, "/Users/"),
		"rename User ada manager.value:" + strings.TrimPrefix(boss, "/Users/") + "><nil> userName:ada>ada2",
		"create Group G displayName:<nil>>G +1-0",
		"member_remove Group G +0-1",
		"member_add Group G +1-0",
		"member_change Group G +1-1",
		"member_add Group G +1-0",
		"rename Group G displayName:G>H",
		"update Group H description:>d",
		"member_remove Group H +0-1",
		"delete User ada2 active:true><nil> displayName:A><nil> roles:[map[value:employee]]><nil> division:Home><nil> userName:ada2><nil>",
		"restore User ada2 active:<nil>>true displayName:<nil>>A division:<nil>>Home userName:<nil>>ada2",
		"delete Group H displayName:H><nil> description:d> +0-1",
		"create Role clerk name:<nil>>clerk permissions:<nil>>map[permissionPolicies:[] permissions:[]]",
		"update User boss roles:[map[value:employee]]>[map[value:employee] map[value:clerk]]",
		"rename Role clerk name:clerk>agent",
		"update User boss roles:[map[value:employee] map[value:clerk]]>[map[value:employee] map[value:agent]]",
		"update User boss roles:[map[value:employee] map[value:agent]]><nil>",
		"delete Role agent name:agent><nil> permissions:map[permissionPolicies:[] permissions:[]]><nil>",
	}
	if diff := cmp.Diff(want, changesOf(t, o, "result=success")); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	e := entries(t, o, "correlationId=create-ada", 1)[0]
	if e.Actor.Name != "test" || e.Actor.Type != "client" || e.IdentitySystem != "okta" || e.Address != "127.0.0.1" || e.Target.ID != ada || e.DurationMs <= 0 {
		t.Errorf("the entry of a creation is %+v", e)
	}
	entries(t, o, "result=success&target=ada2", len(changesOf(t, o, "result=success&target="+ada)))
	entries(t, o, "result=success&target=ada", len(changesOf(t, o, "result=success&target="+ada)))
	searchEverywhere(t, server.Database, planted)
}

// Requests that change the members of one group at once each have an entry of their own,
// which tells just what they changed.
func TestProvisioningLog_TellsMembersOfEachRequest(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	group := o.NewGroup(t, "G")
	want := map[string]string{}
	var work sync.WaitGroup
	for n := range 12 {
		user := o.NewUser(t, fmt.Sprint("user", n))
		correlation := fmt.Sprint("join-", n)
		want[correlation] = user
		work.Go(func() {
			o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"`+user+`"}]}]}`,
				"Inin-Correlation-Id: "+correlation).Want(t, 200)
		})
	}
	work.Wait()
	got := map[string]string{}
	for _, e := range entries(t, o, "operation=member_add&target=g", len(want)) {
		got[e.CorrelationID] = strings.Join(append(e.Members.Added, e.Members.Removed...), " ")
	}
	if !maps.Equal(want, got) {
		t.Errorf("members by request: %v, want %v", got, want)
	}
}

// Clients, tokens, streams, schemas and settings have entries too, which tell that a secret
// is another, and not what it is.
func TestProvisioningLog_HasWhatAdministratorsChange(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	began := len(changesOf(t, o, ""))
	client := "/api/v2/oauth/clients/" + o.Do(t, "POST", "/api/v2/oauth/clients", `{"name":"Entra","authorizedGrantType":"CLIENT-CREDENTIALS"}`).Want(t, 200).ID(t)
	o.Do(t, "PUT", client, `{"name":"Okta","authorizedGrantType":"CLIENT-CREDENTIALS"}`).Want(t, 200)
	secret, _ := o.Do(t, "POST", client+"/secret", nil).Want(t, 200).Object(t)["secret"].(string)
	stream := `{"method":"push","endpointUrl":"https://events.example.org/%s","authorizationHeader":"Bearer ` + planted + `","audience":"a"}`
	o.Do(t, "PUT", "/api/v2/events/stream", fmt.Sprintf(stream, "a")).Want(t, 200)
	o.Do(t, "PUT", "/api/v2/events/stream", fmt.Sprintf(stream, "a")).Want(t, 200) // nothing
	o.Do(t, "PUT", "/api/v2/events/stream", fmt.Sprintf(stream, "b")).Want(t, 200)
	o.Do(t, "DELETE", "/api/v2/events/stream", nil).Want(t, 204)
	o.Do(t, "POST", "/api/v2/directory/schemas", `{"resourceType":"User","schema":{"id":"urn:example:badge:2.0:User","attributes":[{"name":"number","type":"integer"}]}}`).Want(t, 200)
	o.Do(t, "DELETE", "/api/v2/directory/schemas/urn:example:badge:2.0:User", nil).Want(t, 204)
	o.Do(t, "DELETE", client+"/tokens", nil).Want(t, 204)
	o.Do(t, "DELETE", client, nil).Want(t, 204)
	settings := o.Org
	settings.Settings.RemovalLimit = 7
	for range 2 { // nothing changes the second time
		if err := server.Store.Registry().SetOrg(t.Context(), settings); err != nil {
			t.Fatal(err)
		}
	}
	found := entries(t, o, "type=Organization", 2)
	if got := lineOf(found[0]); !strings.HasPrefix(got, "update Organization ") || !strings.HasSuffix(got, " removalLimit:1000>7") {
		t.Errorf("the settings have the entry %s", got)
	}
	var got []string
	for _, line := range changesOf(t, o, "")[began:] {
		words := strings.Fields(line)
		got = append(got, strings.Join(words[:min(len(words), 4)], " "))
	}
	want := []string{
		"create Client Entra name:<nil>>Entra", "rename Client Entra name:Entra>Okta", "update Client Okta secret:<nil>><nil>",
		"create Stream audience:<nil>>a authorization:<nil>><nil>", "update Stream endpoint:https://events.example.org/a>https://events.example.org/b",
		"delete Stream audience:a><nil> endpoint:https://events.example.org/b><nil>",
		"create Schema urn:example:badge:2.0:User definition:<nil>>map[attributes:[map[description:",
		"delete Schema urn:example:badge:2.0:User definition:map[attributes:[map[description:",
		"delete Client Okta name:Okta><nil>",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	searchLog(t, server.Database, planted)
	searchLog(t, server.Database, secret)
}

// searchLog fails if the log holds a text; where secrets are kept is another table.
func searchLog(t *testing.T, database, text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var n int
	if err := conn.QueryRow(t.Context(), `select count(*) from provisioning_log x where position($1 in x::text) > 0`, text).Scan(&n); err != nil || n > 0 {
		t.Errorf("%d entries hold %q: %v", n, text, err)
	}
}

package server_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/servertest"
)

const logPath = "/api/v2/scim/provisioning-log"

// logEntry is an entry as a client reads it.
type logEntry struct {
	ID, Time, Address, IdentitySystem, CorrelationID, Operation, Result, Body string
	Actor                                                                     struct{ Type, ID, Name string }
	Target                                                                    struct{ Type, ID, Name string }
	Status                                                                    int
	Error                                                                     struct{ ScimType, Detail string }
	Changes                                                                   []struct {
		Attribute     string
		Before, After any
	}
	Members    struct{ Added, Removed []string }
	Advice     struct{ Text string }
	DurationMs float64
}

type logPage struct {
	Entities            []logEntry
	NextCursor, NextURI string
}

// entries waits until the log has so many entries of a query.
func entries(t *testing.T, o *servertest.Org, query string, n int) []logEntry {
	t.Helper()
	var page logPage
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		page = logPage{}
		o.Do(t, "GET", logPath+"?pageSize=500&"+query, nil).Want(t, 200).Decode(t, &page)
		if len(page.Entities) >= n {
			break
		}
	}
	if len(page.Entities) != n {
		t.Fatalf("%d entries of %q, want %d: %+v", len(page.Entities), query, n, page.Entities)
	}
	return page.Entities
}

const planted = "Planted-s3cret"

// Each kind of door refuses something; the log has it, with what was told and what to do,
// and without what nobody may read.
func TestProvisioningLog_HasWhatIsRefused(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	user := o.Do(t, "POST", "/Users", `{"userName":"ada@example.org"}`).Want(t, 201).ID(t)
	group := o.NewGroup(t, "Night Shift")
	for _, test := range []struct {
		client                     *servertest.Org
		method, path, body, header string
		status                     int
		operation, kind, name      string
		system, scimType, advice   string
	}{
		{o, "POST", "/Users", `{"userName":"ADA@example.org","password":"` + planted + `"}`, "User-Agent: Okta SCIM Client 1.0.0", 409, "create", "User", "ADA@example.org", "okta", "uniqueness", "username format"},
		{o, "POST", "/Groups", `{"displayName":"Day"}`, "User-Agent: Okta SCIM Client 1.0.0", 405, "create", "Group", "Day", "okta", "", "Link Group"},
		{o, "PATCH", "/Users/" + user, `{"Operations":[{"value":"` + planted + `","op":"Replace","path":"password"},{"op":"Replace","path":"colour","value":"red"}]}`, "", 400, "update", "User", "ada@example.org", "entra", "invalidPath", "attribute mapping"},
		{o, "PATCH", "/Groups/" + group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + group + `"}]}]}`, "", 400, "update", "Group", "Night Shift", "", "invalidValue", "must be a user"},
		{o, "PUT", "/Users/" + user, `{"userName":"ada@example.org","roles":[{"value":"pilot"}]}`, "", 400, "update", "User", "ada@example.org", "", "invalidValue", "purescim role"},
		{o.As(t), "DELETE", "/Users/" + user, ``, "", 403, "delete", "User", "ada@example.org", "", "", "SCIM Integration"},
		{o, "POST", "/Users", `{"userName":`, "", 400, "create", "User", "", "", "invalidSyntax", "body"},
		{o, "POST", "/api/v2/groups", `{"name":"night shift","type":"official","visibility":"public","rulesVisible":true}`, "", 409, "create", "Group", "night shift", "", "", "in use"},
		{o, "PUT", "/api/v2/events/stream", `{"method":"push","endpointUrl":"https://x:` + planted + `@10.0.0.1/","authorizationHeader":"` + planted + `","audience":"a"}`, "", 400, "update", "Stream", "", "", "", "Correct"},
	} {
		headers := []string{"Inin-Correlation-Id: " + test.method + fmt.Sprint(test.status) + test.kind}
		if test.header != "" {
			headers = append(headers, test.header)
		}
		answer := test.client.Do(t, test.method, test.path, test.body, headers...).Want(t, test.status)
		var told struct{ Detail, Message string }
		answer.Decode(t, &told)
		e := entries(t, o, "result=refused&correlationId="+url.QueryEscape(answer.Header.Get("Inin-Correlation-Id")), 1)[0]
		e = readEntry(t, o, e.ID)
		got := []any{e.Operation, e.Target.Type, e.Target.Name, e.IdentitySystem, e.Status, e.Result, e.Actor.Type, e.Actor.Name}
		want := []any{test.operation, test.kind, test.name, test.system, test.status, "refused", "client", "test"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s %s: entry is %v, want %v", test.method, test.path, got, want)
		}
		if e.Error.Detail == "" || e.Error.Detail != told.Detail && told.Detail != "" || test.scimType != "" && e.Error.ScimType != test.scimType {
			t.Errorf("%s %s: told %q, the entry has %+v", test.method, test.path, told.Detail, e.Error)
		}
		if !strings.Contains(e.Advice.Text, test.advice) {
			t.Errorf("%s %s: advice is %q, want %q in it", test.method, test.path, e.Advice.Text, test.advice)
		}
		if e.Address == "" || e.DurationMs <= 0 || e.Body == "" && test.body != "" {
			t.Errorf("%s %s: the entry lacks something: %+v", test.method, test.path, e)
		}
	}
	searchEverywhere(t, server.Database, planted)
}

// An entry has these fields, and leaves out those of which it has nothing to tell.
func TestProvisioningLog_EntriesHaveTheirFields(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	user, agent := o.NewUser(t, "ada"), "User-Agent: Okta SCIM Client 1.0.0"
	group := o.NewGroup(t, "G")
	o.Do(t, "PATCH", "/Users/"+user, servertest.Patch(map[string]any{"op": "replace", "path": "displayName", "value": "Ada"})).Want(t, 200)
	o.Do(t, "PATCH", "/Groups/"+group, servertest.Patch(map[string]any{"op": "add", "path": "members", "value": servertest.Values(user)}), agent).Want(t, 200)
	o.Do(t, "POST", "/Users", `{"userName":"ada"}`, agent).Want(t, 409)
	const always = "actor address changes correlationId durationMs id operation result target time warnings actor.id actor.name actor.type target.name target.type"
	for query, more := range map[string]string{
		"operation=update":     "target.id changes.after changes.attribute changes.before",
		"operation=member_add": "target.id identitySystem members members.added members.removed",
		"result=refused":       "identitySystem status error error.detail error.scimType advice advice.guide advice.text",
	} {
		entries(t, o, query, 1) // it is there
		var page struct{ Entities []map[string]any }
		o.Do(t, "GET", logPath+"?"+query, nil).Want(t, 200).Decode(t, &page)
		var got []string
		for name, value := range page.Entities[0] {
			got = append(got, name)
			if list, ok := value.([]any); ok && len(list) > 0 {
				value = list[0]
			}
			inner, _ := value.(map[string]any)
			for part := range inner {
				got = append(got, name+"."+part)
			}
		}
		want := strings.Fields(always + " " + more)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func readEntry(t *testing.T, o *servertest.Org, id string) (e logEntry) {
	t.Helper()
	o.Do(t, "GET", logPath+"/"+id, nil).Want(t, 200).Decode(t, &e)
	return e
}

// searchEverywhere fails if a row of any table of the database holds a text.
func searchEverywhere(t *testing.T, database, text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `select quote_ident(tablename) from pg_tables where schemaname = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatalf("tables %v: %v", tables, err)
	}
	for _, table := range tables {
		var n int
		if err := conn.QueryRow(t.Context(), `select count(*) from `+table+` x where position($1 in x::text) > 0`, text).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			t.Errorf("%d rows of %s hold %q", n, table, text)
		}
	}
}

// An operation of a bulk request that is refused has an entry of its own, also when it is
// carried out later.
func TestProvisioningLog_HasRefusedOperationsOfBulk(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	const body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"eve@example.org","title":7}},
		{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"bad","roles":["pilot"],"password":"` + planted + `"}},
		{"method":"DELETE","path":"/Users/nobody"}]}`
	for _, header := range []string{"Prefer: x", "Prefer: respond-async"} {
		answer := o.Do(t, "POST", "/Bulk", body, header, "User-Agent: Okta SCIM Client 1.0.0")
		found := entries(t, o, "result=refused&target=bad", 1)[0]
		if found.Operation != "create" || found.Status != 400 || found.Actor.Type != "client" || found.Actor.Name == "" || found.Address != "127.0.0.1" || found.IdentitySystem != "okta" || !strings.HasSuffix(found.CorrelationID, ":1") {
			t.Errorf("%s: %+v", answer.Body, found)
		}
		whole := readEntry(t, o, found.ID)
		if !strings.Contains(whole.Body, "pilot") || strings.Contains(whole.Body, planted) {
			t.Errorf("body is %s", whole.Body)
		}
		if whole = readEntry(t, o, entries(t, o, "result=refused&operation=delete", 1)[0].ID); whole.Body != "" || whole.Target.Name != "nobody" {
			t.Errorf("of an operation without data there is %+v", whole)
		}
		o = servertest.New(t).NewOrg(t)
	}
}

// The log is read by what is asked for, in pages, the newest first, by who may.
func TestProvisioningLog_IsRead(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o, other := server.NewOrg(t), server.NewOrg(t)
	for _, name := range []string{"a", "b", "c"} {
		o.Do(t, "POST", "/Groups", `{"displayName":"=`+name+`"}`).Want(t, 405)
	}
	user := o.Do(t, "POST", "/Users", `{"userName":"kim"}`).Want(t, 201).ID(t)
	o.Do(t, "PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"nothing","value":1}]}`).Want(t, 400)
	all := entries(t, o, "result=refused", 4)
	for query, n := range map[string]int{
		"type=Group": 3, "type=user": 1, "operation=update,delete": 1, "target=KIM": 1, "target=%3Db": 1, "target=" + user: 1,
		"target=nobody": 0, "client=" + all[0].Actor.ID: 4, "client=Test": 4, "client=x": 0, "actor=TEST": 4, "actor=me": 0, "q=405+GROUP": 0, "q=%3Dc": 1, "q=nothing": 1,
		"from=" + all[0].Time: 1, "from=2020-01-01T10:00:00+00:00": 4, "to=" + all[3].Time: 0, "to=2030-01-01T00:00:00Z": 4, "correlationId=" + all[2].CorrelationID: 1,
	} {
		entries(t, o, "result=refused&"+query, n)
	}
	for _, query := range []string{"from=yesterday", "client=x&actor=y", "client=" + strings.ToUpper(all[0].Actor.ID), "type=Robot", "result=good", "operation=think", "cursor=x", "pageSize=501", "format=xml"} {
		o.Do(t, "GET", logPath+"?"+query, nil).Want(t, 400)
	}

	var paged []string
	for next := logPath + "?result=refused&pageSize=3"; next != ""; {
		var page logPage
		o.Do(t, "GET", next, nil).Want(t, 200).Decode(t, &page)
		for _, e := range page.Entities {
			paged = append(paged, e.ID)
		}
		next = page.NextURI
	}
	if len(paged) != 4 || paged[0] != all[0].ID || paged[3] != all[3].ID {
		t.Errorf("pages give %v", paged)
	}

	if lines := strings.Split(strings.TrimSpace(string(o.Do(t, "GET", logPath+"?result=refused&format=jsonl&pageSize=1", nil).Want(t, 200).Body)), "\n"); len(lines) != 4 {
		t.Errorf("%d lines: %v", len(lines), lines)
	}
	table, err := csv.NewReader(strings.NewReader(string(o.Do(t, "GET", logPath+"?type=Group&format=csv", nil).Want(t, 200).Body))).ReadAll()
	if err != nil || len(table) != 4 || table[1][4] != "'=c" { // no formula
		t.Errorf("table is %v: %v", table, err)
	}

	entries(t, other, "result=refused", 0)
	other.Do(t, "GET", logPath+"/"+all[0].ID, nil).Want(t, 404)
	o.As(t, "SCIM Integration").Do(t, "GET", logPath, nil).Want(t, 403)
	o.As(t, "SCIM Integration").Do(t, "GET", logPath+"/"+all[0].ID, nil).Want(t, 403)
}

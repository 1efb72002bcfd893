package server_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/servertest"
)

// A person who is erased is in no table any more, by no name; the id and the fact stay.
func TestErase_LeavesNothingOfAPerson(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	o.Do(t, "PUT", "/api/v2/events/stream", `{"method":"poll","audience":"a","form":"full"}`)
	user := o.Do(t, "POST", "/Users", `{"userName":"Zerphyra@example.org","displayName":"Zerphyra Quill","externalId":"Zerphyra-1","emails":[{"value":"Zerphyra.q@example.org","type":"work"}]}`).Want(t, 201).ID(t)
	group := o.NewGroup(t, "G", user)
	report := o.Do(t, "POST", "/Users", `{"userName":"bob","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"`+user+`"}}}`).Want(t, 201).ID(t)
	o.Do(t, "PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"displayName","value":"Zerphyra the Second"},{"op":"replace","path":"emails","value":[{"value":"Zerphyra.r@example.org","type":"work"}]}]}`).Want(t, 200)
	o.Do(t, "POST", "/Users", `{"userName":"ZERPHYRA@example.org"}`).Want(t, 409)
	o.Do(t, "PUT", "/Users/"+user, `{"userName":"Zerphyra@example.org","roles":[{"value":"pilot"}]}`).Want(t, 400)
	o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"x","display":"Zerphyra the Second"}]}]}`).Want(t, 400)
	// By what the person was called before, in any case and wherever it stands.
	o.Do(t, "POST", "/Users", `{"userName":"zerphyra.Q@example.org","roles":["pilot"]}`).Want(t, 400)
	o.Do(t, "PATCH", "/Users/"+report, `{"Operations":[{"op":"remove","path":"emails[value eq \"ZERPHYRA.q@example.org\" and x eq 1]"}]}`).Want(t, 400)
	o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"x","display":"zerphyra Quill"}]}]}`).Want(t, 400)
	o.Do(t, "POST", "/Users", `{"userName":"Zorro.zerphyra.r@example.org","displayName":"Zerphyra Quillinan","roles":["pilot"]}`).Want(t, 400) // somebody else
	if err := server.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries(t, o, "result=refused", 7)
	o.Do(t, "PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"userName","value":"Zerphyra2@example.org"}]}`).Want(t, 200)
	if found := tablesWith(t, server.Database, "zerphyra"); !strings.Contains(found, "users") || !strings.Contains(found, "provisioning_log") {
		t.Fatalf("before, only %s tell of the person", found)
	}
	o.As(t, "SCIM Reader").Do(t, "POST", "/api/v2/users/"+user+"/erase", nil).Want(t, 403)
	o.Do(t, "POST", "/Users", `{"userName":"ZERPHYRA2@example.org"}`).Want(t, 409) // waits in memory
	o.Do(t, "POST", "/api/v2/users/"+user+"/erase", nil).Want(t, 204)
	// A server that was slow to store what it knows tells no more of the person.
	late := provisioning.Entry{
		Operation: provisioning.Update, Result: provisioning.Refused, Status: 400, Error: &provisioning.Error{Detail: "Zerphyra is taken"},
		Target: provisioning.Target{Type: provisioning.User, ID: uuid.MustParse(user), Name: "Zerphyra2@example.org"}, Body: `{"userName":"Zerphyra"}`,
	}
	lateID := server.Log.Refuse(o.ID, late)
	server.Log.Count(o.ID, provisioning.Outcome{Client: uuid.New(), Kind: provisioning.WasRefused, Target: late.Target, Refusal: lateID})
	if err := errors.Join(server.Log.Flush(t.Context()), server.Log.FlushCounts(t.Context())); err != nil {
		t.Fatal(err)
	}
	if e := newestEntry(t, o, "result=refused&target=zorro.zerphyra.r@example.org"); readEntry(t, o, e.ID).Body == "" {
		t.Error("an entry of somebody else is erased, too")
	}
	entries(t, o, "result=refused&target=zerphyra.q@example.org", 0)
	for _, known := range []string{"zerphyra@", "zerphyra2@", "zerphyra-1", "\"zerphyra.q@", "\"zerphyra quill\\", "zerphyra the second"} {
		if found := tablesWith(t, server.Database, known); found != "" {
			t.Errorf("%s is still in %s", known, found)
		}
	}
	if got := o.Do(t, "GET", "/api/v2/scim/provisioning-log/"+lateID.String(), nil).Want(t, 200).Object(t); got["erased"] != true {
		t.Errorf("the late entry is %v", got)
	}
	e := newestEntry(t, o, "target="+user+"&result=success")
	if e.Operation != "erase" || e.Target.ID != user || len(entriesOf(t, o, "target="+user)) < 5 {
		t.Errorf("the newest entry is %+v", e)
	}
	o.Do(t, "GET", "/Users/"+user, nil).Want(t, 404)
	if got := o.Do(t, "GET", "/Users/"+report, nil).Want(t, 200).Object(t); strings.Contains(fmt.Sprint(got), user) {
		t.Errorf("the report is %v", got)
	}
	o.Do(t, "POST", "/api/v2/users/"+user+"/restore", `{}`).Want(t, 409)
	if text := string(o.Do(t, "POST", undoPath(e.ID), nil).Want(t, 409).Body); !strings.Contains(text, "was erased and cannot come back") {
		t.Errorf("the erasure is not taken back: %s", text)
	}
	o.Do(t, "POST", undoPath(entriesOf(t, o, "target="+user+"&operation=rename")[0].ID), nil).Want(t, 409)
	if again := o.NewUser(t, "Zerphyra2@example.org"); again == user {
		t.Error("the name brings the erased id back")
	}
	o.Do(t, "POST", "/api/v2/users/01a2243e-4720-7afd-822b-5e75d2936aa6/erase", nil).Want(t, 404)
}

// However many requests were refused before, the one that tells of the person is found.
func TestErase_LooksThroughAllThatWasRefused(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t)
	user := o.Do(t, "POST", "/Users", `{"userName":"zerphyra@example.org"}`).Want(t, 201).ID(t)
	group := o.NewGroup(t, "G")
	for _, name := range []string{"somebody", "Zerphyra@example.org"} {
		o.Do(t, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"x","display":"`+name+`"}]}]}`).Want(t, 400)
	}
	if err := server.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries(t, o, "result=refused", 2)
	conn, err := pgx.Connect(t.Context(), server.Database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tag, err := conn.Exec(t.Context(), `
insert into provisioning_log (org_id, id, actor, correlation_id, operation, target_type, target_name, result, status, error, detail)
select e.org_id, (left(e.id::text, 24) || lpad(to_hex(n), 12, '0'))::uuid, e.actor, '', e.operation, e.target_type, '', e.result, e.status, e.error, e.detail
from   provisioning_log e, generate_series(1, 40000) n
where  e.result = 'refused' and e.detail like '%somebody%'`)
	if err != nil || tag.RowsAffected() != 40_000 {
		t.Fatal(tag, err)
	}
	o.Do(t, "POST", "/api/v2/users/"+user+"/erase", nil).Want(t, 204)
	var erased int
	if err := conn.QueryRow(t.Context(), `select count(*) from provisioning_log where result = 'refused' and detail = '{"erased":true}'`).Scan(&erased); err != nil || erased != 1 {
		t.Errorf("%d refusals are erased, %v", erased, err)
	}
}

// entriesOf are the entries of a query.
func entriesOf(t *testing.T, o *servertest.Org, query string) []logEntry {
	t.Helper()
	var page logPage
	o.Do(t, "GET", logPath+"?pageSize=500&"+query, nil).Want(t, 200).Decode(t, &page)
	return page.Entities
}

// tablesWith names the tables that hold a text in any case.
func tablesWith(t *testing.T, database, text string) (found string) {
	t.Helper()
	return tablesWithAny(t, database, []string{text})[text]
}

// tablesWithAny names, of each text, the tables that hold it in any of their columns.
func tablesWithAny(t *testing.T, database string, texts []string) map[string]string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	rows, err := conn.Query(t.Context(), `select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, table := range tables {
		rows, err := conn.Query(t.Context(), `
			select s.text from unnest($1::text[]) as s (text)
			where  exists (select from (select lower(x::text) as row from `+table+` x offset 0) all_rows where position(s.text in row) > 0)`, texts)
		if err != nil {
			t.Fatal(err)
		}
		held, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range held {
			found[text] += table + " "
		}
	}
	return found
}

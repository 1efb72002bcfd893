package server_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

const dryRunURN = "urn:purescim:params:scim:api:messages:2.0:DryRun"

// rowsOf counts and sums up all rows of all tables that a write may change.
func rowsOf(t *testing.T, database string) (rows string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	// Changes of counts are folded in the background.
	const countsWhole = `(select kind, sum(n) from (select kind, n from counts union all select kind, n from count_changes) c group by kind)`
	for _, table := range []string{"users", "user_keys", "deleted_users", "modifications", "groups", "group_members", "catalogue", countsWhole, "events", "event_progress", "provisioning_log"} {
		var sum string
		if err := conn.QueryRow(t.Context(), `select count(*) || ' ' || coalesce(md5(string_agg(x::text, '' order by x::text)), '') from `+table+` x`).Scan(&sum); err != nil {
			t.Fatal(err)
		}
		rows += table + " " + sum + "\n"
	}
	return rows
}

// A dry run of each write answers as the write does, with the difference, finds what the
// write would find, and leaves no row behind.
func TestDryRun_TellsAndChangesNothing(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	user, other := o.NewUser(t, "ada"), o.NewUser(t, "bob")
	group := o.NewGroup(t, "G", user)
	o.Do(t, "PUT", "/api/v2/events/stream", `{"method":"poll","audience":"a"}`).Want(t, 200)
	o.Do(t, "PATCH", "/Users/"+other, `{"Operations":[{"op":"add","path":"manager","value":"`+user+`"}]}`).Want(t, 200)
	before := rowsOf(t, server.Database)
	for _, test := range []struct {
		method, path, body string
		status             int
		told               string // in the difference
	}{
		{"POST", "/Users", `{"userName":"eve","password":"` + planted + `"}`, 201, `"operation":"create","resourceType":"User"`},
		{"POST", "/Users", `{"userName":"ADA"}`, 409, ""},
		{"POST", "/Users", `{"userName":"eve","roles":[{"value":"pilot"}]}`, 400, ""},
		{"PUT", "/Users/" + user, `{"userName":"ada","title":"x"}`, 200, `{"after":"x","attribute":"title"}`},
		{"PATCH", "/Users/" + user, `{"Operations":[{"op":"replace","path":"active","value":false}]}`, 200, `"operation":"deactivate"`},
		{"PATCH", "/Users/" + user, `{"Operations":[{"op":"replace","path":"active","value":true}]}`, 200, `"total":0`},
		{"PATCH", "/Users/" + user, `{"Operations":[{"op":"replace","path":"userName","value":"bob"}]}`, 409, ""},
		{"DELETE", "/Users/" + user, ``, 204, `"operation":"member_remove"`},
		{"POST", "/Groups", `{"displayName":"H","members":[{"value":"` + user + `"}]}`, 201, `"membersAdded":["` + user},
		{"PUT", "/Groups/" + group, `{"displayName":"G","members":[]}`, 200, `"membersRemoved":["` + user},
		{"PATCH", "/Groups/" + group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + other + `"}]}]}`, 200, `"membersAdded":["` + other},
		{"PATCH", "/Groups/" + group, `{"Operations":[{"op":"remove","path":"members"},{"op":"replace","path":"displayName","value":"I"}]}`, 200, `"after":"I"`},
		{"PATCH", "/Groups/" + group, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + group + `"}]}]}`, 400, ""},
		{"DELETE", "/Groups/" + group, ``, 204, `"operation":"delete"`},
		{"DELETE", "/Groups/" + other, ``, 404, ""},
	} {
		for _, header := range []string{"Prefer: handling=dry-run", "Prefer: wait=1"} {
			path := test.path
			if header == "Prefer: wait=1" && !strings.Contains(path, "?") {
				path += "?dryRun=true"
			}
			answer := o.Do(t, test.method, path, test.body, header)
			if answer.Status != test.status {
				t.Fatalf("%s %s %s: status %d, want %d: %s", test.method, path, test.body, answer.Status, test.status, answer.Body)
			}
			told := answer.Header.Get("Dry-Run-Difference")
			if test.status < 300 && test.status != 204 {
				difference, _ := json.Marshal(answer.Object(t)[dryRunURN])
				told = string(difference)
			}
			if !strings.Contains(told, test.told) || strings.Contains(string(answer.Body)+told, planted) {
				t.Errorf("%s %s tells %s, want %s", test.method, path, told, test.told)
			}
			if applied := answer.Header.Get("Preference-Applied"); test.status < 300 && applied != "handling=dry-run" {
				t.Errorf("%s %s: Preference-Applied is %q", test.method, path, applied)
			}
		}
	}
	o.Do(t, "PUT", "/Users/"+user+"?dryRun=yes", `{"userName":"eve"}`).Want(t, 400)
	o.Do(t, "POST", "/api/v2/users/"+user+"/restore", `{"dryRun":"yes"}`).Want(t, 400)
	if err := server.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := rowsOf(t, server.Database); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
	if title := o.Do(t, "PATCH", "/Users/"+user+"?dryRun=false", `{"Operations":[{"op":"add","path":"title","value":"y"}]}`).Want(t, 200).Object(t)["title"]; fmt.Sprint(title) != "y" {
		t.Errorf("the title is %v", title)
	}
}

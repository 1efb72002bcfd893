package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// bulkOutcomes are the results of a bulk request as lines: the status, the error, and the
// changes that a dry run tells of.
func bulkOutcomes(t *testing.T, answer *servertest.Answer) (lines, tried []string) {
	t.Helper()
	for _, one := range answer.Want(t, 200).Object(t)["Operations"].([]any) {
		result := one.(map[string]any)
		detail := ""
		if failure, ok := result["response"].(map[string]any); ok {
			detail = fmt.Sprint(failure["detail"])
		}
		lines = append(lines, fmt.Sprint(result["method"], " ", result["status"], " ", detail))
		var told []string
		if d, ok := result[dryRunURN].(map[string]any); ok {
			for _, c := range d["changes"].([]any) {
				change := c.(map[string]any)
				told = append(told, fmt.Sprint(change["operation"], " ", change["resourceType"]))
			}
		}
		tried = append(tried, strings.Join(told, ", "))
	}
	return lines, tried
}

// The dry run of a bulk request answers as the request does afterwards, operation by
// operation: each sees what those before it have done, references stand for what they
// create, and what fails leaves the others alone. It leaves no row behind.
func TestDryRun_OfBulk(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.GroupLifecycle = true })
	user, other := o.NewUser(t, "ada"), o.NewUser(t, "bob")
	group := o.NewGroup(t, "G", user)
	o.Do(t, "PUT", "/api/v2/events/stream", `{"method":"poll","audience":"a"}`).Want(t, 200)
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[
		{"method":"POST","path":"/Groups","bulkId":"h","data":{"displayName":"H","members":[{"value":"bulkId:e"}]}},
		{"method":"POST","path":"/Users","bulkId":"e","data":{"userName":"eve","password":"` + planted + `"}},
		{"method":"POST","path":"/Users","data":{"userName":"EVE"}},
		{"method":"POST","path":"/Users","bulkId":"x","data":{"userName":"x","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"bulkId:y"}}}},
		{"method":"POST","path":"/Users","bulkId":"y","data":{"userName":"y","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"bulkId:x"}}}},
		{"method":"PATCH","path":"/Users/` + other + `","data":{"Operations":[{"op":"replace","path":"userName","value":"carl"}]}},
		{"method":"POST","path":"/Users","data":{"userName":"bob"}},
		{"method":"PATCH","path":"/Groups/` + group + `","data":{"Operations":[{"op":"add","path":"members","value":[{"value":"bulkId:e"}]},{"op":"replace","path":"displayName","value":"I"}]}},
		{"method":"PATCH","path":"/Users/` + other + `","data":{"Operations":[{"op":"replace","path":"roles","value":["pilot"]}]}},
		{"method":"DELETE","path":"/Users/` + user + `"},
		{"method":"PATCH","path":"/Users/` + user + `","data":{"Operations":[{"op":"replace","path":"title","value":"x"}]}},
		{"method":"DELETE","path":"/Groups/` + other + `"}]}`
	before := rowsOf(t, server.Database)
	var tried, foretold []string
	for _, how := range []struct{ path, header string }{{"/Bulk", "Prefer: handling=dry-run"}, {"/Bulk?dryRun=true", "Prefer: respond-async"}} {
		answer := o.Do(t, "POST", how.path, body, how.header)
		if applied := answer.Header.Get("Preference-Applied"); applied != "handling=dry-run" || strings.Contains(string(answer.Body), planted) {
			t.Errorf("Preference-Applied is %q: %s", applied, answer.Body)
		}
		foretold, tried = bulkOutcomes(t, answer)
	}
	if err := server.Log.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := rowsOf(t, server.Database); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
	want := []string{
		"create Group", "create User", "", "create User, update User", "create User", "rename User", "",
		"member_add Group, rename Group", "", "member_remove Group, delete User", "", "",
	}
	if diff := cmp.Diff(want, tried); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	done, _ := bulkOutcomes(t, o.Do(t, "POST", "/Bulk", body))
	if diff := cmp.Diff(done, foretold); diff != "" {
		t.Errorf("what was foretold (-done +foretold):\n%s", diff)
	}
	o.Do(t, "POST", "/Bulk?dryRun=maybe", body).Want(t, 400)
}

// A dry run counts for no brake, notes no hold, and ends where as many operations failed as
// the request says.
func TestDryRun_OfBulk_IsHeldAndEnds(t *testing.T) {
	t.Parallel()
	server := servertest.New(t)
	o := server.NewOrg(t, func(s *org.Settings) { s.UserBrake = org.Brake{Percent: 1, Least: 2} })
	var operations []string
	for i := range 4 {
		operations = append(operations, `{"method":"DELETE","path":"/Users/`+o.NewUser(t, fmt.Sprint("u", i))+`"}`)
	}
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failOnErrors":1,"Operations":[` + strings.Join(operations, ",") + `]}`
	for range 2 {
		lines, _ := bulkOutcomes(t, o.Do(t, "POST", "/Bulk?dryRun=true", body))
		if len(lines) != 3 || !strings.Contains(lines[2], "403") {
			t.Fatalf("the dry run ends so: %q", lines)
		}
	}
	if holds := o.Do(t, "GET", "/api/v2/scim/holds", "").Want(t, 200); strings.Contains(string(holds.Body), `"state"`) {
		t.Errorf("a dry run has noted a hold: %s", holds.Body)
	}
	if lines, _ := bulkOutcomes(t, o.Do(t, "POST", "/Bulk", body)); len(lines) != 3 || !strings.Contains(lines[1], "204") {
		t.Errorf("the request ends so: %q", lines)
	}
}

// A dry run holds what it touches for so long at most: one whose time is over is refused, has
// changed nothing and holds nothing any more.
func TestDryRun_OfBulk_EndsInTime(t *testing.T) {
	t.Parallel()
	server := servertest.NewWith(t, servertest.Options{DryRunTime: 300 * time.Millisecond})
	o := server.NewOrg(t)
	patient := o.At(servertest.NewWith(t, servertest.Options{Database: server.Database}))
	first, held := o.NewUser(t, "ada"), o.NewUser(t, "bob")
	title := func(user string) string {
		return `{"method":"PATCH","path":"/Users/` + user + `","data":{"Operations":[{"op":"replace","path":"title","value":"Countess"}]}}`
	}
	body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` + title(first) + `,` + title(held) + `]}`
	before := rowsOf(t, server.Database)
	release := hold(t, server, holdUser, held)
	for range 9 { // more than may be under way at once
		detail := o.Do(t, "POST", "/Bulk?dryRun=true", body).Refused(t, 400, "tooMany")
		if !strings.Contains(detail, "2 operations takes longer than the 0.3 seconds") || !strings.Contains(detail, "nothing was changed") {
			t.Fatalf("the dry run is told: %s", detail)
		}
	}
	if after := rowsOf(t, server.Database); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
	patient.Do(t, "PATCH", "/Users/"+first, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Lady"})).Want(t, 200)
	release()
	lines, _ := bulkOutcomes(t, patient.Do(t, "POST", "/Bulk?dryRun=true", body))
	if diff := cmp.Diff([]string{"PATCH 200 ", "PATCH 200 "}, lines); diff != "" {
		t.Errorf("with nothing in its way (-want +got):\n%s", diff)
	}
}

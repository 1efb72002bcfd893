package guides_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/guides"
	"github.com/purescim/purescim/internal/servertest"
)

// connection is Saviynt's REST connector, as far as the guide's documents need it.
type connection struct {
	documents map[string]map[string]any
	token     string
}

// connect reads the documents from the guide, filled for an organisation, and gets a
// token as ConnectionJSON says.
func connect(t *testing.T, s *servertest.Server, o *servertest.Org) *connection {
	t.Helper()
	client, secret := o.NewClient(t, "SCIM Integration")
	text, err := guides.Text("saviynt", guides.Values{BaseURL: s.URL, ClientID: client.ID.String(), ClientSecret: secret})
	if err != nil {
		t.Fatal(err)
	}
	c := &connection{documents: map[string]map[string]any{}}
	for _, match := range regexp.MustCompile("(?ms)^\\*\\*([A-Za-z]+JSON)\\*\\*\n\n```json\n(.*?)^```$").FindAllStringSubmatch(text, -1) {
		var document map[string]any
		if err := json.Unmarshal([]byte(match[2]), &document); err != nil {
			t.Fatalf("%s: %v", match[1], err)
		}
		c.documents[match[1]] = document
	}
	auth := dig(c.documents["ConnectionJSON"], "authentications", "acctAuth").(map[string]any)
	form := url.Values{}
	for name, value := range auth["httpParams"].(map[string]any) {
		form.Set(name, value.(string))
	}
	answer := c.send(t, auth["httpMethod"].(string), auth["url"].(string), auth["httpContentType"].(string), form.Encode(), 200)
	c.token = auth["tokenType"].(string) + " " + answer[auth["tokenResponsePath"].(string)].(string)
	return c
}

func dig(value any, keys ...string) any {
	for _, key := range keys {
		value, _ = value.(map[string]any)[key]
	}
	return value
}

func (c *connection) send(t *testing.T, method, address, mediaType, body string, statuses ...int) map[string]any {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", mediaType)
	r.Header.Set("Authorization", c.token)
	if c.token == "" {
		r.Header.Del("Authorization")
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || !slices.Contains(statuses, response.StatusCode) {
		t.Fatalf("%s %s: status %d, one of %v is a success: %s %v", method, address, response.StatusCode, statuses, text, err)
	}
	var answer map[string]any
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			t.Fatal(err)
		}
	}
	return answer
}

// run sends the call of a document that bears a name, with what Saviynt fills in.
func (c *connection) run(t *testing.T, document, name string, filled map[string]string) map[string]any {
	t.Helper()
	calls := c.documents[document]["call"].([]any)
	at := slices.IndexFunc(calls, func(call any) bool { return dig(call, "name") == name })
	if at < 0 {
		t.Fatalf("%s has no call named %s", document, name)
	}
	call := calls[at].(map[string]any)
	var pairs []string
	for name, value := range filled {
		pairs = append(pairs, "${"+name+"}", value)
	}
	fill := strings.NewReplacer(pairs...)
	body, _ := call["httpParams"].(string)
	var statuses []int
	for _, status := range dig(call, "successResponses", "statusCode").([]any) {
		statuses = append(statuses, int(status.(float64)))
	}
	return c.send(t, call["httpMethod"].(string), fill.Replace(call["url"].(string)), call["httpContentType"].(string), fill.Replace(body), statuses...)
}

// list reads all pages of a call of the import, two resources at a time, and returns a
// column of each.
func (c *connection) list(t *testing.T, call map[string]any, id, path string) []string {
	t.Helper()
	address, err := url.Parse(strings.ReplaceAll(dig(call, "http", "url").(string), "${id}", id))
	if err != nil {
		t.Fatal(err)
	}
	paged := dig(call, "pagination", "page").(map[string]any)
	total := strings.TrimPrefix(paged["totalCountPath"].(string), "completeResponseMap.")
	var found []string
	for number := int(paged["firstPageNumber"].(float64)); ; number++ {
		query := address.Query()
		query.Set(paged["pageNumberParam"].(string), strconv.Itoa(number))
		query.Set(paged["pageSizeParam"].(string), "2")
		address.RawQuery = query.Encode()
		page := c.send(t, dig(call, "http", "httpMethod").(string), address.String(), dig(call, "http", "httpContentType").(string), "", 200)
		resources, _ := page[call["listField"].(string)].([]any)
		for _, resource := range resources {
			found = append(found, dig(resource, strings.Split(path, ".")...).(string))
		}
		if len(resources) == 0 || len(found) >= int(page[total].(float64)) {
			slices.Sort(found)
			return found
		}
	}
}

// TestSaviynt runs every document of the guide against the real server, in the order in
// which a person's account lives.
func TestSaviynt(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	c := connect(t, s, o)
	if diff := cmp.Diff([]string{
		"AddAccessJSON", "ConnectionJSON", "CreateAccountJSON", "DisableAccountJSON", "EnableAccountJSON",
		"ImportAccountEntJSON", "RemoveAccessJSON", "RemoveAccountJSON", "UpdateAccountJSON",
	}, slices.Sorted(maps.Keys(c.documents))); diff != "" {
		t.Fatalf("documents of the guide:\n%s", diff)
	}
	group := o.NewGroup(t, "Claims Team")
	o.NewGroup(t, "Night Shift")
	o.Do(t, http.MethodPost, "/api/v2/authorization/roles", map[string]any{"name": "Supervisor"}).Want(t, http.StatusOK)
	person := map[string]string{
		"user.email": "ada@example.org", "user.displayname": "Ada Lovelace", "user.title": "Countess", "user.firstname": "Ada",
		"user.lastname": "Lovelace", "user.departmentname": "Engines", "user.employeeid": "1815",
	}
	path := strings.Split(c.documents["CreateAccountJSON"]["accountIdPath"].(string), ".") // the name of a call, "message", the way to the id
	ada := dig(c.run(t, "CreateAccountJSON", path[0], person), path[2:]...).(string)
	ids := []string{ada}
	for _, login := range []string{"bob@example.org", "cy@example.org", "di@example.org"} {
		ids = append(ids, o.NewUser(t, login))
	}
	slices.Sort(ids)
	person["account.accountID"], person["entitlementValue.entitlementID"] = ada, group

	person["user.title"], person["user.departmentname"] = "Programmer", ""
	updated := c.run(t, "UpdateAccountJSON", "call1", person)
	if updated["title"] != "Programmer" || dig(updated, "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User").(map[string]any)["department"] != nil {
		t.Errorf("after the update: %v", updated)
	}
	c.run(t, "AddAccessJSON", "Group", person)
	imported := c.documents["ImportAccountEntJSON"]
	members := dig(imported, "acctEntParams", "entTypes", "Group", "call", "call1").(map[string]any)
	if got := c.list(t, members, group, members["acctIdPath"].(string)); !slices.Equal(got, []string{ada}) {
		t.Errorf("members after access was added: %v", got)
	}
	if c.run(t, "DisableAccountJSON", "call1", person)["active"] != false {
		t.Error("the account is not disabled")
	}
	accounts := dig(imported, "accountParams", "call", "call1").(map[string]any)
	if diff := cmp.Diff(ids, c.list(t, accounts, "", "id")); diff != "" {
		t.Errorf("accounts of the import:\n%s", diff)
	}
	if c.run(t, "EnableAccountJSON", "call1", person)["active"] != true {
		t.Error("the account is not enabled")
	}
	for kind, want := range map[string][]string{"Group": {"Claims Team", "Night Shift"}, "Role": {"Supervisor", "employee"}} {
		call := dig(imported, "entitlementParams", "entTypes", kind, "call", "call1").(map[string]any)
		value, _, _ := strings.Cut(dig(call, "colsToPropsMap", "entitlement_value").(string), "~")
		if got := c.list(t, call, "", value); !slices.Equal(slices.DeleteFunc(got, func(name string) bool { return !slices.Contains(want, name) }), want) {
			t.Errorf("entitlements of the import, %s: %v", kind, got)
		}
	}
	c.run(t, "RemoveAccessJSON", "Group", person)
	if got := c.list(t, members, group, "member.value"); got != nil {
		t.Errorf("members after access was removed: %v", got)
	}
	person["entitlementValue.entitlementID"] = "Supervisor"
	mapping := dig(imported, "accountParams", "acctEntMappings", "Role").(map[string]any)
	roles := func(of map[string]any) (values []any) {
		for _, role := range of[mapping["listPath"].(string)].([]any) {
			values = append(values, dig(role, mapping["idPath"].(string)))
		}
		return values
	}
	if got := roles(c.run(t, "AddAccessJSON", "Role", person)); !slices.Contains(got, "Supervisor") {
		t.Errorf("roles after one was added: %v", got)
	}
	if got := roles(c.run(t, "RemoveAccessJSON", "Role", person)); slices.Contains(got, "Supervisor") {
		t.Errorf("roles after one was removed: %v", got)
	}
	c.run(t, "RemoveAccountJSON", "call1", person)
	o.Do(t, http.MethodGet, "/Users/"+ada, nil).Want(t, http.StatusNotFound)
}

// TestCurl runs the commands of the guide as they are written, in one shell, and asks the
// server what has become of it.
func TestCurl(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	client, secret := o.NewClient(t, "SCIM Integration")
	text, err := guides.Text("curl", guides.Values{
		BaseURL: s.URL, Organisation: "acme", Connection: "curl", ClientID: client.ID.String(), ClientSecret: secret, AccessToken: o.Token,
	})
	if err != nil {
		t.Fatal(err)
	}
	// What the guide does with purescim before.
	group := o.NewGroup(t, "Claims Team")
	o.Do(t, http.MethodPost, "/api/v2/authorization/roles", map[string]any{"name": "Supervisor"}).Want(t, http.StatusOK)
	document := fences(text, "json")[0]
	o.Do(t, http.MethodPost, "/api/v2/directory/schemas", map[string]any{"resourceType": "User", "schema": json.RawMessage(document)}).Want(t, http.StatusOK)

	commands := fences(text, "sh")
	if len(commands) < 12 {
		t.Fatalf("found %d commands", len(commands))
	}
	// A refusal is an error of curl, so that it ends the shell.
	script := "set -eu -o pipefail\ncurl() { command curl --fail-with-body --show-error \"$@\"; echo; }\n" + strings.Join(commands, "")
	bash := exec.CommandContext(t.Context(), "bash")
	bash.Stdin, bash.Dir, bash.Env = strings.NewReader(script), t.TempDir(), []string{"PATH=" + os.Getenv("PATH")}
	out, err := bash.CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	grace := o.Do(t, http.MethodGet, "/Users?filter=userName+eq+%22grace@example.org%22", nil).List(t)
	if len(grace.Resources) != 1 {
		t.Fatalf("found %d people", len(grace.Resources))
	}
	whole := string(o.Do(t, http.MethodGet, "/Users/"+grace.IDs()[0], nil).Want(t, http.StatusOK).Body)
	for _, want := range []string{`"title":"Rear Admiral"`, `"department":"Navy"`, `"active":true`, `"value":"Supervisor"`, `"number":"4711"`, group, `"+13175724245"`} {
		if !strings.Contains(whole, want) {
			t.Errorf("the person has no %s: %s", want, whole)
		}
	}
	if !strings.Contains(string(out), `"active":false`) || strings.Count(string(out), `"status":"201"`) != 2 {
		t.Errorf("the commands said:\n%s", out)
	}
}

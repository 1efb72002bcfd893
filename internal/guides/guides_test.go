package guides_test

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	files "github.com/purescim/purescim/docs/guides"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/guides"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/servertest"
)

// sections are what every guide tells, in this order.
var sections = []string{
	"What you need", "Steps", "Mapping", "Roles", "Custom attributes", "Groups", "Test",
	"The first cycle", "Renew the token", "Errors", "Undo",
}

// each runs a test on the Markdown of every guide.
func each(t *testing.T, test func(t *testing.T, text string)) {
	t.Helper()
	for _, g := range guides.List() {
		t.Run(g.Slug, func(t *testing.T) {
			t.Parallel()
			text, err := guides.Text(g.Slug, guides.Values{})
			if err != nil {
				t.Fatal(err)
			}
			test(t, text)
		})
	}
}

// section is what stands below a heading of the second level.
func section(text, heading string) string {
	_, rest, _ := strings.Cut(text, "\n## "+heading+"\n")
	body, _, _ := strings.Cut(rest, "\n## ")
	return body
}

func TestGuides_AreTheFiles(t *testing.T) {
	t.Parallel()
	var listed []string
	index, err := fs.ReadFile(files.Files, "README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range guides.List() {
		listed = append(listed, g.Slug+".md")
		if g.Title == "" || g.Product == "" {
			t.Errorf("%s has no title or no product", g.Slug)
		}
		if !strings.Contains(string(index), "("+g.Slug+".md)") {
			t.Errorf("docs/guides/README.md does not list %s", g.Slug)
		}
		if !strings.Contains(string(readme), "(docs/guides/"+g.Slug+".md)") {
			t.Errorf("README.md does not list %s", g.Slug)
		}
	}
	found, err := fs.Glob(files.Files, "*.md")
	if err != nil {
		t.Fatal(err)
	}
	found = slices.DeleteFunc(found, func(name string) bool { return name == "README.md" })
	slices.Sort(listed)
	if diff := cmp.Diff(listed, found); diff != "" {
		t.Errorf("guides and files differ:\n%s", diff)
	}
}

func TestGuides_HaveAllSections(t *testing.T) {
	t.Parallel()
	heading := regexp.MustCompile(`(?m)^## (.*)$`)
	each(t, func(t *testing.T, text string) {
		var found []string
		for _, match := range heading.FindAllStringSubmatch(text, -1) {
			found = append(found, match[1])
			if strings.TrimSpace(section(text, match[1])) == "" {
				t.Errorf("%s is empty", match[1])
			}
		}
		if diff := cmp.Diff(sections, found); diff != "" {
			t.Errorf("sections (-want +got):\n%s", diff)
		}
	})
}

// row is a row of a table whose last or second cell is code; its cells are kept.
var row = regexp.MustCompile(`(?m)^\| (.+?) \| ` + "`([^`]+)`" + ` \|`)

// TestGuides_MapToAttributesThatExist resolves what a mapping names as the server
// resolves the path of a PATCH; the example's schema is not declared.
func TestGuides_MapToAttributesThatExist(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, text string) {
		rows := row.FindAllStringSubmatch(section(text, "Mapping")+section(text, "Roles"), -1)
		if len(rows) < 5 {
			t.Errorf("found %d rows", len(rows))
		}
		for _, cells := range rows {
			if _, err := filter.ParsePath(schema.User, cells[2]); err != nil {
				t.Errorf("%s: %v", cells[2], err)
			}
		}
		if !strings.Contains(section(text, "Custom attributes"), "| `urn:ietf:params:scim:schemas:extension:badge:2.0:User:number` |\n") {
			t.Error("the row of the example attribute is missing")
		}
	})
}

// TestGuides_DeclareASchemaThatIsTaken declares the example's schema, and patches what
// the row of it names.
func TestGuides_DeclareASchemaThatIsTaken(t *testing.T) {
	t.Parallel()
	text, err := guides.Text("entra", guides.Values{})
	if err != nil {
		t.Fatal(err)
	}
	o := servertest.New(t).NewOrg(t)
	document := fences(section(text, "Custom attributes"), "json")[0]
	o.Do(t, http.MethodPost, "/api/v2/directory/schemas", map[string]any{"resourceType": "User", "schema": json.RawMessage(document)}).Want(t, http.StatusOK)
	ada := o.NewUser(t, "ada@example.org")
	o.Do(t, http.MethodPatch, "/Users/"+ada, servertest.Patch(map[string]any{
		"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:badge:2.0:User:number", "value": "4711",
	})).Want(t, http.StatusOK)
}

// fences are the blocks of code of a language.
func fences(text, language string) []string {
	var found []string
	for _, match := range regexp.MustCompile("(?ms)^ *```"+language+"\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// TestGuides_HaveValidJSON parses each document, and has OneLogin's template make a person
// whose empty values are none.
func TestGuides_HaveValidJSON(t *testing.T) {
	t.Parallel()
	documents := 0
	for _, g := range guides.List() {
		text, err := guides.Text(g.Slug, guides.Values{})
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range fences(text, "json") {
			documents++
			if !json.Valid([]byte(document)) {
				t.Errorf("%s: this is no JSON:\n%s", g.Slug, document)
			}
		}
	}
	if documents < 20 {
		t.Errorf("found %d documents", documents)
	}
	text, err := guides.Text("onelogin", guides.Values{})
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("{$parameters.scimusername}", "ada@example.org", "{$user.email}", "ada@example.org", "{$user.display_name}", "Ada Lovelace").Replace(fences(text, "json")[0])
	filled = regexp.MustCompile(`\{\$[a-z._]+\}`).ReplaceAllString(filled, "")
	ada := servertest.New(t).NewOrg(t).Do(t, http.MethodPost, "/Users", json.RawMessage(filled)).Want(t, http.StatusCreated).Object(t)
	if ada["displayName"] != "Ada Lovelace" || ada["title"] != nil || ada["phoneNumbers"] != nil {
		t.Errorf("the template has made %v", ada)
	}
}

var address = regexp.MustCompile(`https://HOST(/[^\s"'` + "`" + `]*)`)

// TestGuides_NameAddressesThatAreServed asks the real server for each URL of a guide.
func TestGuides_NameAddressesThatAreServed(t *testing.T) {
	t.Parallel()
	o := servertest.New(t).NewOrg(t)
	var named []string
	for _, g := range guides.List() {
		text, err := guides.Text(g.Slug, guides.Values{})
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range address.FindAllStringSubmatch(text, -1) {
			found, _, _ := strings.Cut(match[1], "?")
			named = append(named, strings.NewReplacer("${account.accountID}", "1", "${entitlementValue.entitlementID}", "1").Replace(found))
		}
	}
	slices.Sort(named)
	for _, address := range slices.Compact(named) {
		if address == servertest.SCIM {
			address += "/" // the base, which lists everything
		}
		if o.Do(t, http.MethodOptions, path.Clean(address), nil).Header.Get("Allow") == "" {
			t.Errorf("%s is not served", address)
		}
	}
}

// TestGuides_QuoteErrorsThatExist looks for the words of each error in what the server
// may say.
func TestGuides_QuoteErrorsThatExist(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	err := fs.WalkDir(os.DirFS(".."), ".", func(name string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			text, err := os.ReadFile("../" + name)
			said.Write(text)
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile("(?m)^\\| [0-9]{3} `([^`]+)` \\|")
	each(t, func(t *testing.T, text string) {
		found := quoted.FindAllStringSubmatch(section(text, "Errors"), -1)
		if len(found) < 5 {
			t.Errorf("found %d errors", len(found))
		}
		for _, match := range found {
			if !strings.Contains(said.String(), match[1]) {
				t.Errorf("the server never says %q", match[1])
			}
		}
	})
}

func TestRender(t *testing.T) {
	t.Parallel()
	v := guides.Values{
		BaseURL: "https://scim.example.org/", Organisation: `a"><script>alert(1)</script>`, Connection: "Entra | `x`",
		ClientID: "0190", ClientSecret: "s3cret", AccessToken: "eyJ",
		Attributes: []string{"urn:acme:desk:2.0:User:floor", "<b>", "urn:acme:desk:2.0:User:seat"},
	}
	for _, g := range guides.List() {
		page, err := guides.Render(g.Slug, v)
		if err != nil {
			t.Fatal(err)
		}
		text := string(page)
		for _, want := range []string{"https://scim.example.org/api/v2/scim/v2", "&lt;script&gt;", "Entra | `x`", `<h2 id="undo">`, "<table>", "urn:acme:desk:2.0:User:floor", "User:seat"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not hold %q", g.Slug, want)
			}
		}
		for _, unwanted := range []string{"<script>", "https://HOST", "ORGANISATION", "CONNECTION", "CLIENT_ID", "ACCESS_TOKEN", "<b>", `.md"`, "../", "urn:ietf:params:scim:schemas:extension:badge:2.0:User:number</code></td>"} {
			if strings.Contains(text, unwanted) {
				t.Errorf("%s holds %q", g.Slug, unwanted)
			}
		}
	}
	if _, err := guides.Render("../README", v); err == nil {
		t.Error("what is no guide is rendered")
	}
}

// In the console its pages do what commands do elsewhere, and the connection is there
// already; who has no account reads the names of the pages.
func TestRender_InTheConsole(t *testing.T) {
	t.Parallel()
	command := regexp.MustCompile(`purescim (client|org|token|user|group|role|division|skill|language|schema|log|undo|issuer|status) |--[a-z]+|console:`)
	v := guides.Values{BaseURL: "https://scim.example.org", Organisation: "acme", Connection: "Feed", ClientID: "0190", Console: true, Home: "/console/o/1"}
	for _, g := range guides.List() {
		page, err := guides.Render(g.Slug, v)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(page), "--data-urlencode", "")
		if found := command.FindString(text); found != "" && g.Slug != "curl" {
			t.Errorf("%s says %q", g.Slug, found)
		}
		for _, want := range []string{
			"The connection Feed of acme, which is there already", `<a href="/console/o/1/groups">Groups</a>`, `<a href="/console/o/1/connections/0190">`,
			`<a href="/console/o/1/catalogue/roles">Catalogue</a>`, `<a href="/console/o/1/catalogue/schemas">Catalogue</a>`, "badge.json", `<a href="/console/o/1">Overview</a>`,
		} {
			if !strings.Contains(text, want) {
				t.Errorf("%s does not hold %q", g.Slug, want)
			}
		}
		own := v
		own.Attributes = []string{"urn:acme:desk:2.0:User:floor"}
		if page, err = guides.Render(g.Slug, own); err != nil || strings.Contains(string(page), "badge.json") || !strings.Contains(string(page), own.Attributes[0]) {
			t.Errorf("%s declares an example beside the organisation's own attributes: %v", g.Slug, err)
		}
		outside := v
		outside.Home = ""
		if page, err = guides.Render(g.Slug, outside); err != nil || strings.Contains(string(page), "/console/") || !strings.Contains(string(page), "<em>Groups</em>") {
			t.Errorf("%s leads who has no account to the console: %v", g.Slug, err)
		}
		if none, err := guides.Render(g.Slug, guides.Values{Console: true, Home: "/console/o/1"}); err != nil || !strings.Contains(string(none), `<a href="/console/o/1/connections">Connections</a>, <em>Connect a product</em>`) {
			t.Errorf("%s does not lead to the wizard: %v", g.Slug, err)
		}
	}
}

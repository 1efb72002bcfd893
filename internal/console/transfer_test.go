package console_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
	"github.com/purescim/purescim/internal/transfer"
)

// settle loads the page of an import again until nothing goes on, as a browser does by
// itself that has no JavaScript.
func (b *browser) settle() *browser {
	b.t.Helper()
	for range 1200 {
		if !strings.Contains(b.body, `<noscript><meta http-equiv="refresh"`) {
			return b
		}
		time.Sleep(25 * time.Millisecond)
		b.get(b.path).want(http.StatusOK)
	}
	b.t.Fatal("the import does not end")
	return b
}

// A file is mapped, checked as a whole, told about line by line, and imported when nothing
// in it is wrong; imported again it changes nothing. All of it without JavaScript.
func TestImport(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	uploads := f.home + "/imports"
	b.get(f.home+"/transfer").want(http.StatusOK).has("Import a file", "at most 64 MiB", "Memberships as JSON Lines")
	const header = "Login;Full name;Cost code;Team\n"
	const right = "linus@acme.example;Linus Torvalds;CC-1;Claims Team\nkatherine@acme.example;Katherine;CC-2;\n"
	b.upload(uploads, "people.csv", header+right+"person1@acme.example;Grace;CC-3;No Such Team\n").want(http.StatusOK).
		has("Where do the columns of people.csv go?", "not known", "CC-1", `value="userName"`, `value="groups"`, `<option value="costCenter">`)
	path := b.path
	b.post(path+"/check", "to.0", "userName", "to.1", "nonsense", "to.2", "userName", "to.3", "").want(http.StatusOK).settle().
		has("nonsense is not an attribute", "are both userName", `value="nonsense"`)
	b.post(path+"/check", "to.0", "userName", "to.1", "displayName", "to.2", "costCenter", "to.3", "groups").want(http.StatusOK).settle().
		has("1 of 3 lines would be refused", "no group named &#34;No Such Team&#34;", "Nothing was changed").lacks("Import 3 lines")
	b.post(path + "/apply").want(http.StatusConflict)
	f.Do(t, http.MethodGet, `/Users?filter=userName+eq+"linus@acme.example"`, nil).Want(t, http.StatusOK)
	b.get(f.home + "/people?q=linus").has("Nobody is found")
	b.get(path).sure(path + "/remove").want(http.StatusOK).has("The file is removed").lacks("people.csv</a>")
	b.get(path).want(http.StatusNotFound).has("The file is not here")

	b.upload(uploads, "led.csv", "userName,manager\nlinus@acme.example,nobody\n").post(b.path+"/check", "to.0", "userName", "to.1", "manager").settle().
		has("1 of 1 line would be refused", "nobody has the userName", "<dt>Would be created</dt><dd>0</dd>").lacks(" new</td>").sure(b.path + "/remove")
	b.upload(uploads, `C:\files\people.csv`, header+right)
	path = b.path
	b.has("Where do the columns of people.csv go?").post(path+"/check", "to.0", "userName", "to.1", "displayName", "to.2", "costCenter", "to.3", "groups").settle().
		has("2 lines of people.csv can be imported", "Import 2 lines", "linus@acme.example", `<dt>Would be created</dt><dd>2</dd>`)
	b.post(path+"/apply").want(http.StatusOK).settle().has("2 lines of people.csv are imported", `<dt>Created</dt><dd>2</dd>`, `<dt>Memberships</dt><dd>1</dd>`)
	b.post(path + "/apply").want(http.StatusConflict)
	b.get(f.home+"/people?q=linus").has("Linus Torvalds").get(f.home+"/groups/"+f.group).has("has 7 members", "Linus Torvalds")
	b.get(path).get(strings.ReplaceAll(b.found(`href="([^"]*/activity[^"]*)">What was changed`), "&amp;", "&")).has("ada@example.org created linus@acme.example", "ada@example.org added 1 member")

	exported := b.get(f.home + "/export/people?format=csv").want(http.StatusOK).body
	b.upload(uploads, "again.csv", exported)
	path = b.path
	pairs := []string{}
	for i, column := range strings.Split(strings.TrimSpace(strings.SplitN(exported, "\n", 2)[0]), ",") {
		if column != "id" && column != "created" && column != "lastModified" {
			pairs = append(pairs, fmt.Sprint("to.", i), column)
		}
	}
	b.post(path+"/check", pairs...).settle().has("can be imported", `<dt>As they are</dt><dd>8</dd>`, `<dt>Would be changed</dt><dd>0</dd>`)
	b.upload(uploads, "all.jsonl", `{"userName":"barbara@acme.example"}`+"\n"+`{"displayName":"Research","members":[{"value":"barbara@acme.example"}]}`)
	b.has("all.jsonl is here").post(b.path + "/check").settle().has("2 lines of all.jsonl can be imported").post(b.path + "/apply").settle().has("2 lines of all.jsonl are imported")
	b.upload(uploads, "all.jsonl", `{"userName":"barbara@acme.example"}`+"\n"+`{"displayName":"research","members":[{"value":"barbara@acme.example"}]}`+"\n"+`{"displayName":"Claims Team","members":[{"value":"linus@acme.example"},{"value":"barbara@acme.example"}]}`)
	b.post(b.path+"/check").settle().has("<dt>Would be changed</dt><dd>1</dd>", "<dt>As they are</dt><dd>2</dd>", "<dt>Memberships</dt><dd>1</dd>")
	b.post(b.path+"/apply").settle().has("<dt>Changed</dt><dd>1</dd>", "<dt>As they are</dt><dd>2</dd>", "<dt>Memberships</dt><dd>1</dd>")
	b.get(f.home + "/groups?q=Research").has("1 group found")
}

// What is no such file is told before anything is done, and what it may be is bounded.
func TestImport_RefusesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	uploads := f.home + "/imports"
	for name, file := range map[string][2]string{
		"is a workbook":                 {"people.csv", "PK\x03\x04..."},
		"is not UTF-8":                  {"people.csv", "userName,displayName\nada,\xc4da\n"},
		"is empty":                      {"people.csv", ""},
		"neither in .csv nor in":        {"people.xlsx", "x"},
		"choose a file first":           {"", "x"},
		"The header cannot be read":     {"people.csv", `"a`},
		"Columns 2 and 4 have the same": {"people.csv", "userName,Mail,,Mail,\nada,a@x,,b@x,\n"},
		"Initial Password":              {"people.csv", "sep=;\nuserName;Initial Password\nada;swordfish\n"},
		"line 2: it has a password":     {"people.jsonl", `{"userName":"ada"}` + "\n" + `{"userName":"bob","Pass\u0077ord":"swordfish"}`},
		"line 1: ":                      {"people.jsonl", `{"password":"swordfish"`},
		"and at most 300 are read":      {"people.csv", strings.Repeat("a,", 400) + "\n"},
		"The file is larger than 64 M":  {"people.jsonl", strings.Repeat(strings.Repeat(" ", 1023)+"\n", transfer.MaxFile>>10) + " "},
		"more than 500000 lines":        {"people.csv", "userName\n" + strings.Repeat("a\n", transfer.MaxLines)},
		"longer than 255 bytes":         {strings.Repeat("x", 300) + ".csv", "userName\na\n"},
		"heading of column 2 has more":  {"people.csv", "userName," + strings.Repeat("x", 501) + "\n"},
	} {
		b.upload(uploads, file[0], file[1])
		if b.status < 400 || b.status >= 500 || !strings.Contains(strings.ToLower(b.body), strings.ToLower(name)) {
			t.Errorf("%s: status %d: %s", name, b.status, b.text())
		}
	}
	viewer.get(f.home + "/transfer").want(http.StatusOK).has("Export what is here").lacks(`type="file"`)
	viewer.upload(uploads, "people.csv", "userName\nx").want(http.StatusForbidden)
	b.upload(uploads, "people.csv", "userName\nx").want(http.StatusOK)
	path := b.path
	viewer.get(path).want(http.StatusForbidden)
	stranger := s.NewOrg(t)
	otto := member(t, s, stranger.ID, "otto@example.org", accounts.Owner)
	otto.get("/console/o/" + stranger.ID.String() + path[len(f.home):]).want(http.StatusNotFound)
	otto.post("/console/o/" + stranger.ID.String() + path[len(f.home):] + "/check").want(http.StatusNotFound)
	b.send(http.MethodPost, uploads, strings.NewReader("x"), "Content-Type", "multipart/form-data; boundary=x", "Sec-Fetch-Site", "cross-site").want(http.StatusForbidden)
}

// Exports have all that is there, or what is selected.
func TestExport(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	rows := func(path string) [][]string {
		t.Helper()
		table, err := csv.NewReader(strings.NewReader(b.get(path).want(http.StatusOK).body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	if all := rows(f.home + "/export/people?format=csv"); len(all) != 7 || b.header.Get("Content-Disposition") != `attachment; filename="people.csv"` {
		t.Errorf("%d rows, %v", len(all), b.header)
	}
	b.get(f.home + "/people")
	if active := rows(strings.ReplaceAll(b.found(`href="([^"]*/export/people[^"]*)"`), "&amp;", "&")); len(active) != 6 {
		t.Errorf("%d rows of active people", len(active))
	}
	if groups := rows(f.home + "/export/groups?format=csv"); len(groups) != 3 {
		t.Errorf("%d rows of groups", len(groups))
	}
	if members := rows(f.home + "/export/memberships?format=csv"); len(members) != 7 {
		t.Errorf("%d rows of memberships", len(members))
	}
	if lines := strings.Count(b.get(f.home+"/export/people?format=jsonl").want(http.StatusOK).body, "\n"); lines != 6 {
		t.Errorf("%d lines of people", lines)
	}
	b.get(f.home + "/export/secrets").want(http.StatusNotFound)
	b.get(f.home + "/export/people?format=csv&q=x+eq+1+eq").want(http.StatusBadRequest)
}

// An import that is stopped says so, keeps what it has done, and goes on when it is told to.
func TestImport_StopsAndGoesOn(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	b.upload(f.home+"/imports", "people.csv", "userName,title\nlinus@acme.example,Engineer\n")
	path := b.path
	b.post(path+"/check", "to.0", "userName", "to.1", "title").settle().has("1 line of people.csv can be imported")
	release := lockUsers(t, s.Database)
	b.post(path+"/apply").want(http.StatusOK).has("Importing people.csv", "0 of about 1 line")
	b.get(f.home+"/transfer").has("people.csv", "importing")
	b.sure(path + "/remove").want(http.StatusConflict)
	b.upload(f.home+"/imports", "other.csv", "userName\nx\n").post(b.path+"/check", "to.0", "userName").want(http.StatusConflict).has("wait for its end")
	b.post(path+"/stop").want(http.StatusOK).settle().has("The import of people.csv stopped", "It was stopped after 0 lines", "Go on")
	release()
	b.post(path + "/apply").want(http.StatusOK).settle().has("1 line of people.csv is imported")
	b.get(f.home + "/people?q=linus").has("1 person found")
}

// In a browser the page tells how far it is while it goes on.
func TestImport_InABrowser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.look(1280, "light")
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	file := filepath.Join(t.TempDir(), "people.csv")
	text := "Login,First name,Last name,Phone,Cost code\n"
	for i := range 150 {
		text += fmt.Sprintf("new%d@acme.example,Ada %d,Lovelace,+1 317 572 4%03d,CC-%d\n", i, i, i, i%7)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(f.home + "/transfer")
	b.shoot("transfer")
	b.do(chromedp.SetUploadFiles("#file", []string{file}), chromedp.Click("form[action$='/imports'] button"))
	b.waits("document.querySelectorAll('input[list=paths]').length === 5")
	b.shoot("import-map")
	b.do(chromedp.Click("form[action$='/check'] button"))
	b.waits("document.querySelector('progress') || document.body.textContent.includes('can be imported')")
	b.shoot("import-running")
	b.waits("document.body.textContent.includes('Import 150 lines')")
	b.shoot("import-checked")
	b.do(chromedp.Click("form[action$='/apply'] button"))
	b.waits("document.body.textContent.includes('150 lines of people.csv are imported')")
	b.shoot("import-done")
	b.isAsked("form[action$='/remove'] button", "Remove the report of people.csv?")
	b.shoot("import-dialog")
	b.isSure("The file is removed")
	b.quiet()
}

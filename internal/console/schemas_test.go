package console_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/servertest"
)

// badgeID is the id that is suggested for a schema of the name Badge.
const badgeID = "urn:ietf:params:scim:schemas:extension:Badge:2.0:User"

// badgeForm is the form of a schema, with what else is given.
func badgeForm(pairs ...string) []string {
	return append(pairs, "resource", "User", "name", "Badge", "id", "", "description", "What opens the doors",
		"name.0", "number", "type.0", "string", "required.0", "on", "description.0", "The number on the badge",
		"name.1", "doors.level", "type.1", "integer",
		"name.2", "", "type.2", "string",
		"name.3", "doors", "type.3", "complex", "multi.3", "on")
}

// declared reads the document of a schema by the API.
func (f *furnished) declared(t *testing.T, id string) (d schema.SchemaDocument) {
	t.Helper()
	var answer struct{ Schema json.RawMessage }
	f.Do(t, http.MethodGet, "/api/v2/directory/schemas/"+id, nil).Want(t, http.StatusOK).Decode(t, &answer)
	if err := json.Unmarshal(answer.Schema, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// A schema is made of fields without JavaScript, is used, changed after a look at what goes,
// and removed by who has typed its name.
func TestSchemas(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	list := f.home + "/catalogue/schemas"
	badge := list + "/" + badgeID
	b.get(list).want(http.StatusOK).has("0 schemas of your own", "EnterpriseUser", "Add a schema").
		get(list+"/new").want(http.StatusOK).has(`name="name.3"`, "More rows").lacks(`name="name.4"`).
		post(list, badgeForm("rows", "more")...).want(http.StatusOK).has(`name="name.7"`, `aria-label="Name of attribute 5" autofocus>`, `value="doors.level"`, `value="What opens the doors"`, `name="multi.3" checked`)
	b.post(list, badgeForm()...).want(http.StatusOK).has("The schema is added", "Badge gives people 2 attributes", `doors.</span><strong>level</strong>`, "set of parts, several values",
		"whole number", "required", "The number on the badge", "Nobody has values of it", `<code id="example">`+badgeID+`:number</code>`, "/guides/okta#custom-attributes")
	level := schema.AttributeDocument{Name: "level", Type: schema.Integer, Mutability: schema.ReadWrite, Returned: schema.ReturnedDefault, Uniqueness: schema.NotUnique}
	if diff := cmp.Diff([]schema.AttributeDocument{level}, f.declared(t, badgeID).Attributes[1].SubAttributes); diff != "" {
		t.Errorf("doors (-want +got):\n%s", diff)
	}
	b.get(list).has("1 schema of your own", badgeID)
	for _, guide := range []string{"entra", "okta"} {
		b.get(f.home+"/guides/"+guide).has(badgeID+":number", badgeID+":doors").lacks("badge.json", "extension:badge:2.0:User:number</code>")
	}
	b.get(f.home+"/activity?q=type:Schema").get(b.found(`href="(`+f.home+`/activity/[0-9a-f-]{36})"`)).
		has("created schema", `href="`+badge+`"`, "<code>doors.level</code>", `<span class="now">text, required; The number on the badge</span>`)

	f.entra.Do(t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "add", "path": badgeID + ":number", "value": "4711"})).Want(t, http.StatusOK)
	b.get(f.home+"/people/"+f.person).want(http.StatusOK).has("<span>Badge</span>", `href="`+badge+`"`, "<dt>number</dt>")
	b.get(badge).has("1 person has values of it").get(strings.ReplaceAll(b.found(`href="([^"]*)">Show them`), "&#43;", "+")).want(http.StatusOK).has("1 person found", "Ada Lovelace")
	version := b.get(badge + "/edit").want(http.StatusOK).has(`value="doors.level"`).found(`name="version" value="([0-9]+)"`)
	fields := []string{"version", version, "name", "Badge", "description", "", "name.0", "number", "type.0", "string", "required.0", "on", "name.1", "floor", "type.1", "integer"}
	b.post(badge, fields...).want(http.StatusConflict).has("Attribute doors is missing; it cannot be removed, because 1 resources have values", `value="floor"`)
	fields = append(fields, "name.2", "doors", "type.2", "complex", "multi.2", "on", "name.3", "doors.level", "type.3", "integer")
	b.post(badge, fields...).want(http.StatusOK).has("Change Badge?", `<code>floor</code>`, `<span class="now">whole number</span>`, `<span class="was">What opens the doors</span>`)
	b.yes().want(http.StatusOK).has("The schema is changed", "3 attributes").post(badge, append([]string{"sure", "yes"}, fields...)...).want(http.StatusConflict).has("is not the current one")

	b.post(badge+"/delete").want(http.StatusOK).has("Remove Badge?", "<code>doors.level</code>", "1 person has values of it", "To be sure, type the name of the schema").
		yes("typed", "badge").want(http.StatusBadRequest).has("Nothing was done")
	b.post(badge+"/delete", "sure", "yes", "typed", "Badge").want(http.StatusConflict).has("cannot be deleted: 1 resources have values of it")
	b.post(badge+"/delete").yes("typed", "Badge").want(http.StatusOK).has("The schema is removed", "0 schemas")
	if ada := f.Do(t, http.MethodGet, "/Users/"+f.person, nil).Want(t, http.StatusOK).Object(t); ada[badgeID] != nil {
		t.Errorf("she still has %v", ada[badgeID])
	}
	b.get(f.home + "/activity?q=user:" + f.person + "+op:update").get(b.found(`href="(` + f.home + `/activity/[0-9a-f-]{36})"`)).has(`<span class="was">4711</span>`)
	b.get(badge).want(http.StatusNotFound).get(f.home + "/activity?q=type:Schema").has("ada@example.org deleted schema")
	b.post(list, badgeForm()...).want(http.StatusOK).sure(badge + "/delete").want(http.StatusOK).has("The schema is removed") // nobody has values
}

// What is wrong with a schema is told beside the field, with what is allowed, and nothing that
// was typed is lost.
func TestSchemas_TellWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	list := f.home + "/catalogue/schemas"
	row := func(n int, value string) string {
		return fmt.Sprintf(`(?s)name="name.%d" value="%s"[^>]*aria-invalid="true" aria-describedby="wrong" autofocus>.*?</tr>\s*<tr><td colspan="4"><p id="wrong" role="alert">.*?</span> ([^<]*)`, n, value)
	}
	for _, wrong := range []struct {
		field, value string // that takes the place of another
		n            int    // of the row that is to blame
		has          string
	}{
		{"name.0", "a b", 0, "is not a name for an attribute: a letter, then letters"},
		{"name.2", "NUMBER", 2, "Attribute NUMBER is declared twice"},
		{"description.2", "nameless", 2, "is not a name for an attribute"},
		{"type.0", "text", 0, "Attribute number: type is"},
		{"name.3", "gates", 1, "Attribute doors.level: no row has the name"},
		{"multi.1", "on", 1, "Attribute doors.level: it is multi-valued and inside a complex attribute; a sub-attribute must have one value"},
		{"type.1", "complex", 1, "Attribute doors.level is complex and inside a complex one"},
		{"name.1", "", 3, "Attribute doors: it is complex but has no subAttributes; one at least is expected"},
	} {
		form := badgeForm(wrong.field, wrong.value) // of a name twice the first counts
		name := ""
		for i := 0; i < len(form) && name == ""; i += 2 {
			if form[i] == fmt.Sprint("name.", wrong.n) {
				name = form[i+1]
			}
		}
		b.post(list, form...).want(http.StatusBadRequest).has(`value="What opens the doors"`, `value="The number on the badge"`)
		if told := b.found(row(wrong.n, name)); !strings.Contains(told, wrong.has) {
			t.Errorf("%s: %q", wrong.field, told)
		}
	}
	for id, why := range map[string]string{"badge": "Id is &#34;badge&#34;; a URN", "urn:ietf:params:scim:schemas:core:2.0:Badge": "belongs to the standard", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": "another schema"} {
		b.post(list, badgeForm("id", id)...).want(http.StatusBadRequest).has(`value="`+id+`"`, `aria-describedby="id-hint wrong" aria-invalid="true"`, why)
	}
	b.post(list, badgeForm("name", "バッジ")...).want(http.StatusBadRequest).has("a URN is expected", `value="バッジ"`)
	b.post(list, "resource", "User", "name", "Badge", "name.0", "", "type.0", "string").want(http.StatusBadRequest).has(`role="alert"`, "no attributes; one at least")
	b.post(list, badgeForm("resource", "Device")...).want(http.StatusBadRequest).has("resourceType")
	for document, why := range map[string]string{``: "is not a definition", `{"id":"urn:example:x","attributes":[{"name":"a","multi":true}]}`: "/attributes/0/multi", `{"id":"urn:example:x","attributes":[{"name":"tag","type":"text"}]}`: "Attribute tag: type is"} {
		b.post(list, "as", "document", "resource", "Group", "document", document).want(http.StatusBadRequest).
			has(`value="Group" checked`, `aria-describedby="document-hint wrong" aria-invalid="true"`, why, strings.ReplaceAll(document, `"`, "&#34;")+"</textarea>")
	}
	b.get(list).has("0 schemas")
}

// A document makes a schema, and changes what fields do not show; what they do not show stays
// when they change something else. Each page of the largest one is small.
func TestSchemas_AsDocuments(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	list := f.home + "/catalogue/schemas"
	const id = "urn:example:cost:Group"
	const document = `{"id":"` + id + `","name":"Cost","attributes":[
		{"name":"centre","caseExact":true,"mutability":"immutable","returned":"request","canonicalValues":["north","south"]},{"name":"note"}]}`
	b.get(list + "/new?as=document").want(http.StatusOK).has("<textarea").lacks(`name="name.0"`)
	b.post(list, "as", "document", "resource", "Group", "document", document).want(http.StatusOK).
		has("Cost gives groups 2 attributes", "set once, upper and lower case differ, in answers that ask for it", "such as north, south").lacks("/guides/")
	version := b.get(list + "/" + id + "/edit").found(`name="version" value="([0-9]+)"`)
	b.sure(list+"/"+id, "version", version, "name", "Cost", "name.0", "centre", "type.0", "string", "description.0", "Who pays").want(http.StatusOK).has("The schema is changed")
	got := f.declared(t, id).Attributes
	want := []schema.AttributeDocument{{
		Name: "centre", Type: schema.String, Description: "Who pays", CanonicalValues: []string{"north", "south"}, CaseExact: new(true),
		Mutability: schema.Immutable, Returned: schema.ReturnedRequest, Uniqueness: schema.NotUnique,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	f.Do(t, http.MethodPatch, "/Groups/"+f.group, servertest.Patch(map[string]any{"op": "add", "path": id + ":centre", "value": "north"})).Want(t, http.StatusOK)
	b.get(f.home+"/groups/"+f.group).has("<span>Cost</span>", `href="`+list+"/"+id+`"`, "<dt>centre</dt>").get(list + "/" + id).has("1 group has values of it")
	sent := b.get(list + "/" + id + "/document").want(http.StatusOK).body
	if b.header.Get("Content-Disposition") != `attachment; filename="schema.json"` {
		t.Error(b.header)
	}
	version = b.get(list + "/" + id + "/edit?as=document").has("&#34;Who pays&#34;").found(`name="version" value="([0-9]+)"`)
	b.post(list+"/"+id, "as", "document", "version", version, "document", sent).want(http.StatusOK).lacks("is changed", "Change Cost?")

	large := `{"id":"urn:example:large","name":"Large","attributes":[`
	for n := range schema.MaxAttributes {
		large += fmt.Sprintf(`{"name":"attribute%03d","description":"%s"},`, n, strings.Repeat("What it is. ", 15))
	}
	b.post(list, "as", "document", "resource", "User", "document", strings.TrimSuffix(large, ",")+"]}").want(http.StatusOK).has("attribute099").lacks("attribute100")
	page := list + "/urn:example:large"
	for _, path := range []string{list, page, page + "?from=100", page + "/edit", page + "/edit?as=fields"} {
		if b.get(path).want(http.StatusOK); len(b.body) > 60_000 {
			t.Errorf("%s has %d bytes", path, len(b.body))
		}
	}
	many := strings.ReplaceAll(strings.TrimSuffix(large[:strings.Index(large, "attribute040")-len(`{"name":"`)], ","), "urn:example:large", "urn:example:many")
	b.post(list, "as", "document", "resource", "User", "document", strings.ReplaceAll(many, strings.Repeat("What it is. ", 9), "")+"]}").want(http.StatusOK)
	if b.get(list+"/urn:example:many/edit").want(http.StatusOK).has(`name="name.39"`, "is made by its document").lacks("More rows"); len(b.body) > 60_000 {
		t.Errorf("the fields have %d bytes", len(b.body))
	}
	b.get(page+"/edit").has("take the document").get(page+"?from=100").has("attribute100", "attribute199", "First page").lacks("attribute099", "Next page")
	if b.post(page + "/delete").want(http.StatusOK).has("100 more"); len(b.body) > 60_000 {
		t.Errorf("the question has %d bytes", len(b.body))
	}
}

// Where many have values of a schema, they are not counted, and who removes it hears that it may
// take long.
func TestSchemas_OfMany(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	b := member(t, s, o.ID, "ada@example.org", accounts.Administrator)
	list := "/console/o/" + o.ID.String() + "/catalogue/schemas"
	b.post(list, badgeForm()...).want(http.StatusOK)
	var people []any
	for n := range 1001 {
		people = append(people, map[string]any{"method": "POST", "path": "/Users", "bulkId": fmt.Sprint(n), "data": map[string]any{
			"userName": fmt.Sprintf("person%d@acme.example", n), "displayName": "Ada", badgeID: map[string]any{"number": "1"},
		}})
	}
	for _, some := range [][]any{people[:500], people[500:]} {
		o.Do(t, http.MethodPost, "/Bulk", map[string]any{"schemas": []string{scim.BulkRequestURN}, "Operations": some}).Want(t, http.StatusOK)
	}
	b.get(list + "/" + badgeID).has("<p>1,000&#43; people have values of it.")
	b.post(list+"/"+badgeID+"/delete").has("longer than a page is given", "purescim schema remove --force").yes("typed", "Badge").want(http.StatusOK).has("The schema is removed")
}

// A viewer sees all and changes nothing; what is another organisation's is nowhere.
func TestSchemas_AreForWhoMay(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	other := s.NewOrg(t)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	stranger := member(t, s, other.ID, "otto@example.org", accounts.Owner)
	list, theirs := f.home+"/catalogue/schemas", "/console/o/"+other.ID.String()+"/catalogue/schemas"
	b.post(list, badgeForm()...).want(http.StatusOK)
	viewer.get(list).want(http.StatusOK).has(badgeID).lacks("Add a schema")
	viewer.get(list+"/"+badgeID).want(http.StatusOK).has("number").lacks("Change the schema", "Remove")
	viewer.get(list+"/urn:ietf:params:scim:schemas:core:2.0:User").want(http.StatusOK).has("User gives people", "required, unique", "such as work, home, other", "the same in every organisation").lacks("Change the schema", "Who uses it")
	viewer.get(list + "/" + badgeID + "/document").want(http.StatusOK)
	for _, path := range []string{"/new", "/" + badgeID + "/edit"} {
		viewer.get(list + path).want(http.StatusForbidden)
	}
	for _, path := range []string{"", "/" + badgeID, "/" + badgeID + "/delete"} {
		viewer.post(list+path, badgeForm("sure", "yes", "version", "1", "values", "remove")...).want(http.StatusForbidden)
		stranger.post(list+path, badgeForm("sure", "yes", "version", "1", "values", "remove")...).want(http.StatusNotFound)
	}
	stranger.get(theirs).want(http.StatusOK).has("0 schemas").lacks(badgeID)
	for _, path := range []string{"", "/edit", "/document"} {
		stranger.get(theirs + "/" + badgeID + path).want(http.StatusNotFound)
	}
	stranger.post(theirs+"/"+badgeID+"/delete", "sure", "yes", "values", "remove").want(http.StatusNotFound)
	core := list + "/urn:ietf:params:scim:schemas:core:2.0:User"
	b.get(core + "/edit").want(http.StatusNotFound)
	b.post(core+"/delete", "sure", "yes").want(http.StatusNotFound)
	b.get(list).has("1 schema of your own")
}

// In a browser all of it is done by the keyboard.
func TestSchemas_InABrowser(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.readAxe()
	b.look(1280, "light")
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	b.open(f.home + "/catalogue/schemas/new")
	for _, typed := range [][2]string{
		{"#name", "Badge"},
		{"#description", "What opens the doors"},
		{`[name="name.0"]`, "number"},
		{`[name="description.0"]`, "The number on the badge"},
		{`[name="required.0"]`, " "},
		{`[name="name.1"]`, "two words" + kb.Enter},
	} {
		b.tabTo(typed[0], typed[1])
	}
	b.waits(`document.activeElement.value === "two words" && document.activeElement.getAttribute("aria-invalid") === "true"`)
	for _, width := range []int64{1280, 360} {
		b.look(width, "light")
		b.check(fmt.Sprint("schema-wrong-", width), width, http.StatusBadRequest)
		b.axe(fmt.Sprint("schema-wrong-", width))
		b.shoot(fmt.Sprint("schema-wrong-", width))
	}
	b.look(1280, "dark")
	b.do(chromedp.SetValue(`[name="name.1"]`, "floor"), chromedp.Click("button.primary"))
	b.says("The schema is added")
	b.shoot("schema-made")
	asked := eval[int](b, `(button => {
		const { fetch } = window;
		let asked = 0;
		window.fetch = (...what) => { asked++; return fetch(...what); };
		button.click();
		button.click();
		window.fetch = fetch;
		return asked;
	})(document.querySelector("form[action$='/delete'] button"))`)
	b.waits("document.querySelector('dialog[open] h1').textContent === 'Remove Badge?'")
	if asked != 1 {
		t.Errorf("two clicks asked %d times", asked)
	}
	b.shoot("schema-dialog")
	b.leaves()
	b.do(chromedp.Click(".head .actions a"))
	b.waits(`document.querySelector('[name="name.1"]')`)
	b.do(chromedp.SetValue(`[name="name.1"]`, "storey"), chromedp.Click("button.primary"))
	b.waits(`document.querySelector("h1").textContent === "Change Badge?"`)
	b.axe("schema-question")
	b.shoot("schema-question")
	b.do(chromedp.Click("button[name=sure]"))
	b.says("The schema is changed")
	b.forgive("Failed to load resource")
	b.quiet()
}

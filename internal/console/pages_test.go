package console_test

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/servertest"
)

// The log is filtered by a line, paged, exported, and each entry tells what to do.
func TestActivity(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	for filter, want := range map[string]string{
		"result:refused": "tried to change person2@acme.example, and was refused", "user:person0@acme.example": "changed title of person0@acme.example",
		"user:" + f.person: "created person0@acme.example", `group:"Claims Team"`: "added 6 members", "by:entra since:1h op:deactivate": "deactivated person1@acme.example",
		"by:vera@example.org": "signed in", "Supervisor": "no role named", "type:user person3": "created person3",
	} {
		b.get(f.home + "/activity?q=" + url.QueryEscape(filter)).want(http.StatusOK).has(want).lacks("created group Night")
	}
	for filter, want := range map[string]string{"result:good": "is not known", "since:soon": "is no time", "op:x": "is not known", "type:x": "is not known"} {
		b.get(f.home + "/activity?q=" + filter).want(http.StatusBadRequest).has(want)
	}
	b.get(f.home + "/activity?q=nobody-at-all").want(http.StatusOK).has("Nothing in the log matches")
	b.get(f.home+"/activity?q=result:refused+Supervisor").want(http.StatusOK).get(b.found(`href="(`+f.home+`/activity/[0-9a-f-]{36})"`)).want(http.StatusOK).
		has("What to do", "map the value of the app role", "/guides/entra#roles", "What was sent", "Nothing was changed", `make the role (under <a href="`+f.home+`/catalogue/roles">Catalogue</a>).`).lacks("purescim role")
	b.get(f.home+"/activity?q=user:"+f.person+"+op:update").get(b.found(`href="(`+f.home+`/activity/[0-9a-f-]{36})"`)).
		has(`<span class="was">Claims adjuster</span>`, `<span class="now">Head of claims</span>`)
	b.get(f.home+"/activity?q=op:member_add").get(b.found(`href="(`+f.home+`/activity/[0-9a-f-]{36})"`)).has("Ada Lovelace", "Barbara Liskov")
	if b.get(f.home + "/activity/export?format=csv&q=result:refused").want(http.StatusOK); strings.Count(b.body, "\n") != 2 || b.header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("exported %s: %s", b.header.Get("Content-Type"), b.body)
	}
	b.get(f.home + "/activity/export?format=jsonl&q=result:refused").want(http.StatusOK).has(`"result":"refused"`)
	for n := range 60 {
		f.NewGroup(t, fmt.Sprint("Team ", n))
	}
	b.get(f.home+"/activity?q=type:Group").has("Team 59").lacks("group Team 9<").get(strings.ReplaceAll(b.found(`href="([^"]*before=[^"]*)"`), "&amp;", "&")).
		want(http.StatusOK).has("group Team 9<", "Newest").lacks("Team 59")
}

// People are found by the beginning of a name, inside of one, by a filter; a wrong filter is
// explained. A person has attributes, groups and history, deleted too.
func TestPeople(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	b.get(f.home+"/people").want(http.StatusOK).has("5 active people", "Ada Lovelace").lacks("Grace Hopper")
	for query, want := range map[string]string{
		"q=ada": "Ada Lovelace", "q=PERSON3%40": "Katherine Johnson", "q=hopper&inside=yes&state=": "Grace Hopper", "q=hopper&inside=yes": "q=hopper&amp;inside=yes&amp;state=inactive", "state=inactive": "1 inactive person",
		"q=title+eq+%22Head+of+claims%22": "1 person found", "q=hopper": "Look inside of names", "q=x&state=inactive": "Nobody is found",
	} {
		b.get(f.home + "/people?" + query).want(http.StatusOK).has(want)
	}
	b.get(f.home+"/people?q="+url.QueryEscape(`title xx "a" and active pr`)).want(http.StatusBadRequest).has("cannot be read", `value="title xx`)
	// The source of a person is who changed it last, as far as the log tells.
	f.Do(t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "replace", "path": "nickName", "value": "Countess"})).Want(t, http.StatusOK)
	b.get(f.home + "/people")
	for name, source := range map[string]string{"Ada Lovelace": "test", "Alan Turing": "Entra"} {
		if got := b.found(`(?s)` + name + `</a>.*?href="` + f.home + `/activity/[0-9a-f-]{36}">([^<]*)</a>`); got != source {
			t.Errorf("the source of %s is %s, want %s", name, got, source)
		}
	}
	b.get(f.home+"/people/"+f.person).want(http.StatusOK).has("Ada Lovelace is active", "Head of claims", "Claims Team", "4711", "Enterprise attributes", "changed title of", `Head of claims</div><div class="muted small">from <a href="`+f.home+`/activity/`)
	f.Do(t, http.MethodDelete, "/Users/"+f.person, nil).Want(t, http.StatusNoContent)
	b.get(f.home+"/people/"+f.person).want(http.StatusOK).has("person0@acme.example was deleted", "comes back with the same id")
	b.get(f.home + "/people/" + uuid.NewString()).want(http.StatusNotFound).has(`href="` + f.home + `/people">Back</a>`)
	b.get(f.home+"/search?q=claims").want(http.StatusOK).has("Claims Team", "1 group found")
	b.get(f.home + "/search?q=alan").want(http.StatusOK).has("Alan Turing")
	b.get(f.home + "/search?q=" + uuid.NewString()).want(http.StatusOK).has("Nothing in the log matches")
	b.get(f.home+"/people?q=person0@acme.example").want(http.StatusOK).has("Nobody is found", "Somebody of this login was deleted", `href="`+f.home+`/people/`+f.person+`"`)
	b.get(f.home + "/people?q=person0").want(http.StatusOK).has("deleted people are not among them")
	b.get(strings.ReplaceAll(b.found(`href="([^"]*)">Look among the deleted`), "&#43;", "+")).want(http.StatusOK).has("test deleted person0@acme.example").lacks("Claims Team")
	f.Do(t, http.MethodPatch, "/Groups/"+f.group, servertest.Patch(map[string]any{"op": "add", "path": "externalId", "value": "b7f6"}), "Inin-Correlation-Id: cycle-4711").Want(t, http.StatusOK)
	gone := f.NewGroup(t, "Old Team")
	f.Do(t, http.MethodDelete, "/api/v2/groups/"+gone, nil).Want(t, http.StatusNoContent)
	for text, want := range map[string]string{
		"cycle-4711": "changed externalId of group Claims Team", "PERSON0@acme.example": "person0@acme.example was deleted", f.person: "person0@acme.example was deleted", f.group: "Claims Team has", gone: "test deleted group Old Team",
	} {
		b.get(f.home + "/search?q=" + text).want(http.StatusOK).has(want)
	}
}

// Groups are made by pasting names, renamed and deleted, by who may.
func TestGroups(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	group := f.home + "/groups/" + f.group
	viewer.get(f.home + "/groups").want(http.StatusOK).has("Claims Team").lacks("Make groups")
	viewer.get(group).want(http.StatusOK).has("has 6 members", "Grace Hopper").lacks("Rename", "Delete")
	viewer.post(f.home+"/groups", "names", "Mine").want(http.StatusForbidden).has("role is viewer")
	viewer.post(group, "name", "Mine").want(http.StatusForbidden)
	viewer.post(group+"/delete", "members", "6").want(http.StatusForbidden)
	b.post(f.home+"/groups", "names", "North\n\n  South \nclaims team\n").want(http.StatusOK).has("North", "South", "is the name of another group", ">claims team</textarea>")
	b.post(f.home + "/groups").want(http.StatusBadRequest)
	b.get(f.home+"/groups?q=nor").want(http.StatusOK).has("1 group found", "North")
	b.post(group, "name", "night shift").want(http.StatusConflict).has("Nothing was changed.", `href="`+group+`">Back</a>`)
	b.post(group, "name", "Claims", "description", "All of it").want(http.StatusOK).has("Change the group?", "What would change", `<span class="was">Claims Team</span>`, `<span class="now">Claims</span>`)
	b.get(group).has("Claims Team has 6 members").sure(group, "name", "Claims", "description", "All of it").want(http.StatusOK).has("Claims has 6 members", "All of it", "The group is changed")
	b.has("Filled, without an external id")
	f.entra.Do(t, http.MethodPatch, "/Groups/"+f.group, servertest.Patch(map[string]any{"op": "add", "path": "externalId", "value": "b7f6"})).Want(t, http.StatusOK)
	b.get(group).has("Linked to a group of the product").get(f.home+"/groups").has("</svg> linked", "</svg> not yet")
	b.get(group + "?q=grace").want(http.StatusOK).has("Grace Hopper").lacks("Alan Turing")
	b.get(group+"/delete").want(http.StatusOK).has("Delete Claims and 6 memberships?", "Members who would leave", "Grace Hopper")
	b.post(group+"/delete", "members", "5").want(http.StatusConflict)
	b.post(group+"/delete", "members", "6").want(http.StatusOK).has("The group is deleted").lacks(">Claims<")
	b.get(f.home + "/activity?q=op:delete").has("ada@example.org deleted group Claims")
	var names []string
	for n := range 60 {
		names = append(names, fmt.Sprintf("Team %02d", n))
	}
	b.post(f.home+"/groups", "names", strings.Join(names, "\n")).want(http.StatusOK)
	b.get(f.home+"/groups?q=team").has("60 groups found", "Team 00", "Next page").lacks("Team 59", "First page")
	b.get(strings.ReplaceAll(b.found(`href="([^"]*)">Next page`), "&amp;", "&")).want(http.StatusOK).has("Team 59").lacks("Team 00", "Next page")
	b.get(strings.ReplaceAll(b.found(`href="([^"]*)">First page`), "&amp;", "&")).has("Team 00")
}

// A page that is watched tells of what comes, as it comes.
func TestActivity_TellsWhatIsNew(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.signInAs(member(t, s, f.ID, "vera@example.org", accounts.Viewer))
	b.open(f.home + "/activity?q=type:Group")
	f.NewGroup(t, "Newcomers")
	b.waits("document.querySelector('[data-live] a')?.textContent.includes('1 new')")
	b.do(chromedp.Click("[data-live] a"))
	b.waits("document.body.textContent.includes('created group Newcomers')")
	b.quiet()
}

// The catalogue: who uses what, made, renamed in everybody, and deleted when nobody has it.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	home := f.home + "/catalogue"
	viewer.get(home).want(http.StatusOK).has("employee", "built in", "SCIM Integration").lacks("Make it")
	viewer.get(home + "/schemas").want(http.StatusOK).has("0 schemas")
	viewer.get(home + "/nothing").want(http.StatusNotFound)
	viewer.post(home+"/roles", "name", "Boss").want(http.StatusForbidden)
	b.post(home+"/roles", "name", "EMPLOYEE").want(http.StatusConflict).has("EMPLOYEE")
	b.post(home+"/skills", "name", "Billing").want(http.StatusOK).has("1 skill", "It is made")
	skill := b.found(`href="([^"]*/catalogue/skills/[0-9a-f-]{36})"`)
	f.Do(t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "add", "path": "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:routingSkills", "value": []any{map[string]any{"name": "Billing", "proficiency": 3}}})).Want(t, http.StatusOK)
	b.get(skill).want(http.StatusOK).has("1 person has the routing skill Billing", "cannot be deleted")
	const genesys = "urn:ietf:params:scim:schemas:extension:genesys:purecloud:2.0:User:"
	b.post(home+"/languages", "name", "French").want(http.StatusOK)
	f.Do(t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "add", "path": genesys + "routingLanguages", "value": []any{map[string]any{"name": "French", "proficiency": 3}}})).Want(t, http.StatusOK)
	for kind, name := range map[string]string{"skills": "Billing", "languages": "French", "roles": "employee", "divisions": "Home"} {
		b.get(home+"/"+kind).get(b.found(`href="([^"]*)">`+name)).get(html.UnescapeString(b.found(`href="([^"]*)">See who<`))).want(http.StatusOK).has("found", "Ada Lovelace")
	}
	b.sure(skill + "/delete").want(http.StatusConflict).has("cannot be deleted")
	b.sure(skill, "name", "Invoices").want(http.StatusOK).has("It is renamed")
	b.get(f.home + "/people/" + f.person).has("Invoices")
	viewer.post(skill, "name", "Mine").want(http.StatusForbidden)
	b.post(home+"/languages", "name", "German").want(http.StatusOK)
	b.get(home + "/languages")
	b.sure(b.found(`href="([^"]*/catalogue/languages/[0-9a-f-]{36})">German`)+"/delete").want(http.StatusOK).has("It is deleted", "1 language")
}

// Settings are checked whole before any is stored, and change what the API does.
func TestSettings(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	path := f.home + "/settings"
	form := []string{"region", "DE", "removal", "50", "rate", "100", "changes", "90", "refusals", "10", "deleted", "30", "strict", "on", "tolerate", "phoneNumbers", "pagination", "on", "users-percent", "10", "users-least", "20", "members-percent", "0", "members-least", "30", "loops", "50"}
	viewer.get(path).want(http.StatusOK).has("is tolerant", "disabled").lacks("Save")
	viewer.post(path, form...).want(http.StatusForbidden)
	b.post(path, form...).want(http.StatusOK).has("All changes in the log", "older than 90 days", "All refusals in the log older than 10 days", "older than 30 days are removed, for good")
	b.get(path).has("is tolerant")                                    // nobody was sure yet
	b.sure(path, append(form, "changes", "0")...).want(http.StatusOK) // the first value counts
	b.get(path).has("is strict", `value="DE"`, `value="50"`)
	for at, wrong := range map[int]string{1: "XX", 3: "0", 5: "-1", 7: "many", 9: "4000", 11: "0", 19: "101", 21: "-1", 23: "ten", 27: "-1"} {
		bad := slices.Clone(form)
		bad[at] = wrong
		b.post(path, bad...).want(http.StatusBadRequest).has("Nothing was changed")
	}
	now, err := s.Store.Registry().Org(t.Context(), f.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := org.DefaultSettings()
	want.DefaultRegion, want.RemovalLimit, want.RateLimit, want.Strict = "DE", 50, 100, true
	want.ChangeLogDays, want.RefusalLogDays, want.DeletedUserDays, want.Tolerate = 90, 10, 30, []string{"phoneNumbers"}
	want.UserBrake, want.MemberBrake = org.Brake{Percent: 10, Least: 20}, org.Brake{Percent: 0, Least: 30}
	want.LoopLimit = 50
	if diff := cmp.Diff(want, now.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	b.get(f.home + "/activity?q=type:Organization").has("ada@example.org changed")
	b.post(path, append([]string{"changes", "91"}, form...)...).want(http.StatusOK).has("is strict", `value="91"`) // keeps more
}

// An operator sees all organisations, those first that need attention, and goes from one to
// another.
func TestOrganisations(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	quiet := s.NewOrg(t)
	f := furnish(t, s)
	b := member(t, s, accounts.Everywhere, "olga@example.org", accounts.Viewer)
	b.get("/console").want(http.StatusOK).has("1 of 2 organisations needs attention", "Acme Insurance", quiet.Name)
	if strings.Index(b.body, "Acme Insurance") > strings.Index(b.body, ">"+quiet.Name+"<") {
		t.Error("what needs attention is not first")
	}
	b.get("/console/organisations?q=ACME").want(http.StatusOK).has("The one organisation needs attention").lacks(">" + quiet.Name + "<")
	b.get(f.home).want(http.StatusOK).has(`href="/console/o/` + quiet.ID.String() + `"`)
	b.post(f.home+"/groups", "names", "x").want(http.StatusForbidden)
}

// Changes are taken back, and people and groups restored, after a look at what would change.
func TestRecovery(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := member(t, s, f.ID, "ada@example.org", accounts.Administrator)
	viewer := member(t, s, f.ID, "vera@example.org", accounts.Viewer)
	before := time.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	viewer.get(f.home + "/activity?q=user:" + f.person + "+op:update")
	entry := viewer.found(`href="(` + f.home + `/activity/[0-9a-f-]{36})"`)
	viewer.get(entry).want(http.StatusOK).lacks("Take it back")
	viewer.get(entry + "/undo").want(http.StatusForbidden)
	viewer.post(entry + "/undo").want(http.StatusForbidden)
	b.get(entry).has("Take it back").get(entry+"/undo").want(http.StatusOK).
		has("Take back that Entra changed title of person0@acme.example?", "Take back 1 change of Ada Lovelace</button>", "Nothing was changed yet", `<span class="was">Head of claims</span>`, `<span class="now">Claims adjuster</span>`)
	b.post(entry+"/undo").want(http.StatusOK).has("It is taken back", "ada@example.org changed title of person0@acme.example", `<dt>Takes back</dt><dd><a href="`+entry+`">`)
	f.Do(t, http.MethodPatch, "/Users/"+f.person, servertest.Patch(map[string]any{"op": "replace", "path": "title", "value": "Boss"})).Want(t, http.StatusOK)
	b.get(entry+"/undo").want(http.StatusConflict).has("Take it back all the same, and lose the later change", "Title was changed since. Take the later change back first", "<h2>The later change</h2>").lacks("that takes force").get(b.found(`href="([^"]*)">[^<]*changed title`)).has("changed title of person0")
	b.get(b.path + "/undo").post(b.path).want(http.StatusOK).has("It is taken back")
	b.get(f.home + "/people/" + f.person).has("Claims adjuster").lacks("Head of claims</div>")
	f.Do(t, http.MethodPut, "/Groups/"+f.group, map[string]any{"displayName": "Claims Team", "members": []any{}}).Want(t, http.StatusOK)
	group := f.home + "/groups/" + f.group
	b.get(group+"/restore?at="+url.QueryEscape(before)).want(http.StatusOK).has("Restore group Claims Team to ", "Would be added", "Grace Hopper", "Take back 6 changes of group Claims Team</button>")
	b.get(group).has("The group is empty")
	b.post(group+"/restore", "at", before).want(http.StatusOK).has("has 6 members", "It is as it was")
	b.get(group + "/restore?at=yesterday").want(http.StatusBadRequest).has("is no time")
	f.Do(t, http.MethodDelete, "/Users/"+f.person, nil).Want(t, http.StatusNoContent)
	person := f.home + "/people/" + f.person
	b.get(person).has("was deleted").get(person+"/restore?groups=on").has("Bring person0@acme.example back?", "Bring person0@acme.example back</button>")
	b.post(person+"/restore", "groups", "on").want(http.StatusOK).has("It is as it was", "Claims Team")
}

// Whose name begins as it is asked for is listed by name, and behind them whose login does;
// both page by page, and once.
func TestPeople_NamesComeBeforeLogins(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := s.NewOrg(t)
	add := func(login, name string) {
		o.Do(t, http.MethodPost, "/Users", map[string]any{"userName": login, "displayName": name}).Want(t, http.StatusCreated)
	}
	want := []string{}
	for i := range 52 {
		add(fmt.Sprintf("linus%02d@acme.example", 60-i), fmt.Sprintf("Linus %02d", i))
		want = append(want, fmt.Sprintf("Linus %02d", i))
	}
	add("linus.a@acme.example", "Zoe A")
	add("linus.b@acme.example", "Zoe B")
	want = append(want, "Zoe A", "Zoe B")
	b := member(t, s, o.ID, "ada@example.org", accounts.Viewer)
	home := "/console/o/" + o.ID.String()
	b.get(home + "/people?q=linus").want(http.StatusOK)
	names := regexp.MustCompile(`/people/[0-9a-f-]{36}">([^<]*)<`)
	var got []string
	for range 3 {
		b.want(http.StatusOK).has("54 people found")
		for _, match := range names.FindAllStringSubmatch(b.body, -1) {
			got = append(got, match[1])
		}
		next := regexp.MustCompile(`href="([^"]*cursor=[^"]*)"`).FindStringSubmatch(b.body)
		if next == nil {
			break
		}
		b.get(html.UnescapeString(next[1]))
	}
	if !slices.Equal(got, want) {
		t.Errorf("listed %v", got)
	}
	b.get(home+"/people?q=linus.a@acme.example").want(http.StatusOK).has("1 person found", "Zoe A")
	b.get(home + "/people?q=linus&cursor=9.x").want(http.StatusBadRequest)
}

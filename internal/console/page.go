package console

import (
	"bytes"
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/httpapi"
	"github.com/purescim/purescim/internal/org"
	"github.com/purescim/purescim/internal/provisioning"
	"github.com/purescim/purescim/internal/scim"
)

//go:embed templates
var templateFiles embed.FS

// frames are the templates that each page stands in, and what pages share.
var frames = []string{"templates/layout.html", "templates/parts.html"}

// templates are the pages by their names.
var templates = sync.OnceValue(func() map[string]*template.Template {
	base := template.Must(template.New("").Funcs(functions).ParseFS(templateFiles, frames...))
	names, err := fs.Glob(templateFiles, "templates/pages/*.html")
	if err != nil {
		panic(err)
	}
	all := map[string]*template.Template{}
	for _, name := range names {
		page := template.Must(template.Must(base.Clone()).ParseFS(templateFiles, name))
		all[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return all
})

// page is what a template gets.
type page struct {
	Title string
	Place string // in the navigation
	Theme string // light, dark, or empty for that of the system
	Here  string // the path and query of the page
	Who   accounts.Account
	Org   org.Org
	Orgs  []org.Org          // to switch to
	State provisioning.State // of the organisation; empty where that is not told
	Done  string             // what was just done, in words
	// Changes reports whether the viewer may change something, and Owns whether to invite.
	Changes, Owns, Everywhere bool
	// Refresh is after how many seconds a browser without JavaScript loads the page again.
	Refresh int
	// Leave is the URL of a provider to which the page leads on.
	Leave string
	// Wide is true for a page without an account that needs the whole width.
	Wide bool
	Base string // scheme and host
	C    any    // what the page itself shows
}

// Home is the path of the organisation's pages.
func (p page) Home() string { return Path + "/o/" + p.Org.ID.String() }

// Scope is that, or the path of what belongs to no organisation.
func (p page) Scope() string {
	if p.Org.ID == accounts.Everywhere {
		return Path
	}
	return p.Home()
}

// SignedIn reports whether somebody is.
func (p page) SignedIn() bool { return p.Who.ID != uuid.Nil }

// show answers with a page.
func (v *visit) show(name, place, title string, content any) error {
	return v.showStatus(http.StatusOK, name, place, title, content)
}

func (v *visit) showStatus(status int, name, place, title string, content any) error {
	p := page{
		Title: title, Place: place, Theme: v.theme(), Here: v.r.URL.RequestURI(), Who: v.who, Org: v.org, Base: v.base(),
		Done: done[v.query("done")], C: content,
		Changes: v.who.Role.Covers(accounts.Administrator), Owns: v.who.Manages(v.org.ID) == nil,
		Everywhere: v.who.ID != uuid.Nil && v.who.Org == accounts.Everywhere,
	}
	switch c := content.(type) {
	case wizard:
		p.Wide = c.Outside
	case leaving:
		p.Leave = c.Target
	case importPage:
		if c.Running() {
			p.Refresh = 2
		}
	}
	if err := v.settle(&p); err != nil {
		return err
	}
	if v.who.ID != uuid.Nil {
		var err error
		if p.State, err = v.readState(p.Org.ID); err != nil {
			return err
		}
	}
	if p.Everywhere {
		all, err := v.Organisations.ListOrgs(v.r.Context())
		if err != nil {
			return err
		}
		p.Orgs = all[:min(len(all), mostSwitched)]
	}
	return writePage(v.w, status, name, p)
}

// settle gives a page that belongs to no organisation the navigation of the only one that the
// viewer may see.
func (v *visit) settle(p *page) (err error) {
	if p.Org.ID == accounts.Everywhere && v.who.Org != accounts.Everywhere {
		p.Org, err = v.Organisations.Org(v.r.Context(), v.who.Org)
	}
	return err
}

// enough is how far a page counts what it does not show: more is told as 1,000+, so that
// no page takes longer where there is more.
const enough = 1000

// mostSwitched is how many organisations the switch offers; the list has all.
const mostSwitched = 50

func writePage(w http.ResponseWriter, status int, name string, p page) error {
	var text bytes.Buffer
	if err := templates()[name].ExecuteTemplate(&text, "layout", p); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // a browser that has gone is nobody's error
	return nil
}

// failure is what the page of an error says.
type failure struct {
	Heading, Detail, CorrelationID string
	Back                           string // a page that leads on; empty is none
	Status                         int
}

var headings = map[int]string{
	http.StatusNotFound:           "There is nothing here",
	http.StatusForbidden:          "You may not do this",
	http.StatusMethodNotAllowed:   "There is nothing here",
	http.StatusBadRequest:         "That did not work",
	http.StatusConflict:           "That did not work",
	http.StatusTooManyRequests:    "Too fast",
	http.StatusUnauthorized:       "That did not work",
	http.StatusServiceUnavailable: "The server cannot answer at the moment",
}

// writeError answers with the page of an error: what happened, and the next click.
func (c *console) writeError(w http.ResponseWriter, r *http.Request, told *scim.Error) {
	setPolicy(w)
	v := &visit{console: c, w: w, r: r}
	if v.identify() == nil && v.who.ID != uuid.Nil { // a page without a name will do
		_ = v.findOrg()
	}
	f := failure{Heading: headings[told.Status], Detail: sentence(told.Detail), Status: told.Status, CorrelationID: httpapi.CorrelationID(r.Context())}
	if f.Heading == "" {
		f.Heading = "Something went wrong"
	}
	if v.who.ID != uuid.Nil {
		f.Back = c.backOf(r)
	}
	if r.Method == http.MethodPost && told.Status < http.StatusInternalServerError && !strings.Contains(strings.ToLower(f.Detail), "nothing was") {
		f.Detail += " Nothing was changed."
	}
	p := page{Title: f.Heading, Theme: v.theme(), Here: Path, Who: v.who, Org: v.org, Base: v.base(), C: f}
	p.Everywhere, p.Owns = v.who.ID != uuid.Nil && v.who.Org == accounts.Everywhere, v.who.Manages(v.org.ID) == nil
	_ = v.settle(&p)
	if err := writePage(w, told.Status, "error", p); err != nil {
		_ = c.frame.Explain(r.Context(), err) // for the log
	}
}

// done are the words for what was just done, by the value in the URL that leads to the page:
// no text of a URL is shown.
var done = map[string]string{
	"made":       "It is made. People may refer to it by its name.",
	"renamed":    "It is renamed, in all people who have it, too.",
	"entry":      "It is deleted.",
	"declared":   "The schema is added. Products may send its attributes within a second.",
	"redeclared": "The schema is changed. It counts on every server within a second.",
	"undeclared": "The schema is removed, with all values of it.",
	"settings":   "The settings are changed. They count on every server within a second.",
	"stream":     "The stream is set. Changes from a second on are told as it says.",
	"enabled":    "The stream goes on.",
	"paused":     "The stream is paused. What happens from now on waits until it goes on.",
	"disabled":   "The stream is switched off. Nobody is told of what happens from now on.",
	"unstreamed": "The stream is removed, with its events.",
	"requeued":   "It waits to be delivered again.",
	"trusted":    "The issuer is trusted. Its tokens are taken from now on.",
	"distrusted": "The issuer is trusted no more. Its tokens have ended.",
	"undone":     "It is taken back.",
	"restored":   "It is as it was.",
	"password":   "Your password is changed. Your other sessions have ended.",
	"passkey":    "The passkey is made. You may sign in with it from now on.",
	"unkeyed":    "The passkey is removed. Nobody signs in with it any more.",
	"linked":     "It is linked. You may sign in with it from now on.",
	"unlinked":   "It signs you in no more. The sessions that it began have ended.",
	"provided":   "It is added. People sign in by it as soon as the provider knows the redirect URL.",
	"provider":   "It is removed. Nobody signs in by it any more, and the sessions that it began have ended.",
	"ended":      "The session has ended.",
	"role":       "The role is changed.",
	"removed":    "The account is removed. Its sessions have ended.",
	"revoked":    "The token is revoked. Every server refuses it within a second.",
	"disable":    "The connection is disabled, and its tokens have ended.",
	"enable":     "The connection is enabled. It needs a new token.",
	"connection": "The connection is deleted, with its tokens.",
	"setup":      "The setup link has ended.",
	"group":      "The group is changed.",
	"deleted":    "The group is deleted, with all memberships in it.",
	"file":       "The file is removed, with its report.",
	"erased":     "The person is erased. What was done to which id is all that is left.",
	"released":   "It is released. The product goes on when it tries again.",
	"rejected":   "It is rejected. What is wrong in the product comes again until it is mended there.",
	"withdrawn":  "The invitation is withdrawn; its link leads nowhere now.",
}

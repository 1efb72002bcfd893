package console_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// Of all that a page offers, links lead to pages and their anchors are there, and forms are
// for whoever sees them: who walks through the console meets no dead end, whatever the role.
func TestLinks_LeadSomewhere(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s, tight)
	f.spoil(t)
	f.empty(t).Want(t, http.StatusForbidden)
	bare := s.NewOrg(t)
	for _, role := range accounts.Roles {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			newWalk(t, member(t, s, f.ID, string(role)+"@example.org", role)).from("/console", f.home+"/activity?q=nobody-at-all", f.home+"/people?state=inactive", f.home+"/nothing")
			newWalk(t, member(t, s, bare.ID, string(role)+".bare@example.org", role)).from("/console")
		})
	}
	t.Run("operator", func(t *testing.T) {
		t.Parallel()
		newWalk(t, member(t, s, accounts.Everywhere, "olga@example.org", accounts.Owner)).from("/console", f.home)
	})
}

// walk is a browser that follows all links.
type walk struct {
	*browser
	seen  map[string]int  // how many links of a shape were followed
	tried map[string]bool // by themselves
}

func newWalk(t *testing.T, b *browser) *walk {
	t.Helper()
	b.t = t
	return &walk{b, map[string]int{}, map[string]bool{}}
}

var (
	links   = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	actions = regexp.MustCompile(`<form[^>]* action="([^"]*)"[^>]*method="post"`)
	ids     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}|=[^&]*|/o/[0-9]+`)
)

// fewAlike is how many links of one shape are followed.
const fewAlike = 4

// from follows what pages lead to, and what that leads to.
func (w *walk) from(paths ...string) {
	w.t.Helper()
	for len(paths) > 0 {
		path := paths[0]
		paths = paths[1:]
		shape := ids.ReplaceAllString(path, "-")
		if w.seen[shape] == fewAlike || w.tried[path] {
			continue
		}
		w.seen[shape]++
		w.tried[path] = true
		page, anchor, _ := strings.Cut(path, "#")
		w.get(page)
		if w.status >= http.StatusBadRequest && !strings.HasSuffix(page, "/nothing") {
			w.t.Errorf("%s: status %d", path, w.status)
			continue
		}
		if anchor != "" && !strings.Contains(w.body, `id="`+anchor+`"`) {
			w.t.Errorf("%s: there is no such anchor", path)
		}
		body := w.body
		for _, action := range actions.FindAllStringSubmatch(body, -1) {
			w.tryForm(page, html.UnescapeString(action[1]))
		}
		for _, link := range links.FindAllStringSubmatch(body, -1) {
			to := html.UnescapeString(link[1])
			if strings.HasPrefix(to, "#") {
				to = page + to
			}
			if strings.HasPrefix(to, "/console") && !strings.HasPrefix(to, "/console/signin") {
				paths = append(paths, to)
			}
		}
	}
}

// tryForm sends a form with nothing in it, which changes nothing: whoever may not send it
// hears so.
func (w *walk) tryForm(page, action string) {
	w.t.Helper()
	shape := ids.ReplaceAllString("POST "+action, "-")
	if w.seen[shape] > 0 || strings.HasSuffix(action, "/signout") {
		return
	}
	w.seen[shape]++
	if w.post(action); w.status == http.StatusForbidden {
		w.t.Errorf("%s has a form for %s, which is refused", page, action)
	}
}

package console_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/servertest"
)

// administrator answers a recorded scenario's requests to the platform: whoever makes
// groups and roles there is no identity system.
type administrator struct{ token string }

func (a administrator) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasPrefix(r.URL.Path, servertest.SCIM) {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// replay plays what Entra sends.
func replay(t *testing.T, target scimtest.Target, names ...string) {
	t.Helper()
	played := 0
	for _, scenario := range scimtest.LoadScenarios(t) {
		for _, name := range names {
			if strings.Contains(scenario.File, "entra/"+name) {
				scenario.Run(t, target)
				played++
			}
		}
	}
	if played != len(names) {
		t.Fatalf("%d scenarios were played of %v", played, names)
	}
}

// From the list of connections to the first people by keyboard alone: a connection is made, its token
// is shown once, what Entra sends with it ticks live, and whoever is refused has advice. Then
// a group is emptied, and filled again from its history.
func TestWizard(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	o := acme(t, s)
	home := "/console/o/" + o.ID.String()
	b := newTab(t, s)
	b.look(1280, "light")
	b.signInAs(member(t, s, o.ID, "ada@example.org", accounts.Administrator))
	b.open(home + "/connections")
	b.tabTo("main a.primary", kb.Enter)
	b.waits("location.pathname.endsWith('/connections/new') && document.querySelector('input[value=entra]')")
	b.tabTo("input[name=guide]", " ")
	for range 20 {
		if eval[bool](b, "document.querySelector('input[value=entra]').checked") {
			break
		}
		b.do(chromedp.KeyEvent(kb.ArrowDown))
	}
	b.tabTo("#name", "Entra production")
	b.tabTo("main button.primary", kb.Enter)
	b.waits("document.getElementById('token')")
	token := eval[string](b, "document.getElementById('token').textContent")
	b.shoot("wizard-values")
	b.tabTo(".actions .primary", kb.Enter)
	b.waits("location.pathname.endsWith('/guide') && document.querySelector('.guide')")
	if text := eval[string](b, "document.body.textContent"); strings.Contains(text, token) || !strings.Contains(text, s.URL+"/api/v2/scim/v2") || !strings.Contains(text, "The connection Entra production of Acme Insurance") || strings.Contains(text, "purescim client create") {
		t.Error("the guide has not our values, or the token")
	}
	b.shoot("wizard-steps")
	b.tabTo(".actions .primary", kb.Enter)
	b.waits("location.pathname.endsWith('/check') && document.querySelectorAll('.tick.on').length === 0 && document.querySelectorAll('.tick').length === 3")

	target := scimtest.Target{BaseURL: s.URL, Token: token, Client: &http.Client{Transport: administrator{o.Token}}}
	replay(t, target, "01-test-connection")
	b.waits("document.querySelectorAll('.tick.on').length === 1")
	replay(t, target, "03-initial-cycle-create")
	b.waits("document.querySelectorAll('.tick.on').length === 2")
	replay(t, target, "16-group-add-members")
	entra := *o
	entra.Token = token
	entra.Do(t, http.MethodPost, "/Users", map[string]any{"userName": "alan@acme.example", "roles": []any{map[string]any{"value": "Supervisor"}}}).Want(t, http.StatusBadRequest)
	b.waits("document.querySelectorAll('.tick.on').length === 3 && document.body.textContent.includes('What to do:')")
	b.shoot("wizard-check")

	group := entra.Do(t, http.MethodGet, "/Groups?filter=displayName+eq+%22Claims+Team%22", nil).Want(t, http.StatusOK).Object(t)["Resources"].([]any)[0].(map[string]any)
	members := len(group["members"].([]any))
	entra.Do(t, http.MethodPatch, "/Groups/"+group["id"].(string), servertest.Patch(map[string]any{"op": "Remove", "path": "members"})).Want(t, http.StatusOK)
	b.open(home + "/groups/" + group["id"].(string))
	b.waits("document.querySelector('h1').textContent.includes('has 0 members')")
	b.tabTo("#history li:first-child a", kb.Enter)
	b.tabTo("main a[href$='/undo']", kb.Enter)
	b.waits("document.querySelector('h1').textContent === 'Take back that Entra production removed 3 members from group Claims Team?'")
	b.shoot("undo")
	b.tabTo("main button.primary", kb.Enter)
	b.waits("document.body.textContent.includes('It is taken back')")
	if now := entra.Do(t, http.MethodGet, "/Groups/"+group["id"].(string), nil).Want(t, http.StatusOK).Object(t)["members"].([]any); members == 0 || len(now) != members {
		t.Errorf("%d members, %d before", len(now), members)
	}
	b.quiet()
}

// tabTo presses Tab until what is selected has the focus, and then another key or a text.
// Whatever has the focus on the way shows it.
func (b *tab) tabTo(selector, then string) {
	b.t.Helper()
	b.waits("document.querySelector(" + quoted(selector) + ")")
	look := "(e => [e === document.body || getComputedStyle(e).outlineStyle !== 'none' ? '' : e.outerHTML, e.matches(" + quoted(selector) + ") ? 'there' : ''])(document.activeElement)"
	for range 120 {
		b.do(chromedp.KeyEvent(kb.Tab))
		saw := eval[[]string](b, look)
		if saw[0] != "" {
			b.t.Errorf("on the way to %s, %s does not show that it has the focus", selector, saw[0])
		}
		if saw[1] == "there" {
			b.do(chromedp.KeyEvent(then))
			return
		}
	}
	b.t.Fatalf("Tab does not lead to %s", selector)
}

// quoted writes a text as JavaScript has it.
func quoted(text string) string { return "\"" + strings.ReplaceAll(text, `"`, `\"`) + "\"" }

package console_test

import (
	"slices"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/purescim/purescim/internal/accounts"
	"github.com/purescim/purescim/internal/servertest"
)

// press presses keys one after the other, as a keyboard does: what a page takes for itself
// is not typed.
func (b *tab) press(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.do(call(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: key, Text: key}),
			call(input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: key}))
	}
}

// Keys lead to each place, search, and tell of themselves; in a box they are letters.
func TestKeys(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	for key, path := range map[string]string{"o": "", "a": "/activity", "p": "/people", "g": "/groups", "c": "/connections", "t": "/catalogue", "s": "/settings"} {
		b.open(f.home + "/holds")
		eval[bool](b, "Boolean(window.setTimeout = () => 0)") // a slow browser takes more than the second that g waits
		b.press("g", key)
		b.waits("location.pathname === '" + f.home + path + "' && document.querySelector('main h1')")
	}
	b.open(f.home + "/settings")
	b.press("x", "o") // no g before it
	b.press("?")
	b.waits("document.querySelector('dialog[open]')?.innerText.replace(/\\s+/g, ' ').includes('Settings g s')")
	b.readAxe()
	b.axe("keys")
	b.press("g", "p")
	b.do(chromedp.KeyEvent(kb.Escape))
	b.waits("!document.querySelector('dialog') && location.pathname.endsWith('/settings')")
	b.press("/", "g", "o", "?")
	if typed := eval[string](b, "document.activeElement.value"); typed != "go?" {
		t.Errorf("in the box stands %q", typed)
	}
	b.do(chromedp.KeyEvent(kb.Enter))
	b.waits("location.pathname.endsWith('/people') && location.search === '?q=go%3F'")
	b.quiet()
}

// The filter of the log is completed term by term, with values; without JavaScript the first.
func TestActivity_CompletesEachTerm(t *testing.T) {
	t.Parallel()
	s := servertest.New(t)
	f := furnish(t, s)
	b := newTab(t, s)
	b.signInAs(member(t, s, f.ID, "ada@example.org", accounts.Administrator))
	const offered = "[...document.querySelector('input[list=terms]').list.options].map(o => o.value)"
	for _, c := range []struct{ typed, want string }{
		{"", "op:member_add"},
		{"re", "result:refused"},
		{"by:Entra re", "by:Entra result:refused"},
		{`group:"Claims Te`, "by:Entra"},
		{`group:"Claims Team" b`, `group:"Claims Team" by:Entra`},
		{"since:2d ", "since:2d type:User"},
	} {
		b.open(f.home + "/activity")
		b.do(chromedp.SendKeys("input[list=terms]", c.typed))
		if got := eval[[]string](b, offered); !slices.Contains(got, c.want) {
			t.Errorf("behind %q is offered %q, want %q among them", c.typed, got, c.want)
		}
	}
	b.quiet()
}

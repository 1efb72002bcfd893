package console_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/purescim/purescim/internal/servertest"
)

// shots is where the tests write what they see: go test ./internal/console -shots DIR.
var shots = flag.String("shots", "", "folder for screenshots of the pages")

// chromium finds the browser. Without one there is nothing to prove: with CI set, that is a
// failure.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no chromium; apt-get install chromium")
	}
	t.Skip("there is no chromium to look at the pages with")
	return ""
}

// A tab of a real browser.
type tab struct {
	t      *testing.T
	ctx    context.Context
	server *servertest.Server

	mu      sync.Mutex
	axeText string
	faults  []string // what the browser complained about
}

// newTab starts a browser.
func newTab(t *testing.T, s *servertest.Server) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	ctx, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, leave := chromedp.NewContext(ctx)
	t.Cleanup(leave)
	b := &tab{t: t, ctx: ctx, server: s}
	messages := chromedp.Console(ctx)
	b.do(chromedp.Navigate("about:blank"))
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.faults = append(b.faults, fmt.Sprint(m))
			b.mu.Unlock()
		}
	}()
	return b
}

// do fails the test unless all steps are done.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a page.
func (b *tab) open(path string) { b.t.Helper(); b.do(chromedp.Navigate(b.server.URL + path)) }

// takes the session of a browser without a screen.
func (b *tab) signInAs(other *browser) {
	b.t.Helper()
	r, _ := other.client.Get(b.server.URL + "/console/account")
	r.Body.Close()
	for _, cookie := range other.client.Jar.Cookies(r.Request.URL) {
		b.do(call(network.SetCookie, network.SetCookieParams{Name: cookie.Name, Value: cookie.Value, URL: b.server.URL}))
	}
}

// call is a step that is a command of the browser's protocol.
func call[P, R any](command cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	})
}

// look makes the browser so wide, and light or dark.
func (b *tab) look(width int64, scheme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800), call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}},
	}))
}

// eval is what JavaScript comes to in the page.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// waits until JavaScript comes to true in a page that is there whole, with its script. A page
// that leaves while it is asked answers with an error, and the one that comes is asked again.
func (b *tab) waits(expression string) {
	b.t.Helper()
	asked := chromedp.Evaluate[bool]("(() => { try { return document.readyState === 'complete' && Boolean(" + expression + ") } catch { return false } })()")
	var last error
	for range 600 {
		is, err := chromedp.Run(b.ctx, asked)
		var left *cdproto.Error // by the browser; all else is for good
		if err != nil && !errors.As(err, &left) {
			b.t.Fatalf("%s: %v", expression, err)
		}
		if is {
			return
		}
		last = err
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("never came true: %s (%v)", expression, last)
}

// isAsked clicks on a button whose form asks first, and waits for the dialog of the heading.
func (b *tab) isAsked(button, heading string) {
	b.t.Helper()
	b.click(button)
	b.waits("document.querySelector('dialog[open] h1').textContent === '" + heading + "'")
}

// isSure says yes in the dialog, and waits for what the page says then.
func (b *tab) isSure(says string) {
	b.t.Helper()
	b.click("dialog button[name=sure]")
	b.says(says)
}

// leaves the dialog without doing anything.
func (b *tab) leaves() {
	b.t.Helper()
	b.click("dialog a.button")
	b.waits("!document.querySelector('dialog')")
}

// shoot keeps what is to be seen, if somebody wants it.
func (b *tab) shoot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(*shots, name+".png"), picture, 0o600)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// forgive takes away what the browser has said that is as it should be.
func (b *tab) forgive(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = slices.DeleteFunc(b.faults, func(fault string) bool { return strings.Contains(fault, text) })
}

// quiet fails if the browser has complained, for one about what a page may not load.
func (b *tab) quiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		b.t.Errorf("the browser says:\n%s", strings.Join(b.faults, "\n"))
	}
	b.faults = nil
}

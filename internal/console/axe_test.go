package console_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// axePath is what 'make axe' installs: axe-core, which knows what keeps people from using
// a page.
var axePath = filepath.Join("..", "..", "deploy", "axe", "node_modules", "axe-core", "axe.min.js")

// readAxe reads it. Where CI is set, it has to be there.
func (b *tab) readAxe() {
	b.t.Helper()
	text, err := os.ReadFile(axePath)
	switch {
	case err == nil:
		b.axeText = string(text)
	case os.Getenv("CI") != "":
		b.t.Fatalf("%v; 'make axe' installs it", err)
	default:
		b.t.Logf("pages are not looked at with axe-core, which 'make axe' installs: %v", err)
	}
}

// finding is what axe-core has found.
type finding struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

// axe fails if the page has something that is seriously in the way of people, by all rules
// or by some.
func (b *tab) axe(what string, rules ...string) {
	b.t.Helper()
	if b.axeText == "" {
		return
	}
	options := map[string]any{"resultTypes": []string{"violations"}}
	if len(rules) > 0 {
		options["runOnly"] = rules
	}
	text, err := json.Marshal(options)
	if err != nil {
		b.t.Fatal(err)
	}
	if !eval[bool](b, "'axe' in window") {
		eval[bool](b, b.axeText+";true")
	}
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("axe.run(document, "+string(text)+").then(r => JSON.stringify(r.violations))", chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	var findings []finding
	if err := json.Unmarshal([]byte(found), &findings); err != nil {
		b.t.Fatal(err)
	}
	for _, f := range findings {
		var where []string
		for _, n := range f.Nodes {
			where = append(where, n.HTML+"\n    "+n.FailureSummary)
		}
		report := b.t.Logf
		if f.Impact == "serious" || f.Impact == "critical" {
			report = b.t.Errorf
		}
		report("%s: %s (%s, %s):\n  %s", what, f.Help, f.ID, f.Impact, strings.Join(where, "\n  "))
	}
}

// script has the browser run scripts, or not.
func (b *tab) script(on bool) {
	b.t.Helper()
	b.do(call(emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !on}))
}

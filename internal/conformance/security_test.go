package conformance

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// stride are the kinds of threats, in the order of the table.
var stride = []string{
	"spoofing", "tampering", "repudiation", "information disclosure", "denial of service", "elevation of privilege",
}

var testName = regexp.MustCompile("`(?:[a-z]+/)*([a-z]+\\.(?:Test|Fuzz)[^`]*)`")

// Each threat of docs/security.md is of a kind of STRIDE and met by a defence that a
// test proves, and the tests exist.
func TestThreats_AreProved(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Threats\n")
	table, _, _ = strings.Cut(table, "\n## ")
	tests, rows, last := findTests(t), 0, 0
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		kind := slices.Index(stride, cells[0])
		if !strings.HasPrefix(line, "| ") || cells[0] == "kind" {
			continue
		}
		rows++
		if len(cells) != 4 || kind < last {
			t.Errorf("this row has not four cells, or its kind is none of STRIDE, or not in the order of the kinds: %s", line)
			continue
		}
		last = kind
		named := testName.FindAllStringSubmatch(cells[3], -1)
		if len(named) == 0 {
			t.Errorf("nothing proves %q", cells[2])
		}
		for _, name := range named {
			if why := tests.objection(name[1]); why != "" {
				t.Errorf("%s: %s", name[1], why)
			}
		}
	}
	if rows < len(stride) {
		t.Errorf("found only %d threats", rows)
	}
}

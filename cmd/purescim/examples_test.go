package main

import (
	"strings"
	"testing"
)

// Each command has examples that it understands, which its help and the manual show.
func TestExamples_AreOfEachCommand(t *testing.T) {
	t.Parallel()
	_, manual, _ := told(t, "manual")
	left := map[string]bool{}
	for words := range examples {
		left[words] = true
	}
	parser := newParser(t)
	for _, command := range parser.Model.Leaves(true) {
		words := wordsOf(command)
		delete(left, words)
		if len(examples[words]) == 0 {
			t.Errorf("%s has no example", words)
		}
		for _, example := range examples[words] {
			if understood, err := parseWith(parser, example); err != nil || !strings.HasPrefix(understood, words) {
				t.Errorf("purescim %s: understood as %q, %v", example, understood, err)
			}
			if !strings.Contains(manual, "purescim "+new(roff).text(example)+"\n") {
				t.Errorf("the manual does not show %q", example)
			}
		}
	}
	if _, help, _ := told(t, "org", "delete", "--help"); !strings.Contains(help, "\n    purescim org delete acme\n") {
		t.Errorf("the help has no examples:\n%s", help)
	}
	for words := range left {
		t.Errorf("examples of %q, which is no command", words)
	}
}

// The help shows the commands in groups, each in a line.
func TestHelp_IsInGroups(t *testing.T) {
	t.Parallel()
	_, help, _ := told(t)
	for _, group := range helpGroups {
		if !strings.Contains(help, "\n"+group.Title+"\n") {
			t.Errorf("no group %q in\n%s", group.Title, help)
		}
	}
	if strings.Contains(help, "Commands:") {
		t.Errorf("a command has no group:\n%s", help)
	}
}

package conformance

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseTable(t *testing.T) {
	t.Parallel()
	got, err := parseTable("# Creating\n\nC1 MUST 7644 3.3\nIt is\nanswered.\n= scimapi.TestPost\n= scimapi.TestGet/one\n! Not always.\n\nC2a MAY 7643 2\nIt may.\n")
	if err != nil {
		t.Fatal(err)
	}
	want := table{title: "Creating", rows: []requirement{
		{id: "C1", level: "MUST", rfc: "7644", section: "3.3", text: "It is answered.", tests: []string{"scimapi.TestPost", "scimapi.TestGet/one"}, differs: "Not always."},
		{id: "C2a", level: "MAY", rfc: "7643", section: "2", text: "It may."},
	}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(table{}, requirement{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for text, why := range map[string]string{
		"C1 MUST 7644 3.3\nIt is.":                   "no title",
		"# A\n\nC1 SHALL 7644 3.3\nIt is.":           "no heading",
		"# A\n\nC1 MUST 3.3\nIt is.":                 "no heading",
		"# A\n\nC1 MUST 7644 3.3\n= scimapi.TestGet": "words are missing",
		"# A\n\nC1 MUST 7644 3.3\na | b":             "end a cell",
	} {
		if _, err := parseTable(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: error %v, want one of %s", text, err, why)
		}
	}
}

func TestObjection(t *testing.T) {
	t.Parallel()
	tests := findTests(t)
	for name, exists := range map[string]bool{
		"httpapi.TestAuthentication":                            true,
		"httpapi.TestAuthentication/in the query":               true,
		"httpapi.TestAuthentication/by guessing":                false,
		"oauth.TestAuthentication":                              false,
		"servertest.TestPatchCases/remove_simple":               true,
		"servertest.TestFilterCases/remove_simple":              false,
		"servertest.TestScenarios/curl/01-bad-json.json":        true,
		"servertest.TestScenarios/curl/01-bad-json-of-old.json": false,
	} {
		if why := tests.objection(name); (why == "") != exists {
			t.Errorf("%s: %q", name, why)
		}
	}
}

package conformance

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/conformance.md anew")

const document = "../../docs/conformance.md"

// Each requirement is told once, and what a server MUST do is proved by a test
// that exists.
func TestRequirements_AreProved(t *testing.T) {
	t.Parallel()
	tables, err := readTables()
	if err != nil {
		t.Fatal(err)
	}
	tests := findTests(t)
	seen := map[string]bool{}
	for _, table := range tables {
		for _, r := range table.rows {
			if seen[r.id] {
				t.Errorf("%s is told twice", r.id)
			}
			seen[r.id] = true
			if r.level == "MUST" && len(r.tests) == 0 {
				t.Errorf("%s: nothing proves %q", r.id, r.text)
			}
			for _, name := range r.tests {
				if why := tests.objection(name); why != "" {
					t.Errorf("%s: %s: %s", r.id, name, why)
				}
			}
		}
	}
}

func TestDocument_IsWhatTheRequirementsSay(t *testing.T) {
	t.Parallel()
	tables, err := readTables()
	if err != nil {
		t.Fatal(err)
	}
	got := render(tables)
	if *update {
		if err := os.WriteFile(document, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(document)
	if err != nil {
		t.Fatalf("%v (go test ./internal/conformance -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("docs/conformance.md is not what the requirements say; go test ./internal/conformance -update writes it (-want +got):\n%s", diff)
	}
}

const introduction = `# What the standards ask, and what proves it

<!-- Written by go test ./internal/conformance -update from internal/conformance/requirements. -->

This page lists the requirements of SCIM 2.0 (RFC 7643 and 7644), of cursors (RFC 9865), of events (RFC 9967, delivered by RFC 8935 and 8936), and of the OAuth and HTTP that they rest on. The words are ours; the section number leads to the words of the standard.
**MUST** also stands for SHALL and REQUIRED. **OPEN** marks what the standards leave to the server, or say in two ways: the row says what this server does.
The server deliberately meets a row with **Differs** in another way; [behaviour.md](behaviour.md) says why.
A proof is a test, named by its package; after a slash comes one of its cases. Most proofs test the whole server with HTTP and PostgreSQL. Where a part alone can be asked more than a server can, the proof tests the part.

` + "`make clients`" + ` installs these programs of others and runs them against a server that makes groups (behaviour.md 78):

| program | passes | the rest |
|---|---|---|
| scim-sanity 0.7.4 | 27 of 28 | one adds a member that nobody has created and expects 200, though the program says itself that the standard leaves that to the server; here an id that belongs to no user is 400 (behaviour.md 71) |
| scim2-tester 0.5.2 with scim2-cli 0.6.0 | 55 of 86 | 22 create read-only resources: roles and memberships (behaviour.md 60, 62); 7 fill a decimal with a text, at which the program itself stops; 2 expect the answer to have no display of a member, which is read-only |
| Genesys Cloud's SDK for Python 269.0.0 | 14 of 14 | |
| Ping's SDK (scim2-sdk-client 5.0.0) | 16 of 16 | |
| SCIM-SDK (scim-sdk-client 1.30.0) | 13 of 13 | |
| Genesys Cloud's SDK for JavaScript 262.0.0 | ` + "`make sdk-test`" + `: 7 of 7 | |

`

// render writes the document.
func render(tables []table) string {
	var b strings.Builder
	b.WriteString(introduction)
	levels := []string{"MUST", "SHOULD", "MAY", "OPEN"}
	b.WriteString("| | " + strings.Join(levels, " | ") + " | differs |\n|---|---|---|---|---|---|\n")
	for _, table := range tables {
		var counts [5]int
		for _, r := range table.rows {
			counts[slices.Index(levels, r.level)]++
			if r.differs != "" {
				counts[4]++
			}
		}
		fmt.Fprintf(&b, "| %s |", table.title)
		for _, n := range counts {
			fmt.Fprintf(&b, " %d |", n)
		}
		b.WriteByte('\n')
	}
	for _, table := range tables {
		fmt.Fprintf(&b, "\n## %s\n| id | level | section | requirement | proof |\n|---|---|---|---|---|\n", table.title)
		for _, r := range table.rows {
			text := r.text
			if r.differs != "" {
				text += " **Differs:** " + r.differs
			}
			fmt.Fprintf(&b, "| %s | %s | %s §%s | %s | %s |\n", r.id, r.level, r.rfc, r.section, text, strings.Join(quoted(r.tests), "<br>"))
		}
	}
	return b.String()
}

func quoted(names []string) []string {
	codes := make([]string, len(names))
	for i, name := range names {
		codes[i] = "`" + name + "`"
	}
	return codes
}

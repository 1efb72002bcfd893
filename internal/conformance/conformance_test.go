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

The requirements of SCIM 2.0 (RFC 7643 and 7644), of cursors (RFC 9865), of events (RFC 9967, delivered by RFC 8935 and 8936), and of the OAuth and HTTP that they rest on. The words are ours; the number leads to the standard's.
**MUST** stands for SHALL and REQUIRED too. **OPEN** is what the standards leave to the server, or say in two ways: what is told there is what this server does.
A row with **Differs** is met in another way, deliberately; [behaviour.md](behaviour.md) tells why.
A proof is a test, named by its package; what follows a slash is one of its cases. Proofs are tests of the whole server with HTTP and PostgreSQL, except where a part alone can be asked more than a server can.

Programs of others, which ` + "`make clients`" + ` installs and runs against a server that makes groups (behaviour.md 78):

| program | passes | the rest |
|---|---|---|
| scim-sanity 0.7.4 | 27 of 28 | one adds a member whom nobody has created and wants 200, though it says itself that the standard leaves that to the server; an id that is no user's is 400 here (behaviour.md 71) |
| scim2-tester 0.5.2 with scim2-cli 0.6.0 | 55 of 86 | 22 create what is read-only, roles and memberships (behaviour.md 60, 62); 7 fill a decimal with a text and stop at that themselves; 2 want no display of a member, which is read-only, back |
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

package internal_test

import (
	"os"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// docs/security.md lists the versions that were looked at, which are those in use.
func TestDependencies_AreListed(t *testing.T) {
	t.Parallel()
	find := func(file, pattern string) (found []string) {
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(pattern).FindAllSubmatch(text, -1) {
			found = append(found, string(match[1])+" "+string(match[2]))
		}
		slices.Sort(found)
		return found
	}
	used := find("go.mod", `(?m)^\t(\S+) (v\S+)$`)
	listed := find("docs/security.md", "(?m)^\\| `(\\S+)` \\| (v\\S+) \\|$")
	if diff := cmp.Diff(used, listed); diff != "" || len(used) == 0 {
		t.Errorf("docs/security.md (-go.mod +listed):\n%s", diff)
	}
}

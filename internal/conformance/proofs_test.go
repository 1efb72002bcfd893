package conformance

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"strconv"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/scimtest"
)

// proofs are the tests of the repository by name, as in "scimapi.TestSort", each
// with the names that its cases may have.
type proofs map[string]map[string]bool

// objection tells why a name is that of no test, or "" if it is one.
func (p proofs) objection(name string) string {
	test, name, isCase := strings.Cut(name, "/")
	switch cases, ok := p[test]; {
	case !ok:
		return "there is no such test"
	case isCase && !cases[name]:
		return "the test has no such case"
	default:
		return ""
	}
}

// findTests reads all files of tests. The cases of a test are the texts in its
// file, or the names in the data that it plays.
func findTests(t *testing.T) proofs {
	t.Helper()
	found := proofs{}
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (entry.Name()[0] == '.' || entry.Name() == "testdata"):
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		return found.read(root, name)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range scimtest.LoadFilterCases(t) {
		found["servertest.TestFilterCases"][c.Name] = true
	}
	for _, c := range scimtest.LoadPatchCases(t) {
		found["servertest.TestPatchCases"][c.Name] = true
	}
	for _, s := range scimtest.LoadScenarios(t) {
		found["servertest.TestScenarios"][s.File] = true
	}
	return found
}

func (p proofs) read(root fs.FS, name string) error {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
	if err != nil {
		return err
	}
	texts := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if value, err := strconv.Unquote(literal.Value); err == nil {
				texts[value] = true
			}
		}
		return true
	})
	prefix := path.Base(path.Dir(name)) + "."
	for _, declared := range file.Decls {
		if f, ok := declared.(*ast.FuncDecl); ok && f.Recv == nil && (strings.HasPrefix(f.Name.Name, "Test") || strings.HasPrefix(f.Name.Name, "Fuzz")) {
			p[prefix+f.Name.Name] = maps.Clone(texts)
		}
	}
	return nil
}

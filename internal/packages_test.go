package internal_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// The files of a folder are of one package, those of other systems too, which no compiler
// looks at here.
func TestFolders_AreOnePackage(t *testing.T) {
	t.Parallel()
	names := map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if entry != nil && entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".git" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if err != nil || !strings.HasSuffix(path, ".go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(file.Name.Name, "_test")
		if other, ok := names[filepath.Dir(path)]; ok && other != name {
			t.Errorf("%s is of package %s, others of %s", path, name, other)
		}
		names[filepath.Dir(path)] = name
		return nil
	})
	if err != nil || len(names) < 50 {
		t.Fatal(len(names), err)
	}
}

package postgres

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/postgres/db"
)

var isSQL = regexp.MustCompile(`^\s*(select|with|insert into|delete from|merge|truncate|(alter|create) (table|index|trigger|function)|update\s+\w+(\s\w)?\s+set)\s`)

// declared is a variable or constant of a room.
type declared struct {
	room        string // its package
	value       ast.Expr
	file        string // below this folder
	first, last int    // lines
}

// rooms is what the rooms declare, by name, and the texts inside of their functions.
type rooms struct {
	declared map[string][]declared
	literals []ast.Expr
}

// readSource reads this package and those below it, without tests and what is for tests.
func readSource(t *testing.T) rooms {
	t.Helper()
	s := rooms{declared: map[string][]declared{}}
	files := token.NewFileSet()
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{"searchtest", "sqlrules"}, entry.Name()):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, 0)
		if err == nil {
			s.take(files, path, file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *rooms) take(files *token.FileSet, path string, file *ast.File) {
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					s.declared[name.Name] = append(s.declared[name.Name], declared{
						file.Name.Name, n.Values[i], filepath.ToSlash(path), files.Position(n.Pos()).Line, files.Position(n.End()).Line,
					})
				}
			}
			return false
		case *ast.BasicLit:
			s.literals = append(s.literals, n)
		}
		return true
	})
}

// sourceStatements reads the statements of all rooms: constants, and what db.New has made.
func sourceStatements(t *testing.T) map[string]string {
	t.Helper()
	s := readSource(t)
	statements := map[string]string{}
	add := func(name, text string) {
		if statements[name] != "" {
			t.Errorf("two statements are called %s", name)
		}
		statements[name] = text
	}
	for name, all := range s.declared {
		for _, d := range all {
			text := s.textOf(d.value, d.room)
			if isSQL.MatchString(text) && !strings.Contains(text, "@org") { // that is part of one
				add(name, text)
			}
		}
	}
	for _, made := range db.All() {
		if name := s.nameOf(made); name != "" {
			add(name, made.String())
		} else if !strings.HasSuffix(made.File, "_test.go") {
			t.Errorf("nobody knows what %s:%d makes", made.File, made.Line)
		}
	}
	for _, literal := range s.literals {
		if text := s.textOf(literal, ""); isSQL.MatchString(text) {
			t.Errorf("a statement is hidden inside a function: %s", text)
		}
	}
	return statements
}

// nameOf gives the name of the variable that a statement was made for.
func (s rooms) nameOf(made db.Made) string {
	for name, all := range s.declared {
		for _, d := range all {
			if strings.HasSuffix(made.File, "/internal/postgres/"+d.file) && d.first <= made.Line && made.Line <= d.last {
				return name
			}
		}
	}
	return ""
}

// textOf gives the value of a constant string of a room, or "".
func (s rooms) textOf(e ast.Expr, room string) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := strconv.Unquote(e.Value)
		return text
	case *ast.Ident:
		return s.textOf(s.valueOf(e.Name, room), room)
	case *ast.SelectorExpr:
		if x, ok := e.X.(*ast.Ident); ok {
			return s.textOf(s.valueOf(e.Sel.Name, x.Name), x.Name)
		}
	case *ast.BinaryExpr:
		return s.textOf(e.X, room) + s.textOf(e.Y, room)
	}
	return ""
}

func (s rooms) valueOf(name, room string) ast.Expr {
	for _, d := range s.declared[name] {
		if d.room == room {
			return d.value
		}
	}
	return nil
}

// madeBy names the variables that one of the functions makes.
func (s rooms) madeBy(makers ...string) (names []string) {
	for name, all := range s.declared {
		for _, d := range all {
			call, ok := d.value.(*ast.CallExpr)
			if !ok {
				continue
			}
			made := call.Fun
			if selector, ok := made.(*ast.SelectorExpr); ok {
				made = selector.Sel
			}
			if f, ok := made.(*ast.Ident); ok && slices.Contains(makers, f.Name) {
				names = append(names, name)
			}
		}
	}
	return names
}

package postgres

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

// withTitles is set where titles have a column.
const withTitles = "PURESCIM_TEST_TITLES_HAVE_A_COLUMN"

// An attribute is searched fast by what CONTRIBUTING.md says and nothing else: its search
// is declared, and it has a line in columns.go and a column by a migration. The test does
// that for titles, in a copy of the source that the compiler is given, and runs itself
// there, with what compares declarations, columns and statements.
func TestSearchedAttribute_IsOneLine(t *testing.T) {
	t.Parallel()
	if os.Getenv(withTitles) != "" {
		searchTitles(t)
		return
	}
	files := overlay{t, t.TempDir(), map[string]string{}}
	files.edit("../schema/user.go", `text("title", "The title in the organisation."`, `text("title", "The title in the organisation.", search(Column)`)
	files.edit("search/columns.go", `{name: "department_key", attr: schema.Department, walked: true},`, `{name: "department_key", attr: schema.Department, walked: true}, {name: "title_key", attr: schema.Title},`)
	files.add("../../migrations/99999_titles.sql", "-- +goose Up\nalter table users add column title_key text collate \"C\";\n")
	tests := "^(TestSearchedAttribute_IsOneLine|TestSearchIsAsDeclared|TestStatements_SayTheOrganisation|TestLists_SayTheOrganisation)$"
	test := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-overlay", files.written(), "-run", tests, ".", "./search", "./lists")
	test.Env = append(os.Environ(), withTitles+"=1")
	if out, err := test.CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
}

// searchTitles writes, changes, finds and sorts by titles, and verifies what is stored.
func searchTitles(t *testing.T) {
	o := newTenant(t)
	ada, bob := o.user("ada", with(schema.Title, "Countess")).ID, o.user("bob").ID
	o.update(schema.User, bob, with(schema.Title, "Baron"))
	leaver := o.user("eve", with(schema.Title, "Abbess")).ID
	o.must(o.DeleteUser(t.Context(), schema.User, leaver, anyVersion, schema.Manager.Clear))
	expect(t, "titles in the column", o.number(`select count(*) from users where org_id = $1 and title_key in ('countess', 'baron')`, o.Tenant.Org), 2)
	expect(t, "titles beside", o.number(`select count(*) from users where org_id = $1 and folded ? 'title'`, o.Tenant.Org), 0)
	expect(t, "who is found", o.walk(schema.User, directory.Query{Filter: parsed(t, schema.User, `title eq "COUNTESS"`), Count: 10}), []uuid.UUID{ada})
	sorts, err := filter.ParseSort([]*schema.Type{schema.User}, "title", "")
	o.must(err)
	expect(t, "order", o.walk(schema.User, directory.Query{Sort: &sorts[0], Count: 10}), []uuid.UUID{bob, ada})
	o.consistent()
}

// overlay is source that the compiler takes instead of what is there.
type overlay struct {
	t       *testing.T
	dir     string
	replace map[string]string // files by those that they replace
}

func (o overlay) edit(path, old, now string) {
	o.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		o.t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		o.t.Fatalf("%s has not one %s", path, old)
	}
	o.add(path, strings.Replace(string(text), old, now, 1))
}

func (o overlay) add(path, text string) {
	o.t.Helper()
	whole, err := filepath.Abs(path)
	if err != nil {
		o.t.Fatal(err)
	}
	o.replace[whole] = filepath.Join(o.dir, filepath.Base(path))
	if err := os.WriteFile(o.replace[whole], []byte(text), 0o600); err != nil {
		o.t.Fatal(err)
	}
}

// written gives the file that tells the compiler.
func (o overlay) written() string {
	o.t.Helper()
	text, err := json.Marshal(map[string]any{"Replace": o.replace})
	if err != nil {
		o.t.Fatal(err)
	}
	path := filepath.Join(o.dir, "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		o.t.Fatal(err)
	}
	return path
}

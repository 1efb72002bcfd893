package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A room is a package with all packages below it that are no rooms of their own, and what it
// may import of ours: rooms further down, never up, and never one door from another.
type room struct {
	path     string
	mayLook  []string
	testOnly bool
}

const module = "github.com/purescim/purescim/"

var (
	words    = rooms("scim", "org", "fairshare", "lru", "periodic", "batcher", "fresh", "phone", "egress", "printable", "seal", "guesses", "openid")
	engines  = rooms("schema", "filter", "patch", "bulkplan")
	rules    = rooms("directory", "oauth", "events", "provisioning", "accounts", "transfer")
	adapters = rooms("postgres", "httpapi", "metrics", "health", "httpserver", "tlsserver", "tracing")
	// stores are the rooms below postgres, each of which may look at those before it.
	stores = rooms("postgres/db", "postgres/pgerr", "postgres/clock", "postgres/pool", "postgres/search", "postgres/counts", "postgres/records", "postgres/lists", "postgres/logstore", "postgres/eventstore", "postgres/jobstore", "postgres/authstore", "postgres/accountstore", "postgres/importstore",
		"postgres/writes", "postgres/groups", "postgres/users", "postgres/catalogue", "postgres/upkeep", "postgres/standbys")
	doors  = rooms("scimapi", "platformapi", "apidocs", "console")
	house  = join(words, engines, rules, stores, adapters, doors)
	beside = join(rooms("localpg", "cgroup", "guides"), []string{"migrations", "api", "docs/guides"})
)

// layers is the house, floor by floor; docs/architecture.md tells why it stands so.
var layers = []room{
	// Words of the protocol.
	{path: "internal/scim"},
	{path: "internal/org"},
	{path: "internal/fairshare"},
	{path: "internal/lru"},
	{path: "internal/periodic"},
	{path: "internal/batcher"},
	{path: "internal/fresh"},
	{path: "internal/phone", mayLook: rooms("lru")},
	{path: "internal/egress"},
	{path: "internal/printable"},
	{path: "internal/seal"},
	{path: "internal/guesses", mayLook: rooms("fairshare", "lru")},
	{path: "internal/openid", mayLook: rooms("egress", "lru")},

	// Engines, which know the standard and nothing of storage or HTTP.
	{path: "internal/schema", mayLook: rooms("scim", "phone")},
	{path: "internal/filter", mayLook: rooms("scim", "schema", "lru")},
	{path: "internal/patch", mayLook: rooms("scim", "schema", "filter")},
	{path: "internal/bulkplan", mayLook: rooms("scim", "schema")},

	// Rules, which declare the stores they need.
	{path: "internal/directory", mayLook: join(words, engines, rooms("provisioning"))},
	{path: "internal/oauth", mayLook: rooms("org", "periodic", "fresh", "egress", "printable", "lru", "guesses")},
	{path: "internal/events", mayLook: join(words, engines)},
	{path: "internal/provisioning", mayLook: join(words, engines)},
	{path: "internal/accounts", mayLook: join(words, engines)},
	{path: "internal/transfer", mayLook: join(words, engines, rooms("directory", "provisioning"))},

	// Adapters.
	{path: "internal/postgres/db", mayLook: rooms("directory")},
	{path: "internal/postgres/pgerr", mayLook: rooms("scim")},
	{path: "internal/postgres/clock"},
	{path: "internal/postgres/pool", mayLook: join(words, rooms("directory"), stores[:3])},
	{path: "internal/postgres/search", mayLook: join(words, engines, rooms("directory"), stores[:1])},
	{path: "internal/postgres/counts", mayLook: join(words, stores[:4])},
	{path: "internal/postgres/records", mayLook: join(words, engines, rooms("directory"), stores[:5])},
	{path: "internal/postgres/lists", mayLook: join(words, engines, rooms("directory"), stores[:7])},
	{path: "internal/postgres/logstore", mayLook: join(words, engines, rules, stores[:4])},
	{path: "internal/postgres/eventstore", mayLook: join(words, rules, stores[:4], rooms("postgres/logstore"))},
	{path: "internal/postgres/jobstore", mayLook: join(words, rules, stores[:4], rooms("postgres/logstore", "postgres/eventstore"))},
	{path: "internal/postgres/authstore", mayLook: join(words, engines, rules, stores[:4], rooms("postgres/logstore", "postgres/jobstore"))},
	{path: "internal/postgres/accountstore", mayLook: join(words, engines, rules, stores[:4], rooms("postgres/logstore", "postgres/authstore"))},
	{path: "internal/postgres/importstore", mayLook: join(words, engines, rules, stores[:4])},
	{path: "internal/postgres/writes", mayLook: join(words, engines, rules, stores[:5], rooms("postgres/counts", "postgres/logstore", "postgres/eventstore", "postgres/jobstore"))},
	{path: "internal/postgres/groups", mayLook: join(words, engines, rules, stores[:7], rooms("postgres/writes"))},
	{path: "internal/postgres/users", mayLook: join(words, engines, rules, stores[:7], rooms("postgres/logstore", "postgres/writes", "postgres/groups"))},
	{path: "internal/postgres/catalogue", mayLook: join(words, engines, rules, stores[:7], rooms("postgres/authstore", "postgres/writes", "postgres/groups", "postgres/users"))},
	{path: "internal/postgres/upkeep", mayLook: join(words, engines, rules, stores[:7], rooms("postgres/users"))},
	{path: "internal/postgres/standbys", mayLook: join(words, rooms("directory"), stores[:4])},
	{path: "internal/postgres", mayLook: join(words, engines, rules, stores)},
	{path: "internal/httpapi", mayLook: rooms("scim", "org", "oauth", "provisioning")},
	{path: "internal/metrics", mayLook: rooms("lru")},
	{path: "internal/health"},
	{path: "internal/httpserver"},
	{path: "internal/tlsserver", mayLook: rooms("periodic")},
	{path: "internal/tracing", mayLook: rooms("httpapi")},

	// Doors.
	{path: "internal/scimapi", mayLook: join(words, engines, rules, rooms("httpapi"))},
	{path: "internal/platformapi", mayLook: join(words, rules, rooms("httpapi"))},
	{path: "internal/apidocs", mayLook: join([]string{"api"}, rooms("scim", "httpapi"))},
	{path: "internal/console", mayLook: join(words, engines, rules, rooms("httpapi", "transfer", "guides"))},

	// The whole, and the programs.
	{path: "internal/server", mayLook: house},
	{path: "cmd/purescim", mayLook: join(house, beside, rooms("server", "bench"))},

	// Beside the house.
	{path: "internal/localpg"},
	{path: "internal/cgroup"},
	{path: "internal/guides", mayLook: []string{"docs/guides"}},
	{path: "internal/bench"},
	{path: "migrations"},
	{path: "api"},
	{path: "docs/guides"},

	// For tests.
	{path: "internal/testdb", mayLook: beside, testOnly: true},
	{path: "internal/postgres/searchtest", mayLook: join(words, engines, rooms("directory"), stores, rooms("testdb")), testOnly: true},
	{path: "internal/postgres/sqlrules", testOnly: true},
	{path: "internal/openidtest", testOnly: true},
	{path: "internal/scimtest", mayLook: join(house, rooms("server", "testdb", "servertest")), testOnly: true},
	{path: "internal/servertest", mayLook: join(house, rooms("server", "testdb")), testOnly: true},
	{path: "internal/conformance", testOnly: true},
	{path: "internal/chaos", mayLook: rooms("localpg"), testOnly: true},
}

func rooms(names ...string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = "internal/" + name
	}
	return paths
}

func join(floors ...[]string) []string { return slices.Concat(floors...) }

// roomOf returns the innermost room that holds a package, given by its path in the module.
func roomOf(path string) (found room, ok bool) {
	for _, r := range layers {
		if (path == r.path || strings.HasPrefix(path, r.path+"/")) && len(r.path) > len(found.path) {
			found, ok = r, true
		}
	}
	return found, ok
}

// objection tells why a package may not import another, or "" if it may.
func objection(importer, imported string) string {
	from, ok := roomOf(importer)
	if !ok {
		return "has no place in the table of layers"
	}
	to, ok := roomOf(imported)
	switch {
	case !ok:
		return "imports " + imported + ", which has no place in the table of layers"
	case from.path == to.path || slices.Contains(from.mayLook, to.path):
		return ""
	case to.testOnly:
		return "imports " + imported + ", which is for tests only"
	default:
		return "imports " + imported + ", which is not below it"
	}
}

func TestLayers_ImportsLookDownOnly(t *testing.T) {
	t.Parallel()
	for _, file := range sources(t) {
		if _, ok := roomOf(file.dir); !ok {
			t.Errorf("%s: its package has no place in the table of layers", file.path)
			continue
		}
		for _, spec := range file.ast.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			imported, ours := strings.CutPrefix(path, module)
			if !ours {
				continue
			}
			if why := objection(file.dir, imported); why != "" {
				t.Errorf("%s %s", file.path, why)
			}
		}
	}
}

func TestObjection(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		importer, imported string
		allowed            bool
	}{
		{"internal/schema", "internal/scim", true},
		{"internal/scim", "internal/schema", false},
		{"internal/scimapi", "internal/platformapi", false},
		{"internal/postgres", "internal/server", false},
		{"cmd/purescim", "migrations", true},
		{"internal/postgres", "internal/testdb", false},
		{"cmd/purescim", "internal/platformapi/inner", true},
		{"cmd/purescim", "internal/scimtest", false},
		{"internal/httpapi/inner", "internal/httpapi", true},
		{"internal/postgres", "internal/postgres/pool", true},
		{"internal/postgres/pool", "internal/postgres", false},
		{"internal/postgres/eventstore", "internal/postgres/jobstore", false},
		{"internal/util", "internal/scim", false},
		{"internal/directory", "internal/util", false},
	} {
		if why := objection(test.importer, test.imported); (why == "") != test.allowed {
			t.Errorf("objection(%s, %s) = %q, allowed should be %v", test.importer, test.imported, why, test.allowed)
		}
	}
}

func TestLayers_NameRoomsOfTheTable(t *testing.T) {
	t.Parallel()
	for _, r := range layers {
		for _, path := range r.mayLook {
			if found, ok := roomOf(path); !ok || found.path != path {
				t.Errorf("%s may look at %s, which is not in the table", r.path, path)
			}
		}
	}
}

func TestPackages_SayWhatTheyOwn(t *testing.T) {
	t.Parallel()
	said := map[string]bool{}
	for _, file := range sources(t) {
		prefix := "Package " + file.ast.Name.Name + " "
		if file.ast.Name.Name == "main" {
			prefix = "" // a program is introduced by its own name
		}
		comment := file.ast.Doc.Text()
		said[file.dir] = said[file.dir] || comment != "" && strings.HasPrefix(comment, prefix)
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("%s has no package comment", dir)
		}
	}
}

func TestFiles_AreShort(t *testing.T) {
	t.Parallel()
	const limit = 400
	for _, file := range sources(t) {
		if !ast.IsGenerated(file.ast) && file.lines > limit {
			t.Errorf("%s has %d lines, at most %d please", file.path, file.lines, limit)
		}
	}
}

// A source is a Go file that is no test.
type source struct {
	path, dir string // in the module, with slashes
	lines     int
	ast       *ast.File
}

func sources(t *testing.T) []source {
	t.Helper()
	var found []source
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir():
			if path != "." && (name[0] == '.' || name[0] == '_' || name == "testdata") {
				return fs.SkipDir
			}
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			file, err := read(root, path)
			if err != nil {
				return err
			}
			found = append(found, file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("found no Go files")
	}
	return found
}

func read(root fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return source{}, err
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments)
	if err != nil {
		return source{}, err
	}
	return source{path: name, dir: path.Dir(name), lines: bytes.Count(text, []byte("\n")), ast: parsed}, nil
}

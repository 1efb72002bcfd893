package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
	"github.com/purescim/purescim/internal/testdb"
)

// testUser is User with an extension that has the kinds of attributes which the
// standard ones lack.
var testUser = schema.User.With(schema.NewExtension(schema.Schema{
	ID: "urn:example:params:scim:schemas:extension:test:2.0:User", Name: "TestUserExtension",
	Attributes: []*schema.Attribute{
		{Name: "level", Kind: schema.Integer, Mutability: schema.ReadWrite},
		{Name: "score", Kind: schema.Decimal, Mutability: schema.ReadWrite},
		{Name: "tags", Kind: schema.String, MultiValued: true, Mutability: schema.ReadWrite},
		{Name: "badge", Kind: schema.String, CaseExact: true, Mutability: schema.Immutable},
		{Name: "seen", Kind: schema.DateTime, Mutability: schema.ReadWrite},
		{Name: "levels", Kind: schema.Integer, MultiValued: true, Mutability: schema.ReadWrite},
		{Name: "it's", Kind: schema.String, Mutability: schema.ReadWrite},
		{Name: "visits", Kind: schema.Complex, MultiValued: true, Mutability: schema.ReadWrite, Sub: []*schema.Attribute{
			{Name: "value", Kind: schema.DateTime},
			{Name: "level", Kind: schema.Integer},
			{Name: "score", Kind: schema.Decimal},
			{Name: "paid", Kind: schema.Boolean},
			{Name: "note", Kind: schema.String, CaseExact: true},
		}},
	},
}))

// shelf is a database that takes documents as they are, whatever the rules of
// the server say of them.
type shelf struct {
	url  string
	conn *pgx.Conn
	orgs atomic.Int64
}

// failer is what *testing.T and *rapid.T have in common here.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

func newShelf(t testing.TB) *shelf {
	t.Helper()
	s := &shelf{url: testdb.New(t)}
	config, err := configure(s.url, Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config.ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	s.conn = conn
	s.exec(t, `alter table users alter active drop not null, alter user_name_key drop not null`)
	return s
}

func (s *shelf) exec(t failer, sql string, args ...any) {
	t.Helper()
	if _, err := s.conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// put stores documents in a new organisation and returns it. Links of the
// documents are not stored: see link.
func (s *shelf) put(t failer, typ *schema.Type, docs ...scim.Document) (org int64) {
	t.Helper()
	org = s.orgs.Add(1)
	s.add(t, org, typ, docs)
	return org
}

func (s *shelf) add(t failer, org int64, typ *schema.Type, docs []scim.Document) {
	t.Helper()
	names := append([]string{"org_id", "id", "version", "created_at", "modified_at", "doc", "folded"}, tableOf(typ).columnNames...)
	if typ.Core == schema.Group.Core {
		names = append(names, "type", "visibility", "rules_visible")
	}
	var keys, modified [][]any
	rows := pgx.CopyFromSlice(len(docs), func(i int) ([]any, error) {
		doc, r := docs[i], rowOf(typ, docs[i])
		id := idOf(doc)
		for _, k := range r.keys {
			keys = append(keys, []any{org, k.kind, k.key, id})
		}
		created, changed, version := metaOf(doc)
		modified = append(modified, []any{org, tableOf(typ).modified, changed, id})
		values := append([]any{org, id, version, created, changed, "{}", r.folded}, r.columns...)
		if typ.Core == schema.Group.Core {
			values = append(values, "official", "public", true)
		}
		return values, nil
	})
	s.copy(t, tableOf(typ).name, names, rows)
	s.copy(t, "modifications", modificationColumns, pgx.CopyFromRows(modified))
	s.copy(t, "user_keys", []string{"org_id", "kind", "key", "user_id"}, pgx.CopyFromRows(keys))
}

// link makes a user a member of a group.
func (s *shelf) link(t failer, org int64, members [][2]uuid.UUID) {
	t.Helper()
	s.copy(t, "group_members", []string{"org_id", "group_id", "user_id"},
		pgx.CopyFromSlice(len(members), func(i int) ([]any, error) { return []any{org, members[i][0], members[i][1]}, nil }))
}

func (s *shelf) copy(t failer, table string, columns []string, rows pgx.CopyFromSource) {
	t.Helper()
	if _, err := s.conn.CopyFrom(t.Context(), pgx.Identifier{table}, columns, rows); err != nil {
		t.Fatalf("copy to %s: %v", table, err)
	}
}

// find gives the ids of the resources that the database finds, sorted.
func (s *shelf) find(t failer, org int64, typ *schema.Type, n filter.Node) []string {
	t.Helper()
	sql, args := selection(org, typ, n)
	rows, _ := s.conn.Query(t.Context(), sql, args...)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		t.Fatalf("%s %v: %v", sql, args, err)
	}
	found := make([]string, len(ids))
	for i, id := range ids {
		found[i] = id.String()
	}
	slices.Sort(found)
	return found
}

func selection(org int64, typ *schema.Type, n filter.Node) (string, []any) {
	table := tableOf(typ)
	w := newWriter(typ, []any{org})
	condition := w.where(n)
	return fmt.Sprintf("select %[2]s.id from %[1]s %[2]s where %[2]s.org_id = $1 and %[3]s", table.name, table.alias, condition), w.args
}

func idOf(doc scim.Document) uuid.UUID { return uuid.MustParse(schema.ID.Text(doc)) }

func metaOf(doc scim.Document) (created, modified time.Time, version int64) {
	meta, _ := doc["meta"].(map[string]any)
	text := func(name string) string { s, _ := meta[name].(string); return s }
	created, _ = schema.ParseTime(text("created"))
	modified, _ = schema.ParseTime(text("lastModified"))
	_, _ = fmt.Sscan(text("version"), &version)
	return created, modified, version
}

func parse(t failer, typ *schema.Type, text string) filter.Node {
	t.Helper()
	f, err := filter.Parse(typ, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f.Root()
}

// Every case of the standard finds in the database what it says.
func TestWhereStandardCases(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, c := range scimtest.LoadFilterCases(t) {
		f, err := filter.Parse(testUser, c.Filter)
		if c.Expect.ScimType != "" {
			if e := (*scim.Error)(nil); !errors.As(err, &e) || string(e.Type) != c.Expect.ScimType {
				t.Errorf("%s: error %v, expected %s", c.Name, err, c.Expect.ScimType)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		docs := make([]scim.Document, len(c.Docs))
		expected := []string{}
		for i, text := range c.Docs {
			docs[i] = load(t, text)
			name := schema.ID.Text(docs[i])
			docs[i]["id"] = uuid.NewSHA1(uuid.Nil, []byte(name)).String()
			if slices.Contains(c.Expect.IDs, name) {
				expected = append(expected, schema.ID.Text(docs[i]))
			}
		}
		slices.Sort(expected)
		if diff := cmp.Diff(expected, s.find(t, s.put(t, testUser, docs...), testUser, f.Root())); diff != "" {
			t.Errorf("%s: %s (-expected +found)\n%s", c.Name, c.Filter, diff)
		}
	}
}

func load(t testing.TB, text []byte) scim.Document {
	t.Helper()
	doc, err := testUser.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// A filter never reaches into another organisation, by whatever table it looks.
func TestWhereOrganisation(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	user := scim.Document{
		"id": uuid.NewString(), "userName": "ada",
		"emails": []any{map[string]any{"value": "ada@example.org"}},
	}
	group := scim.Document{"id": uuid.NewString(), "displayName": "Engines"}
	org := s.put(t, testUser, user)
	s.add(t, org, schema.Group, []scim.Document{group})
	s.link(t, org, [][2]uuid.UUID{{idOf(group), idOf(user)}})

	// The other organisation has the same ids, but neither keys nor members.
	delete(user, "emails")
	other := s.put(t, testUser, user)
	s.add(t, other, schema.Group, []scim.Document{group})

	users := []string{`emails.value eq "ada@example.org"`, `groups.display eq "engines"`, `groups pr`, `groups.value eq "` + schema.ID.Text(group) + `"`}
	for _, text := range users {
		found := [2]int{len(s.find(t, org, testUser, parse(t, testUser, text))), len(s.find(t, other, testUser, parse(t, testUser, text)))}
		if found != [2]int{1, 0} {
			t.Errorf("%s finds %v in the two organisations", text, found)
		}
	}
	text := `members.value eq "` + schema.ID.Text(user) + `"`
	if found := s.find(t, other, schema.Group, parse(t, schema.Group, text)); len(found) > 0 {
		t.Errorf("%s finds the group of another organisation", text)
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"":                       "",
		"a":                      "b",
		"aé":                     "aê",
		"a\U0010FFFF":            "b",
		"\U0010FFFF":             "",
		"\U0010FFFF\U0010FFFF":   "",
		"x\uD7FF":                "x\uE000",
		"z\x7f":                  "z\u0080",
		"\uFFFF":                 "\U00010000",
		"ab\U0010FFFF\U0010FFFF": "ac",
	} {
		if got := after(prefix); got != want {
			t.Errorf("after(%q) = %q, not %q", prefix, got, want)
		}
	}
}

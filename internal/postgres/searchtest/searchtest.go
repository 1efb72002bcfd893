// Package searchtest is for tests of how resources are found: a database that takes documents
// without the rules of the server, and random documents and filters for it.
//
// What is found of them is left to the tests of search and lists.
package searchtest

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/postgres/db"
	"github.com/purescim/purescim/internal/postgres/pool"
	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/testdb"
)

// TestUser is User with an extension that has the kinds of attributes which the
// standard ones lack.
var TestUser = schema.User.With(schema.NewExtension(schema.Schema{
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

// DB is a database that takes documents as they are.
type DB struct {
	URL  string
	Conn *pgx.Conn
	Orgs atomic.Int64
}

// failer is what *testing.T and *rapid.T have in common here.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// New makes a database for a test.
func New(t testing.TB) *DB {
	t.Helper()
	s := &DB{URL: testdb.New(t)}
	config, err := pool.Configure(s.URL, pool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.ConnectConfig(t.Context(), config.ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	s.Conn = conn
	s.Exec(t, `alter table users alter active drop not null, alter user_name_key drop not null`)
	return s
}

// Exec runs a statement.
func (s *DB) Exec(t failer, sql string, args ...any) {
	t.Helper()
	if _, err := s.Conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Put stores documents in a new organisation and returns it. Links of the
// documents are not stored: see link.
func (s *DB) Put(t failer, typ *schema.Type, docs ...scim.Document) (org int64) {
	t.Helper()
	org = s.Orgs.Add(1)
	s.Add(t, org, typ, docs)
	return org
}

// Add stores documents in an organisation.
func (s *DB) Add(t failer, org int64, typ *schema.Type, docs []scim.Document) {
	t.Helper()
	names := append([]string{"org_id", "id", "version", "created_at", "modified_at", "doc", "folded"}, search.TableOf(typ).ColumnNames...)
	if typ.Core == schema.Group.Core {
		names = append(names, "type", "visibility", "rules_visible")
	}
	var keys, modified [][]any
	rows := pgx.CopyFromSlice(len(docs), func(i int) ([]any, error) {
		doc, r := docs[i], search.RowOf(typ, docs[i])
		id := IDOf(doc)
		for _, k := range r.Keys {
			keys = append(keys, []any{org, k.Kind, k.Text, id})
		}
		created, changed, version := metaOf(doc)
		modified = append(modified, []any{org, search.TableOf(typ).Modified, changed, id})
		values := append([]any{org, id, version, created, changed, "{}", r.Folded}, r.Columns...)
		if typ.Core == schema.Group.Core {
			values = append(values, "official", "public", true)
		}
		return values, nil
	})
	s.copy(t, search.TableOf(typ).Name, names, rows)
	s.copy(t, "modifications", []string{"org_id", "kind", "modified_at", "id"}, pgx.CopyFromRows(modified))
	s.copy(t, "user_keys", []string{"org_id", "kind", "key", "user_id"}, pgx.CopyFromRows(keys))
}

// Link makes a user a member of a group.
func (s *DB) Link(t failer, org int64, members [][2]uuid.UUID) {
	t.Helper()
	s.copy(t, "group_members", []string{"org_id", "group_id", "user_id"},
		pgx.CopyFromSlice(len(members), func(i int) ([]any, error) { return []any{org, members[i][0], members[i][1]}, nil }))
}

func (s *DB) copy(t failer, table string, columns []string, rows pgx.CopyFromSource) {
	t.Helper()
	if _, err := s.Conn.CopyFrom(t.Context(), pgx.Identifier{table}, columns, rows); err != nil {
		t.Fatalf("copy to %s: %v", table, err)
	}
}

// Find gives the ids of the resources that the database finds, sorted.
func (s *DB) Find(t failer, org int64, typ *schema.Type, n filter.Node) []string {
	t.Helper()
	sql, args := Selection(org, typ, n)
	rows, _ := s.Conn.Query(t.Context(), sql, args...)
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

// Selection is the statement of the ids that a filter finds.
func Selection(org int64, typ *schema.Type, n filter.Node) (string, []any) {
	return db.NewTemplate("select r.id from [table] r where r.org_id = @org and [condition]").Fill(org,
		db.In("table", db.SQL(search.TableOf(typ).Name)), db.In("condition", search.On(typ).Where(n)))
}

// IDOf is the id of a document.
func IDOf(doc scim.Document) uuid.UUID { return uuid.MustParse(schema.ID.Text(doc)) }

func metaOf(doc scim.Document) (created, modified time.Time, version int64) {
	meta, _ := doc["meta"].(map[string]any)
	text := func(name string) string { s, _ := meta[name].(string); return s }
	created, _ = schema.ParseTime(text("created"))
	modified, _ = schema.ParseTime(text("lastModified"))
	_, _ = fmt.Sscan(text("version"), &version)
	return created, modified, version
}

// Parse parses a filter.
func Parse(t failer, typ *schema.Type, text string) filter.Node {
	t.Helper()
	f, err := filter.Parse(typ, text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return f.Root()
}

// Load reads the document of a user.
func Load(t testing.TB, text []byte) scim.Document {
	t.Helper()
	doc, err := TestUser.Load(text)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

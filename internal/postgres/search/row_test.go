package search_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/postgres/search"
	"github.com/purescim/purescim/internal/postgres/searchtest"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func TestRowOf(t *testing.T) {
	t.Parallel()
	doc := scim.Document{
		"id":          uuid.NewString(),
		"userName":    "Ada@Example.org",
		"displayName": "Ada LOVELACE",
		"externalId":  "HR-1",
		"active":      true,
		"password":    "not kept here",
		"title":       "Countess",
		"name":        map[string]any{"familyName": "Straße", "givenName": ""},
		"emails": []any{
			map[string]any{"value": "Ada@Example.org", "type": "work", "primary": true},
			map[string]any{"value": "ada@example.ORG", "type": "home"},
			map[string]any{},
		},
		"groups": []any{map[string]any{"value": uuid.NewString()}},
		scim.EnterpriseUserURN: map[string]any{
			"department": "Engines", "manager": map[string]any{"value": "Exact"},
		},
		scim.GenesysUserURN: map[string]any{
			"externalIds":   []any{map[string]any{"authority": "zoomphone", "value": "Z"}},
			"routingSkills": []any{map[string]any{"name": "Maths", "proficiency": 4.5}},
		},
		searchtest.TestUser.Extensions[2].ID: map[string]any{"level": int64(math.MaxInt64), "seen": "2026-01-31T08:30:00.000Z", "badge": "B"},
	}
	r := search.RowOf(searchtest.TestUser, doc)
	columns := map[string]any{}
	for i, name := range search.Users.ColumnNames {
		columns[name] = r.Columns[i]
	}
	wantColumns := map[string]any{
		"active": true, "user_name_key": "ada@example.org", "display_name": "Ada LOVELACE", "display_name_key": "ada lovelace",
		"external_id": "HR-1", "employee_number_key": nil, "department_key": "engines", "division_key": nil, "manager_id": "Exact",
	}
	if diff := cmp.Diff(wantColumns, columns); diff != "" {
		t.Errorf("columns (-want +got)\n%s", diff)
	}
	wantKeys := []search.Key{{1, "ada@example.org"}, {3, "Z"}, {5, "maths"}}
	if !slices.Equal(wantKeys, r.Keys) {
		t.Errorf("keys are %v, not %v", r.Keys, wantKeys)
	}
	wantFolded := `{"name":{"familyName":"strasse"},"title":"countess",` +
		`"emails":[{"value":"ada@example.org","type":"work","primary":true},{"value":"ada@example.org","type":"home"}],` +
		`"` + scim.EnterpriseUserURN + `":{"manager":{"value":"Exact"}},` +
		`"` + scim.GenesysUserURN + `":{"routingSkills":[{"name":"maths","proficiency":4.5}],"externalIds":[{"authority":"zoomphone","value":"Z"}]},` +
		`"` + searchtest.TestUser.Extensions[2].ID + `":{"level":9223372036854775807,"badge":"B","seen":"2026-01-31T08:30:00.000000000Z"}}`
	if diff := cmp.Diff(wantFolded, string(r.Folded)); diff != "" {
		t.Errorf("folded (-want +got)\n%s", diff)
	}
}

// An extension whose attributes all have columns is still told to be in use.
func TestRowOfExtensionInColumns(t *testing.T) {
	t.Parallel()
	r := search.RowOf(schema.User, scim.Document{scim.EnterpriseUserURN: map[string]any{"department": "Engines"}})
	if want := `{"` + scim.EnterpriseUserURN + `":{}}`; string(r.Folded) != want {
		t.Errorf("folded is %s, not %s", r.Folded, want)
	}
}

// The longest values that are allowed fit into every index; longer ones are
// refused with the attribute's name, wherever they are.
func TestCheckLength(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	for a := range attributesOf(searchtest.TestUser) {
		if a.Search != schema.Column && a.Search != schema.Key || a == schema.ID || a == schema.Active || a.Parent() == schema.Meta {
			continue
		}
		doc := scim.Document{"id": uuid.NewString()}
		assign(doc, a, incompressible(2048))
		if _, err := search.NewRow(searchtest.TestUser, doc); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		s.Put(t, searchtest.TestUser, doc)
		assign(doc, a, incompressible(2049))
		want := "invalidValue: " + a.String() + ": a value of 2049 bytes is too long; at most 2048 are allowed"
		if _, err := search.NewRow(searchtest.TestUser, doc); err == nil || err.Error() != want {
			t.Errorf("%s: error %q, not %q", a, err, want)
		}
	}
}

// attributesOf yields the attributes of a type with their sub-attributes.
func attributesOf(t *schema.Type) func(func(*schema.Attribute) bool) {
	return func(yield func(*schema.Attribute) bool) {
		for a := range t.Attributes {
			if !yield(a) {
				return
			}
			for _, sub := range a.Sub {
				if !yield(sub) {
					return
				}
			}
		}
	}
}

func assign(doc scim.Document, a *schema.Attribute, text string) {
	switch parent := a.Parent(); {
	case parent == nil:
		a.Set(doc, text)
	case parent.MultiValued:
		parent.Set(doc, []any{map[string]any{a.Name: text}})
	default:
		parent.Set(doc, map[string]any{a.Name: text})
	}
}

// incompressible gives a text that takes as many bytes in an index as it has.
func incompressible(n int) string {
	random := rand.NewChaCha8([32]byte{})
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a' + byte(random.Uint64()%26)
	}
	return string(b)
}

func TestDiffRow(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	doc := scim.Document{
		"id": uuid.NewString(), "userName": "Ada", "displayName": "Ada", "active": true,
		"emails":                             []any{map[string]any{"value": "ada@example.org"}},
		searchtest.TestUser.Extensions[2].ID: map[string]any{"level": int64(1<<53 + 1), "score": math.Copysign(0, -1), "levels": []any{int64(1)}},
	}
	org := s.Put(t, searchtest.TestUser, doc)
	check := func(change string, want ...string) {
		t.Helper()
		if change != "" {
			s.Exec(t, change)
		}
		if diff := cmp.Diff(want, search.Diff(searchtest.TestUser, doc, storedOn(t, s, org))); diff != "" {
			t.Errorf("after %q (-want +got)\n%s", change, diff)
		}
	}
	check("")
	check(`update users set department_key = 'x', user_name_key = null`,
		`column user_name_key is null instead of "ada"`, `column department_key is "x" instead of null`)
	check(`update users set department_key = null, user_name_key = 'ada', active = false`, `column active is false instead of true`)
	check(`update users set active = true, folded = folded - 'emails' || '{"title": "x"}'`,
		"the folded copy differs in emails", "the folded copy differs in title")
	check(`update users set folded = '[]'`, "the folded copy is not a JSON object")
	s.Exec(t, `update users set folded = $1`, search.RowOf(searchtest.TestUser, doc).Folded)
	check(`update user_keys set kind = 99`, `unknown kind 99 has a key "ada@example.org" that the document does not have`,
		`emails.value has no key "ada@example.org"`)
	check(`update user_keys set kind = 1, key = 'Ada@example.org'`, `emails.value has a key "Ada@example.org" that the document does not have`,
		`emails.value has no key "ada@example.org"`)
}

// stored reads the one user of an organisation as rowOf would give it.
func storedOn(t *testing.T, s *searchtest.DB, org int64) search.Row {
	t.Helper()
	rows, _ := s.Conn.Query(t.Context(), "select folded::text, "+strings.Join(search.Users.ColumnNames, ", ")+" from users where org_id = $1", org)
	values, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		t.Fatal(err)
	}
	r := search.Row{Columns: values[1:], Folded: []byte(values[0].(string))}
	rows, _ = s.Conn.Query(t.Context(), "select kind, key from user_keys where org_id = $1 order by kind, key", org)
	r.Keys, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k search.Key, err error) { return k, row.Scan(&k.Kind, &k.Text) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every column that columns.go names is in the migrated database, and no column
// for a search is there that nothing fills.
func TestColumnsExist(t *testing.T) {
	t.Parallel()
	s := searchtest.New(t)
	for _, table := range []*search.Table{search.Users, search.Groups} {
		rows, _ := s.Conn.Query(t.Context(), `
			select column_name from information_schema.columns where table_name = $1
			and (column_name like '%\_key' or column_name in ('active', 'display_name', 'external_id', 'manager_id'))`, table.Name)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		if diff := cmp.Diff(slices.Sorted(slices.Values(table.ColumnNames)), names); diff != "" {
			t.Errorf("%s (-columns.go +database)\n%s", table.Name, diff)
		}
	}
}

package postgres

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/purescim/purescim/internal/directory"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// What an attribute's declaration says of its search is what columns.go does:
// an attribute that is declared and forgotten here would be scanned for.
func TestSearchIsAsDeclared(t *testing.T) {
	t.Parallel()
	for _, typ := range schema.DefaultTypes {
		table := tableOf(typ)
		for a := range allAttributes(typ) {
			o, ok := table.operand(a)
			_, linked := table.links[a]
			found := schema.Scan
			switch {
			case ok && o.fixed == nil:
				found = schema.Column
			case table.kindOf(a) != 0:
				found = schema.Key
			case linked:
				found = schema.Link
			}
			if found != a.Search {
				t.Errorf("%s: %s is declared with search %d, and columns.go has %d", typ.Name, a, a.Search, found)
			}
		}
		for a, link := range table.links {
			for _, sub := range a.Sub {
				if _, ok := link.values[sub.Name]; !ok && sub.Name != "$ref" {
					t.Errorf("%s: columns.go does not tell where %s is", typ.Name, sub)
				}
			}
		}
	}
}

// allAttributes yields the attributes of a type with their sub-attributes.
func allAttributes(t *schema.Type) func(func(*schema.Attribute) bool) {
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

// The numbers of the kinds are stored: one that changes loses its keys.
func TestKeyKinds(t *testing.T) {
	t.Parallel()
	kinds := map[string]int16{}
	for _, k := range users.keyed {
		kinds[k.attr.Path()] = k.kind
	}
	want := map[string]int16{
		"emails.value": 1, "phoneNumbers.value": 2, "externalIds.value": 3, "roles.value": 4,
		"routingSkills.name": 5, "routingLanguages.name": 6,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

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
		testUser.Extensions[2].ID: map[string]any{"level": int64(math.MaxInt64), "seen": "2026-01-31T08:30:00.000Z", "badge": "B"},
	}
	r := rowOf(testUser, doc)
	columns := map[string]any{}
	for i, name := range users.columnNames {
		columns[name] = r.columns[i]
	}
	wantColumns := map[string]any{
		"active": true, "user_name_key": "ada@example.org", "display_name": "Ada LOVELACE", "display_name_key": "ada lovelace",
		"external_id": "HR-1", "employee_number_key": nil, "department_key": "engines", "division_key": nil, "manager_id": "Exact",
	}
	if diff := cmp.Diff(wantColumns, columns); diff != "" {
		t.Errorf("columns (-want +got)\n%s", diff)
	}
	wantKeys := []key{{1, "ada@example.org"}, {3, "Z"}, {5, "maths"}}
	if !slices.Equal(wantKeys, r.keys) {
		t.Errorf("keys are %v, not %v", r.keys, wantKeys)
	}
	wantFolded := `{"name":{"familyName":"strasse"},"title":"countess",` +
		`"emails":[{"value":"ada@example.org","type":"work","primary":true},{"value":"ada@example.org","type":"home"}],` +
		`"` + scim.EnterpriseUserURN + `":{"manager":{"value":"Exact"}},` +
		`"` + scim.GenesysUserURN + `":{"routingSkills":[{"name":"maths","proficiency":4.5}],"externalIds":[{"authority":"zoomphone","value":"Z"}]},` +
		`"` + testUser.Extensions[2].ID + `":{"level":9223372036854775807,"badge":"B","seen":"2026-01-31T08:30:00.000000000Z"}}`
	if diff := cmp.Diff(wantFolded, string(r.folded)); diff != "" {
		t.Errorf("folded (-want +got)\n%s", diff)
	}
}

// An extension whose attributes all have columns is still told to be in use.
func TestRowOfExtensionInColumns(t *testing.T) {
	t.Parallel()
	r := rowOf(schema.User, scim.Document{scim.EnterpriseUserURN: map[string]any{"department": "Engines"}})
	if want := `{"` + scim.EnterpriseUserURN + `":{}}`; string(r.folded) != want {
		t.Errorf("folded is %s, not %s", r.folded, want)
	}
}

// The longest values that are allowed fit into every index; longer ones are
// refused with the attribute's name, wherever they are.
func TestCheckLength(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for a := range allAttributes(testUser) {
		if users.columnOf(a) == "" && users.kindOf(a) == 0 || a == schema.Active {
			continue
		}
		doc := scim.Document{"id": uuid.NewString()}
		assign(doc, a, incompressible(maxIndexed))
		if err := rowOf(testUser, doc).checkLength(testUser); err != nil {
			t.Errorf("%s: %v", a, err)
		}
		s.put(t, testUser, doc)
		assign(doc, a, incompressible(maxIndexed+1))
		want := "invalidValue: " + a.String() + ": a value of 2049 bytes is too long; at most 2048 are allowed"
		if err := rowOf(testUser, doc).checkLength(testUser); err == nil || err.Error() != want {
			t.Errorf("%s: error %q, not %q", a, err, want)
		}
	}
}

// Neither a new nor a changed resource gets as far as PostgreSQL's own refusal.
func TestStore_RefusesLongValues(t *testing.T) {
	t.Parallel()
	o := newTenant(t)
	long := incompressible(3000)
	_, err := o.CreateUser(t.Context(), schema.User, directory.Edit{Doc: userDoc("ada", with(schema.DisplayName, long))})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	_, err = o.Update(t.Context(), schema.User, o.user("bob").ID, directory.Change{
		Edit: edit(func(doc scim.Document) { schema.Department.Set(doc, long) }),
	})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	_, err = o.CreateGroup(t.Context(), schema.Group, directory.Group{Type: "official", Visibility: "public"}, directory.Edit{
		Doc: scim.Document{"id": uuid.NewString(), "displayName": long},
	})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	_, err = o.Update(t.Context(), schema.Group, o.group("g").ID, directory.Change{
		Edit: edit(func(doc scim.Document) { schema.ExternalID.Set(doc, long) }),
	})
	expectRefusal(t, err, 400, scim.TypeInvalidValue)
	o.consistent()
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
	s := newShelf(t)
	doc := scim.Document{
		"id": uuid.NewString(), "userName": "Ada", "displayName": "Ada", "active": true,
		"emails":                  []any{map[string]any{"value": "ada@example.org"}},
		testUser.Extensions[2].ID: map[string]any{"level": int64(1<<53 + 1), "score": math.Copysign(0, -1), "levels": []any{int64(1)}},
	}
	org := s.put(t, testUser, doc)
	check := func(change string, want ...string) {
		t.Helper()
		if change != "" {
			s.exec(t, change)
		}
		if diff := cmp.Diff(want, diffRow(testUser, doc, s.stored(t, org))); diff != "" {
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
	s.exec(t, `update users set folded = $1`, rowOf(testUser, doc).folded)
	check(`update user_keys set kind = 99`, `unknown kind 99 has a key "ada@example.org" that the document does not have`,
		`emails.value has no key "ada@example.org"`)
	check(`update user_keys set kind = 1, key = 'Ada@example.org'`, `emails.value has a key "Ada@example.org" that the document does not have`,
		`emails.value has no key "ada@example.org"`)
}

// stored reads the one user of an organisation as rowOf would give it.
func (s *shelf) stored(t *testing.T, org int64) row {
	t.Helper()
	rows, _ := s.conn.Query(t.Context(), "select folded::text, "+strings.Join(users.columnNames, ", ")+" from users where org_id = $1", org)
	values, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
	if err != nil {
		t.Fatal(err)
	}
	r := row{columns: values[1:], folded: []byte(values[0].(string))}
	rows, _ = s.conn.Query(t.Context(), "select kind, key from user_keys where org_id = $1 order by kind, key", org)
	r.keys, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (k key, err error) { return k, row.Scan(&k.kind, &k.key) })
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Every column that columns.go names is in the migrated database, and no column
// for a search is there that nothing fills.
func TestColumnsExist(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	for _, table := range []*table{users, groups} {
		rows, _ := s.conn.Query(t.Context(), `
			select column_name from information_schema.columns where table_name = $1
			and (column_name like '%\_key' or column_name in ('active', 'display_name', 'external_id', 'manager_id'))`, table.name)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(names)
		if diff := cmp.Diff(slices.Sorted(slices.Values(table.columnNames)), names); diff != "" {
			t.Errorf("%s (-columns.go +database)\n%s", table.name, diff)
		}
	}
}

package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// custom gives the User type with a custom schema of the attributes.
func custom(t testing.TB, attributes string) *schema.Type {
	t.Helper()
	s, err := schema.ParseSchema([]byte(`{"id":"urn:example:custom","attributes":[` + attributes + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	s.Revision = 1
	return schema.User.With(s)
}

func TestCustomSchemasTakeNoShortNames(t *testing.T) {
	t.Parallel()
	typ := custom(t, `{"name":"department"},{"name":"manager"},{"name":"title"},{"name":"shoeSize"}`)
	for name, want := range map[string]string{
		"department": scim.EnterpriseUserURN + ":department", "manager": scim.EnterpriseUserURN + ":manager",
		"title": "title", "shoesize": "urn:example:custom:shoeSize", "urn:example:custom:title": "urn:example:custom:title",
	} {
		if ref, ok := typ.Resolve(name); !ok || ref.Attr.String() != want {
			t.Errorf("%s is %v, want %s", name, ref.Attr, want)
		}
	}
}

func TestLoadRefusesWhatIsNotDeclared(t *testing.T) {
	t.Parallel()
	const values = `{"name":"Ada","doors":[{"value":"north","level":1}]}`
	stored := []byte(`{"schemas":["` + scim.UserURN + `","urn:example:custom"],"userName":"ada","urn:example:custom":` + values + `}`)
	full := custom(t, `{"name":"name"},{"name":"doors","type":"complex","multiValued":true,"subAttributes":[{"name":"value"},{"name":"level","type":"integer"}]}`)
	doc, err := full.Load(stored)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"name": "Ada", "doors": []any{map[string]any{"value": "north", "level": int64(1)}}}
	if diff := cmp.Diff(any(want), doc["urn:example:custom"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for what, typ := range map[string]*schema.Type{
		"no schema":        schema.User,
		"no attribute":     custom(t, `{"name":"name"}`),
		"no sub-attribute": custom(t, `{"name":"name"},{"name":"doors","type":"complex","multiValued":true,"subAttributes":[{"name":"value"}]}`),
	} {
		if _, err := typ.Load(stored); !errors.Is(err, schema.ErrUndeclared) {
			t.Errorf("%s: %v", what, err)
		}
		if read, err := typ.Read(stored); err != nil || schema.UserName.Text(read) != "ada" {
			t.Errorf("%s: read %v: %v", what, read, err)
		}
	}
}

func TestRequiredAttributesCountWhereTheExtensionIsUsed(t *testing.T) {
	t.Parallel()
	typ := custom(t, `{"name":"number","required":true},{"name":"colour"}`)
	doc := scim.Document{"userName": "ada"}
	if err := typ.CheckRequired(doc); err != nil {
		t.Error(err)
	}
	doc["urn:example:custom"] = map[string]any{"colour": "red"}
	if err := typ.CheckRequired(doc); err == nil || !strings.Contains(err.Error(), "number") {
		t.Errorf("without number: %v", err)
	}
}

// FuzzParseSchema holds that a definition which is taken is described as it was
// read, extends a type, and is a compatible replacement of itself.
func FuzzParseSchema(f *testing.F) {
	for _, attributes := range []string{
		`{"name":"a"}`, `{"name":"a","type":"complex","subAttributes":[{"name":"b","type":"integer"}]}`,
		`{"name":"a","type":"decimal","multiValued":true,"required":true,"mutability":"immutable","returned":"request"}`,
		`{"name":"$a","type":"complex"},{"name":"A"},{"name":"a","canonicalValues":["x"],"caseExact":true}`,
	} {
		f.Add([]byte(`{"id":"urn:example:x","name":"X","meta":{"version":"1"},"attributes":[` + attributes + `]}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := schema.ParseSchema(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error says nothing")
			}
			return
		}
		described, err := json.Marshal(s.Describe())
		if err != nil {
			t.Fatal(err)
		}
		again, err := schema.ParseSchema(described)
		if err != nil {
			t.Fatalf("what it describes is refused: %v: %s", err, described)
		}
		if diff := cmp.Diff(s.Describe(), again.Describe()); diff != "" {
			t.Errorf("read again (-want +got):\n%s", diff)
		}
		if schema.DefaultTypes.CheckCustom(s) != nil {
			return
		}
		if err := s.CheckReplacement(again); err != nil {
			t.Errorf("it cannot replace itself: %v", err)
		}
		typ := schema.User.With(s)
		for _, a := range s.Attributes {
			if ref, ok := typ.Resolve(a.String()); !ok || ref.Attr != a {
				t.Errorf("%s is found as %v", a, ref.Attr)
			}
		}
		if err := (schema.Types{typ}).CheckCustom(again); err == nil {
			t.Error("its id can be taken twice")
		}
	})
}

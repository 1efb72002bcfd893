package schema_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// extension is the schema of the RFC cases: every kind that the standard
// schemas lack.
func extension(t testing.TB) *schema.Schema {
	t.Helper()
	ext, err := schema.ParseSchema(scimtest.ExtensionSchema(t))
	if err != nil {
		t.Fatal(err)
	}
	return ext
}

func TestDescribeAndParseAreInverse(t *testing.T) {
	t.Parallel()
	schemas := append(schema.DefaultTypes.Schemas(), extension(t))
	for _, s := range schemas {
		if nested[s.ID] {
			continue
		}
		want := s.Describe()
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := schema.ParseSchema(text)
		if err != nil {
			t.Errorf("%s: %v", s.ID, err)
			continue
		}
		if diff := cmp.Diff(want, parsed.Describe()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s.ID, diff)
		}
	}
}

func TestParseSchemaGivesBackTheDefinition(t *testing.T) {
	t.Parallel()
	var want, got any
	if err := json.Unmarshal(scimtest.ExtensionSchema(t), &want); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(extension(t).Describe())
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestParseSchemaFillsInTheDefaults(t *testing.T) {
	t.Parallel()
	s, err := schema.ParseSchema([]byte(`{"id":"urn:example:x","attributes":[{"name":"plain"},{"name":"link","type":"reference"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	plain, link := s.Attribute("PLAIN"), s.Attribute("link")
	if plain.Kind != schema.String || plain.CaseExact || plain.Mutability != schema.ReadWrite ||
		plain.Returned != schema.ReturnedDefault || plain.Uniqueness != schema.NotUnique || plain.Search != schema.Scan {
		t.Errorf("plain is %+v", plain)
	}
	if !link.CaseExact {
		t.Error("a reference is not caseExact")
	}
	if got, want := plain.String(), "urn:example:x:plain"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestParseSchemaNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	const attribute = `{"id":"urn:example:x","attributes":[%]}`
	for _, test := range []struct{ text, why, where string }{
		{``, "not a definition", ""},
		{`{"id":"urn:example:x","attributs":[]}`, "attributs", ""},
		{`{"id":"urn:example:x","attributes":[{"name":"a","mutiValued":true}]}`, "mutiValued", ""},
		{`{"id":"urn:example:x","attributes":[{"name":"a","required":"yes"}]}`, "/attributes/0/required", ""},
		{`{"id":"urn:example:x","id":"urn:example:y"}`, "duplicate", ""},
		{`{"schemas":["urn:example:x"],"id":"urn:example:x"}`, scim.SchemaURN, ""},
		{`{"id":"example","attributes":[{"name":"a"}]}`, `"example"`, "id"},
		{`{"id":"urn:example:x"}`, "no attributes", "attributes"},
		{strings.Replace(attribute, "%", `{"name":"a.b"}`, 1), `"a.b"`, "attributes a.b"},
		{strings.Replace(attribute, "%", `{"name":""}`, 1), `""`, "attributes"},
		{strings.Replace(attribute, "%", `{"name":"tag"},{"name":"TAG"}`, 1), "TAG is declared twice", "attributes TAG"},
		{strings.Replace(attribute, "%", `{"name":"tag","type":"strng"}`, 1), `attribute tag: type is "strng"`, "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"tag","mutability":"readwrite"}`, 1), `mutability is "readwrite"`, "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"tag","returned":"sometimes"}`, 1), `returned is "sometimes"`, "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"tag","uniqueness":"yes"}`, 1), `uniqueness is "yes"`, "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"tag","type":"complex"}`, 1), "no subAttributes", "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"tag","subAttributes":[{"name":"a"}]}`, 1), "type is string", "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"tag","mutability":"writeOnly"}`, 1), "never is expected", "attributes tag"},
		{strings.Replace(attribute, "%", `{"name":"t","type":"complex","subAttributes":[{"name":"a"},{"name":"A"}]}`, 1), "t.A is declared twice", "attributes t.A"},
		{strings.Replace(attribute, "%", `{"name":"t","type":"complex","subAttributes":[{"name":"a","type":"complex"}]}`, 1), "t.a is complex", "attributes t.a"},
	} {
		_, err := schema.ParseSchema([]byte(test.text))
		if err == nil || !strings.Contains(err.Error(), test.why) {
			t.Errorf("ParseSchema(%s): error %v does not say %q", test.text, err, test.why)
		}
		where := ""
		if wrong, ok := errors.AsType[*schema.DefinitionError](err); ok {
			where = strings.TrimSpace(wrong.Member + " " + wrong.Attribute)
		}
		if where != test.where {
			t.Errorf("ParseSchema(%s): it is wrong at %q, want %q", test.text, where, test.where)
		}
	}
}

package schema_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// rich is the User type with every kind of attribute there may be.
func rich(t testing.TB) *schema.Type {
	t.Helper()
	every, err := schema.ParseSchema([]byte(everyKind))
	if err != nil {
		t.Fatal(err)
	}
	return schema.User.With(extension(t), every)
}

func TestEncode(t *testing.T) {
	t.Parallel()
	const head = `{"schemas":["` + scim.UserURN + `"`
	for name, test := range map[string]struct {
		doc  scim.Document
		want string
	}{
		"nothing": {scim.Document{}, head + `]}`},
		"schema order": {
			scim.Document{"title": "Dr", "userName": "ada", "id": "1", "externalId": "x", "active": false, "name": object{"givenName": "Ada", "familyName": "L"}},
			head + `],"id":"1","externalId":"x","userName":"ada","name":{"familyName":"L","givenName":"Ada"},"title":"Dr","active":false}`,
		},
		"an extension": {
			scim.Document{scim.EnterpriseUserURN: object{"manager": object{"value": "m"}, "department": "R&D"}},
			head + `,"` + scim.EnterpriseUserURN + `"],"` + scim.EnterpriseUserURN + `":{"department":"R&D","manager":{"value":"m"}}}`,
		},
		"an extension that renders to nothing": {
			scim.Document{scim.EnterpriseUserURN: object{"unknown": "x", "department": "", "manager": object{"value": ""}}, "title": "Dr"},
			head + `],"title":"Dr"}`,
		},
		"an extension that is no object": {scim.Document{scim.EnterpriseUserURN: "x"}, head + `]}`},
		"what is empty or unknown": {
			scim.Document{"title": "", "name": object{}, "emails": list{object{}, nil, object{"unknown": 1}, object{"value": "a", "type": ""}}, "shoeSize": int64(43), "photos": list{}},
			head + `],"emails":[{"value":"a"}]}`,
		},
		"what is not stored": {
			scim.Document{"password": "x", "groups": list{object{"value": "g"}}, "meta": object{"version": "1"}, "schemas": list{"x"}},
			head + `]}`,
		},
	} {
		if got := string(schema.User.Encode(test.doc)); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
}

func TestLoadOfEncodeIsTheDocument(t *testing.T) {
	t.Parallel()
	for _, typ := range []*schema.Type{rich(t), schema.Group} {
		rapid.Check(t, func(t *rapid.T) {
			doc := documents(typ).Draw(t, "document")
			stored := typ.Encode(doc)
			got, err := typ.Load(stored)
			if err != nil {
				t.Fatalf("%v: %s", err, stored)
			}
			if diff := cmp.Diff(withoutHidden(doc), got); diff != "" {
				t.Fatalf("%s (-document +loaded):\n%s", stored, diff)
			}
		})
	}
}

// withoutHidden takes out the sub-attributes of everyKind that are not stored.
func withoutHidden(doc scim.Document) scim.Document {
	doc = doc.Clone()
	every, _ := doc["urn:example:every:kind"].(object)
	if parts, ok := every["parts"].(list); ok {
		var kept list
		for _, part := range parts {
			delete(part.(object), "hidden")
			if len(part.(object)) > 0 {
				kept = append(kept, part)
			}
		}
		every["parts"] = kept
		if kept == nil {
			delete(every, "parts")
		}
		if len(every) == 0 {
			delete(doc, "urn:example:every:kind")
		}
	}
	return doc
}

func TestLoadRefusesWhatIsNoDocument(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `[]`, `{"userName":`} {
		if doc, err := schema.User.Load([]byte(text)); err == nil {
			t.Errorf("Load(%s) = %v, want an error", text, doc)
		}
	}
}

func TestSchemasOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		doc  scim.Document
		want string
	}{
		{scim.Document{}, scim.UserURN},
		{scim.Document{scim.GenesysUserURN: object{"routingSkills": list{object{}}}, scim.EnterpriseUserURN: object{"unknown": 1}}, scim.UserURN},
		{scim.Document{scim.GenesysUserURN: object{"routingSkills": list{object{"name": "x"}}}}, scim.UserURN + " " + scim.GenesysUserURN},
	} {
		if got := strings.Join(schema.User.SchemasOf(test.doc), " "); got != test.want {
			t.Errorf("SchemasOf(%v) = %s, want %s", test.doc, got, test.want)
		}
	}
}

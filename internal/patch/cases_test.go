package patch_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// TestRFCCases runs the cases of RFC 7644 in memory.
func TestRFCCases(t *testing.T) {
	t.Parallel()
	for _, c := range scimtest.LoadPatchCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			before, kind := stored(t, string(c.Before))
			kept := before.Clone()
			after, err := run(kind, before, string(c.Request))
			if !before.Equal(kept) {
				t.Errorf("the document itself was changed:\n%v\n%v", kept, before)
			}
			if c.Error != nil {
				checkError(t, err, c.Error.Status, scim.ErrorType(c.Error.ScimType))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if c.Noop && !after.Equal(before) {
				t.Errorf("changed though it is a no-op:\nbefore %v\nafter  %v", before, after)
			}
			if diff := scimtest.DiffResource(nameless(parse(t, string(c.After)).(map[string]any)), answered(kind, after)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// stored makes the document of a resource as it is kept, and tells its type.
func stored(t testing.TB, text string) (scim.Document, *schema.Type) {
	t.Helper()
	object, err := scim.ParseObject([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	kind := schema.User
	if urns, ok := object["schemas"].([]any); ok && urns[0] == scim.GroupURN {
		kind = schema.Group
	}
	in, err := kind.Decode(object, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	in.Doc["id"] = object["id"]
	if groups, ok := object["groups"]; ok {
		in.Doc["groups"] = groups
	}
	sent, _ := object["members"].([]any)
	members, _ := in.Doc["members"].([]any)
	for i, m := range members {
		if name := sent[i].(map[string]any)["display"]; name != nil {
			m.(map[string]any)["display"] = name
		}
	}
	return in.Doc, kind
}

// nameless is a group without the names of its members, which the server reads from
// the users.
func nameless[Document ~map[string]any](group Document) Document {
	members, _ := group["members"].([]any)
	for _, m := range members {
		delete(m.(map[string]any), "display")
	}
	return group
}

// run compiles and applies the body of a PATCH request.
func run(kind *schema.Type, doc scim.Document, body string) (scim.Document, error) {
	ops, err := scim.ParsePatch([]byte(body))
	if err != nil {
		return nil, err
	}
	plan, err := patch.Compile(kind, ops, schema.Options{Region: "US"})
	if err != nil {
		return nil, err
	}
	return plan.Apply(doc)
}

// answered is the document as an answer shows it.
func answered(kind *schema.Type, doc scim.Document) scim.Document {
	shown := doc.Clone()
	delete(shown, schema.Password.Name)
	shown[schema.Schemas.Name] = kind.SchemasOf(doc)
	return nameless(shown)
}

func checkError(t *testing.T, err error, status int, kind scim.ErrorType) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v; want %d %s", err, status, kind)
	}
	if e.Status != status || e.Type != kind {
		t.Errorf("error %d %q; want %d %s", e.Status, e, status, kind)
	}
}

func parse(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

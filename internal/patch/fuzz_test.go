package patch_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// FuzzApply runs any body on a rich document: it fails with an error that
// the client can be told, or makes a document that the schema gives back as it
// is; and a PATCH that only replaces whole values, repeated, changes nothing.
func FuzzApply(f *testing.F) {
	seed(f)
	user, _ := stored(f, ada)
	group, _ := stored(f, nightShift)
	f.Fuzz(func(t *testing.T, text string) {
		for kind, doc := range map[*schema.Type]scim.Document{schema.User: user, schema.Group: group} {
			fuzzApply(t, kind, doc, text)
		}
	})
}

func fuzzApply(t *testing.T, kind *schema.Type, doc scim.Document, text string) {
	ops, err := scim.ParsePatch([]byte(text))
	if err != nil {
		checkTold(t, err)
		return
	}
	plan, err := patch.Compile(kind, ops, schema.Options{Region: "US"})
	if err != nil {
		checkTold(t, err)
		return
	}
	before := doc.Clone()
	after, err := plan.Apply(doc)
	if diff := cmp.Diff(before, doc); diff != "" {
		t.Fatalf("the document itself was changed: %s", diff)
	}
	if err != nil {
		checkTold(t, err)
		return
	}
	checkRedecodes(t, kind, after)
	if !onlyReplaces(ops) {
		return
	}
	again, err := plan.Apply(after)
	if err != nil {
		t.Fatalf("the second time: %v", err)
	}
	if !again.Equal(after) {
		t.Fatalf("the second time changes: %s", cmp.Diff(after, again))
	}
}

func checkTold(t *testing.T, err error) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) || e.Status != 400 && e.Status != 413 || e.Detail == "" {
		t.Fatalf("%v is no error for a client", err)
	}
}

func checkRedecodes(t *testing.T, kind *schema.Type, doc scim.Document) {
	t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	object, err := scim.ParseObject(text)
	if err != nil {
		t.Fatal(err)
	}
	in, err := kind.Decode(object, schema.Options{Region: "US"})
	if err != nil {
		t.Fatalf("the schema refuses the result: %v\n%s", err, text)
	}
	in.Doc["id"] = doc["id"]
	kind.Tidy(in.Doc)
	if !in.Doc.Equal(doc) {
		t.Fatalf("the schema reads the result as another: %s", cmp.Diff(doc, in.Doc))
	}
}

// onlyReplaces reports whether each operation replaces one whole attribute, none twice.
func onlyReplaces(ops []scim.PatchOp) bool {
	seen := map[*schema.Attribute]bool{}
	for _, op := range ops {
		ref, ok := schema.User.Resolve(op.Path)
		if op.Op != "replace" || !ok || ref.Sub != nil || seen[ref.Attr] {
			return false
		}
		seen[ref.Attr] = true
	}
	return true
}

func seed(f *testing.F) {
	for _, test := range changes {
		f.Add(body(test.operations))
	}
	for _, test := range refusals {
		f.Add(body(test.operations))
	}
	for _, c := range scimtest.LoadPatchCases(f) {
		f.Add(string(c.Request))
	}
	for _, s := range scimtest.LoadScenarios(f) {
		for _, step := range s.Steps {
			if body := string(step.Request.Body); strings.Contains(body, "Operations") {
				f.Add(body)
			}
		}
	}
}

package patch_test

import (
	"testing"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// BenchmarkReplaceTitle is the commonest PATCH: one value of one user.
func BenchmarkReplaceTitle(b *testing.B) {
	doc, _ := stored(b, ada)
	ops := []scim.PatchOp{{Op: "replace", Path: "title", Value: "Lead", HasValue: true}}
	b.ReportAllocs()
	for b.Loop() {
		plan, err := patch.Compile(schema.User, ops, schema.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := plan.Apply(doc); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAddMember is a change of a group that is not loaded.
func BenchmarkAddMember(b *testing.B) {
	ops := []scim.PatchOp{{Op: "add", Path: "members", HasValue: true, Value: []any{
		map[string]any{"value": "u1"},
	}}}
	b.ReportAllocs()
	for b.Loop() {
		plan, err := patch.Compile(schema.Group, ops, schema.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if _, _, ok := plan.Links(schema.Members); !ok {
			b.Fatal("needs the members")
		}
	}
}

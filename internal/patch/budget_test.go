package patch_test

import (
	"testing"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// common are operations that clients send all day, and how often compiling and applying
// them may allocate. Compiled they must be cheap: the shapes of their paths are known.
var common = map[string]struct {
	op             scim.PatchOp
	compile, apply float64
}{
	"title":        {scim.PatchOp{Op: "replace", Path: "title", Value: "Lead", HasValue: true}, 4, 10},
	"work e-mail":  {scim.PatchOp{Op: "replace", Path: `emails[type eq "work"].value`, Value: "ada@b.example", HasValue: true}, 17, 23},
	"without path": {scim.PatchOp{Op: "replace", Value: map[string]any{"active": false, "name.givenName": "Ada"}, HasValue: true}, 7, 13},
}

// Allocations are counted of the whole program: no other test may run meanwhile.
func TestPatch_KeepsTheBudget(t *testing.T) {
	doc, _ := stored(t, ada)
	for name, c := range common {
		ops := []scim.PatchOp{c.op}
		var plan *patch.Plan
		var err error
		if got := testing.AllocsPerRun(100, func() { plan, err = patch.Compile(schema.User, ops, schema.Options{}) }); err != nil || got > c.compile {
			t.Errorf("%s: compiling allocates %g times, at most %g are allowed (%v)", name, got, c.compile, err)
		}
		if got := testing.AllocsPerRun(100, func() { _, err = plan.Apply(doc) }); err != nil || got > c.apply {
			t.Errorf("%s: applying allocates %g times, at most %g are allowed (%v)", name, got, c.apply, err)
		}
	}
}

func TestLinks_KeepTheBudgetOfAMember(t *testing.T) {
	const members, most = 1000, 5 // allocations a member
	list := make([]any, members)
	for i := range list {
		list[i] = map[string]any{"value": "0198c0de-0000-7000-8000-000000000001"}
	}
	ops := []scim.PatchOp{{Op: "add", Path: "members", Value: list, HasValue: true}}
	got := testing.AllocsPerRun(10, func() {
		plan, err := patch.Compile(schema.Group, ops, schema.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := plan.Links(schema.Members); !ok {
			t.Fatal("needs the members")
		}
	})
	if got > members*most {
		t.Errorf("a member allocates %g times, at most %d are allowed", got/members, most)
	}
}

// BenchmarkCompile is what a request costs before anything is read.
func BenchmarkCompile(b *testing.B) {
	for name, c := range common {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := patch.Compile(schema.User, []scim.PatchOp{c.op}, schema.Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

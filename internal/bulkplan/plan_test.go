package bulkplan_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/bulkplan"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

// request makes operations of words such as "POST a", which has the bulkId a,
// "POST a -> b c", which refers to two others, "PUT #1" and "DELETE #1", which are on
// a stored user, and "PUT #1 -> a".
func request(t *testing.T, words ...string) []*bulkplan.Operation {
	t.Helper()
	created := map[string]int{}
	operations := make([]*bulkplan.Operation, len(words))
	for i, text := range words {
		what, refers, _ := strings.Cut(text, " -> ")
		method, name, _ := strings.Cut(what, " ")
		op := &bulkplan.Operation{BulkOperation: scim.BulkOperation{Method: method}, Type: schema.User}
		if method == http.MethodPost {
			op.BulkID, created[name] = name, i
		} else {
			op.ID = name
		}
		var refs []any
		for to := range strings.FieldsSeq(refers) {
			refs = append(refs, bulkplan.ReferencePrefix+to)
		}
		op.Body = map[string]any{"members": refs}
		operations[i] = op
	}
	for _, op := range operations {
		if err := op.FindNeeds(created); err != nil {
			t.Fatal(err)
		}
	}
	return operations
}

// written tells of stages: the places of operations from 0, those that link with an
// accent, stages apart by bars.
func written(stages [][]bulkplan.Step) string {
	var parts []string
	for _, stage := range stages {
		var steps []string
		for _, s := range stage {
			text := fmt.Sprint(s.Operation)
			if s.Link {
				text += "'"
			}
			steps = append(steps, text)
		}
		parts = append(parts, strings.Join(steps, " "))
	}
	return strings.Join(parts, " | ")
}

func TestStages(t *testing.T) {
	t.Parallel()
	for want, words := range map[string][]string{
		"":              {},
		"0 1 2":         {"POST a", "POST b", "POST c"},
		"1 0":           {"POST a -> b", "POST b"},
		"2 1 0":         {"POST a -> b", "POST b -> c", "POST c"},
		"0 1 0'":        {"POST a -> b", "POST b -> a"},
		"2 0 1 0'":      {"POST a -> b c", "POST b -> a", "POST c"},
		"0 | 1 | 2":     {"POST a", "PUT #1", "POST b"},
		"0 1 | 2":       {"DELETE #1", "DELETE #2", "POST a"},
		"0 | 1 | 2 | 3": {"PUT #1", "DELETE #1", "PUT #1", "DELETE #2"},
		"2 | 0 | 1":     {"PUT #1 -> a", "DELETE #1", "POST a"},
	} {
		if got := written(bulkplan.Stages(request(t, words...), false)); got != want {
			t.Errorf("%q are done as %q, want %q", words, got, want)
		}
	}
	if got := written(bulkplan.Stages(request(t, "POST a", "DELETE #1", "DELETE #2"), true)); got != "0 | 1 | 2" {
		t.Errorf("in sequence it is %q", got)
	}
}

// Whatever a request refers to: each operation is done once, after those on its
// resource that stand before it, and after what it refers to, unless both are of a
// circle; then it is linked when all of its references are there.
func TestStages_KeepTheOrder(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		operations := request(t, randomWords(random)...)
		var order []bulkplan.Step
		for _, stage := range bulkplan.Stages(operations, random.IntN(2) == 0) {
			order = append(order, stage...)
		}
		at := func(i int, link bool) int { return slices.Index(order, bulkplan.Step{Operation: i, Link: link}) }
		latest := map[string]int{}
		for i, op := range operations {
			if at(i, false) < 0 {
				t.Fatalf("operation %d is not done: %v", i, order)
			}
			for _, need := range op.Needs {
				if late := slices.Contains(op.Late, need); late && at(i, true) < at(need, false) || !late && at(i, false) < at(need, false) {
					t.Fatalf("operation %d comes before %d, which it needs (late %v): %v", i, need, op.Late, order)
				}
			}
			if before, ok := latest[op.ID]; ok && op.ID != "" && at(i, false) < at(before, false) {
				t.Fatalf("operation %d comes before %d on the same resource: %v", i, before, order)
			}
			latest[op.ID] = i
		}
		if most := 2 * len(operations); len(order) > most {
			t.Fatalf("%d steps for %d operations", len(order), len(operations))
		}
	}
}

func randomWords(random *rand.Rand) []string {
	n := 1 + random.IntN(8)
	words := make([]string, n)
	for i := range words {
		if words[i] = fmt.Sprintf("POST %d", i); random.IntN(3) == 0 {
			words[i] = []string{"PUT", "PATCH", "DELETE"}[random.IntN(3)] + fmt.Sprintf(" #%d", random.IntN(2))
		}
	}
	for i := range words {
		var refs []string
		for j, word := range words {
			if strings.HasPrefix(word, "POST") && random.IntN(3) == 0 {
				refs = append(refs, fmt.Sprint(j))
			}
		}
		if len(refs) > 0 && !strings.HasPrefix(words[i], "DELETE") {
			words[i] += " -> " + strings.Join(refs, " ")
		}
	}
	return words
}

func TestFindNeeds_RefusesWhatNobodyCreates(t *testing.T) {
	t.Parallel()
	op := bulkplan.Operation{Body: map[string]any{"manager": "bulkId:b", "members": []any{"bulkId:a"}}}
	if err := op.FindNeeds(nil); err == nil || !strings.Contains(err.Error(), `"bulkId:a" is not the bulkId of a POST`) {
		t.Errorf("error is %v", err)
	}
}

func TestReferences_AreReplaced(t *testing.T) {
	t.Parallel()
	refer := bulkplan.References{IDs: map[string]string{"a": "1"}, Late: []string{"b"}}
	body := map[string]any{"members": []any{map[string]any{"value": "bulkId:a"}, map[string]any{"value": "bulkId:b"}}, "note": "bulkId:b", "title": "x"}
	want := map[string]any{"members": []any{map[string]any{"value": "1"}}, "title": "x"}
	if diff := cmp.Diff(want, refer.InObject(body)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	patch := []scim.PatchOp{{Op: "remove", Path: `members[value eq "bulkId:a"]`}, {Op: "add", Path: "members", Value: []any{"bulkId:a"}}}
	got := refer.InPatch(patch)
	if got[0].Path != `members[value eq "1"]` || !cmp.Equal(got[1].Value, any([]any{"1"})) || patch[0].Path == got[0].Path {
		t.Errorf("operations are %v", got)
	}
	if diff := cmp.Diff(map[string]any{"members": body["members"]}, refer.Referring(schema.User, body)); diff != "" {
		t.Errorf("what refers (-want +got):\n%s", diff)
	}
}

// A step holds its resource and the unique names that it takes.
func TestHolds(t *testing.T) {
	t.Parallel()
	for _, body := range []map[string]any{
		{"USERNAME": "Ada", "title": "x"},
		{"userName": []any{map[string]any{"value": "Ada"}}, "title": "userName"},
		{scim.UserURN + ":userName": "Ada"},
		{scim.UserURN: map[string]any{"userName": "Ada"}, "name": map[string]any{"userName": "Bob"}},
	} {
		op := bulkplan.Operation{Type: schema.User, ID: "1", Body: body}
		if diff := cmp.Diff([]string{"/Users/1", "/Users userName ada"}, op.Holds()); diff != "" {
			t.Errorf("%v holds (-want +got):\n%s", body, diff)
		}
	}
}

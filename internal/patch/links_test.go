package patch_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/purescim/purescim/internal/patch"
	"github.com/purescim/purescim/internal/schema"
	"github.com/purescim/purescim/internal/scim"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	const (
		addA     = `{"op":"add","path":"members","value":[{"value":"a","display":"A"}]}`
		addBC    = `{"op":"Add","path":"members","value":[{"value":"b"},{"value":"c"},{"value":"b"}]}`
		removeA  = `{"op":"remove","path":"members[value eq \"a\"]"}`
		setAB    = `{"op":"replace","path":"members","value":[{"value":"a"},{"value":"b"}]}`
		removeAB = `{"op":"Remove","path":"members","value":[{"value":"a"},{"value":"b"}]}`
	)
	tests := []struct {
		name, operations string
		want             patch.Links
	}{
		{"add", addBC, patch.Links{Add: []string{"b", "c"}}},
		{"remove", removeA, patch.Links{Remove: []string{"a"}}},
		{"remove of a list", removeAB, patch.Links{Remove: []string{"a", "b"}}},
		{"remove of several by filter", `{"op":"remove","path":"members[value eq \"a\" or value eq \"B\" or value eq \"c\"]"}`, patch.Links{Remove: []string{"a", "B", "c"}}},
		{"remove of all", `{"op":"remove","path":"members"}`, patch.Links{Replace: true}},
		{"replace", setAB, patch.Links{Replace: true, Add: []string{"a", "b"}}},
		{"replace by nothing", `{"op":"replace","path":"members","value":[]}`, patch.Links{Replace: true}},
		{"without a path", `{"op":"replace","value":{"members":[{"value":"a"}],"displayName":"x"}}`, patch.Links{Replace: true, Add: []string{"a"}}},
		{"added without a path", `{"op":"add","value":{"members":[{"value":"a"}]}}`, patch.Links{Add: []string{"a"}}},
		{"removed, then added", removeAB + "," + addA, patch.Links{Add: []string{"a"}, Remove: []string{"b"}}},
		{"added, then removed", addA + "," + addBC + "," + removeA, patch.Links{Add: []string{"b", "c"}, Remove: []string{"a"}}},
		{"replaced, added, removed", setAB + "," + addBC + "," + removeA, patch.Links{Replace: true, Add: []string{"b", "c"}}},
		{"a replacement forgets what was before", addBC + "," + removeA + "," + setAB, patch.Links{Replace: true, Add: []string{"a", "b"}}},
		{"removed and added again keeps the last place", setAB + "," + removeA + "," + addA, patch.Links{Replace: true, Add: []string{"b", "a"}}},
		{"an empty list removes nothing", `{"op":"remove","path":"members","value":[]}`, patch.Links{}},
		{"no members at all", `{"op":"replace","path":"displayName","value":"x"}`, patch.Links{}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			plan := compile(t, schema.Group, test.operations)
			change, rest, ok := plan.Links(schema.Members)
			if !ok {
				t.Fatal("not ok")
			}
			if diff := cmp.Diff(test.want, change, cmpopts.IgnoreUnexported(patch.Links{})); diff != "" {
				t.Error(diff)
			}
			if rest.Touches(schema.Members) || rest.Touches(schema.GroupName) != plan.Touches(schema.GroupName) {
				t.Error("the rest is not the plan without members")
			}
		})
	}
}

func TestLinksThatNeedTheStored(t *testing.T) {
	t.Parallel()
	for _, filter := range []string{
		`display sw \"A\"`,
		`value ne \"a\"`,
		`value eq \"a\" and type eq \"User\"`,
		`value eq \"a\" or display eq \"A\"`,
		`value eq null`,
	} {
		plan := compile(t, schema.Group, `{"op":"add","path":"members","value":{"value":"b"}},{"op":"remove","path":"members[`+filter+`]"}`)
		if change, _, ok := plan.Links(schema.Members); !ok || !change.NeedsStored() {
			t.Errorf("%s: %v, %v without the stored elements", filter, change, ok)
		}
	}
	for _, operation := range []string{
		`{"op":"add","path":"members[value eq \"a\"].type","value":"User"}`,
		`{"op":"add","path":"members[value eq \"a\"]","value":{"type":"User"}}`,
		`{"op":"replace","path":"members[value eq \"a\"]","value":{"value":"b"}}`,
	} {
		plan := compile(t, schema.Group, `{"op":"add","path":"members","value":{"value":"b"}},`+operation)
		if change, _, ok := plan.Links(schema.Members); ok {
			t.Errorf("%s: %v without the stored elements", operation, change)
		}
	}
}

// TestLinksAndApplyAgree: the change of the set of ids has the effect that the
// operations have on the loaded group.
func TestLinksAndApplyAgree(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		doc, _ := stored(t, nightShift)
		plan := compile(t, schema.Group, randomMemberOperations(random))
		after, err := plan.Apply(doc)
		if err != nil {
			t.Fatal(err)
		}
		change, rest, ok := plan.Links(schema.Members)
		if !ok || !rest.Empty() {
			t.Fatal("not a change of members only")
		}
		walks := 0
		if change.NeedsStored() {
			change, err = change.Resolve(t.Context(), func(yield func(map[string]any) bool) {
				walks++
				for _, v := range schema.Members.Values(doc) {
					if !yield(v.(map[string]any)) {
						return
					}
				}
			})
		}
		if err != nil || walks > 1 {
			t.Fatalf("the members were walked %d times: %v", walks, err)
		}
		if diff := cmp.Diff(memberIDs(after), changed(memberIDs(doc), change)); diff != "" {
			t.Fatalf("%+v:\n%s", change, diff)
		}
	}
}

func randomMemberOperations(random *rand.Rand) string {
	id := func() string { n := random.IntN(6); return fmt.Sprintf(`{"value":"u%d"}`, n) }
	operations := make([]string, 1+random.IntN(6))
	for i := range operations {
		switch random.IntN(7) {
		case 5, 6:
			filters := []string{`value ew \"%d\"`, `value co \"%d\"`, `value ne \"u%d\"`, `value eq \"u%d\" or value sw \"x\"`}
			operations[i] = fmt.Sprintf(`{"op":"remove","path":"members[`+filters[random.IntN(len(filters))]+`]"}`, random.IntN(6))
		case 0:
			operations[i] = `{"op":"add","path":"members","value":[` + id() + "," + id() + `]}`
		case 1:
			operations[i] = `{"op":"remove","path":"members","value":[` + id() + "," + id() + `]}`
		case 2:
			operations[i] = fmt.Sprintf(`{"op":"remove","path":"members[value eq \"u%d\"]"}`, random.IntN(6))
		case 3:
			operations[i] = `{"op":"replace","value":{"members":[` + id() + "," + id() + `]}}`
		default:
			operations[i] = `{"op":"remove","path":"members"}`
		}
	}
	return strings.Join(operations, ",")
}

func memberIDs(doc scim.Document) []string {
	ids := []string{}
	for _, v := range schema.Members.Values(doc) {
		ids = append(ids, v.(map[string]any)["value"].(string))
	}
	slices.Sort(ids)
	return ids
}

func changed(ids []string, change patch.Links) []string {
	if change.Replace {
		ids = []string{}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return slices.Contains(change.Remove, id) })
	ids = append(ids, change.Add...)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Work ends when the request does.
func TestLinks_ResolveEndsWithTheContext(t *testing.T) {
	t.Parallel()
	plan := compile(t, schema.Group, `{"op":"remove","path":"members[display sw \"A\"]"}`)
	change, _, _ := plan.Links(schema.Members)
	ctx, cancel := context.WithCancel(t.Context())
	walked := 0
	_, err := change.Resolve(ctx, func(yield func(map[string]any) bool) {
		for walked = 1; yield(map[string]any{"value": fmt.Sprint(walked)}) && walked < 1000; walked++ {
			if walked == 10 {
				cancel()
			}
		}
	})
	if !errors.Is(err, context.Canceled) || walked > 11 {
		t.Errorf("%d members were walked: %v", walked, err)
	}
}

// TestTestedLimit: what writes to elements looks at them operation by operation, so that
// only so many may be looked at.
func TestTestedLimit(t *testing.T) {
	t.Parallel()
	members := make([]any, 2000)
	for i := range members {
		members[i] = map[string]any{"value": fmt.Sprintf("u%d", i), "display": "Ada"}
	}
	write := `{"op":"remove","path":"members[display co \"zz\"].type"}`
	plan := compile(t, schema.Group, strings.Join(slices.Repeat([]string{write}, 502), ","))
	checkBeyond := func(plan *patch.Plan, operation string) {
		_, err := plan.Apply(scim.Document{"displayName": "x", "members": members})
		checkError(t, err, 413, "")
		if !strings.HasPrefix(err.Error(), operation) {
			t.Errorf("%v; the first operation beyond the limit is %s", err, operation)
		}
	}
	checkBeyond(plan, "operation 501: ")
	write = strings.Replace(write, `\"zz\"`, `\"zz\" or display co \"yy\"`, 1)
	checkBeyond(compile(t, schema.Group, strings.Join(slices.Repeat([]string{write}, 252), ",")), "operation 251: ")
}

// TestLinks_ResolveLimit: filters that no text can tell apart are tested one by one, and
// only so often, whatever their form.
func TestLinks_ResolveLimit(t *testing.T) {
	t.Parallel()
	for filter, most := range map[string]int{
		`display gt \"zz\"`: 2000, `not (display sw \"A\")`: 2000, `display co \"Ada\" and not (display pr)`: 1000,
		`display co \"zz\"`: 0,
	} {
		plan := compile(t, schema.Group, strings.Join(slices.Repeat([]string{`{"op":"remove","path":"members[` + filter + `]"}`}, 500), ","))
		change, _, _ := plan.Links(schema.Members)
		walked := 0
		_, err := change.Resolve(t.Context(), func(yield func(map[string]any) bool) {
			for walked = 1; yield(map[string]any{"value": fmt.Sprint(walked), "display": "Ada"}) && walked < 3000; walked++ {
			}
		})
		if most == 0 {
			if err != nil {
				t.Errorf("%s: %v", filter, err)
			}
			continue
		}
		checkError(t, err, 413, "")
		if walked > most+1 {
			t.Errorf("%s: %d members were walked", filter, walked)
		}
	}
}

// TestMembersLimit counts over all operations, removals included.
func TestMembersLimit(t *testing.T) {
	t.Parallel()
	members := func(from, n int) []any {
		list := make([]any, n)
		for i := range list {
			list[i] = map[string]any{"value": fmt.Sprintf("u%d", from+i)}
		}
		return list
	}
	ops := []scim.PatchOp{
		{Op: "add", Path: "members", Value: members(0, patch.MaxLinks-1), HasValue: true},
		{Op: "remove", Path: "members", Value: members(7, 1), HasValue: true},
	}
	plan, err := patch.Compile(schema.Group, ops, schema.Options{})
	if err != nil {
		t.Fatal(err)
	}
	change, _, _ := plan.Links(schema.Members)
	after, err := plan.Apply(scim.Document{"displayName": "x"})
	if err != nil || len(change.Add) != patch.MaxLinks-2 || len(schema.Members.Values(after)) != patch.MaxLinks-2 {
		t.Errorf("%d added, %d there, %v", len(change.Add), len(schema.Members.Values(after)), err)
	}
	_, err = patch.Compile(schema.Group, append(ops, scim.PatchOp{Op: "add", Path: "members", Value: members(0, 1), HasValue: true}), schema.Options{})
	checkError(t, err, 413, "")
	if !strings.Contains(err.Error(), "200000") {
		t.Errorf("%v does not name the limit", err)
	}
}

// TestListedLimit is the limit for what links nothing: it counts over all
// operations too, and leaves room for any sound request.
func TestListedLimit(t *testing.T) {
	t.Parallel()
	roles := make([]any, schema.MaxValues)
	for i := range roles {
		roles[i] = fmt.Sprintf("role %d", i)
	}
	ops := slices.Repeat([]scim.PatchOp{{Op: "remove", Path: "roles", Value: roles, HasValue: true}}, 5)
	if _, err := patch.Compile(schema.User, ops, schema.Options{}); err != nil {
		t.Fatal(err)
	}
	ops = append(ops, scim.PatchOp{Op: "add", Path: "roles", Value: roles[:1], HasValue: true})
	_, err := patch.Compile(schema.User, ops, schema.Options{})
	checkError(t, err, 413, "")
}

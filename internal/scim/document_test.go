package scim_test

import (
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/purescim/purescim/internal/scim"
)

type (
	object = map[string]any
	list   = []any
)

func TestEqual(t *testing.T) {
	t.Parallel()
	doc := scim.Document{"userName": "ada", "emails": list{object{"value": "a"}, object{"value": "b"}}}
	for name, test := range map[string]struct {
		other scim.Document
		want  bool
	}{
		"same":           {scim.Document{"userName": "ada", "emails": list{object{"value": "a"}, object{"value": "b"}}}, true},
		"another order":  {scim.Document{"userName": "ada", "emails": list{object{"value": "b"}, object{"value": "a"}}}, true},
		"another number": {scim.Document{"userName": "ada", "emails": list{object{"value": "a"}, object{"value": "a"}}}, false},
		"another value":  {scim.Document{"userName": "Ada", "emails": list{object{"value": "a"}, object{"value": "b"}}}, false},
		"one less":       {scim.Document{"userName": "ada", "emails": list{object{"value": "a"}}}, false},
		"another name":   {scim.Document{"name": "ada", "emails": list{object{"value": "a"}, object{"value": "b"}}}, false},
		"another kind":   {scim.Document{"userName": "ada", "emails": object{"value": "a"}}, false},
	} {
		if got := doc.Equal(test.other); got != test.want {
			t.Errorf("%s: Equal = %t", name, got)
		}
		if got := test.other.Equal(doc); got != test.want {
			t.Errorf("%s, the other way: Equal = %t", name, got)
		}
	}
	if scim.EqualValue(int64(1), 1.0) || scim.EqualValue(nil, "") || scim.EqualValue("1", int64(1)) {
		t.Error("values of different kinds are equal")
	}
}

// TestEqualOfLongLists would not end in time if every element were compared
// with every other.
func TestEqualOfLongLists(t *testing.T) {
	t.Parallel()
	const n = 50_000
	up, down := make(list, n), make(list, n)
	for i := range n {
		element := object{"value": strconv.Itoa(i), "type": "work"}
		up[i], down[n-1-i] = element, element
	}
	if !scim.EqualValue(up, down) {
		t.Error("not equal, in another order")
	}
	down[0] = object{"value": "other"}
	if scim.EqualValue(up, down) {
		t.Error("equal, with another element")
	}
}

// values generates values of documents, with few different leaves so that equal
// ones happen.
func values(depth int) *rapid.Generator[any] {
	leaf := rapid.SampledFrom([]any{nil, "", "a", "b", `a","b`, "n", "true", true, false, int64(0), int64(1), 1.0, 0.5})
	if depth == 0 {
		return leaf
	}
	return rapid.OneOf(
		leaf,
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(values(depth-1), 0, 3).Draw(t, "list") }),
		rapid.Custom(func(t *rapid.T) any {
			return rapid.MapOfN(rapid.SampledFrom([]string{"a", "b", `a":`}), values(depth-1), 0, 3).Draw(t, "object")
		}),
	)
}

func TestValueKeyIsEquality(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := values(3).Draw(t, "a"), values(3).Draw(t, "b")
		if equal, same := scim.EqualValue(a, b), scim.ValueKey(a) == scim.ValueKey(b); equal != same {
			t.Fatalf("equal: %t, but keys %s and %s", equal, scim.ValueKey(a), scim.ValueKey(b))
		}
	})
}

func TestCloneIsEqualAndSharesNothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		doc := scim.Document{"a": values(3).Draw(t, "value")}
		clone := doc.Clone()
		if diff := cmp.Diff(doc, clone); diff != "" {
			t.Fatalf("(-doc +clone):\n%s", diff)
		}
		key := scim.ValueKey(doc["a"])
		scribble(clone["a"])
		if now := scim.ValueKey(doc["a"]); now != key {
			t.Fatalf("writing to the clone made %s of %s", now, key)
		}
	})
}

func scribble(v any) {
	switch v := v.(type) {
	case object:
		for name, x := range v {
			scribble(x)
			v[name] = "scribbled"
		}
		v["more"] = true
	case list:
		for i, x := range v {
			scribble(x)
			v[i] = "scribbled"
		}
	}
}

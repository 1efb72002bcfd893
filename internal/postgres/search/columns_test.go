package search

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
)

// What an attribute's declaration says of its search is what columns.go does:
// an attribute that is declared and forgotten here would be scanned for.
func TestSearchIsAsDeclared(t *testing.T) {
	t.Parallel()
	for _, typ := range schema.DefaultTypes {
		table := TableOf(typ)
		for a := range allAttributes(typ) {
			o, ok := table.operand(a)
			_, linked := table.links[a]
			found := schema.Scan
			switch {
			case ok && o.fixed == nil:
				found = schema.Column
			case table.KindOf(a) != 0:
				found = schema.Key
			case linked:
				found = schema.Link
			}
			if found != a.Search {
				t.Errorf("%s: %s is declared with search %d, and columns.go has %d", typ.Name, a, a.Search, found)
			}
		}
		for a, link := range table.links {
			for _, sub := range a.Sub {
				if _, ok := link.values[sub.Name]; !ok && sub.Name != "$ref" {
					t.Errorf("%s: columns.go does not tell where %s is", typ.Name, sub)
				}
			}
		}
	}
}

// allAttributes yields the attributes of a type with their sub-attributes.
func allAttributes(t *schema.Type) func(func(*schema.Attribute) bool) {
	return func(yield func(*schema.Attribute) bool) {
		for a := range t.Attributes {
			if !yield(a) {
				return
			}
			for _, sub := range a.Sub {
				if !yield(sub) {
					return
				}
			}
		}
	}
}

// The numbers of the kinds are stored: one that changes loses its keys.
func TestKeyKinds(t *testing.T) {
	t.Parallel()
	kinds := map[string]int16{}
	for _, k := range Users.keyed {
		kinds[k.attr.Path()] = k.kind
	}
	want := map[string]int16{
		"emails.value": 1, "phoneNumbers.value": 2, "externalIds.value": 3, "roles.value": 4,
		"routingSkills.name": 5, "routingLanguages.name": 6,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
}

func TestAfter(t *testing.T) {
	t.Parallel()
	for prefix, want := range map[string]string{
		"":                       "",
		"a":                      "b",
		"aé":                     "aê",
		"a\U0010FFFF":            "b",
		"\U0010FFFF":             "",
		"\U0010FFFF\U0010FFFF":   "",
		"x\uD7FF":                "x\uE000",
		"z\x7f":                  "z\u0080",
		"\uFFFF":                 "\U00010000",
		"ab\U0010FFFF\U0010FFFF": "ac",
	} {
		if got := after(prefix); got != want {
			t.Errorf("after(%q) = %q, not %q", prefix, got, want)
		}
	}
}

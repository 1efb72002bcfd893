package schema_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/purescim/purescim/internal/schema"
)

func TestFoldMakesOneOfSpellings(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"ada@example.org", "Ada@Example.ORG"},
		{"löwe", "LÖWE", "lo\u0308we", "LO\u0308WE"},
		{"strasse", "STRASSE", "straße", "STRAẞE"},
		{"ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ"},
		{"k", "K", "\u212a"},
		{"å", "Å", "\u212b", "A\u030a"},
		{"i\u0307", "İ"},
		{"ﬃ", "ffi", "FFI"},
		{"ΐ", "\u03b9\u0308\u0301", "\u1fd3"},
		{"ᾳ", "ᾼ", "αι", "α\u0345"},
		{"꭯"},
		{""},
	} {
		for _, s := range same {
			if got, want := schema.Fold(s), schema.Fold(same[0]); got != want {
				t.Errorf("Fold(%q) = %q, but Fold(%q) = %q", s, got, same[0], want)
			}
		}
	}
	for _, differ := range [][2]string{{"i", "İ"}, {"i", "ı"}, {"a", "ä"}, {"ss", "s"}, {"a", "а"}, {"a", "a "}} {
		if schema.Fold(differ[0]) == schema.Fold(differ[1]) {
			t.Errorf("%q and %q fold alike", differ[0], differ[1])
		}
	}
}

func TestFoldIsIdempotentForEveryCharacter(t *testing.T) {
	t.Parallel()
	for r := rune(0x80); r < 0x20000; r++ {
		once := schema.Fold(string(r))
		if twice := schema.Fold(once); twice != once {
			t.Errorf("Fold(%+q) = %+q, and that folds to %+q", r, once, twice)
		}
	}
}

// FuzzFold: folding is idempotent, and canonically equivalent spellings fold alike.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"Ada", "STRAẞE", "İI\u0307", "ὈΔΥΣΣΕΎΣ", "α\u0345\u0301", "\u1fd3\u0345", "Ꭰꭰ", "A\u030aΩ\u212a", "\xff", "ǰ\u0323", "ΐ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := schema.Fold(s)
		if twice := schema.Fold(once); twice != once {
			t.Fatalf("Fold(%+q) = %+q, and that folds to %+q", s, once, twice)
		}
		if !utf8.ValidString(s) {
			return
		}
		if other := schema.Fold(norm.NFD.String(s)); other != once {
			t.Fatalf("Fold(%+q) = %+q, but its NFD folds to %+q", s, once, other)
		}
		if !utf8.ValidString(once) {
			t.Fatalf("Fold(%+q) = %+q is not UTF-8", s, once)
		}
	})
}

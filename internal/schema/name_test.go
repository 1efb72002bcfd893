package schema_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/purescim/purescim/internal/schema"
)

// FuzzFoldName: what is folded stays as it is, names that fold alike at all are folded no
// further by Fold, blanks at the ends and a mark inside make no difference, and a name that
// is trimmed is the same name.
func FuzzFoldName(f *testing.F) {
	for _, s := range []string{"Ada", " a  b ", "ＡＢ\u3000c", "ｶﾞ", "a\u200bb\u00ad", "\ufeff", "❤️", "\u1100\u200b\u1161", "e\u200b\u0301", "ﾡ\u3164", "\xffa", "İ \u0307", "\u0602", "\ufff9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return
		}
		once := schema.FoldName(s)
		if twice := schema.FoldName(once); twice != once {
			t.Fatalf("FoldName(%+q) = %+q, and that folds to %+q", s, once, twice)
		}
		if schema.Fold(once) != once || strings.Trim(once, " ") != once || strings.Contains(once, "  ") {
			t.Fatalf("FoldName(%+q) = %+q", s, once)
		}
		for _, same := range []string{schema.TrimName(s), " " + s + "\u00a0", "\u200b" + s + "\ufeff"} {
			if other := schema.FoldName(same); other != once {
				t.Fatalf("FoldName(%+q) = %+q, but %+q folds to %+q", s, once, same, other)
			}
		}
	})
}

package schema

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldVersion numbers the folding of Fold and FoldName. Stored columns and keys were folded
// with it: a change needs a new number, by which each organisation is folded again.
const FoldVersion = 2

// Fold is the one case folding: NFC, then full Unicode case folding, then NFC
// again. Stored values and filter literals both go through it, so that the two
// filter evaluators agree and no index depends on the database's locale.
func Fold(s string) string {
	upper := false
	for i := range len(s) {
		c := s[i]
		if c >= 0x80 {
			return norm.NFC.String(strings.Map(cherokee, folder.String(norm.NFC.String(s))))
		}
		upper = upper || 'A' <= c && c <= 'Z'
	}
	if !upper {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + ('a' - 'A')
		}
	}
	return string(b)
}

var folder = cases.Fold()

// cherokee maps the small Cherokee letters to the others, as Unicode's folding
// does; package cases swaps the two.
func cherokee(r rune) rune {
	if 0xAB70 <= r && r <= 0xABBF || 0x13F8 <= r && r <= 0x13FD {
		return unicode.ToUpper(r)
	}
	return r
}

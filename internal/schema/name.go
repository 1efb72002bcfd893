package schema

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/secure/precis"
	"golang.org/x/text/width"
)

// Names of users, groups and what an organisation lists are one where a reader sees no
// difference: RFC 7644 section 5 has userName compared by PRECIS (RFC 8265). Its profile
// refuses what directories really hold, such as blanks, a curly apostrophe, or Hebrew
// before an @, so it holds for strict organisations alone. Others are compared by
// FoldName, and refused are the characters that nobody sees.

// FoldName is Fold for names: wide and narrow characters are the usual ones, invisible
// marks count for nothing, each run of blanks is one, and there are none at the ends.
func FoldName(s string) string { return strings.Trim(FoldNamePart(s), " ") }

// FoldNames folds several names.
func FoldNames(names []string) []string {
	folded := make([]string, len(names))
	for i, name := range names {
		folded[i] = FoldName(name)
	}
	return folded
}

// FoldNamePart is FoldName for a part of a name, whose ends may be inside of the whole: a
// blank there stays.
func FoldNamePart(s string) string {
	if isPlain(s) {
		return Fold(s)
	}
	var b strings.Builder
	blank := false
	for _, r := range width.Fold.String(s) {
		switch {
		case isInvisible(r):
		case !unicode.IsSpace(r):
			b.WriteRune(r)
			blank = false
		case !blank:
			b.WriteByte(' ')
			blank = true
		}
	}
	return Fold(b.String())
}

// isPlain reports whether a name is ASCII that has nothing to be left out but blanks at
// its ends.
func isPlain(s string) bool {
	blank := false
	for i := range len(s) {
		c := s[i]
		if c >= 0x7F || c < ' ' || c == ' ' && blank {
			return false
		}
		blank = c == ' '
	}
	return true
}

// isInvisible reports whether a character has no look of its own (Unicode's
// Default_Ignorable_Code_Point).
func isInvisible(r rune) bool {
	if r < 0xAD {
		return false
	}
	return unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) ||
		unicode.Is(unicode.Cf, r) && !unicode.In(r, unicode.Prepended_Concatenation_Mark, annotations)
}

var annotations = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0xFFF9, Hi: 0xFFFB, Stride: 1}}}

// joining are invisible marks without which emoji and several scripts cannot be written:
// joiners, and the tags of flags.
var joining = &unicode.RangeTable{
	R16: []unicode.Range16{{Lo: 0x200C, Hi: 0x200D, Stride: 1}},
	R32: []unicode.Range32{{Lo: 0xE0020, Hi: 0xE007F, Stride: 1}},
}

// IsBlank reports whether a text shows nothing: it is empty, or made of white space and
// invisible marks alone.
func IsBlank(s string) bool { return strings.TrimLeftFunc(s, showsNothing) == "" }

func showsNothing(r rune) bool {
	return unicode.IsSpace(r) || isInvisible(r)
}

// TrimName takes off the blanks and invisible marks at the ends of a name. Marks that
// belong to what is before them, as those of emoji, stay.
func TrimName(s string) string {
	s = strings.TrimLeftFunc(s, showsNothing)
	return strings.TrimRightFunc(s, func(r rune) bool {
		return showsNothing(r) && !unicode.In(r, unicode.Variation_Selector, joining)
	})
}

// groupName is a name that is neither blank at its ends nor holds what nobody sees. Strict
// organisations keep blanks.
func groupName(value string, o Options) (string, error) {
	if !o.Strict {
		value = TrimName(value)
	}
	return value, checkVisible(value)
}

// userName is groupName, in strict organisations by the profile of RFC 8265 section 3.3.
func userName(value string, o Options) (string, error) {
	if !o.Strict {
		return groupName(value, o)
	}
	return value, checkProfile(value)
}

// checkVisible refuses controls, line ends, marks that reorder, and what Unicode leaves to
// others to define, but for marks that scripts and emoji need.
func checkVisible(name string) error {
	if isPlain(name) {
		return nil
	}
	position := 0
	for _, r := range name {
		position++
		hidden := unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp, unicode.Noncharacter_Code_Point)
		if hidden && !unicode.In(r, joining, unicode.Prepended_Concatenation_Mark) {
			return refused(r, position)
		}
	}
	return nil
}

func checkProfile(name string) error {
	allowed, position := precis.UsernameCaseMapped.Allowed(), 0
	for _, r := range width.Fold.String(name) {
		if position++; !allowed.Contains(r) {
			return refused(r, position)
		}
	}
	if _, err := precis.UsernameCaseMapped.String(name); err != nil {
		return errors.New("the rules for the direction of text (RFC 5893), or for characters that depend on others, do not allow it (RFC 8265 section 3.3)")
	}
	return nil
}

func refused(r rune, position int) error {
	return fmt.Errorf("U+%04X, the character at position %d, is not allowed in a name; leave it out", r, position)
}

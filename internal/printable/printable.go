// Package printable knows the characters on which a terminal or a log would act instead of
// showing them. Names may not contain them, and other text is escaped before a person sees
// it.
//
// What else a name must be is left to the callers.
package printable

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Is reports whether a text shows as what it is: it is UTF-8 and has no control
// characters, line ends, or marks that reorder the text around them. Joiners, of
// which Persian words and emoji are made, are fine.
func Is(text string) bool { return utf8.ValidString(text) && !strings.ContainsFunc(text, acts) }

// acts reports whether a character does something to what is around it.
func acts(c rune) bool {
	switch {
	case unicode.IsControl(c), c == '\u2028', c == '\u2029': // C0, C1, and ends of lines and paragraphs
		return true
	default: // marks of direction that reach further than themselves
		return '\u202a' <= c && c <= '\u202e' || '\u2066' <= c && c <= '\u2069'
	}
}

// Escape writes a text so that it can be shown in one line: characters that act
// and bytes that are no UTF-8 as escapes of Go, such as \x1b.
func Escape(text string) string {
	if Is(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		c, size := utf8.DecodeRuneInString(text)
		if c == utf8.RuneError && size == 1 || acts(c) {
			quoted := strconv.QuoteToASCII(text[:size])
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}

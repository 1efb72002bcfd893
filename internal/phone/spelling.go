package phone

import (
	"errors"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxLength is how many bytes of text are looked at: several times the
// longest number and extension with all their punctuation.
const maxLength = 200

// spelling is a number taken apart, free of punctuation: an optional + and
// ASCII digits, and the digits of the extension if there is one.
type spelling struct {
	number, extension string
}

// spelled is everything that is read as a number. Letters are refused, as
// libphonenumber would dial them (1-800-FLOWERS), except in front of an
// extension. RFC 3966 parameters other than ext are refused too: they say
// that the number means something else where it is dialled from.
var spelled = regexp.MustCompile(`^(?i:tel:)?` +
	`([ (]*\+?[0-9 ()./-]*[0-9][ ).]*)` +
	`(?:(?i:; *ext *=|[;,]|,* *(?:ext|extn|extension|x|#)[.:]?)[ ,-]*([0-9][0-9.-]{0,30})#?)?$`)

var (
	errEmpty   = errors.New("it is empty")
	errTooLong = errors.New("it is too long")
	errLetters = errors.New("it holds letters or signs that no telephone number has")
	errExtLong = errors.New("its extension is longer than 20 digits")
)

// read takes text apart without knowing any numbering plan.
func read(text string) (spelling, error) {
	if len(text) > maxLength {
		return spelling{}, errTooLong
	}
	plain := strings.TrimSpace(straighten(text))
	if plain == "" {
		return spelling{}, errEmpty
	}
	parts := spelled.FindStringSubmatch(plain)
	if parts == nil {
		return spelling{}, errLetters
	}
	number, extension := digits(parts[1]), digits(parts[2])
	if len(extension) > 20 {
		return spelling{}, errExtLong
	}
	return spelling{number, extension}, nil
}

// straighten replaces what keyboards and word processors make of a number by
// plain ASCII: full-width forms, the many dashes and blanks, and the invisible
// direction marks that copying from a directory brings along.
func straighten(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Pd, r), r == '\u2212': // minus sign
			return '-'
		case unicode.Is(unicode.Zs, r), r == '\t':
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, norm.NFKC.String(text))
}

func digits(part string) string {
	return strings.Map(func(r rune) rune {
		if r == '+' || '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, part)
}

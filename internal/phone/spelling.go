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
	short             bool // at most maxShort digits without punctuation or context
}

// maxShort is how many digits alone may be an extension.
const maxShort = 6

// spelled is everything that is read as a number, an extension, or both. Letters are
// refused, as libphonenumber would dial them (1-800-FLOWERS), except in front of an
// extension.
var spelled = regexp.MustCompile(`^(?i:tel:)?` +
	`([ (]*\+?[0-9 ()./-]*[0-9][ ).]*)?` +
	`(?: *(?i:; *ext *=|[;,]|,* *(?:ext|extn|extension|x|#)[.:=]?)[ ,-]*([0-9][0-9.-]{0,30})#?)?$`)

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
	plain, context, ok := parameters(plain)
	if !ok {
		return spelling{}, errLetters
	}
	parts := spelled.FindStringSubmatch(plain)
	if parts == nil || parts[1] == "" && parts[2] == "" {
		return spelling{}, errLetters
	}
	number, extension := digits(parts[1]), digits(parts[2])
	if len(extension) > 20 {
		return spelling{}, errExtLong
	}
	if number != "" && number[0] != '+' {
		number = context + number
	}
	short := strings.TrimSpace(parts[1]) == number && len(number) <= maxShort && !strings.HasPrefix(number, "+")
	return spelling{number, extension, short}, nil
}

// parameters takes isub and phone-context out of a tel URI (RFC 3966 sections 5.2 and
// 5.3), in whatever order they stand with ext. context is the beginning of a global
// number, in front of a local one; it is empty when a domain name gives the context,
// which says nothing of digits. ISDN subaddresses lead to devices within a line and are
// not kept. It is not ok when a parameter is there twice or has no value.
func parameters(plain string) (rest, context string, ok bool) {
	pieces := strings.Split(plain, ";")
	kept := pieces[:1]
	seen := make(map[string]bool)
	for _, piece := range pieces[1:] {
		name, value, _ := strings.Cut(piece, "=")
		name, value = strings.ToLower(strings.TrimSpace(name)), strings.TrimSpace(value)
		if name != "isub" && name != "phone-context" {
			kept = append(kept, strings.TrimRight(piece, " "))
			continue
		}
		if seen[name] || value == "" {
			return "", "", false
		}
		seen[name] = true
		switch {
		case name == "isub":
		case globalContext.MatchString(value):
			context = digits(value)
		case !domainContext.MatchString(value):
			return "", "", false
		}
	}
	return strings.TrimSpace(strings.Join(kept, ";")), context, true
}

var (
	globalContext = regexp.MustCompile(`^\+[0-9().-]*[0-9][0-9().-]*$`)
	domainContext = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\.?$`)
)

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

// Package phone owns the one spelling of a telephone number that the server
// stores and answers: E.164, or an RFC 3966 URI when there is an extension.
//
// It reads what people and identity providers write and knows the world's
// numbering plans (through libphonenumber's tables). Which attributes hold
// telephone numbers, and which region an organisation is at home in, is left
// to the callers.
package phone

import (
	"errors"
	"fmt"
	"strings"

	"github.com/nyaruka/phonenumbers"

	"github.com/purescim/purescim/internal/lru"
)

// Normalize returns the stored spelling of a telephone number:
//
//	+13175724245                 a number (E.164)
//	tel:+13175724245;ext=123     a number with an extension (RFC 3966)
//	;ext=4245                    an extension alone, which many directories hold
//
// Accepted are E.164, tel URIs, international numbers in any usual
// punctuation, and national numbers of region, an ISO 3166-1 alpha-2 code
// such as "US"; region is not looked at when the number is international.
// Up to six digits alone that no number of the region has are an extension.
// A number must be possible (of a length its numbering plan knows); it need
// not be in a range that is known to be assigned, because those tables lag
// behind the carriers.
//
// Normalize is idempotent, and a valid E.164 number comes back as it is. The
// error's text is written for an administrator: it names the value, the
// region tried and what is accepted.
func Normalize(text, region string) (string, error) {
	asked := question{text, region}
	if number, ok := answered.Get(asked); ok {
		return number, nil
	}
	number, err := normalize(text, region)
	if err == nil {
		answered.Put(asked, number)
	}
	return number, err
}

// IsAssigned reports whether a number that Normalize gave is in a range of its country
// that is known to be assigned, which not all are that work. An extension alone is.
func IsAssigned(stored string) bool {
	number, _ := Split(stored)
	if number == "" {
		return true
	}
	if assigned, ok := looked.Get(number); ok {
		return assigned
	}
	assigned := validAsWritten(number)
	looked.Put(number, assigned)
	return assigned
}

// looked are the last numbers that were looked for in the tables.
var looked = lru.New[string, bool](8192)

// question is a number in somebody's spelling, and the region it is read in.
type question struct{ text, region string }

// answered are the last numbers that were read, some 2 MB: identity systems send a
// person's numbers again with every change of anything else.
var answered = lru.New[question, string](8192)

func normalize(text, region string) (string, error) {
	written, err := read(text)
	if err != nil {
		return "", refuse(text, region, err)
	}
	if written.number == "" {
		return extensionMark + written.extension, nil
	}
	number, err := settle(written.number, region)
	if err != nil && written.extension == "" && written.short {
		return extensionMark + written.number, nil
	}
	if err != nil {
		return "", refuse(text, region, err)
	}
	if written.extension == "" {
		return number, nil
	}
	return "tel:" + number + extensionMark + written.extension, nil
}

// extensionMark stands before an extension in what is stored.
const extensionMark = ";ext="

// Split takes a stored number apart. number is in E.164, or empty when there is an
// extension alone.
func Split(stored string) (number, extension string) {
	number, extension, found := strings.Cut(stored, extensionMark)
	if !found {
		return stored, ""
	}
	return strings.TrimPrefix(number, "tel:"), extension
}

// ValidRegion reports whether region is an ISO 3166-1 alpha-2 code, in upper
// case, whose numbering plan is known, so that national numbers can be read.
func ValidRegion(region string) bool {
	return phonenumbers.GetSupportedRegions()[region]
}

var (
	errNoPlan      = errors.New("no country has this calling code")
	errNoRegion    = errors.New("it has no country code, and the region is not a known ISO 3166 code")
	errNotPossible = errors.New("it has not the number of digits that the country's numbers have")
)

// settle turns a number without punctuation into E.164. One that is assigned as it is
// written needs no reading. Reading another E.164 number can take another national prefix
// off it, so it is read until it stays the same.
func settle(number, region string) (string, error) {
	if number[0] == '+' && IsAssigned(number) {
		return number, nil
	}
	const readings = 4 // two suffice for everything but made-up numbers
	for range readings {
		next, err := toE164(number, region)
		if err != nil {
			return "", err
		}
		if next == number || IsAssigned(number) {
			return number, nil
		}
		number = next
	}
	return "", errNotPossible
}

func toE164(number, region string) (string, error) {
	if number[0] == '+' {
		region = "" // else an unknown calling code is tried as a national number
	} else if !ValidRegion(region) {
		return "", errNoRegion
	}
	parsed, err := phonenumbers.Parse(number, region)
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return "", errNoPlan
	case err != nil || !phonenumbers.IsPossibleNumber(parsed):
		return "", errNotPossible
	}
	return phonenumbers.Format(parsed, phonenumbers.E164), nil
}

// validAsWritten reports whether number is a valid E.164 number when nothing
// is taken off it: a few begin with what is also their country's national
// prefix, and parsing would mutilate them. No calling code begins with 0.
func validAsWritten(number string) bool {
	if !strings.HasPrefix(number, "+") || strings.HasPrefix(number, "+0") {
		return false
	}
	codes := phonenumbers.GetSupportedCallingCodes()
	for code, i := 0, 1; i < len(number) && i <= 3; i++ {
		code = code*10 + int(number[i]-'0')
		if codes[code] {
			written := asWritten(code, number[i+1:])
			// Most numbers are of the first region of their code: then the others are not looked at.
			return phonenumbers.IsValidNumberForRegion(written, phonenumbers.GetRegionCodeForCountryCode(code)) ||
				phonenumbers.IsValidNumber(written)
		}
	}
	return false
}

func asWritten(code int, national string) *phonenumbers.PhoneNumber {
	zeros, value := 0, uint64(0)
	for _, digit := range national {
		if digit == '0' && value == 0 {
			zeros++
		}
		value = value*10 + uint64(digit-'0')
	}
	countryCode, leading, count := int32(code), zeros > 0, int32(zeros)
	return &phonenumbers.PhoneNumber{
		CountryCode:          &countryCode,
		NationalNumber:       &value,
		ItalianLeadingZero:   &leading,
		NumberOfLeadingZeros: &count,
	}
}

func refuse(text, region string, cause error) error {
	const shown = 64
	if runes := []rune(text); len(runes) > shown {
		text = string(runes[:shown]) + "…"
	}
	national := "a national number (not accepted here, as no region is set)"
	if ValidRegion(region) {
		national = "a national number of region " + region
	}
	return fmt.Errorf("%q is not a possible telephone number (region tried: %q): %w; "+
		"accepted are E.164 (+13175724245), tel:+13175724245;ext=123, an extension alone (;ext=123), or %s",
		text, region, cause, national)
}

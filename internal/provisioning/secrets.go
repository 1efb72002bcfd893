package provisioning

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// secretWords are contained in the names of members that must not be kept, and secretNames
// are such names, or the last parts of their paths: in lower case letters and digits only.
var (
	secretWords = wordsOf("password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "authorization", "credential", "assertion", "privatekey", "apikey")
	secretNames = wordsOf("pass", "pin", "otp")
)

func wordsOf(words ...string) (all [][]byte) {
	for _, word := range words {
		all = append(all, []byte(word))
	}
	return all
}

// keyParts are what a private or symmetric key is made of, in a JWK (RFC 7518 section 6).
var keyParts = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// IsSecret reports whether what has the name, or the path, may be a secret, however the
// words of it are put together.
func IsSecret(name string) bool {
	var room [128]byte // most names need no more
	letters := appendLetters(room[:0], name)
	if slices.ContainsFunc(secretWords, func(word []byte) bool { return bytes.Contains(letters, word) }) {
		return true
	}
	last := appendLetters(letters[:0], name[strings.LastIndexAny(name, ".:")+1:])
	return slices.ContainsFunc(secretNames, func(word []byte) bool { return bytes.Equal(last, word) })
}

// appendLetters adds what of a text tells words apart, in small letters.
func appendLetters(letters []byte, text string) []byte {
	for _, c := range []byte(text) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c > 0x7F:
			letters = append(letters, c)
		case 'A' <= c && c <= 'Z':
			letters = append(letters, c+('a'-'A'))
		}
	}
	return letters
}

// word is a part of a name that IsSecret knows, in an expression.
const word = `[\w.:-]*(?:pass[_-]?(?:word|phrase|code)|passwd|pwd|secret|token|authorization|credential|assertion|private[_-]?key|api[_-]?key)[\w.-]*`

// Values that are secrets whatever holds them: user and password of a URL, parameters of
// one, signed tokens, the values of an Authorization header, and what a filter compares a
// secret with, be it in quotes or quoted once more.
var (
	userInfo   = regexp.MustCompile(`(://)[^/@\s]+@`)
	parameter  = regexp.MustCompile(`(?i)([?&;]` + word + `=)[^&;\s"]+`)
	signed     = regexp.MustCompile(`\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`)
	authorized = regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/-]{8,}=*`)
	compared   = regexp.MustCompile(`(?i)(` + word + `(?:\[\s*\w+)?\s+(?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+)(?:"(?:[^"\\]|\\.)*"?|\\"(?:[^"\\]|\\\\\\.|\\\\)*(?:\\")?)`)
)

// CleanText takes secrets out of a text, and out of the JSON that it holds.
func CleanText(text string) string {
	if begin := strings.TrimLeft(text, " \t\r\n"); begin != "" && (begin[0] == '{' || begin[0] == '[') {
		return cleanJSON(text)
	}
	text = userInfo.ReplaceAllString(text, "${1}"+Removed+"@")
	text = parameter.ReplaceAllString(text, "${1}"+Removed)
	text = signed.ReplaceAllString(text, Removed)
	text = authorized.ReplaceAllString(text, Removed)
	return compared.ReplaceAllString(text, "${1}"+`"`+Removed+`"`)
}

// cleanJSON is CleanText of what seems to be JSON. What cannot be read, and may hold a
// secret, goes as a whole.
func cleanJSON(text string) string {
	raw := jsontext.Value(text)
	if err := raw.Compact(jsontext.AllowDuplicateNames(true)); err != nil {
		if IsSecret(text) || strings.Contains(text, `\u`) {
			return Removed
		}
		return text
	}
	c := cleaner{}
	c.value(raw, false, 0)
	return string(c.out)
}

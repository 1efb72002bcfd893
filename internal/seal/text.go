package seal

import (
	"encoding/base64"
	"strings"
)

// sealedText begins an envelope that is kept as text. What is kept in the clear must not
// begin with this control character.
const sealedText = "\x01"

// SealText is Seal for what is kept as text; an empty one stays empty.
func (k *Keys) SealText(place, text string) string {
	if k == nil || text == "" {
		return text
	}
	return sealedText + base64.StdEncoding.EncodeToString(k.Seal(place, []byte(text)))
}

// OpenText is Open for what SealText gave.
func (k *Keys) OpenText(place, text string) (string, error) {
	value, err := k.Open(place, Envelope(text))
	return string(value), err
}

// Envelope gives the envelope in what SealText gave, or the text itself where it is in the
// clear.
func Envelope(text string) []byte {
	if inner, ok := strings.CutPrefix(text, sealedText); ok {
		envelope, _ := base64.StdEncoding.DecodeString(inner)
		return envelope
	}
	return []byte(text)
}

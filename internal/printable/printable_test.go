package printable

import "testing"

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "",
		"Grüße, 東京":                      "Grüße, 東京",
		"می\u200cخواهم 👩\u200d💻":         "می\u200cخواهم 👩\u200d💻",
		`a\b "c"`:                        `a\b "c"`,
		"\x1b]0;owned\a\x1b[2J":          `\x1b]0;owned\a\x1b[2J`,
		"two\nlines\tand\r\x00\x7f":      `two\nlines\tand\r\x00\x7f`,
		"\u0085\u009b31m\u2028\u2029":    `\u0085\u009b31m\u2028\u2029`,
		"gpj.\u202eexe\u2066\u2069":      `gpj.\u202eexe\u2066\u2069`,
		"cut \xe2\x82 and \ufffd itself": "cut \\xe2\\x82 and \ufffd itself",
	} {
		if got := Escape(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if Is(text) != (want == text) || !Is(Escape(text)) {
			t.Errorf("%q: Is %v", text, Is(text))
		}
	}
}

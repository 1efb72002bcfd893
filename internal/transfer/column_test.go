package transfer

import (
	"testing"

	"github.com/purescim/purescim/internal/schema"
)

func TestParseColumn_ReadsWhatExportsWrite(t *testing.T) {
	t.Parallel()
	for _, name := range peopleColumns {
		if name == "id" || name == "created" || name == "lastModified" {
			continue
		}
		if _, err := parseColumn(schema.User, name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestParseColumn_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"shoeSize":       "shoeSize is not an attribute; map the column to one, such as emails.work, or to nothing",
		"name":           "name has parts; say which, such as name.formatted",
		"emails.value":   "emails has many values; say which, such as emails.work",
		"addresses.work": "addresses.work: say which part of addresses it is, such as addresses.work.locality",
		"password":       "passwords are not taken from files",
		"meta.created":   "meta.created is made by the server",
		"title.long":     "title.long is not an attribute; map the column to one, such as emails.work, or to nothing",
	} {
		if _, err := parseColumn(schema.User, path); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

func TestGuess_KnowsHeadingsOfSpreadsheets(t *testing.T) {
	t.Parallel()
	for heading, want := range map[string]string{
		"User Principal Name":     "userName",
		"E-Mail":                  "emails.work",
		"first_name":              "name.givenName",
		"DEPARTMENT":              "DEPARTMENT", // an attribute of an extension, in any case
		"addresses.work.locality": "addresses.work.locality",
		"Shoe size":               "Shoe size",
	} {
		if got := guess(schema.User, heading); got != want {
			t.Errorf("%s: %q, want %q", heading, got, want)
		}
	}
}

func TestHarmless_IsTakenAwayAgain(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"=1+1", "@SUM(A1)", "-cmd|' /C calc'!A1", "+cmd()"} {
		if safe := harmless(text); safe != "'"+text || literal(safe) != text {
			t.Errorf("%q is written %q and read %q", text, safe, literal(safe))
		}
	}
	for _, text := range []string{"", "Ada", "+13175724245", "+13175724245;ext=42", "-5", "'quoted'"} {
		if harmless(text) != text || literal(text) != text {
			t.Errorf("%q is changed", text)
		}
	}
}

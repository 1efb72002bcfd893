package filter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

// FuzzParse: whatever the text, a filter or a *scim.Error of type invalidFilter
// comes of it, and the print of the filter is read as the same filter.
func FuzzParse(f *testing.F) {
	for _, c := range spellings {
		f.Add(c.text)
	}
	for _, c := range refusals {
		f.Add(c.text)
	}
	for _, c := range scimtest.LoadFilterCases(f) {
		f.Add(c.Filter)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := filter.Parse(testUser, text)
		if err != nil {
			checkType(t, err, scim.TypeInvalidFilter)
			return
		}
		filter.Match(parsed.Root(), scim.Document{"userName": "x"})
		again, err := filter.Parse(testUser, parsed.String())
		if err != nil {
			checkLonger(t, parsed.String(), err)
			return
		}
		if again.String() != parsed.String() {
			t.Errorf("%s\nis read as\n%s", parsed, again)
		}
	})
}

// FuzzParsePath is FuzzParse for paths.
func FuzzParsePath(f *testing.F) {
	for _, c := range userPaths {
		f.Add(c.text)
	}
	for _, c := range pathRefusals {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := filter.ParsePath(testUser, text)
		if err != nil {
			checkType(t, err, scim.TypeInvalidPath, scim.TypeInvalidFilter)
			return
		}
		again, err := filter.ParsePath(testUser, parsed.String())
		if err != nil {
			checkLonger(t, parsed.String(), err)
			return
		}
		if again.String() != parsed.String() {
			t.Errorf("%s\nis read as\n%s", parsed, again)
		}
	})
}

func checkType(t *testing.T, err error, kinds ...scim.ErrorType) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) || !slices.Contains(kinds, e.Type) || e.Detail == "" {
		t.Errorf("error %v is not of type %v", err, kinds)
	}
	if e != nil && strings.Contains(e.Detail, "cannot be read") {
		t.Errorf("the scanner let through what the parser refuses: %v", e.Unwrap())
	}
}

// checkLonger allows the one way in which a print is not read: full names and
// the brackets of a tail add to the text, which is then beyond a limit.
func checkLonger(t *testing.T, text string, err error) {
	t.Helper()
	if !strings.Contains(err.Error(), "allowed") || len(text) < 128 {
		t.Errorf("%s\nis printed but not read: %v", text, err)
	}
}

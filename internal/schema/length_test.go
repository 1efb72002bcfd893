package schema_test

import (
	"strings"
	"testing"

	"github.com/purescim/purescim/internal/schema"
)

func TestSearchedTextsFitAnIndex(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", schema.MaxSearched)
	grows := strings.Repeat("\U0001D160", schema.MaxSearched/8) // NFC makes three times as many bytes of it
	for _, test := range []struct {
		path, value string
		fits        bool
	}{
		{"userName", long, true},
		{"userName", long + "x", false},
		{"userName", grows, false},
		{"externalId", long + "x", false},
		{"emails.value", long + "x", false},
		{"department", long + "x", false},
		{"displayName", long[:333], true},
		{"title", long + "x", true},
		{"name.formatted", strings.Repeat(long, 100), true},
	} {
		ref, ok := schema.User.Resolve(test.path)
		if !ok {
			t.Fatalf("%s is not declared", test.path)
		}
		if _, err := ref.Leaf().Decode(test.value, schema.Options{}); (err == nil) != test.fits {
			t.Errorf("%s of %d bytes: %v, should fit: %v", test.path, len(test.value), err, test.fits)
		}
	}
}

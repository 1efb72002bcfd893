package filter_test

import (
	"testing"

	"github.com/purescim/purescim/internal/filter"
	"github.com/purescim/purescim/internal/schema"
)

func TestLiteral_IsUnderstood(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`a "quoted" \ text`, "line\nbreak", "\u202eright to left", "\u00a0", "<b>&", "\U0001f600", "\x7f"} {
		if _, err := filter.Parse(schema.User, "title eq "+filter.Literal(text)); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

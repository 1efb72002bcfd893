package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/schema"
)

func TestNear(t *testing.T) {
	t.Parallel()
	names := []string{"id", "userName", "name", "displayName", "roles", "admin"}
	for wanted, want := range map[string][]string{
		"userNme":   {"userName"},
		"rols":      {"roles"},
		"Admn":      {"admin"},
		"amdin":     {"admin"},
		"NAME":      {"name", "userName", "displayName"},
		"x":         nil, // everything short is within two characters of it
		"":          nil,
		"telephone": nil,
	} {
		if diff := cmp.Diff(want, schema.Near(wanted, names)); diff != "" {
			t.Errorf("Near(%q): -want +got\n%s", wanted, diff)
		}
	}
}

func TestInstead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"state":     "; active tells whether the user may sign in",
		"userNme":   "; did you mean userName?",
		"departmet": "; did you mean department?", // of the enterprise extension
		"shoeSize":  "",
	} {
		if got := schema.Instead(schema.User, name); got != want {
			t.Errorf("Instead(%q) = %q, want %q", name, got, want)
		}
	}
}

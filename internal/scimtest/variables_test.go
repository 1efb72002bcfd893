package scimtest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

var saved = variables{"id": "u1", "quote": `a"b\c`, "bulk": []string{"b0", "b1"}}

func TestExpand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                      "plain",
		"/Users/{{id}}":              "/Users/u1",
		"{{id}}-{{bulk[1]}}-{{id}}":  "u1-b1-u1",
		"{{ id }} {id} {{}}":         "{{ id }} {id} {{}}",
		`members[value eq "{{id}}"]`: `members[value eq "u1"]`,
	} {
		if got, err := saved.expand(text); err != nil || got != want {
			t.Errorf("expand(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"{{nobody}}", "{{bulk}}", "{{bulk[2]}}", "{{id[0]}}"} {
		if got, err := saved.expand(text); err == nil {
			t.Errorf("expand(%q) = %q, want an error", text, got)
		}
	}
}

func TestExpandJSONEscapesAndKeepsTheOrderOfKeys(t *testing.T) {
	t.Parallel()
	got, err := saved.expandJSON([]byte(`{"z":"{{quote}}","a":1}`))
	if want := `{"z":"a\"b\\c","a":1}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`"{{bulk}}"`:                   {"b0", "b1"},
		`["{{id}}","x","{{bulk[0]}}"]`: {"u1", "x", "b0"},
		`[]`:                           {},
	} {
		got, err := saved.list([]byte(text))
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("list(%s) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{`"{{id}}"`, `"{{nobody}}"`, `"x"`, `"{{bulk}}s"`, `[1]`, `["{{nobody}}"]`} {
		if got, err := saved.list([]byte(text)); err == nil {
			t.Errorf("list(%s) = %v, want an error", text, got)
		}
	}
}

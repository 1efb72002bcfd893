package scim_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/scim"
)

func TestParsePatch(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]scim.PatchOp{
		`{"Operations":[]}`:                             {},
		`{"Operations":{"op":"remove","path":"title"}}`: {{Op: "remove", Path: "title"}},
		`{"schemas":["x"],"operations":[{"OP":"Add","Path":"title","VALUE":"x"}]}`: {
			{Op: "add", Path: "title", Value: "x", HasValue: true},
		},
		`{"Operations":[{"op":"REMOVE","path":"title"},{"op":"replace","path":null,"value":{"a":1}},{"op":"add","path":"","value":null}]}`: {
			{Op: "remove", Path: "title"},
			{Op: "replace", Value: map[string]any{"a": json.Number("1")}, HasValue: true},
			{Op: "add", HasValue: true},
		},
	} {
		got, err := scim.ParsePatch([]byte(text))
		if err != nil {
			t.Errorf("ParsePatch(%s): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParsePatch(%s) (-want +got):\n%s", text, diff)
		}
	}
}

func operations(n int) string {
	return `{"Operations":[` + strings.TrimSuffix(strings.Repeat(`{"op":"add","value":{}},`, n), ",") + `]}`
}

func TestParsePatchRefuses(t *testing.T) {
	t.Parallel()
	if _, err := scim.ParsePatch([]byte(operations(scim.MaxOperations))); err != nil {
		t.Errorf("%d operations: %v", scim.MaxOperations, err)
	}
	for _, test := range []struct {
		text   string
		status int
		kind   scim.ErrorType
		why    string
	}{
		{`[]`, 400, scim.TypeInvalidSyntax, "a JSON object is expected"},
		{`{"title":"x"}`, 400, scim.TypeInvalidSyntax, "no Operations"},
		{`{"Operations":"add"}`, 400, scim.TypeInvalidSyntax, "Operations is a string"},
		{`{"Operations":[],"operations":[]}`, 400, scim.TypeInvalidSyntax, "Operations is given twice"},
		{`{"Operations":["add"]}`, 400, scim.TypeInvalidSyntax, "operation 1 is a string"},
		{`{"Operations":[{"op":"add","value":1},{"op":"move"}]}`, 400, scim.TypeInvalidSyntax, `operation 2: op is "move"`},
		{`{"Operations":[{"value":1}]}`, 400, scim.TypeInvalidSyntax, "op is missing"},
		{`{"Operations":[{"op":1}]}`, 400, scim.TypeInvalidSyntax, "op is a number"},
		{`{"Operations":[{"op":"add","Op":"add"}]}`, 400, scim.TypeInvalidSyntax, "op is given twice"},
		{`{"Operations":[{"op":"add","value":1,"Value":2}]}`, 400, scim.TypeInvalidSyntax, "value is given twice"},
		{`{"Operations":[{"op":"add","path":["title"]}]}`, 400, scim.TypeInvalidPath, "path is an array"},
		{operations(scim.MaxOperations + 1), 413, "", "1001 operations; at most 1000"},
	} {
		_, err := scim.ParsePatch([]byte(test.text))
		e := (*scim.Error)(nil)
		if !errors.As(err, &e) || e.Status != test.status || e.Type != test.kind || !strings.Contains(e.Detail, test.why) {
			t.Errorf("ParsePatch(%.80s): error %v, want %d %s that says %q", test.text, err, test.status, test.kind, test.why)
		}
	}
}

// FuzzParsePatch: an accepted body gives operations that are well formed; any
// other is refused with a 400 or 413.
func FuzzParsePatch(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
	}
	f.Add([]byte(operations(1001)))
	f.Fuzz(func(t *testing.T, body []byte) {
		ops, err := scim.ParsePatch(body)
		if err != nil {
			if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Status != 400 && e.Status != 413 {
				t.Fatalf("error %v is no 400 and no 413", err)
			}
			return
		}
		for _, op := range ops {
			if op.Op != "add" && op.Op != "replace" && op.Op != "remove" {
				t.Fatalf("op is %q", op.Op)
			}
			if op.Value != nil && !op.HasValue {
				t.Fatalf("%+v has a value and has none", op)
			}
		}
	})
}

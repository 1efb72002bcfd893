package scim_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/purescim/purescim/internal/scim"
	"github.com/purescim/purescim/internal/scimtest"
)

func TestParseJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]any{
		`null`:                          nil,
		` true `:                        true,
		`"x"`:                           "x",
		`""`:                            "",
		`"\u00e9\ud83d\ude00\n\""`:      "é😀\n\"",
		`-0.50`:                         json.Number("-0.50"),
		`12345678901234567890123`:       json.Number("12345678901234567890123"),
		`[]`:                            []any{},
		`{}`:                            map[string]any{},
		`{"a":{"value":1},"A":[false]}`: map[string]any{"a": map[string]any{"value": json.Number("1")}, "A": []any{false}},
		`[{"value":"a","type":"b"},{"value":"c","type":"d","v\u0061lu":"e"}]`: []any{
			map[string]any{"value": "a", "type": "b"},
			map[string]any{"value": "c", "type": "d", "valu": "e"},
		},
	} {
		got, err := scim.ParseJSON([]byte(text))
		if err != nil {
			t.Errorf("ParseJSON(%s): %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ParseJSON(%s) (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseJSONNestsAsDeepAsAllowed(t *testing.T) {
	t.Parallel()
	v, err := scim.ParseJSON([]byte(nested(scim.MaxDepth)))
	if err != nil {
		t.Fatal(err)
	}
	depth := 1
	for list := v.([]any); len(list) > 0; list = list[0].([]any) {
		depth++
	}
	if depth != scim.MaxDepth {
		t.Errorf("%d levels, want %d", depth, scim.MaxDepth)
	}
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func TestParseJSONRefuses(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		``:                            "empty",
		" \r\n\t":                     "empty",
		"\xEF\xBB\xBF{}":              "byte order mark",
		`{`:                           "ends too early",
		`{"a":`:                       "ends too early",
		`{"a":"b`:                     "ends too early",
		`[1,`:                         "ends too early",
		`{"a":1,}`:                    "not valid JSON (byte 6)",
		`{'a':1}`:                     "not valid JSON (byte 1)",
		`[1 2]`:                       "not valid JSON",
		`{"a" 1}`:                     "not valid JSON",
		`{1:2}`:                       "not valid JSON",
		`nul`:                         "not valid JSON",
		`01`:                          "goes on after the end",
		`+1`:                          "not valid JSON",
		`NaN`:                         "not valid JSON",
		`{} {}`:                       "goes on after the end of its JSON value (byte 2)",
		`{}]`:                         "goes on after the end",
		`{"a":1,"a":2}`:               `names the key "a" twice`,
		`{"x":[{"a":1,"\u0061":2}]}`:  `names the key "a" twice`,
		`{"a":"b\u0000c"}`:            "NUL character",
		`{"a\u0000":"b"}`:             "NUL character",
		"{\"a\":\"b\x00c\"}":          "not valid JSON",
		"{\"a\":\"\xff\"}":            "not valid JSON",
		"{\"\xc3\x28\":1}":            "not valid JSON",
		"{\"a\":\"\xed\xa0\x80\"}":    "not valid JSON",
		`{"a":"\ud800"}`:              "not valid JSON",
		`{"a":"\udc00\ud800"}`:        "not valid JSON",
		`{"a":"\x41"}`:                "not valid JSON",
		"{\"a\":\"line\nbreak\"}":     "not valid JSON",
		nested(scim.MaxDepth + 1):     "32 levels",
		nested(100_000):               "32 levels",
		strings.Repeat(`{"a":`, 33):   "32 levels",
		strings.Repeat(`{"a":[`, 500): "32 levels",
	} {
		v, err := scim.ParseJSON([]byte(text))
		e := (*scim.Error)(nil)
		if !errors.As(err, &e) || e.Status != 400 || e.Type != scim.TypeInvalidSyntax || !strings.Contains(e.Detail, why) {
			t.Errorf("ParseJSON(%.60q) = %v, %v; the error should say %q", text, v, err, why)
		}
	}
}

func TestParseObject(t *testing.T) {
	t.Parallel()
	for text, why := range map[string]string{
		`[]`: "an array", `"x"`: "a string", `1`: "a number", `true`: "a boolean", `null`: "null",
	} {
		if _, err := scim.ParseObject([]byte(text)); err == nil || !strings.Contains(err.Error(), "the body is "+why+"; a JSON object is expected") {
			t.Errorf("ParseObject(%s): error %v does not say %q", text, err, why)
		}
	}
	if object, err := scim.ParseObject([]byte(`{"a":null}`)); err != nil || len(object) != 1 {
		t.Errorf("ParseObject = %v, %v", object, err)
	}
}

func TestParseJSONLeavesTheTextAlone(t *testing.T) {
	t.Parallel()
	text := append(make([]byte, 0, 64), `{"a":"b\n","c":[1,{"a":null}]}`...)
	before := bytes.Clone(text)
	if _, err := scim.ParseJSON(text); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, before) {
		t.Errorf("the text is now %s", text)
	}
}

// FuzzParseJSON: what is accepted is what encoding/json reads, and is the same
// after another round; what is refused is refused with a 400.
func FuzzParseJSON(f *testing.F) {
	for _, body := range bodies(f) {
		f.Add(body)
	}
	for _, text := range []string{``, `null`, `{"a":1,"a":2}`, `"\ud800"`, "\xEF\xBB\xBF[]", nested(33), `{"a":"\u0000"}`, `1e999`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := scim.ParseJSON(text)
		if err != nil {
			if e := (*scim.Error)(nil); !errors.As(err, &e) || e.Status != 400 {
				t.Fatalf("error %v is no 400", err)
			}
			return
		}
		var want any
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.UseNumber()
		if err := dec.Decode(&want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if !reflect.DeepEqual(want, got) { // cmp is exponential in the depth
			t.Fatalf("encoding/json reads %v, ParseJSON %v", want, got)
		}
	})
}

// bodies are those that clients were recorded to send.
func bodies(tb testing.TB) [][]byte {
	tb.Helper()
	var list [][]byte
	for _, s := range scimtest.LoadScenarios(tb) {
		for _, step := range s.Steps {
			if r := step.Request; r != nil && len(r.Body) > 0 {
				list = append(list, r.Body)
			}
		}
	}
	if len(list) < 50 {
		tb.Fatalf("only %d bodies in the scenarios", len(list))
	}
	return list
}

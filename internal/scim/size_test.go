package scim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// list is an object with a list of n elements.
func list(element string, n int) []byte {
	return []byte(`{"x":[` + strings.TrimSuffix(strings.Repeat(element+",", n), ",") + `]}`)
}

func TestParseJSON_BoundsWhatABodyHolds(t *testing.T) {
	t.Parallel()
	const member = `{"value":"a,\"{[","display":"b","type":"User","$ref":"c"}`
	for name, test := range map[string]struct {
		text  []byte
		bound string // empty is allowed
	}{
		"as many members as a request may have": {list(member, 200_000-1), ""},
		"as many objects as are allowed":        {list(`{}`, MaxObjects-2), ""},
		"an object more":                        {list(`{}`, MaxObjects-1), "250000 objects"},
		"an array more":                         {list(`[]`, MaxObjects-1), "250000 objects"},
		"objects within objects":                {list(`{"a":{"a":{"a":{}}}}`, MaxObjects/4), "250000 objects"},
		"as many values as are allowed":         {list(`0`, MaxValues-3), ""},
		"values more":                           {list(`0`, MaxValues), "1000000 values"},
		"members more":                          {[]byte(`{` + strings.Repeat(`"a":0,`, MaxValues) + `"b":0}`), "1000000 values"},
	} {
		_, err := ParseJSON(test.text)
		refused, _ := err.(*Error)
		switch {
		case test.bound == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.bound != "" && (refused == nil || refused.Status != http.StatusRequestEntityTooLarge || !strings.Contains(refused.Detail, test.bound)):
			t.Errorf("%s: %v; want 413 that names %q", name, err, test.bound)
		}
	}
}

// What is counted is never less than what there is.
func FuzzSizeOf(f *testing.F) {
	for _, seed := range []string{`{}`, `[]`, `0`, `{"a":[1,2,{"b":"\\\",[{"}],"c":null}`, `["\\",["\""],"\\\\"]`, `"`, `[,,`, `{"a":"`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		size := SizeOf(text)
		v, err := ParseJSON(text)
		if err != nil {
			return
		}
		if objects, values := count(v); size.Objects != objects || size.Values < values {
			t.Errorf("%q: counted %+v, there are %d objects and %d values", text, size, objects, values)
		}
	})
}

func count(v any) (objects, values int) {
	add := func(v any) {
		o, n := count(v)
		objects, values = objects+o, values+n
	}
	switch v := v.(type) {
	case []any:
		objects++
		for _, element := range v {
			add(element)
		}
	case map[string]any:
		objects++
		for _, member := range v {
			add(member)
		}
	case nil, bool, string, json.Number:
	}
	return objects, values + 1
}

package scimtest

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestLookUp(t *testing.T) {
	t.Parallel()
	document := decode(t, `{
		"id": "u1", "nothing": null, "name": {"familyName": "Okafor"},
		"emails": [{"type": "home", "value": "h"}, "odd", {"type": "work", "value": "w", "primary": true}, {"type": "work", "value": "second"}],
		"urn:x:2.0:User": {"department": "Claims"}, "name.givenName": "flat"}`)
	for _, test := range []struct {
		path  string
		want  any
		found bool
	}{
		{"$.id", "u1", true},
		{"$.nothing", nil, true},
		{"$.name.familyName", "Okafor", true},
		{`$["name.givenName"]`, "flat", true},
		{`$["urn:x:2.0:User"].department`, "Claims", true},
		{"$.emails[0].value", "h", true},
		{"$.emails[1]", "odd", true},
		{"$.emails[type=work].value", "w", true},
		{"$.emails[primary=true].value", "w", true},
		{"$.emails[type=fax]", nil, false},
		{"$.emails[9].value", nil, false},
		{"$.emails.value", nil, false},
		{"$.id.value", nil, false},
		{"$.name[0]", nil, false},
		{"$.ID", nil, false},
	} {
		got, found, err := lookUp(document, test.path)
		if err != nil || found != test.found || !cmp.Equal(got, test.want) {
			t.Errorf("%s = %v, %t, %v; want %v, %t", test.path, got, found, err, test.want, test.found)
		}
	}
	for _, path := range []string{"", "id", "$id", "$.", "$..id", "$.emails[", "$.emails[]", "$.emails[-1]", "$.a]"} {
		if _, _, err := lookUp(document, path); err == nil {
			t.Errorf("%q is taken for a path", path)
		}
	}
}
